"""Tests of encodings: detected, reported as uncertain, refused or named; damage is reported."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely

from geo.errors import ReadError
from geo.ingest.encodings import ENCODINGS, decode_as, detect_encoding
from geo.store.connection import connect
from geo.store.queries.imports import list_mappings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stored_names(store: str, layer: str = "cameras") -> list[tuple[Any, ...]]:
    with connect(store) as conn:
        return conn.execute(f"SELECT code, name FROM {layer} ORDER BY code".encode()).fetchall()


def import_json(run: Callable[..., Any], *arguments: str) -> tuple[int, dict[str, int], str]:
    """Exit status, findings by action and reason, and message of an import."""
    result = run("import", *arguments, "--json")
    report = json.loads(result.stdout) if result.stdout else {"reasons": []}
    reasons = {
        f"{reason['action']}: {reason['reason']}": reason["count"] for reason in report["reasons"]
    }
    return result.returncode, reasons, result.stderr


CHINESE = [
    "东门",
    "编码,名称\n1,东门",
    "人民路东门",
    "卡口枪机",
    "惠家坝",
    "平安里第一网格,翠湖花园",
    "翡翠",
]
# fmt: off
OTHERS = [
    ("cp949", "x역y"), ("cp949", "동문"), ("cp949", "경도,위도"), ("cp949", "서울시청 정문"),
    ("cp949", "번호,이름\n1,서울역\n2,시청"), ("cp932", "東門"), ("cp932", "カメラ"),
    ("cp932", "ｶﾒﾗ"), ("cp932", "新宿駅東口"), ("cp932", "番号,名称\n1,駅前"), ("euc_jp", "東門"),
    ("euc_jp", "カメラ"), ("euc_jp", "新宿駅東口"), ("cp1251", "МОСКВА"), ("cp1251", "ул Ленина"),
    ("koi8_r", "Москва"), ("cp1252", "Müller Größe"), ("cp1252", "ÄÖÜ"), ("cp1253", "ΑΘΗΝΑ"),
    ("cp874", "ถนน"), ("cp1256", "شارع"), ("cp1255", "שלום"), ("big5", "路燈"), ("big5", "中山路"),
    ("big5", "東門"), ("big5", "台北市政府前"),
]
# fmt: on


@pytest.mark.parametrize("text", CHINESE)
def test_detect_encoding_reads_short_chinese_texts(text: str) -> None:
    decoded = detect_encoding(text.encode("gb18030"))
    assert decoded is not None
    assert (decoded.text, decoded.encoding) == (text, "gb18030")
    assert not decoded.unusual or text in (
        "惠家坝",
        "翡翠",
    )  # rare characters may be another language


@pytest.mark.parametrize(("encoding", "text"), OTHERS)
def test_detect_encoding_marks_other_encodings_as_unusual(encoding: str, text: str) -> None:
    decoded = detect_encoding(text.encode(encoding))
    assert decoded is None or decoded.unusual, decoded
    if encoding == "cp949" and len(text) > 3:
        assert decoded is not None
        assert (decoded.text, decoded.encoding) == (text, "euc-kr")


@pytest.mark.parametrize("name", ENCODINGS)
def test_decode_as_uses_the_named_encoding(name: str) -> None:
    text = "code,name\n1,Gate"
    for word in ("大门", "문", "東", "ворота", "ü", "ő", "ά", "ش", "ş", "ש", "ก", "ă", "ķ"):
        try:
            data = f"{text} {word}".encode(ENCODINGS[name])
        except UnicodeEncodeError:
            continue
        assert decode_as(data, "a.csv", name).text == f"{text} {word}"


def test_decode_as_refuses_an_encoding_that_does_not_fit() -> None:
    data = "code,name\n1,平安里第一网格".encode("gb18030")
    with pytest.raises(ReadError, match=r"a\.csv is no utf-8 text.*--encoding"):
        decode_as(data, "a.csv", "utf-8")


def test_import_command_encoding_is_saved_in_the_mapping(
    run: Callable[..., Any], store: str
) -> None:
    Path("c.csv").write_bytes("code,name,lon,lat\n1,동문,118.5,31.3\n".encode("cp949"))
    code, reasons, _ = import_json(run, "cameras", "c.csv", "--dry-run")
    assert (code, reasons) == (0, {"noted: unusual_encoding": 1})
    code, reasons, _ = import_json(
        run, "cameras", "c.csv", "--encoding", "EUC_KR", "--save-mapping", "korean"
    )
    assert (code, reasons, stored_names(store)) == (0, {}, [("1", "동문")])
    Path("c.csv").write_bytes("code,name,lon,lat\n2,정문,118.5,31.3\n".encode("cp949"))
    code, reasons, _ = import_json(run, "cameras", "c.csv", "--mapping", "korean")
    assert (code, reasons, stored_names(store)) == (0, {}, [("1", "동문"), ("2", "정문")])
    code, _, message = import_json(run, "cameras", "c.csv", "--encoding", "klingon")
    assert code == 1
    assert "euc-kr" in message
    openpyxl.Workbook().save("w.xlsx")
    code, _, message = import_json(run, "cameras", "w.xlsx", "--encoding", "gbk")
    assert code == 1
    assert "leave out --encoding" in message


@pytest.mark.parametrize("file_format", ["shp", "geojson"])
def test_import_command_encoding_of_vector_files(
    run: Callable[..., Any], store: str, file_format: str
) -> None:
    frame = gpd.GeoDataFrame(
        {"code": ["1"], "name": ["東門カメラ"]}, geometry=[shapely.Point(118.5, 31.3)], crs=4326
    )
    path = Path("c.geojson")
    if file_format == "geojson":
        path.write_bytes(frame.to_json(ensure_ascii=False).encode("cp932"))
    else:
        frame.to_file("c.shp", encoding="cp932")
        Path("c.cpg").unlink(missing_ok=True)
        path = Path("c.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for suffix in ("shp", "shx", "dbf", "prj"):
                archive.write(f"c.{suffix}")
    code, _, message = import_json(run, "cameras", str(path))
    assert code == 1
    assert "--encoding" in message
    code, reasons, _ = import_json(run, "cameras", str(path), "--encoding", "shift-jis")
    assert (code, reasons, stored_names(store)) == (0, {}, [("1", "東門カメラ")])


ROWS = "".join(f"C{k:02d},平安里第{k:02d}网格,东区物业,118.5,31.3\n" for k in range(40))
REGISTER = ("code,name,owner,lon,lat\n" + ROWS).encode()


# fmt: off
DAMAGED_CELLS = [
    (
        b"C07", b"C0\xe4",
        {"rejected: damaged_character_in_code": 1, "repaired: damaged_character": 1}, None, None,
    ),
    (
        b"C07", b"\xe4C07",
        {"rejected: damaged_character_in_code": 1, "repaired: damaged_character": 1}, None, None,
    ),
    (
        b"C07", "C07\ufffd".encode(),
        {"rejected: damaged_character_in_code": 1, "repaired: damaged_character": 1}, None, None,
    ),
    (
        "07网格".encode(), "07网".encode() + b"\xe6\xa0", {"repaired: damaged_character": 1}, "C07",
        "平安里第07网",
    ),
    (
        "里第07".encode(), "里".encode() + b"\xe7" + b"07", {"repaired: damaged_character": 1},
        "C07", "平安里\ufffd07网格",
    ),
    (
        "07网格".encode(), "07网\ufffd".encode(), {"repaired: damaged_character": 1}, "C07",
        "平安里第07网",
    ),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "reasons", "code", "name"), DAMAGED_CELLS)
@pytest.mark.parametrize("file_format", ["csv", "geojson"])
def test_import_rejects_damaged_codes_and_repairs_damaged_texts(
    run: Callable[..., Any],
    store: str,
    file_format: str,
    old: bytes,
    new: bytes,
    reasons: dict[str, int],
    code: str | None,
    name: str | None,
) -> None:
    data = REGISTER
    if file_format == "geojson":
        point = '"geometry": {"type": "Point", "coordinates": [118.5, 31.3]}'
        rows = [line.split(",") for line in ROWS.splitlines()]
        features = [
            f'{{"type": "Feature", "properties": {{"code": "{row[0]}", "name": "{row[1]}"}}, '
            f"{point}}}"
            for row in rows
        ]
        data = (
            '{"type": "FeatureCollection", "features": [' + ",\n".join(features) + "]}"
        ).encode()
    assert data.count(old) == 1
    path = f"c.{file_format}"
    Path(path).write_bytes(data.replace(old, new))
    status, actual, _ = import_json(run, "cameras", path, "--accept-rejects")
    actual.pop("repaired: damaged_characters", None)
    assert actual == reasons
    assert status == (0 if code else 3)
    names = dict(stored_names(store))
    assert len(names) == (40 if code else 39)
    assert names.get("C07") == name
    assert not any("\ufffd" in key for key in names)
    report = Path(f"{path}.report.csv").read_text(encoding="utf-8-sig")
    assert "damaged character" in report


@pytest.mark.parametrize(
    ("layer", "table"),
    [
        ("cameras", "code,community,lon,lat\n1,99010\ufffd,118.5,31.3\n"),
        ("incidents", "source,source_id,occurred_at,lon,lat\n11\ufffd,1,2026-01-01,118.5,31.3\n"),
        ("incidents", "source_id,grid,occurred_at,lon,lat\n1,G\ufffd,2026-01-01,118.5,31.3\n"),
        ("areas", 'code,name,level,wkt\n1\ufffd,a,district,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n'),
    ],
)
def test_import_rejects_damaged_codes_and_keys_of_every_layer(
    run: Callable[..., Any], layer: str, table: str
) -> None:
    Path("t.csv").write_text(table, encoding="utf-8")
    status, reasons, message = import_json(run, layer, "t.csv")
    assert status == 1, message
    assert reasons["rejected: damaged_character_in_code"] == 1


def test_import_rejects_a_damaged_code_of_a_shapefile(run: Callable[..., Any], store: str) -> None:
    names = [f"平安里第{k}网格" for k in range(12)]
    frame = gpd.GeoDataFrame(
        {"code": [f"甲{k:02d}" for k in range(12)], "name": names},
        geometry=[shapely.Point(118.5, 31.3 + k / 1000) for k in range(12)],
        crs=4326,
    )
    frame.to_file("c.shp", encoding="utf-8")
    data = Path("c.dbf").read_bytes()
    Path("c.dbf").write_bytes(data.replace("甲07".encode(), b"\xe7\x9407 "))
    status, reasons, _ = import_json(run, "cameras", "c.shp", "--accept-rejects")
    assert status == 3
    assert reasons["rejected: damaged_character_in_code"] == 1
    assert [code for code, _ in stored_names(store)] == [f"甲{k:02d}" for k in range(12) if k != 7]


def test_import_command_saves_and_uses_a_grid_staff_mapping(
    run: Callable[..., Any], store: str
) -> None:
    frame = gpd.GeoDataFrame(
        {"code": ["g1", "g2"], "name": ["a", "b"]},
        geometry=[shapely.box(k, 0, k + 1, 1) for k in range(2)],
        crs=4326,
    )
    frame.to_file("g.geojson")
    assert run("import", "grids", "g.geojson").returncode == 0
    Path("s.csv").write_text("Bereich,Amt,Wer\ng1,head,Wang\n")
    renames = ["--rename", "Bereich=grid", "--rename", "Amt=role", "--rename", "Wer=name"]
    code, _, message = import_json(run, "grid-staff", "s.csv", *renames, "--save-mapping", "office")
    assert code == 0, message
    Path("s.csv").write_text("WER,Amt,Bereich,note\nLi,police,g2,x\n")
    code, reasons, message = import_json(run, "grid-staff", "s.csv", "--mapping", "office")
    assert (code, reasons) == (0, {"noted: column_not_stored": 1}), message
    with connect(store) as conn:
        rows = conn.execute("SELECT grid, role, name FROM grid_staff ORDER BY 1").fetchall()
        (saved,) = list_mappings(conn, "grid-staff")
    assert rows == [("g1", "head", "Wang"), ("g2", "police", "Li")]
    assert saved.columns == {"Bereich": "grid", "Amt": "role", "Wer": "name"}
    code, _, message = import_json(run, "grid-staff", "s.csv", "--rename", "note=salary")
    assert code == 1
    assert "grid-staff has no column salary" in message
