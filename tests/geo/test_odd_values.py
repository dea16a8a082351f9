"""Values and headers as people have them: the files of the shared collection, and siblings of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from geo import pipeline
from geo.errors import ColumnError, MissingColumnsError
from geo.ingest import Outcome, import_file
from geo.ingest.cleaning import clean
from geo.ingest.directions import NOT_UNDERSTOOD
from geo.ingest.headers import recognise
from geo.ingest.occurrence import parse_span
from geo.ingest.proposals import propose_columns
from geo.ingest.raw_table import RawTable
from geo.schema import LAYERS
from geo.settings import get_settings
from geo.store import events, mappings, read
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


def test_headers_cut_to_ten_characters(store: str, odd_files: Path) -> None:
    outcome = put(store, "cameras", odd_files / "14_ten_characters/cameras.shp")
    got = rows(store, "cameras").loc["A1"]
    assert (got["bearing_deg"], got["night_range_m"], got["point_class"]) == (90, 20, "public")
    assert (got["pixels_wide"], str(got["installed_on"])) == (1920, "2024-05-01")
    assert len([f for f in outcome.findings if f.reason.startswith("header taken as")]) == 5
    assert extras(store)["A1"] == {}


def test_chinese_headers_cut_in_the_middle_of_a_character(store: str, odd_files: Path) -> None:
    put(store, "grids", odd_files / "02m_utf8_headers_cut/grids.shp")
    got = rows(store, "grids")
    assert got["name"].to_dict() == {
        "340203001000": "平安里第一网格", "340203001001": "翠湖花园东区网格",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "headers", "columns"),
    [
        ("cameras", ["设备编\ufffd", "监控方\ufffd", "水平视"], {"code", "bearing_deg", "fov_deg"}),
        ("cameras", ["设备编码（*）", "经度\n(WGS84)", "纬度【度】", "＊设备名称"], {"code", "lon", "lat", "name"}),
        ("cameras", ["1.设备编码", "(2)设备名称", "可视距离m", "高度/米", "经度°"],
         {"code", "name", "range_m", "height_m", "lon"}),
        ("cameras", ["设备类型/Camera type", "horizontal", "department", "\u200b设备编码\ufeff"], {"kind", "fov_deg", "code"}),
        ("cameras", ["摄像机", "installed_", "installed"], {"installed_on"}),
        ("incidents", ["ID", "occurred_a", "reported_a"], {"source_id", "occurred_at", "reported_at"}),
    ],
)  # fmt: skip
def test_headers_as_files_have_them(layer: str, headers: list[str], columns: set[str]) -> None:
    assert set(recognise(layer, headers).columns) == columns


def test_a_cut_header_that_fits_several_columns_is_not_used_silently(store: str) -> None:
    Path("c.csv").write_text("code,lon,lat,摄像机\na,118.5,31.3,1\n", encoding="utf-8")
    outcome = put(store, "cameras", "c.csv")
    assert [f.reason for f in outcome.findings] == ["header not used"]
    assert "--rename" in outcome.findings[0].detail
    assert extras(store)["a"] == {"摄像机": "1"}


def other_language(odd_files: Path) -> RawTable:
    sheet = openpyxl.load_workbook(odd_files / "other_language.xlsx").active
    assert sheet is not None
    header, *lines = sheet.iter_rows(values_only=True)
    cells = pd.DataFrame(lines, columns=[str(h) for h in header], dtype=object)
    return RawTable(cells, np.arange(2, len(cells) + 2))


def test_columns_are_proposed_by_what_they_hold(odd_files: Path) -> None:
    raw = other_language(odd_files)
    with pytest.raises(MissingColumnsError) as caught:
        clean(raw, LAYERS["cameras"], zone=ZoneInfo("Asia/Ho_Chi_Minh"))
    error = caught.value
    assert error.headers == list(raw.cells.columns)
    assert error.missing == ["lon", "lat", "code"]
    assert {p.header: p.column for p in error.proposals}["STT"] == "code"
    for words in ("STT", "Toạ độ", "--rename STT=code", "--key number", "all different"):
        assert words in str(error)


def test_rename_suffices_whatever_the_language(odd_files: Path) -> None:
    raw = other_language(odd_files)
    rename = {"STT": "code", "Toạ độ": "where", "Hướng": "bearing_deg", "Điểm lắp đặt": "name"}
    got = clean(raw, LAYERS["cameras"], zone=ZoneInfo("Asia/Ho_Chi_Minh"), rename=rename).frame
    assert got["code"].tolist() == ["1", "2", "3"]
    assert plain(got["bearing_deg"]) == [259, None, 307]
    assert [(p.x, p.y) for p in got.geometry] == [
        (118.501, 31.301),
        (118.502, 31.302),
        (118.503, 31.303),
    ]


@pytest.mark.parametrize(
    ("layer", "table", "bounds", "wanted"),
    [
        ("cameras", {"p": ["a1", "a2", "a3"], "q": ["118.5012", "118.5022", "118.5"], "r": ["31.3011", "31.3", "31.3021"]},
         None, {"p": "code", "q": "lon", "r": "lat"}),
        ("cameras", {"p": ["a1", "a2"], "q": ["48.1371", "48.1381"], "r": ["11.5751", "11.5761"]},
         (11.3, 48.0, 11.8, 48.3), {"p": "code", "q": "lat", "r": "lon"}),
        ("cameras", {"p": ["a1", "a2"], "q": ["48.1371", "48.1381"], "r": ["11.5751", "11.5761"]}, None, {"p": "code"}),
        ("incidents", {"a": ["7", "8", "9", "10"], "b": ["2026-03-01 10:00"] * 4, "c": ["x", "x", "y", "x"],
                       "d": ["POINT (118.5 31.3)"] * 4},
         None, {"a": "source_id", "b": "occurred_at", "c": "category", "d": "where"}),
        ("cameras", {"a": ["7", "8", "9"], "b": ["W", "NE", "12"], "d": ["118.5,31.3"] * 3},
         None, {"a": "code", "b": "bearing_deg", "d": "where"}),
        ("cameras", {"a": ["1.5", "2.5"], "b": ["same", "same"]}, None, {}),
    ],
)  # fmt: skip
def test_proposals(
    layer: str, table: dict[str, list[str]], bounds: Any, wanted: dict[str, str]
) -> None:
    found = propose_columns(pd.DataFrame(table), LAYERS[layer], {}, bounds=bounds)
    assert {p.header: p.column for p in found} == wanted
    assert all(p.evidence for p in found)


def test_points_alone(store: str, odd_files: Path) -> None:
    path = odd_files / "points_alone.csv"
    with pytest.raises(MissingColumnsError, match=r"--key number.*--occurred 2025"):
        put(store, "incidents", path)
    outcome = put(store, "incidents", path, key="number", occurred="2025")
    got = rows(store, "incidents")
    assert got["source_id"].tolist() == ["1", "2", "3", "4"]
    assert set(got["source"]) == {"points_alone"}
    zone = ZoneInfo("Asia/Shanghai")
    assert set(got["occurred_from"]) == {pd.Timestamp("2025-01-01", tz=zone)}
    assert set(got["occurred_to"]) == {pd.Timestamp("2026-01-01", tz=zone)}
    assert got["occurred_at"].isna().all()
    assert reasons(outcome) == {
        "noted: keys made": 1, "noted: time span given to incidents without a time": 1,
    }  # fmt: skip
    put(store, "cameras", path, key="digest")
    cameras = rows(store, "cameras")
    assert len(cameras) == 4
    assert sum(code.endswith("-2") for code in cameras.index) == 1
    # The same file in another order is the same cameras; another file's numbers are others.
    lines = path.read_text().splitlines()
    Path("points_alone.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    again = put(store, "cameras", "points_alone.csv", key="digest")
    assert (again.inserted, again.unchanged) == (0, 4)
    Path("more.csv").write_text(path.read_text())
    put(store, "cameras", path, key="number")
    put(store, "cameras", "more.csv", key="number")
    assert {"points_alone-1", "more-1"} <= set(rows(store, "cameras").index)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2025", "2025-01-01", "2026-01-01"), ("2025-03", "2025-03-01", "2025-04-01"),
        ("2025-12", "2025-12-01", "2026-01-01"), ("2025-03-05", "2025-03-05", "2025-03-06"),
        ("2025-01-01/2025-06-30", "2025-01-01", "2025-07-01"), ("2024/2025", "2024-01-01", "2026-01-01"),
        ("2025-01/2025-06", "2025-01-01", "2025-07-01"),
    ],
)  # fmt: skip
def test_spans(text: str, begin: str, end: str) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert parse_span(text, zone) == (pd.Timestamp(begin, tz=zone), pd.Timestamp(end, tz=zone))


@pytest.mark.parametrize(
    "text", ["25", "2025-13", "2025-02-30", "2026/2025", "a", "2025/", "1900", "1/2/3"]
)
def test_spans_that_are_none(text: str) -> None:
    with pytest.raises(ColumnError, match="--occurred"):
        parse_span(text, ZoneInfo("Asia/Shanghai"))


def test_incidents_of_a_span_count_within_it_and_in_no_hour_or_trend(store: str) -> None:
    cells = [shapely.box(118.49, 31.29, 118.51, 31.31)]
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=cells, crs=4326).to_file("g.geojson")
    put(store, "grids", "g.geojson")
    Path("i.csv").write_text(
        "id,occurred_at,lon,lat\na,2025-03-04 10:00,118.5,31.3\nb,,118.5,31.3\nc,,118.501,31.3\n"
    )
    outcome = put(store, "incidents", "i.csv", occurred="2025")
    assert next(f.detail for f in outcome.findings).startswith("2 rows")
    zone = "Asia/Shanghai"

    def within(start: str, end: str) -> events.Filter:
        return events.Filter(*(pd.Timestamp(day, tz=zone).to_pydatetime() for day in (start, end)))

    with connect(store) as conn:
        pipeline.refresh_everything(conn, get_settings())
        year, part = within("2025-01-01", "2026-01-01"), within("2025-01-01", "2025-12-31")
        assert events.counts_by_grid(conn, year) == {"g": 3}
        assert events.counts_by_grid(conn, part) == {"g": 1}
        assert [row["count"] for row in events.counts_by_step(conn, year, "month", zone)] == [1]
        table, untimed = events.counts_by_hour(conn, year, zone)
        assert (sum(map(sum, table)), untimed) == (1, 2)
        months = conn.execute("SELECT month::text, count FROM grid_incidents").fetchall()
        assert months == [("2025-03-01", 1)]
        hours = conn.execute(
            "SELECT sum(weight) FROM incident_hours WHERE category = ''"
        ).fetchone()
        assert hours == (1.0,)
        density = conn.execute("SELECT count FROM grid_density WHERE grid = 'g'").fetchone()
        assert density == (3,)


def test_a_mapping_is_saved_and_used_for_the_next_file(store: str) -> None:
    Path("a.csv").write_text("Nr,Ost,Nord,Blick,Neu\n1,118.5,31.3,90,x\n")
    rename = {"Nr": "code", "Ost": "lon", "Nord": "lat", "Blick": "bearing_deg"}
    put(store, "cameras", "a.csv", rename=rename, save_mapping="towers", dry_run=True)
    with pytest.raises(ColumnError, match=r"no mapping 'towers'.*--save-mapping"):
        put(store, "cameras", "a.csv", mapping="towers")
    put(store, "cameras", "a.csv", rename=rename, save_mapping="towers")
    Path("b.csv").write_text("NR,Nord,Ost\n2,31.4,118.6\n")
    outcome = put(store, "cameras", "b.csv", mapping="towers")
    assert reasons(outcome) == {"noted: header of the mapping is not in the file": 1}
    point = rows(store, "cameras").loc["2"].geometry
    assert (point.x, point.y) == (118.6, 31.4)
    with connect(store) as conn:
        (found,) = mappings.list_mappings(conn, "cameras")
        assert found.columns == rename
        assert found.changed_by.startswith("command line")
        assert mappings.list_mappings(conn, "grids") == []
        assert mappings.delete_mapping(conn, "cameras", "towers")
        assert not mappings.delete_mapping(conn, "cameras", "towers")
