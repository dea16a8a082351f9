"""Grid staff: a table without geometry, all or nothing, phones kept as text."""

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
def district(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    cells = [shapely.box(116 + x / 100, 40, 116 + (x + 1) / 100, 40.01) for x in range(3)]
    frame = gpd.GeoDataFrame(
        {"code": ["001", "002", "003"], "name": list("abc")}, geometry=cells, crs=4326
    )
    frame.to_file("grids.geojson")
    with connect(store) as conn:
        import_file(conn, "grids", Path("grids.geojson"))
    return store


def table(text: str, encoding: str = "gb18030") -> Path:
    path = Path("staff.csv")
    path.write_bytes(text.encode(encoding))
    return path


def rows(store: str) -> list[tuple[str, ...]]:
    with connect(store) as conn:
        return conn.execute(
            "SELECT grid, role, name, phone FROM grid_staff ORDER BY 1, 2, 3"
        ).fetchall()


GOOD = "网格编码,人员类别,姓名,联系电话\n001,网格长,张三,013800000000\n001,专职网格员,李四,\n002,社区民警,王五,13900000000\n"


def test_staff_comes_in_and_replaces_that_of_its_grids(district: str) -> None:
    with connect(district) as conn:
        outcome = import_staff(conn, table(GOOD))
    assert (outcome.inserted, outcome.rejected, outcome.encoding) == (3, 0, "gb18030")
    assert rows(district) == [
        ("001", "full_time", "李四", None),
        ("001", "head", "张三", "013800000000"),
        ("002", "police", "王五", "13900000000"),
    ]
    with connect(district) as conn:
        again = import_staff(conn, table(GOOD))
        assert (again.inserted, again.updated, again.unchanged) == (0, 0, 3)
        changed = import_staff(conn, table("网格编码,角色,姓名,电话\n001,网格长,赵六,1\n"))
    assert changed.inserted == 1
    assert rows(district) == [
        ("001", "head", "赵六", "1"),
        ("002", "police", "王五", "13900000000"),
    ]


def test_bad_rows_are_told_and_nothing_is_stored(district: str) -> None:
    bad = table(
        "网格编码,角色,姓名\n001,网格长,张三\n009,网格长,李四\n002,网格长,\n002,巡逻员,王五\n001,网格长,张三\n"
    )
    with connect(district) as conn:
        with pytest.raises(RejectedRows, match="3 of 5 rows") as caught:
            import_staff(conn, bad)
        reasons = {(f.line, f.reason) for f in caught.value.outcome.findings}
        assert reasons == {
            (3, "unknown grid"),
            (4, "empty value"),
            (5, "unknown role"),
            (6, "repeated row"),
        }
        assert rows(district) == []
        tried = import_staff(conn, bad, ImportOptions(dry_run=True))
        assert (tried.inserted, rows(district)) == (2, [])
        import_staff(conn, bad, ImportOptions(accept_rejects=True))
        assert rows(district) == [("001", "head", "张三", None), ("002", "other", "王五", None)]
        with pytest.raises(ColumnError, match="grid-staff needs the column role"):
            import_staff(conn, table("网格编码,姓名\n001,张三\n"))


def test_the_command_takes_it_like_any_layer(
    district: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", district)
    get_settings.cache_clear()
    path = table(GOOD, "utf-8")
    result = CliRunner().invoke(app, ["import", "grid-staff", str(path), "--json"])
    assert result.exit_code == 0, result.output
    assert '"inserted": 3' in result.output
    assert len(rows(district)) == 3
