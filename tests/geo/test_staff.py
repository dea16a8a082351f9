"""`import_staff`: a table without geometry, stored completely or not at all, phones as text."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from geo.cli import app
from geo.errors import ColumnError, RejectedRows
from geo.ingest import ImportOptions, import_file, import_staff
from geo.settings import get_settings
from geo.store.connection import connect


@pytest.fixture
def district_store(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    boxes = [shapely.box(116 + x / 100, 40, 116 + (x + 1) / 100, 40.01) for x in range(3)]
    frame = gpd.GeoDataFrame(
        {"code": ["001", "002", "003"], "name": list("abc")}, geometry=boxes, crs=4326
    )
    frame.to_file("grids.geojson")
    with connect(store) as conn:
        import_file(conn, "grids", Path("grids.geojson"))
    return store


def write_staff(text: str, encoding: str = "gb18030") -> Path:
    path = Path("staff.csv")
    path.write_bytes(text.encode(encoding))
    return path


def stored_staff(store: str) -> list[tuple[str, ...]]:
    with connect(store) as conn:
        return conn.execute(
            "SELECT grid, role, name, phone FROM grid_staff ORDER BY 1, 2, 3"
        ).fetchall()


STAFF_CSV = (
    "网格编码,人员类别,姓名,联系电话\n001,网格长,张三,013800000000\n"
    "001,专职网格员,李四,\n002,社区民警,王五,13900000000\n"
)


def test_import_staff_replaces_the_staff_of_its_grids(district_store: str) -> None:
    with connect(district_store) as conn:
        outcome = import_staff(conn, write_staff(STAFF_CSV))
    assert (outcome.inserted, outcome.rejected, outcome.encoding) == (3, 0, "gb18030")
    assert stored_staff(district_store) == [
        ("001", "full_time", "李四", None),
        ("001", "head", "张三", "013800000000"),
        ("002", "police", "王五", "13900000000"),
    ]
    with connect(district_store) as conn:
        unchanged = import_staff(conn, write_staff(STAFF_CSV))
        assert (unchanged.inserted, unchanged.updated, unchanged.unchanged) == (0, 0, 3)
        changed = import_staff(conn, write_staff("网格编码,角色,姓名,电话\n001,网格长,赵六,1\n"))
    assert changed.inserted == 1
    assert stored_staff(district_store) == [
        ("001", "head", "赵六", "1"),
        ("002", "police", "王五", "13900000000"),
    ]


def test_import_staff_with_rejected_rows_stores_nothing(district_store: str) -> None:
    path = write_staff(
        "网格编码,角色,姓名\n001,网格长,张三\n009,网格长,李四\n002,网格长,\n002,巡逻员,王五\n001,网格长,张三\n"
    )
    with connect(district_store) as conn:
        with pytest.raises(RejectedRows, match="3 of 5 rows") as error:
            import_staff(conn, path)
        reasons = {(f.line, f.code) for f in error.value.outcome.findings}
        assert reasons == {
            (3, "unknown_grid"),
            (4, "empty_value"),
            (5, "unknown_value/role"),
            (6, "repeated_row"),
        }
        assert stored_staff(district_store) == []
        preview = import_staff(conn, path, ImportOptions(dry_run=True))
        assert (preview.inserted, stored_staff(district_store)) == (2, [])
        import_staff(conn, path, ImportOptions(accept_rejects=True))
        assert stored_staff(district_store) == [
            ("001", "head", "张三", None),
            ("002", "other", "王五", None),
        ]
        with pytest.raises(ColumnError, match="grid-staff needs the column role"):
            import_staff(conn, write_staff("网格编码,姓名\n001,张三\n"))


def test_import_command_accepts_grid_staff(
    district_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", district_store)
    get_settings.cache_clear()
    path = write_staff(STAFF_CSV, "utf-8")
    result = CliRunner().invoke(app, ["import", "grid-staff", str(path), "--json"])
    assert result.exit_code == 0, result.output
    assert '"inserted": 3' in result.output
    assert len(stored_staff(district_store)) == 3
