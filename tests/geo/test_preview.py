"""Previews of files before they are cleaned, and `rename` with a saved mapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import ColumnError, MissingColumnsError
from geo.ingest import FilePreview, ImportOptions, import_file
from geo.ingest.header_vocabulary import EXTRA
from geo.store.connection import connect

ROWS = "a,b,经度,纬度,方位角\nx1,y1,118.5,31.3,90\nx2,y2,118.6,31.4,180\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "cameras.csv"
    file.write_text(ROWS, encoding="utf-8")
    return file


def test_import_file_previews_a_file_that_it_refuses(store: str, path: Path) -> None:
    previews: list[FilePreview] = []
    with connect(store) as conn, pytest.raises(MissingColumnsError):
        import_file(conn, "cameras", path, on_read=previews.append)
    (preview,) = previews
    assert preview.missing == ["code"]
    assert [(use.header, use.column, use.how, use.proposed) for use in preview.headers] == [
        ("a", None, "open", "code"),
        ("b", None, "open", None),
        ("经度", "lon", "word", None),
        ("纬度", "lat", "word", None),
        ("方位角", "bearing_deg", "word", None),
    ]
    assert preview.rows == [
        ["x1", "y1", "118.5", "31.3", "90"],
        ["x2", "y2", "118.6", "31.4", "180"],
    ]


def test_import_options_rename_overrides_the_saved_mapping(store: str, path: Path) -> None:
    with connect(store) as conn:
        import_file(
            conn,
            "cameras",
            path,
            ImportOptions(rename={"a": "code", "b": "name"}, save_mapping="m"),
        )
        import_file(
            conn, "cameras", path, ImportOptions(mapping="m", rename={"b": "code", "方位角": EXTRA})
        )
        rows = conn.execute("SELECT code, name, bearing_deg, extra FROM cameras").fetchall()
    assert sorted(rows, key=lambda row: str(row[0])) == [
        ("x1", "y1", 90.0, {}),
        ("x2", "y2", 180.0, {}),
        ("y1", None, None, {"a": "x1", "方位角": "90"}),
        ("y2", None, None, {"a": "x2", "方位角": "180"}),
    ]


def test_import_options_rename_refuses_two_headers_for_one_column(store: str, path: Path) -> None:
    with connect(store) as conn, pytest.raises(ColumnError, match="a is renamed to code already"):
        import_file(conn, "cameras", path, ImportOptions(rename={"a": "code", "b": "code"}))
