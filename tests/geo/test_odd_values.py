"""Values and headers as people have them: the files of the shared collection, and siblings of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.ingest import Outcome, import_file
from geo.ingest.directions import NOT_UNDERSTOOD
from geo.store import read
from geo.store.database import connect


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(store: str, layer: str, path: Path | str, **options: Any) -> Outcome:
    with connect(store) as conn:
        return import_file(conn, layer, Path(path), **options)


def rows(store: str, layer: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read.read_layer(conn, layer)


def extras(store: str, table: str = "cameras") -> dict[str, dict[str, str]]:
    with connect(store) as conn:
        return dict(conn.execute(f"SELECT code, extra FROM {table}".encode()).fetchall())


def reasons(outcome: Outcome) -> dict[str, int]:
    return {f"{action}: {reason}": count for action, reason, count in outcome.reasons()}


def plain(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def test_phone_compass(store: str, odd_files: Path) -> None:
    outcome = put(store, "cameras", odd_files / "phone_compass.csv")
    got = rows(store, "cameras").loc[[f"P{k}" for k in range(1, 13)]]
    assert plain(got["bearing_deg"]) == [
        259, 307, 130, 130, 288, 135, None, None, None, 16, 274, 300,
    ]  # fmt: skip
    assert reasons(outcome) == {f"mended: {NOT_UNDERSTOOD}": 3}
    texts = {code: extra.get("direction") for code, extra in extras(store).items()}
    assert texts["P7"] == "toward road 353"
    assert texts["P8"] == "361 toward road 353"
    assert texts["P9"] == "2 cameras, both ways"
    assert texts["P1"] is None


@pytest.mark.parametrize("name", ["01_osm_cameras.geojson", "01b_osm_direction.geojson"])
def test_openstreetmap_tags(store: str, odd_files: Path, name: str) -> None:
    outcome = put(store, "cameras", odd_files / name)
    got = rows(store, "cameras")
    assert plain(got["bearing_deg"]) == [0, 247.5, 90, 270, 0, 45, None, 90, 315]
    assert plain(got["fov_deg"]) == [None] * 7 + [90, None]
    assert plain(got["other_directions"]) == [None, None, "180"] + [None] * 6
    assert plain(got["height_m"]) == [4.0] * 9
    assert reasons(outcome) == {
        f"mended: {NOT_UNDERSTOOD}": 1, "noted: several directions of one camera": 1,
    }  # fmt: skip
    if name.startswith("01_"):
        assert got.index[0] == "node/9000"
        assert got["kind"].tolist() == ["fixed"] * 5 + ["ptz"] + ["fixed"] * 3
        assert plain(got["tilt_deg"]) == [15.0] * 9
        assert set(got["room"]) == {"outdoor"}
        assert extras(store)["node/9006"]["camera:direction"] == "forward"
        assert extras(store)["node/9001"]["camera:mount"] == "pole"


def test_two_columns_of_directions_complete_each_other(store: str) -> None:
    Path("c.csv").write_text("id,direction,camera:direction,lon,lat\na,N,,118.5,31.3\nb,,S,118.5,31.3\nc,W,E,118.5,31.3\n")  # fmt: skip
    put(store, "cameras", "c.csv")
    assert plain(rows(store, "cameras")["bearing_deg"]) == [0, 180, 90]


@pytest.mark.parametrize(
    ("headers", "columns"),
    [
        ("azimuth,angle,radius", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("方位角,视场角,视距", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("yaw,fov,radius", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("look_direction,hfov,range", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("orientation,视角,可视半径", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("heading,field_of_view,range_m", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
        ("朝向,水平视场角,监控半径(m)", {"bearing_deg": 130, "fov_deg": 60, "range_m": 80}),
    ],
)
def test_headers_of_a_cameras_view(store: str, headers: str, columns: dict[str, float]) -> None:
    Path("c.csv").write_text(f"id,{headers},lon,lat\na,130,60,80,118.5,31.3\n", encoding="utf-8")
    put(store, "cameras", "c.csv")
    row = rows(store, "cameras").iloc[0]
    assert {name: row[name] for name in columns} == columns


def test_a_column_called_angle_is_judged_by_its_values_and_never_silently(store: str) -> None:
    Path("a.csv").write_text("id,angle,lon,lat\na,270,118.5,31.3\nb,45,118.5,31.3\n")
    outcome = put(store, "cameras", "a.csv")
    assert plain(rows(store, "cameras")["bearing_deg"]) == [270, 45]
    assert reasons(outcome) == {"noted: angle taken as bearing_deg": 1}
    Path("b.csv").write_text("id,angle,lon,lat\na,60,118.5,31.3\nb,45,118.5,31.3\n")
    outcome = put(store, "cameras", "b.csv")
    assert reasons(outcome) == {"noted: bearing or field of view, not used": 1}
    assert plain(rows(store, "cameras")["bearing_deg"]) == [None, None]
    assert extras(store)["a"]["angle"] == "60"


def test_all_round_needs_no_bearing_and_is_not_assumed(store: str) -> None:
    Path("c.csv").write_text(
        "id,监视方位,range_m,lon,lat\na,全向,50,118.5,31.3\nb,朝东,50,118.5,31.3\n"
    )
    put(store, "cameras", "c.csv")
    got = rows(store, "cameras")
    assert plain(got["bearing_deg"]) == [None, 90]
    assert plain(got["fov_deg"]) == [360, None]


def test_a_device_of_several_directions_is_one_camera_that_sees_all_of_them(store: str) -> None:
    cells = [shapely.box(118.0, 30.9, 118.1, 31.0)]
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=cells, crs=4326).to_file("g.geojson")
    put(store, "grids", "g.geojson")
    # The same ground by a device of three directions, and by three cameras.
    head = "code,bearing,fov_deg,range_m,near_m,kind,lon,lat\n"
    ways = ["0", "120", "220-260"]
    place = "fixed,118.05,30.95\n"
    Path("one.csv").write_text(head + f'd,"{";".join(ways)}",60,80,0,{place}')
    outcome = put(store, "cameras", "one.csv")
    assert reasons(outcome) == {"noted: several directions of one camera": 1}
    with connect(store) as conn:
        from geo import pipeline
        from geo.settings import get_settings

        first = pipeline.refresh_everything(conn, get_settings())
        one = read.camera_views(conn)
        line = conn.execute("SELECT cameras, covered_m2, twice_covered_share FROM grid_coverage ORDER BY run DESC").fetchone()  # fmt: skip
        view = pipeline.view_of(conn, "d", get_settings())
    assert first.coverage.summary["cameras"] == 1
    assert line is not None
    assert line[0] == 1
    area = 80.0**2 * (math.radians(60) * 2 + math.radians(40)) / 2
    assert one["area_m2"].iloc[0] == pytest.approx(area, rel=1e-3)
    assert line[1] == pytest.approx(area, rel=1e-3)
    assert line[2] == pytest.approx(0.0, abs=1e-9)
    assert view is not None
    assert view.seen_m2 == pytest.approx(area, rel=1e-3)
    # A change of one of the other directions is followed like any other.
    Path("one.csv").write_text(head + f'd,"0;120",60,80,0,{place}')
    put(store, "cameras", "one.csv")
    with connect(store) as conn:
        pipeline.refresh_everything(conn, get_settings())
        later = read.camera_views(conn)["area_m2"].iloc[0]
    assert later == pytest.approx(80.0**2 * math.radians(60), rel=1e-3)
