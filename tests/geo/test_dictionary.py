"""Tests of the dictionary of a deployment: its own words for headers and values."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import ReadError
from geo.ingest import import_file
from geo.ingest.dictionary import BUILT_IN, read_dictionary, value_of
from geo.ingest.headers import match_headers
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer

DICTIONARY = """
[headers.cameras]
bearing_deg = ["镜头 朝向"]
name = ["监控俗名"]
lon = ["东经读数"]
[values.cameras.kind]
dome = ["高清半球", "球机"]
"""


def test_read_dictionary_own_words_take_precedence(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text(DICTIONARY, encoding="utf-8")
    own = read_dictionary(path)
    headers = ["监控俗名", "设备名称", "镜头朝向（度）", "东经读数"]
    assert match_headers("cameras", headers).columns == {"name": "设备名称"}
    assert match_headers("cameras", headers, dictionary=own).columns == {
        "name": "监控俗名",
        "bearing_deg": "镜头朝向（度）",
        "lon": "东经读数",
    }
    # 球机 is a PTZ camera unless the deployment says otherwise.
    assert value_of("cameras", "kind", "球机") == "ptz"
    assert value_of("cameras", "kind", "球机", own) == "dome"
    assert value_of("cameras", "kind", "半球", own) == "dome"
    assert read_dictionary(None) is BUILT_IN


def test_import_file_uses_the_dictionary_of_the_settings(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words.toml"
    path.write_text(DICTIONARY, encoding="utf-8")
    monkeypatch.setenv("GRIDCOVER_DICTIONARY", str(path))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    Path("c.csv").write_text(
        "设备编码,东经读数,纬度,设备类型,镜头朝向\nA,116.1,40.1,高清半球,75\n", encoding="utf-8"
    )
    with connect(store) as conn:
        outcome = import_file(conn, "cameras", Path("c.csv"))
        row = read_layer(conn, "cameras").iloc[0]
    assert outcome.rejected == 0
    assert (row["kind"], row["bearing_deg"]) == ("dome", 75)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("headers", "cannot be read"),
        ("[colours]\n", "colours"),
        ("[headers.camera]\nname = ['x']\n", "no layer camera"),
        ("[headers.cameras]\nnames = ['x']\n", "no column names"),
        ("[headers.cameras]\nname = 'x'\n", "list of words"),
        ("[values.cameras.kind]\nball = ['x']\n", "never ball"),
    ],
)
def test_read_dictionary_rejects_invalid_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        read_dictionary(path)
    with pytest.raises(ReadError, match="cannot be read"):
        read_dictionary(tmp_path / "none.toml")
