"""Tests of the stored values of every file of the shared collection of irregular files."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from geo.store.connection import connect
from tests.geo import test_odd_files as files
from tests.geo import test_odd_values as values


@dataclass(frozen=True)
class Case:
    """One file and the expected rows of the store after its import."""

    file: str
    layer: str
    columns: str
    """SQL of the compared columns, in the order of the key."""
    rows: list[tuple[Any, ...]]
    reasons: dict[str, int] = field(default_factory=dict)
    """Number of findings by reason."""
    options: tuple[str, ...] = ()
    rejected: int = 0


BOUNDS = (
    "round(ST_XMin(geometry)::numeric, 6)::float, round(ST_YMin(geometry)::numeric, 6)::float, "
    "round(ST_XMax(geometry)::numeric, 6)::float, round(ST_YMax(geometry)::numeric, 6)::float"
)
PLACE = "ST_X(geometry), ST_Y(geometry)"
LOCAL = "to_char(occurred_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI')"
NAMES = [("340203001000", "平安里第一网格"), ("340203001001", "翠湖花园东区网格")]
# fmt: off
CASES = [
    Case(
        "02b_gbk_cpg_says_utf8/grids.shp", "grids", "code, name", NAMES,
        {"encoding_differs_from_cpg": 1},
    ),
    Case(
        "02f_utf8_cut_nocpg/grids.shp", "grids", "code, name",
        [("340203001000", "平安里第一网"), ("340203001001", "翠湖花园东区")],
        {"damaged_character": 2},
    ),
    Case("02h_noshx/grids.shp", "grids", "code, name", NAMES, {"shx_missing": 1}),
    Case(
        "02j_cpg_empty/grids.shp", "grids", "code, name", NAMES,
        {"encoding_differs_from_cpg": 1},
    ),
    Case("02m_utf8_headers_cut/grids.shp", "grids", "code, name", NAMES, {"header_recognised": 1}),
    Case(
        "05a_sep_line.csv", "cameras", f"code, kind, range_m, {PLACE}",
        [("S1", "fixed", 40.5, 118.501, 31.301), ("S2", "dome", 1200.0, 118.502, 31.302)],
        {"delimiter_named_in_first_line": 1, "thousands_separator": 1},
    ),
    Case(
        "05c_title_line.csv", "cameras", f"code, name, {PLACE}",
        [("34020300001320000001", "东门", 118.501, 31.301)], {"line_above_header_not_read": 1},
    ),
    Case(
        "08a_sheet_per_street.xlsx", "cameras", f"code, name, kind, installed_on::text, {PLACE}",
        [
            (f"3402030000132000000{k}", f"东{k}", "fixed", "2024-05-01",
             round(118.5 + k / 1000, 3), 31.3)
            for k in range(3)
        ] + [
            (f"3402030000132000010{k}", f"西{k}", "ptz", "2024-05-01",
             round(118.51 + k / 1000, 3), 31.31)
            for k in range(4)
        ],
        {"several_sheets_read": 1},
    ),
    Case(
        "08b_two_row_header.xlsx", "cameras", f"code, name, kind, bearing_deg, {PLACE}",
        [
            (f"3402030000132000000{k}", f"东{k}", "fixed", 90.0, round(118.5 + k / 1000, 3), 31.3)
            for k in range(3)
        ],
        {"header_of_two_rows": 1, "line_above_header_not_read": 1},
    ),
    Case(
        "09_layers.gpkg", "cameras", f"code, {PLACE}", [("K1", 118.501, 31.301)],
        {"layer_not_read": 2},
    ),
    Case(
        "09_layers.gpkg", "grids", f"code, name, {BOUNDS}",
        [
            ("O1", "old 1", 118.5, 31.3, 118.502, 31.302),
            ("O2", "old 2", 118.502, 31.3, 118.504, 31.302),
        ],
        {"layer_not_read": 2}, ("--layer", "grids_2024"),
    ),
    Case(
        "11_mac.zip", "grids", f"code, name, {BOUNDS}",
        [
            (f"N{k}", f"new {k}", round(118.498 + k * 0.002, 3), 31.3,
             round(118.5 + k * 0.002, 3), 31.302)
            for k in (1, 2, 3)
        ],
        {"macos_files_not_read": 1},
    ),
    Case(
        "12i_ndjson.geojson", "grids", f"code, name, {BOUNDS}",
        [
            (f"N{k}", f"new {k}", round(118.498 + k * 0.002, 3), 31.3,
             round(118.5 + k * 0.002, 3), 31.302)
            for k in (1, 2, 3)
        ],
    ),
    Case(
        "13_geometries.geojson", "grids",
        "code, round((ST_Area(geometry) * 1e6)::numeric, 3)::float",
        [
            ("bow", 2.0), ("dup", 6.0), ("gc", 4.0), ("hole", 12.0), ("spike", 4.0), ("touch", 2.0),
            ("two", 4.0), ("unclosed", 4.0), ("z3", 4.0),
        ],
        {
            "ring_closed": 1, "invalid_polygon": 5, "parts_of_another_geometry_type": 1,
            "no_coordinates": 2, "wrong_geometry_type": 1, "empty_value": 1,
            "file_against_format": 1,
        },
        rejected=4,
    ),
    Case(
        "16b_tz_naive_mixed.geojson", "incidents", f"source_id, category, {LOCAL}, {PLACE}",
        [
            ("1", "theft", "2026-02-13 08:00", 118.501, 31.301),
            ("2", "theft", "2026-02-13 08:00", 118.501, 31.301),
            ("3", "theft", "2026-02-13 00:00", 118.501, 31.301),
        ],
    ),
    Case(
        "18_incidents_ogc.csv", "incidents", f"source_id, category, {LOCAL}, {PLACE}",
        [
            ("50%#x?y&z", "噪声", "2026-02-14 00:30", 118.503, 31.301),
            ("O'Brien", "burglary/shop", "2026-02-13 23:30", 118.502, 31.301),
            ("W/1", "theft", "2026-02-13 08:00", 118.501, 31.301),
            ("plain", "theft", "2026-03-01 12:00", 118.501, 31.3015),
        ],
    ),
    Case(
        "19c_big5.csv", "cameras", f"code, name, {PLACE}",
        [("C1", "中正路東門", 118.501, 31.301), ("C2", "翠湖花園西門", 118.502, 31.302)],
        {"unusual_encoding": 1},
    ),
    Case(
        "20_wkt_polygons.csv", "grids", f"code, name, {BOUNDS}",
        [("W0", "w0", 118.5, 31.3, 118.502, 31.302), ("W1", "w1", 118.502, 31.3, 118.504, 31.302)],
    ),
]
# fmt: on
ELSEWHERE: dict[str, Callable[..., None]] = {
    "01_osm_cameras.geojson": values.test_import_cameras_reads_openstreetmap_tags,
    "01b_osm_direction.geojson": values.test_import_cameras_reads_openstreetmap_tags,
    "03a_dms_pair_urumqi.csv": values.test_import_cameras_orders_pairs_by_hemisphere,
    "03b_dms_variants.csv": values.test_import_cameras_reads_degree_notations,
    "04a_stray_quotes_two.csv": files.test_import_command_refuses_ambiguous_files,
    "06b_thousands_grids.csv": values.test_import_cameras_reads_thousands_separators,
    "07_dayfirst.csv": values.test_import_incidents_reads_day_before_month,
    "08d_codes_sci.csv": values.test_import_cameras_removes_markers_around_codes,
    "10a_metres_no_crs.geojson": values.test_import_file_refuses_metres_without_crs,
    "10d_cameras_metres_no_crs.geojson": values.test_import_file_refuses_metres_without_crs,
    "10f_camera_latlon_swapped.geojson": values.test_import_cameras_swaps_vector_coordinates,
    "14_ten_characters": values.test_import_cameras_reads_headers_cut_to_ten_characters,
    "19f_nbsp_zwsp.csv": values.test_import_cameras_removes_invisible_characters,
    "other_language.xlsx": files.test_import_command_renames_headers_of_another_language,
    "phone_compass.csv": values.test_import_cameras_reads_phone_compass_directions,
    "points_alone.csv": values.test_import_file_makes_keys_and_times_for_points,
}
"""Files whose values are compared by another test."""


def test_cases_include_every_file_of_the_collection(odd_files: Path) -> None:
    file_names = {path.name for path in odd_files.iterdir()} - {"README.md"}
    assert {case.file.split("/")[0] for case in CASES} | set(ELSEWHERE) == file_names


@pytest.mark.parametrize("file", ELSEWHERE)
def test_elsewhere_names_tests_that_use_the_file(file: str) -> None:
    test = ELSEWHERE[file]
    marks = [str(mark.args) for mark in getattr(test, "pytestmark", [])]
    assert file in inspect.getsource(test) or any(file in mark for mark in marks)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}-{case.layer}" for case in CASES])
def test_import_command_stores_expected_rows(
    run: Callable[..., Any],
    store: str,
    odd_files: Path,
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    key = "source_id" if case.layer == "incidents" else "code"
    arguments = [
        case.layer,
        str(odd_files / case.file),
        *case.options,
        "--accept-rejects",
        "--json",
    ]
    result = run("import", *arguments)
    assert result.returncode == (3 if case.rejected else 0), result.stderr
    summary = json.loads(result.stdout)
    with connect(store) as conn:
        statement = f'SELECT {case.columns} FROM {case.layer} ORDER BY {key} COLLATE "C"'
        assert conn.execute(statement.encode()).fetchall() == case.rows
    assert {reason["reason"]: reason["count"] for reason in summary["reasons"]} == case.reasons
