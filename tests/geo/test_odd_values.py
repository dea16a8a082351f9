"""Tests of irregular values and headers: files of the shared collection and variants of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyproj
import pytest
import shapely

from geo import pipeline
from geo.errors import ColumnError, CrsError, MissingColumnsError
from geo.export import write_file
from geo.ingest import ImportOptions, ImportOutcome, import_file
from geo.ingest.cleaning import clean_table
from geo.ingest.headers import match_headers
from geo.ingest.occurrence import parse_span
from geo.ingest.proposals import propose_columns
from geo.ingest.raw_table import RawTable
from geo.schema import LAYERS
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.exports import read_pieces
from geo.store.queries.imports import delete_mapping, list_mappings
from geo.store.queries.incidents import IncidentFilter, count_by_grid, count_by_hour, count_by_step
from geo.store.queries.registers import read_layer


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def import_layer(store: str, layer: str, path: Path | str, **options: Any) -> ImportOutcome:
    with connect(store) as conn:
        return import_file(conn, layer, Path(path), ImportOptions(**options))


def read_rows(store: str, layer: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read_layer(conn, layer)


def read_extras(store: str, table: str = "cameras") -> dict[str, dict[str, str]]:
    with connect(store) as conn:
        return dict(conn.execute(f"SELECT code, extra FROM {table}".encode()).fetchall())


def count_reasons(outcome: ImportOutcome) -> dict[str, int]:
    return {f"{action}: {reason}": count for action, reason, count in outcome.reasons()}


def na_to_none(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def test_import_cameras_reads_phone_compass_directions(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "phone_compass.csv")
    stored = read_rows(store, "cameras").loc[[f"P{k}" for k in range(1, 13)]]
    assert na_to_none(stored["bearing_deg"]) == [
        259,
        307,
        130,
        130,
        288,
        135,
        None,
        None,
        None,
        16,
        274,
        300,
    ]
    assert count_reasons(outcome) == {"repaired: direction_not_understood": 3}
    texts = {code: extra.get("direction") for code, extra in read_extras(store).items()}
    assert texts["P7"] == "toward road 353"
    assert texts["P8"] == "361 toward road 353"
    assert texts["P9"] == "2 cameras, both ways"
    assert texts["P1"] is None


@pytest.mark.parametrize("name", ["01_osm_cameras.geojson", "01b_osm_direction.geojson"])
def test_import_cameras_reads_openstreetmap_tags(store: str, odd_files: Path, name: str) -> None:
    outcome = import_layer(store, "cameras", odd_files / name)
    stored = read_rows(store, "cameras")
    assert na_to_none(stored["bearing_deg"]) == [0, 247.5, 90, 270, 0, 45, None, 90, 315]
    assert na_to_none(stored["fov_deg"]) == [None] * 7 + [90, None]
    assert na_to_none(stored["other_directions"]) == [None, None, "180"] + [None] * 6
    assert na_to_none(stored["height_m"]) == [4.0] * 9
    assert count_reasons(outcome) == {
        "repaired: direction_not_understood": 1,
        "noted: several_directions": 1,
    }
    if name.startswith("01_"):
        assert stored.index[0] == "node/9000"
        assert stored["kind"].tolist() == ["fixed"] * 5 + ["ptz"] + ["fixed"] * 3
        assert na_to_none(stored["tilt_deg"]) == [15.0] * 9
        assert set(stored["room"]) == {"outdoor"}
        assert read_extras(store)["node/9006"]["camera:direction"] == "forward"
        assert read_extras(store)["node/9001"]["camera:mount"] == "pole"


def test_import_cameras_combines_two_direction_columns(store: str) -> None:
    Path("c.csv").write_text(
        "id,direction,camera:direction,lon,lat\na,N,,118.5,31.3\nb,,S,118.5,31.3\nc,W,E,118.5,31.3\n"
    )
    import_layer(store, "cameras", "c.csv")
    assert na_to_none(read_rows(store, "cameras")["bearing_deg"]) == [0, 180, 90]


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
def test_import_cameras_recognises_view_headers(
    store: str, headers: str, columns: dict[str, float]
) -> None:
    Path("c.csv").write_text(f"id,{headers},lon,lat\na,130,60,80,118.5,31.3\n", encoding="utf-8")
    import_layer(store, "cameras", "c.csv")
    row = read_rows(store, "cameras").iloc[0]
    assert {name: row[name] for name in columns} == columns


def test_import_cameras_interprets_angle_by_values_and_notes_it(store: str) -> None:
    Path("a.csv").write_text("id,angle,lon,lat\na,270,118.5,31.3\nb,45,118.5,31.3\n")
    outcome = import_layer(store, "cameras", "a.csv")
    assert na_to_none(read_rows(store, "cameras")["bearing_deg"]) == [270, 45]
    assert count_reasons(outcome) == {"noted: header_recognised": 1}
    Path("b.csv").write_text("id,angle,lon,lat\na,60,118.5,31.3\nb,45,118.5,31.3\n")
    outcome = import_layer(store, "cameras", "b.csv")
    assert count_reasons(outcome) == {"noted: angle_column_not_used": 1}
    assert na_to_none(read_rows(store, "cameras")["bearing_deg"]) == [None, None]
    assert read_extras(store)["a"]["angle"] == "60"


def test_import_cameras_reads_all_round_without_bearing(store: str) -> None:
    Path("c.csv").write_text(
        "id,监视方位,range_m,lon,lat\na,全向,50,118.5,31.3\nb,朝东,50,118.5,31.3\n"
    )
    import_layer(store, "cameras", "c.csv")
    stored = read_rows(store, "cameras")
    assert na_to_none(stored["bearing_deg"]) == [None, 90]
    assert na_to_none(stored["fov_deg"]) == [360, None]


def test_refresh_covers_all_directions_of_one_camera(store: str) -> None:
    cells = [shapely.box(118.0, 30.9, 118.1, 31.0)]
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=cells, crs=4326).to_file("g.geojson")
    import_layer(store, "grids", "g.geojson")
    # A device of three directions.
    head = "code,bearing,fov_deg,range_m,near_m,kind,lon,lat\n"
    directions = ["0", "120", "220-260"]
    place = "fixed,118.05,30.95\n"
    Path("one.csv").write_text(head + f'd,"{";".join(directions)}",60,80,0,{place}')
    outcome = import_layer(store, "cameras", "one.csv")
    assert count_reasons(outcome) == {"noted: several_directions": 1}
    with connect(store) as conn:
        first = pipeline.refresh_all(conn, get_settings())
        views = read_camera_views(conn)
        coverage = conn.execute(
            "SELECT cameras, covered_m2, twice_covered_share FROM grid_coverage ORDER BY run DESC"
        ).fetchone()
        view = pipeline.view_of_camera(conn, "d", get_settings())
    assert first.coverage.summary["cameras"] == 1
    assert coverage is not None
    assert coverage[0] == 1
    area = 80.0**2 * (math.radians(60) * 2 + math.radians(40)) / 2
    assert views["area_m2"].iloc[0] == pytest.approx(area, rel=1e-3)
    assert coverage[1] == pytest.approx(area, rel=1e-3)
    assert coverage[2] == pytest.approx(0.0, abs=1e-9)
    assert view is not None
    assert view.seen_m2 == pytest.approx(area, rel=1e-3)
    # A change of the other directions changes the view.
    Path("one.csv").write_text(head + f'd,"0;120",60,80,0,{place}')
    import_layer(store, "cameras", "one.csv")
    with connect(store) as conn:
        pipeline.refresh_all(conn, get_settings())
        changed_area = read_camera_views(conn)["area_m2"].iloc[0]
    assert changed_area == pytest.approx(80.0**2 * math.radians(60), rel=1e-3)


def test_import_cameras_reads_headers_cut_to_ten_characters(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "14_ten_characters/cameras.shp")
    stored = read_rows(store, "cameras").loc["A1"]
    assert (stored["bearing_deg"], stored["night_range_m"], stored["point_class"]) == (
        90,
        20,
        "public",
    )
    assert (stored["pixels_wide"], str(stored["installed_on"])) == (1920, "2024-05-01")
    assert len([f for f in outcome.findings if f.reason == "header_recognised"]) == 5
    assert read_extras(store)["A1"] == {}


def test_import_grids_reads_headers_cut_within_a_character(store: str, odd_files: Path) -> None:
    import_layer(store, "grids", odd_files / "02m_utf8_headers_cut/grids.shp")
    stored = read_rows(store, "grids")
    assert stored["name"].to_dict() == {
        "340203001000": "平安里第一网格",
        "340203001001": "翠湖花园东区网格",
    }


# fmt: off
HEADERS = [
    ("cameras", ["设备编\ufffd", "监控方\ufffd", "水平视"], {"code", "bearing_deg", "fov_deg"}),
    (
        "cameras", ["设备编码（*）", "经度\n(WGS84)", "纬度【度】", "＊设备名称"],
        {"code", "lon", "lat", "name"},
    ),
    (
        "cameras", ["1.设备编码", "(2)设备名称", "可视距离m", "高度/米", "经度°"],
        {"code", "name", "range_m", "height_m", "lon"},
    ),
    (
        "cameras", ["设备类型/Camera type", "horizontal", "department", "\u200b设备编码\ufeff"],
        {"kind", "fov_deg", "code"},
    ),
    ("cameras", ["摄像机", "installed_", "installed"], {"installed_on"}),
    ("incidents", ["ID", "occurred_a", "reported_a"], {"source_id", "occurred_at", "reported_at"}),
]
# fmt: on


@pytest.mark.parametrize(("layer", "headers", "columns"), HEADERS)
def test_match_headers_of_irregular_headers(
    layer: str, headers: list[str], columns: set[str]
) -> None:
    assert set(match_headers(layer, headers).columns) == columns


def test_import_cameras_reports_an_ambiguous_cut_header(store: str) -> None:
    Path("c.csv").write_text("code,lon,lat,摄像机\na,118.5,31.3,1\n", encoding="utf-8")
    outcome = import_layer(store, "cameras", "c.csv")
    assert [f.reason for f in outcome.findings] == ["header_not_used"]
    assert "--rename" in outcome.findings[0].detail
    assert read_extras(store)["a"] == {"摄像机": "1"}


def read_other_language(odd_files: Path) -> RawTable:
    sheet = openpyxl.load_workbook(odd_files / "other_language.xlsx").active
    assert sheet is not None
    header, *lines = sheet.iter_rows(values_only=True)
    cells = pd.DataFrame(lines, columns=[str(h) for h in header], dtype=object)
    return RawTable(cells, np.arange(2, len(cells) + 2))


def test_clean_table_proposes_columns_by_their_values(odd_files: Path) -> None:
    raw = read_other_language(odd_files)
    with pytest.raises(MissingColumnsError) as raised:
        clean_table(raw, LAYERS["cameras"], zone=ZoneInfo("Asia/Ho_Chi_Minh"))
    error = raised.value
    assert error.headers == list(raw.cells.columns)
    assert error.missing == ["lon", "lat", "code"]
    assert {p.header: p.column for p in error.proposals}["STT"] == "code"
    for words in ("STT", "Toạ độ", "--rename STT=code", "--key number", "all different"):
        assert words in str(error)


def test_clean_table_accepts_renamed_headers_of_any_language(odd_files: Path) -> None:
    raw = read_other_language(odd_files)
    rename = {"STT": "code", "Toạ độ": "where", "Hướng": "bearing_deg", "Điểm lắp đặt": "name"}
    frame = clean_table(
        raw, LAYERS["cameras"], zone=ZoneInfo("Asia/Ho_Chi_Minh"), rename=rename
    ).frame
    assert frame["code"].tolist() == ["1", "2", "3"]
    assert na_to_none(frame["bearing_deg"]) == [259, None, 307]
    assert [(p.x, p.y) for p in frame.geometry] == [
        (118.501, 31.301),
        (118.502, 31.302),
        (118.503, 31.303),
    ]


# fmt: off
PROPOSALS = [
    (
        "cameras",
        {
            "p": ["a1", "a2", "a3"], "q": ["118.5012", "118.5022", "118.5"],
            "r": ["31.3011", "31.3", "31.3021"],
        },
        None, {"p": "code", "q": "lon", "r": "lat"},
    ),
    (
        "cameras", {"p": ["a1", "a2"], "q": ["48.1371", "48.1381"], "r": ["11.5751", "11.5761"]},
        (11.3, 48.0, 11.8, 48.3), {"p": "code", "q": "lat", "r": "lon"},
    ),
    (
        "cameras", {"p": ["a1", "a2"], "q": ["48.1371", "48.1381"], "r": ["11.5751", "11.5761"]},
        None, {"p": "code"},
    ),
    (
        "incidents",
        {
            "a": ["7", "8", "9", "10"], "b": ["2026-03-01 10:00"] * 4, "c": ["x", "x", "y", "x"],
            "d": ["POINT (118.5 31.3)"] * 4,
        },
        None, {"a": "source_id", "b": "occurred_at", "c": "category", "d": "where"},
    ),
    (
        "cameras", {"a": ["7", "8", "9"], "b": ["W", "NE", "12"], "d": ["118.5,31.3"] * 3}, None,
        {"a": "code", "b": "bearing_deg", "d": "where"},
    ),
    ("cameras", {"a": ["1.5", "2.5"], "b": ["same", "same"]}, None, {}),
]
# fmt: on


@pytest.mark.parametrize(("layer", "table", "bounds", "expected"), PROPOSALS)
def test_propose_columns(
    layer: str, table: dict[str, list[str]], bounds: Any, expected: dict[str, str]
) -> None:
    proposals = propose_columns(pd.DataFrame(table), LAYERS[layer], {}, bounds=bounds)
    assert {p.header: p.column for p in proposals} == expected
    assert all(p.evidence for p in proposals)


def test_import_file_makes_keys_and_times_for_points(store: str, odd_files: Path) -> None:
    path = odd_files / "points_alone.csv"
    with pytest.raises(MissingColumnsError, match=r"--key number.*--occurred 2025"):
        import_layer(store, "incidents", path)
    outcome = import_layer(store, "incidents", path, key="number", occurred="2025")
    stored = read_rows(store, "incidents")
    assert stored["source_id"].tolist() == ["1", "2", "3", "4"]
    assert set(stored["source"]) == {"points_alone"}
    zone = ZoneInfo("Asia/Shanghai")
    assert set(stored["occurred_from"]) == {pd.Timestamp("2025-01-01", tz=zone)}
    assert set(stored["occurred_to"]) == {pd.Timestamp("2026-01-01", tz=zone)}
    assert stored["occurred_at"].isna().all()
    assert count_reasons(outcome) == {
        "noted: keys_made": 1,
        "noted: time_span_assigned": 1,
    }
    import_layer(store, "cameras", path, key="digest")
    cameras = read_rows(store, "cameras")
    assert len(cameras) == 4
    assert sum(code.endswith("-2") for code in cameras.index) == 1
    # The same rows in another order are the same cameras; numbers of another file are not.
    lines = path.read_text().splitlines()
    Path("points_alone.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    second = import_layer(store, "cameras", "points_alone.csv", key="digest")
    assert (second.inserted, second.unchanged) == (0, 4)
    Path("more.csv").write_text(path.read_text())
    import_layer(store, "cameras", path, key="number")
    import_layer(store, "cameras", "more.csv", key="number")
    assert {"points_alone-1", "more-1"} <= set(read_rows(store, "cameras").index)


# fmt: off
SPANS = [
    ("2025", "2025-01-01", "2026-01-01"), ("2025-03", "2025-03-01", "2025-04-01"),
    ("2025-12", "2025-12-01", "2026-01-01"), ("2025-03-05", "2025-03-05", "2025-03-06"),
    ("2025-01-01/2025-06-30", "2025-01-01", "2025-07-01"),
    ("2024/2025", "2024-01-01", "2026-01-01"), ("2025-01/2025-06", "2025-01-01", "2025-07-01"),
]
# fmt: on


@pytest.mark.parametrize(("text", "begin", "end"), SPANS)
def test_parse_span(text: str, begin: str, end: str) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert parse_span(text, zone) == (pd.Timestamp(begin, tz=zone), pd.Timestamp(end, tz=zone))


@pytest.mark.parametrize(
    "text", ["25", "2025-13", "2025-02-30", "2026/2025", "a", "2025/", "1900", "1/2/3"]
)
def test_parse_span_rejects_invalid_texts(text: str) -> None:
    with pytest.raises(ColumnError, match="--occurred"):
        parse_span(text, ZoneInfo("Asia/Shanghai"))


def test_incidents_with_a_span_count_in_it_but_in_no_hour(store: str) -> None:
    cells = [shapely.box(118.49, 31.29, 118.51, 31.31)]
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=cells, crs=4326).to_file("g.geojson")
    import_layer(store, "grids", "g.geojson")
    Path("i.csv").write_text(
        "id,occurred_at,lon,lat\na,2025-03-04 10:00,118.5,31.3\nb,,118.5,31.3\nc,,118.501,31.3\n"
    )
    outcome = import_layer(store, "incidents", "i.csv", occurred="2025")
    assert next(f.detail for f in outcome.findings).startswith("2 rows")
    zone = "Asia/Shanghai"

    def within(start: str, end: str) -> IncidentFilter:
        return IncidentFilter(*(pd.Timestamp(day, tz=zone).to_pydatetime() for day in (start, end)))

    with connect(store) as conn:
        pipeline.refresh_all(conn, get_settings())
        year, partial = within("2025-01-01", "2026-01-01"), within("2025-01-01", "2025-12-31")
        assert count_by_grid(conn, year) == {"g": 3}
        assert count_by_grid(conn, partial) == {"g": 1}
        assert [row["count"] for row in count_by_step(conn, year, "month", zone)] == [1]
        table, untimed = count_by_hour(conn, year, zone)
        assert (sum(map(sum, table)), untimed) == (1, 2)
        months = conn.execute("SELECT month::text, count FROM grid_incidents").fetchall()
        assert months == [("2025-03-01", 1)]
        hours = conn.execute(
            "SELECT sum(weight) FROM incident_hours WHERE category = ''"
        ).fetchone()
        assert hours == (1.0,)
        density = conn.execute("SELECT count FROM grid_density WHERE grid = 'g'").fetchone()
        assert density == (3,)


def test_import_file_saves_and_uses_a_mapping(store: str) -> None:
    Path("a.csv").write_text("Nr,Ost,Nord,Blick,Neu\n1,118.5,31.3,90,x\n")
    rename = {"Nr": "code", "Ost": "lon", "Nord": "lat", "Blick": "bearing_deg"}
    import_layer(store, "cameras", "a.csv", rename=rename, save_mapping="towers", dry_run=True)
    with pytest.raises(ColumnError, match=r"no mapping 'towers'.*--save-mapping"):
        import_layer(store, "cameras", "a.csv", mapping="towers")
    import_layer(store, "cameras", "a.csv", rename=rename, save_mapping="towers")
    Path("b.csv").write_text("NR,Nord,Ost\n2,31.4,118.6\n")
    outcome = import_layer(store, "cameras", "b.csv", mapping="towers")
    assert count_reasons(outcome) == {"noted: mapped_header_missing": 1}
    point = read_rows(store, "cameras").loc["2"].geometry
    assert (point.x, point.y) == (118.6, 31.4)
    with connect(store) as conn:
        (mapping,) = list_mappings(conn, "cameras")
        assert mapping.columns == rename
        assert mapping.changed_by.startswith("command line")
        assert list_mappings(conn, "grids") == []
        assert delete_mapping(conn, "cameras", "towers")
        assert not delete_mapping(conn, "cameras", "towers")


def write_cameras_csv(text: str) -> Path:
    path = Path("cameras.csv")
    path.write_text(text, encoding="utf-8")
    return path


def test_import_cameras_orders_pairs_by_hemisphere(store: str, odd_files: Path) -> None:
    import_layer(store, "cameras", odd_files / "03a_dms_pair_urumqi.csv")
    for point in read_rows(store, "cameras").geometry:
        assert (point.x, point.y) == pytest.approx((87.605694, 43.819528), abs=1e-6)


def test_import_cameras_reads_degree_notations(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "03b_dms_variants.csv")
    stored = read_rows(store, "cameras").geometry
    assert len(stored) == 12
    assert outcome.findings == []
    for code, point in stored.items():
        expected = (118.30205, 31.20103) if code == "D12" else (118.505694, 31.336194)
        assert (point.x, point.y) == pytest.approx(expected, abs=7e-6), code


# fmt: off
COORDINATE_PAIRS = [
    ("118.5E", "31.3N", (118.5, 31.3)), ("31.3N", "118.5E", (118.5, 31.3)),
    ("46.6W", "23.5S", (-46.6, -23.5)), ("W46°36'", "S 23°30'", (-46.6, -23.5)),
    ("11830.342E", "3120.172N", (118.5057, 31.3362)), ("0083020E", "003000N", (8.505556, 0.5)),
    ("118,5", "31,3", (118.5, 31.3)), ("北纬31.3", "东经118.5", (118.5, 31.3)),
    ("118.5N", "31.3N", None), ("118°61'", "31°20'", None), ("-118.5W", "31.3N", None),
    ("200", "95", None),
]
# fmt: on


@pytest.mark.parametrize(("lon", "lat", "expected"), COORDINATE_PAIRS)
def test_clean_table_reads_coordinates_in_two_columns(
    lon: str, lat: str, expected: tuple[float, float] | None
) -> None:
    cells = pd.DataFrame(
        {"code": ["a", "b"], "lon": [lon, "8.5"], "lat": [lat, "0.5"]}, dtype="str"
    )
    cleaned = clean_table(RawTable(cells, np.arange(2)), LAYERS["cameras"], zone=ZoneInfo("UTC"))
    points = dict(zip(cleaned.frame["code"], cleaned.frame.geometry, strict=True))
    if expected is None:
        assert list(points) == ["b"]
        assert [f.action for f in cleaned.findings] == ["rejected"]
    else:
        assert (points["a"].x, points["a"].y) == pytest.approx(expected, abs=1e-6)


# fmt: off
COORDINATE_CELLS = [
    ("31.3, 118.5", (118.5, 31.3)), ("118.5E, 31.3N", (118.5, 31.3)),
    ("31,3; 118,5", (118.5, 31.3)), ("N 31° 18' E 118° 30'", (118.5, 31.3)),
    ("31°18'N 118°30'E", (118.5, 31.3)), ("(118.5 31.3)", (118.5, 31.3)),
    ("POINT (118.5 31.3)", (118.5, 31.3)), ("31.3N, 118.5N", None), ("gate 3", None),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), COORDINATE_CELLS)
def test_clean_table_reads_coordinates_in_one_cell(
    text: str, expected: tuple[float, float] | None
) -> None:
    cells = pd.DataFrame({"code": ["a"], "where": [text]}, dtype="str")
    cleaned = clean_table(RawTable(cells, np.arange(1)), LAYERS["cameras"], zone=ZoneInfo("UTC"))
    actual = [(point.x, point.y) for point in cleaned.frame.geometry]
    assert actual == ([] if expected is None else [pytest.approx(expected, abs=1e-9)])


def test_import_cameras_reads_thousands_separators(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "06b_thousands_grids.csv")
    stored = read_rows(store, "cameras")
    assert na_to_none(stored["range_m"]) == [1200, 1200.5, 1200, 1.2]
    assert na_to_none(stored["height_m"]) == [4, 4.5, 4, 4]
    assert count_reasons(outcome) == {
        "noted: thousands_separator": 1,
        "noted: point_beside_thousands_separators": 1,
    }


# fmt: off
COMMA_COLUMNS = [
    ("118.5", ["1,200", "900"], [1200, 900]), ("118,5", ["1,200", "900"], [1.2, 900]),
    ("118,5", ["1.200", "40,5"], [1200, 40.5]), ("118,5", ["1.200", "900"], [1200, 900]),
    ("118.5", ["1.200", "900"], [1.2, 900]), ("118.5", ["1'200", "1 200"], [1200, 1200]),
    ("118", ["1,200", "900"], [None, 900]), ("118", ["1,200", "1,200,300"], [1200, None]),
    ("118", ["1,200", "4,5"], [1.2, 4.5]), ("118.5", ["1.200,5", "4"], [1200.5, 4]),
]
# fmt: on


@pytest.mark.parametrize(("lon", "cells", "expected"), COMMA_COLUMNS)
def test_clean_table_reads_commas_of_a_column_in_one_way(
    lon: str, cells: list[str], expected: list[float | None]
) -> None:
    table = pd.DataFrame(
        {"code": ["a", "b"], "lon": lon, "lat": "31", "range_m": cells}, dtype="str"
    )
    cleaned = clean_table(RawTable(table, np.arange(2)), LAYERS["cameras"], zone=ZoneInfo("UTC"))
    assert na_to_none(cleaned.frame["range_m"]) == expected


def test_clean_table_reads_population_as_integers(store: str) -> None:
    cells = pd.DataFrame(
        {
            "code": ["a", "b"],
            "where": "POLYGON ((0 0, 1 0, 1 1, 0 0))",
            "population": ["1,200", "1.300"],
        }
    )
    raw = RawTable(cells.astype("str"), np.arange(2))
    assert clean_table(raw, LAYERS["grids"], zone=ZoneInfo("UTC")).frame["population"].tolist() == [
        1200,
        1300,
    ]


def test_import_incidents_reads_day_before_month(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "incidents", odd_files / "07_dayfirst.csv")
    stored = read_rows(store, "incidents")["occurred_at"].dt.tz_convert("Asia/Shanghai")
    assert [f"{t:%Y-%m-%d %H:%M}" for t in stored] == [
        "2026-02-13 08:00",
        "2026-02-05 09:00",
        "2026-02-28 10:00",
        "2026-03-01 11:00",
    ]
    assert count_reasons(outcome) == {"noted: dates_read_day_first": 1}


# fmt: off
DAY_MONTH_ORDERS = [
    (["13/02/2026", "05/02/2026"], {}, ["2026-02-13", "2026-02-05"]),
    (["02/13/2026", "05/02/2026"], {}, ["2026-02-13", "2026-05-02"]),
    (["01/02/2026", "05/02/2026"], {}, [None, None]),
    (["01/02/2026", "05/02/2026"], {"date_order": "day"}, ["2026-02-01", "2026-02-05"]),
    (["01/02/2026", "05/02/2026"], {"date_order": "month"}, ["2026-01-02", "2026-05-02"]),
    (["13/02/2026", "02/14/2026", "05/02/2026"], {}, ["2026-02-13", "2026-02-14", None]),
    (["05.02.2026", "5-Feb-2026"], {}, ["2026-02-05", "2026-02-05"]),
    (["05/05/2026", "2026年2月5日"], {}, ["2026-05-05", "2026-02-05"]),
    (["13-02-2026 8:05", "05-02-2026 8:05 PM"], {}, ["2026-02-13", "2026-02-05"]),
    (["13/02/2026", "05/02/2026"], {"date_order": "month"}, ["2026-02-13", "2026-02-05"]),
]
# fmt: on


@pytest.mark.parametrize(("cells", "options", "expected"), DAY_MONTH_ORDERS)
def test_clean_table_orders_day_and_month(
    cells: list[str], options: dict[str, Any], expected: list[str | None]
) -> None:
    table = pd.DataFrame({"id": range(len(cells)), "occurred_at": cells, "lon": 118, "lat": 31})
    raw = RawTable(table.astype("str"), np.arange(len(cells)))
    cleaned = clean_table(raw, LAYERS["incidents"], zone=ZoneInfo("Asia/Shanghai"), **options)
    days = cleaned.frame.set_index("source_id")["occurred_at"].dt.tz_convert("Asia/Shanghai")
    actual = {code: f"{moment:%Y-%m-%d}" for code, moment in days.items()}
    assert [actual.get(str(k)) for k in range(len(cells))] == expected
    refused = [f for f in cleaned.findings if f.reason == "date_order_uncertain"]
    assert len(refused) == expected.count(None)


def test_import_incidents_takes_date_order_from_another_column(store: str) -> None:
    Path("i.csv").write_text("id,occurred_at,reported_at,lon,lat\na,05/02/2026,13/02/2026,118,31\n")
    import_layer(store, "incidents", "i.csv")
    assert read_rows(store, "incidents")["occurred_at"].iloc[0] == pd.Timestamp(
        "2026-02-05", tz="Asia/Shanghai"
    )


def test_clean_table_reports_typed_dates_beside_texts() -> None:
    table = pd.DataFrame(
        {
            "id": ["a", "b"],
            "occurred_at": [pd.Timestamp("2026-05-02"), "13/02/2026"],
            "lon": 118,
            "lat": 31,
        },
        dtype=object,
    )
    cleaned = clean_table(RawTable(table, np.arange(2)), LAYERS["incidents"], zone=ZoneInfo("UTC"))
    assert [f.reason for f in cleaned.findings] == ["typed_dates_beside_text"]


def test_clean_table_reads_times_with_and_without_offset() -> None:
    times = [
        "2026-02-13T08:00:00+08:00",
        "2026-02-13T08:00:00",
        "2026-02-13",
        "2026-02-13T00:00:00Z",
    ]
    table = pd.DataFrame({"id": list("1234"), "occurred_at": times, "lon": 118, "lat": 31})
    for cells in (table.astype("str"), table.astype(object)):
        raw = RawTable(cells, np.arange(4))
        frame = clean_table(raw, LAYERS["incidents"], zone=ZoneInfo("Asia/Shanghai")).frame
        hours = frame["occurred_at"].dt.tz_convert("Asia/Shanghai").dt.hour
        assert hours.tolist() == [8, 8, 0, 8]


def test_import_cameras_removes_markers_around_codes(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "08d_codes_sci.csv", accept_rejects=True)
    assert read_rows(store, "cameras").index.tolist() == [
        f"3402030000132000000{k}" for k in (3, 4, 5, 6)
    ]
    assert count_reasons(outcome) == {
        "rejected: scientific_notation_of_code": 2,
        "repaired: spreadsheet_marker_removed": 2,
        "repaired: thousands_separators_removed": 1,
    }


# fmt: off
WORDS_FOR_NONE = [
    ("incidents", "precision", "none", "none"), ("incidents", "precision", "无", "none"),
    ("incidents", "precision", "-", "exact"), ("cameras", "supplement_light", "None", "none"),
    ("cameras", "supplement_light", "无", "none"), ("cameras", "supplement_light", "", None),
    ("cameras", "owner", "无", None),
]
# fmt: on


@pytest.mark.parametrize(("layer", "column", "cell", "value"), WORDS_FOR_NONE)
def test_clean_table_reads_none_where_it_is_a_value(
    layer: str, column: str, cell: str, value: str | None
) -> None:
    table = {
        "id": ["a"],
        "lon": ["118"],
        "lat": ["31"],
        "reported_at": ["2026-01-01"],
        column: [cell],
    }
    raw = RawTable(pd.DataFrame(table, dtype="str"), np.arange(1))
    assert clean_table(raw, LAYERS[layer], zone=ZoneInfo("UTC")).frame[column].tolist() == [value]


# fmt: off
CODES = [
    ('="00123"', "00123"), ("'00123", "00123"), ("00123", "00123"), ("12E3", "12E3"),
    ("1.2E+3", None), ("3.4E6", None), ("a\u200bb", "ab"), ("\ufeffx ", "x"),
    ("1,234,567", "1234567"), ("A'B", "A'B"), ("O'Brien", "O'Brien"), ("1.5", "1.5"),
    ("W/1", "W/1"), ("5E+07", None), ("node/5", "node/5"),
]
# fmt: on


@pytest.mark.parametrize(("cell", "code"), CODES)
def test_clean_table_reads_codes(cell: str, code: str | None) -> None:
    table = pd.DataFrame({"code": [cell], "lon": ["118"], "lat": ["31"]}, dtype="str")
    cleaned = clean_table(RawTable(table, np.arange(1)), LAYERS["cameras"], zone=ZoneInfo("UTC"))
    assert cleaned.frame["code"].tolist() == ([] if code is None else [code])


def test_import_cameras_removes_invisible_characters(store: str, odd_files: Path) -> None:
    import_layer(store, "cameras", odd_files / "19f_nbsp_zwsp.csv")
    stored = read_rows(store, "cameras")
    assert stored.index.tolist() == ["C1"]
    assert stored["name"].tolist() == ["东门"]
    assert (stored.geometry.iloc[0].x, stored.geometry.iloc[0].y) == (118.501, 31.301)


def test_import_grids_reads_wkt_polygons(store: str, odd_files: Path) -> None:
    import_layer(store, "grids", odd_files / "20_wkt_polygons.csv")
    stored = read_rows(store, "grids")
    assert stored["name"].to_dict() == {"W0": "w0", "W1": "w1"}
    assert stored.geometry.loc["W0"].equals(shapely.box(118.5, 31.3, 118.502, 31.302))


def test_clean_table_closes_rings_and_rejects_bad_shapes() -> None:
    shapes = [
        "POLYGON ((0 0, 1 0, 1 1, 0 1))",
        "SRID=4326;MULTIPOLYGON (((2 0, 3 0, 3 1)), ((4 0, 5 0, 5 1, 4 0)))",
        "POLYGON ((0 0, 1 0",
        "LINESTRING (0 0, 1 1)",
        "",
        "SRID=3857;POLYGON ((0 0, 1 0, 1 1, 0 0))",
        "GEOMETRYCOLLECTION (POLYGON ((6 0, 7 0, 7 1, 6 0)), POINT (1 1))",
        "POLYGON ((0 0, 1 1))",
        "POLYGON Z ((8 0 5, 9 0 5, 9 1 5, 8 0 5))",
    ]
    table = pd.DataFrame({"code": list("abcdefghi"), "wkt": shapes}, dtype="str")
    cleaned = clean_table(RawTable(table, np.arange(9)), LAYERS["grids"], zone=ZoneInfo("UTC"))
    assert dict(
        zip(cleaned.frame["code"], shapely.area(cleaned.frame.geometry.values), strict=True)
    ) == {
        "a": 1.0,
        "b": 1.0,
        "g": 0.5,
        "i": 0.5,
    }
    assert {(f.line, f.reason) for f in cleaned.findings if f.action == "rejected"} == {
        (2, "unreadable_geometry"),
        (3, "wrong_geometry_type"),
        (4, "no_coordinates"),
        (5, "geometry_in_another_crs"),
        (7, "invalid_polygon"),
    }
    assert {f.line for f in cleaned.findings if f.reason == "ring_closed"} == {0, 1, 7}


@pytest.mark.parametrize(
    ("name", "layer"),
    [("10a_metres_no_crs.geojson", "grids"), ("10d_cameras_metres_no_crs.geojson", "cameras")],
)
def test_import_file_refuses_metres_without_crs(
    store: str, odd_files: Path, name: str, layer: str
) -> None:
    with pytest.raises(CrsError, match=r"metres \(357\d+, 3465\d+\).*--crs EPSG:32650"):
        import_layer(store, layer, odd_files / name)
    import_layer(store, layer, odd_files / name, crs="EPSG:4549")
    assert read_rows(store, layer).total_bounds == pytest.approx(
        [118.5, 31.3, 118.51, 31.3], abs=0.02
    )


def test_import_cameras_refuses_metres_in_a_table(store: str) -> None:
    cells = [shapely.box(118.0, 30.9, 118.1, 31.0)]
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=cells, crs=4326).to_file("g.geojson")
    import_layer(store, "grids", "g.geojson")
    with pytest.raises(CrsError, match="EPSG:32650"):
        import_layer(store, "cameras", write_cameras_csv("code,x,y\na,405000,3424000\n"))


def test_import_cameras_swaps_vector_coordinates(store: str, odd_files: Path) -> None:
    outcome = import_layer(store, "cameras", odd_files / "10f_camera_latlon_swapped.geojson")
    point = read_rows(store, "cameras").geometry.iloc[0]
    assert (point.x, point.y) == (118.5, 31.3)
    assert count_reasons(outcome) == {"repaired: axes_exchanged": 1}


def test_clean_table_checks_vector_coordinates_by_row() -> None:
    box = shapely.box(118.5, 31.3, 118.6, 31.4)
    swapped = shapely.transform(box, lambda xy: xy[:, ::-1])
    with np.errstate(invalid="ignore"):
        broken = shapely.Polygon([(0, 0), (np.nan, 1), (1, 1), (0, 0)])
    shapes = [
        box,
        swapped,
        shapely.box(181, 10, 182, 11),
        broken,
    ]
    raw = RawTable(
        pd.DataFrame({"code": list("abcd")}, dtype=object),
        np.arange(4),
        geometry=gpd.GeoSeries(shapes, crs=4326),
        crs=pyproj.CRS(4326),
    )
    cleaned = clean_table(raw, LAYERS["grids"], zone=ZoneInfo("UTC"))
    assert cleaned.frame["code"].tolist() == ["a", "b"]
    assert cleaned.frame.geometry.iloc[1].equals(box)
    assert {(f.line, f.reason) for f in cleaned.findings if f.column != "name"} == {
        (1, "axes_exchanged"),
        (2, "impossible_coordinates"),
        (3, "no_coordinates"),
    }


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "geojson", "gpkg", "parquet"])
@pytest.mark.parametrize("layer", ["grids", "cameras", "incidents"])
def test_write_file_export_is_imported_unchanged(store: str, layer: str, file_format: str) -> None:
    cells = [shapely.box(118.4, 31.2, 118.6, 31.4)]
    grid = {"code": ["=1"], "name": ["-东区"], "note": ["'+x"], "cameras": ["three"]}
    gpd.GeoDataFrame(grid, geometry=cells, crs=4326).to_file("g.geojson")
    import_layer(store, "grids", "g.geojson")
    write_cameras_csv(
        "code,name,direction,range_m,lon,lat,备注\n"
        "0012,'=东门,90;180-220,40.5,118.5,31.3,\"a,b\"\n'-3,,toward road 3,,118.501,31.3,\n"
    )
    import_layer(store, "cameras", "cameras.csv")
    Path("i.csv").write_text(
        "id,occurred_at,lon,lat,note\na/1,2026-02-03 04:05:06,118.5,31.3,x\n2,,118.51,31.3,\n"
    )
    import_layer(store, "incidents", "i.csv", occurred="2025")
    with connect(store) as conn:
        pipeline.refresh_all(conn, get_settings())
        path = Path(f"out.{file_format}")
        write_file(read_pieces(conn, layer), path, layer, file_format, get_settings().zone)
    source = {"source": "i"} if layer == "incidents" else {}
    outcome = import_layer(store, layer, path, **source)
    assert (outcome.inserted, outcome.updated, outcome.rejected) == (0, 0, 0), count_reasons(
        outcome
    )
    assert outcome.unchanged == outcome.read > 0


def test_import_command_options(run: Callable[..., Any], store: str, odd_files: Path) -> None:
    path = str(odd_files / "points_alone.csv")
    result = run("import", "incidents", path, "--json")
    assert result.returncode == 1
    assert "--key number" in result.stderr
    result = run(
        "import",
        "incidents",
        path,
        "--key",
        "digest",
        "--occurred",
        "2025-03",
        "--save-mapping",
        "points",
    )
    assert result.returncode == 0, result.stderr
    result = run(
        "import", "incidents", path, "--mapping", "points", "--occurred", "2025-03", "--json"
    )
    assert json.loads(result.stdout)["unchanged"] == 4, result.stderr
    for option, value in (("--key", "name"), ("--date-order", "year")):
        result = run("import", "incidents", path, option, value)
        assert result.returncode == 2
        assert option in result.stderr
    result = run("import", "incidents", path, "--key", "number", "--occurred", "May")
    assert result.returncode == 1
    assert "2025-03" in result.stderr
