"""Synonyms of columns: renaming, warnings, and the assumptions stated with results."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import ColumnError, ColumnWarning
from geo.ingest.dictionary import header_words
from geo.ingest.headers import match_headers
from geo.synonyms import IMPORT_ONLY, SYNONYMS, plain_name

CRS = "EPSG:32650"
PLACE = shapely.Point(500_000, 4_400_000)
SQUARE = gpd.GeoDataFrame(geometry=[PLACE.buffer(100).envelope], crs=CRS)


def make_camera(**columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({k: [v] for k, v in columns.items()}, geometry=[PLACE], crs=CRS)


def covered_share(frame: gpd.GeoDataFrame) -> float:
    return float(geo.coverage_by_grid(SQUARE, geo.visible_area(frame))["covered_share"].iloc[0])


def test_rename_columns_renames_what_visible_area_warns_of() -> None:
    standard = make_camera(bearing_deg=90.0, fov_deg=60.0, range_m=100.0)
    synonyms = make_camera(azimuth=90.0, angle=60.0, radius=100.0)
    assert covered_share(standard) == pytest.approx(np.pi / 6 / 4, rel=1e-2)
    with pytest.warns(
        ColumnWarning, match=r"azimuth \(bearing_deg\?\), angle .* radius \(range_m\?\)"
    ):
        geo.visible_area(synonyms)
    renamed = geo.rename_columns(synonyms, "cameras")
    assert covered_share(renamed) == covered_share(standard)
    assert renamed.crs == CRS
    assert list(synonyms.columns) == ["azimuth", "angle", "radius", "geometry"]


def test_column_warning_points_at_the_caller() -> None:
    with pytest.warns(ColumnWarning) as warning_records:
        geo.visible_area(make_camera(heading=10.0))
    assert warning_records[0].filename == __file__


@pytest.mark.parametrize(
    ("function", "column"),
    [
        (lambda f: geo.class_range(f, 125.0), "视场角"),
        (geo.at_night, "night_range"),
        (geo.complete_cameras, "视距"),
        (geo.cameras_in_use, "state"),
        (geo.complete_cameras, "Field of View"),
        (lambda f: geo.quality_coverage(SQUARE, f), "image_width"),
        (geo.cameras_by_year, "install_date"),
    ],
)
def test_column_warning_of_each_function(function: object, column: str) -> None:
    with pytest.warns(ColumnWarning, match=column):
        function(make_camera(**{column: 10.0}))  # type: ignore[operator]


def test_column_warning_of_other_layers() -> None:
    buildings = gpd.GeoDataFrame({"height": [3.0]}, geometry=[PLACE.buffer(9)], crs=CRS)
    with pytest.warns(ColumnWarning, match="height"):
        geo.prepare_buildings(buildings)
    assert geo.prepare_buildings(geo.rename_columns(buildings, "buildings")).roofs.tolist() == [3.0]
    incidents = gpd.GeoDataFrame({"date": ["2026-01-05"]}, geometry=[PLACE], crs=CRS)
    with pytest.warns(ColumnWarning, match="date"):
        geo.hours_of_week(incidents)
    assert geo.hours_of_week(geo.rename_columns(incidents, "incidents")).to_numpy().sum() == 1
    with pytest.warns(ColumnWarning, match="residents"):
        geo.density_by_grid(SQUARE.assign(residents=5), incidents.drop(columns="date"))


def test_column_warning_only_where_the_column_is_missing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        geo.visible_area(make_camera(bearing_deg=1.0, azimuth=2.0, fov_deg=3.0, angle=4.0))
    # A standard column without values counts as missing.
    with pytest.warns(ColumnWarning, match="azimuth"):
        geo.visible_area(make_camera(bearing_deg=np.nan, azimuth=2.0))
    renamed = geo.rename_columns(make_camera(bearing_deg=np.nan, azimuth=2.0), "cameras")
    assert renamed["bearing_deg"].tolist() == [2.0]


def test_rename_columns_refuses_ambiguous_names() -> None:
    with pytest.raises(ColumnError, match="angle can be bearing_deg or fov_deg"):
        geo.rename_columns(make_camera(angle=60.0), "cameras")
    with pytest.raises(ColumnError, match="azimuth and heading would both be bearing_deg"):
        geo.rename_columns(make_camera(azimuth=1.0, heading=2.0), "cameras")
    with pytest.raises(ColumnError, match=r"range \(ft\) has another unit"):
        geo.rename_columns(make_camera(**{"range (ft)": 1.0}), "cameras")
    assert "range_m" in geo.rename_columns(make_camera(**{"视距（米）": 1.0}), "cameras")
    assert "bearing_deg" in geo.rename_columns(make_camera(**{"方位角(°)": 1.0}), "cameras")
    with pytest.raises(ColumnError, match="no layer"):
        geo.rename_columns(make_camera(), "poles")  # type: ignore[arg-type]
    with pytest.warns(ColumnWarning, match="bullet"):
        assert geo.complete_cameras(make_camera(kind="bullet"))["range_m"].tolist() == [60.0]
    with pytest.raises(ColumnError, match="status must be one of"):
        geo.cameras_in_use(make_camera(status="在用"))


def test_match_headers_agrees_with_synonyms() -> None:
    for layer, columns in SYNONYMS.items():
        for column, words in columns.items():
            for word in words.split():
                matched = match_headers(layer, [word]).columns
                assert set(matched) <= {column}, (word, matched)


def test_results_state_their_assumptions() -> None:
    frame = pd.concat(
        [
            make_camera(
                kind="fixed", bearing_deg=10.0, fov_deg=70.0, range_m=60.0, near_m=1.0, height_m=4.0
            ),
            make_camera(kind="fixed", fov_deg=70.0, range_m=60.0),
            make_camera(kind="ptz"),
        ],
        ignore_index=True,
    )
    buildings = gpd.GeoDataFrame(
        {"height_m": [3.0, None]}, geometry=[PLACE.buffer(9), PLACE.buffer(5)], crs=CRS
    )
    views = geo.visible_area(frame, buildings)
    expected = {
        "kind": 0,
        "bearing_deg": 1,
        "fov_deg": 1,
        "range_m": 1,
        "near_m": 2,
        "height_m": 2,
        "cameras": 3,
        "any": 2,
        "buildings": 2,
        "building_height_m": 1,
    }
    assert views.attrs["assumed"] == expected
    for table in (
        geo.coverage_by_grid(SQUARE, views),
        geo.blind_spots(SQUARE, views),
    ):
        assert table.attrs["assumed"] == expected
    seeing = geo.cameras_seeing(SQUARE.centroid, frame, views)
    quality = geo.quality_coverage(SQUARE, frame, buildings)
    assert seeing.attrs["assumed"]["any"] == quality.attrs["assumed"]["bearing_deg"] + 1 == 2
    # Cameras that are completed twice still state what was assumed.
    completed = geo.complete_cameras(frame)
    assert geo.visible_area(completed).attrs["assumed"]["bearing_deg"] == 1
    assumed = geo.visible_area(completed.iloc[1:]).attrs["assumed"]
    assert (assumed["cameras"], assumed["any"]) == (2, 2)


@pytest.mark.parametrize("layer", SYNONYMS)
def test_header_words_equal_the_synonyms(layer: str) -> None:
    import_words, import_only = header_words(layer), IMPORT_ONLY.get(layer, {})
    assert set(import_only) <= set(SYNONYMS[layer])
    for column, words in SYNONYMS[layer].items():
        assert {column, *words.split(), *import_only.get(column, "").split()} == set(
            import_words[column]
        )
        for word in words.split():
            table = pd.DataFrame({word: [1.0]})
            assert list(geo.rename_columns(table, layer).columns) == [column], word  # type: ignore[arg-type]
            assert match_headers(layer, [word]).columns == {column: word}
        for word in import_only.get(column, "").split():
            assert match_headers(layer, [word]).columns == {column: word}


@pytest.mark.parametrize("layer", SYNONYMS)
def test_synonyms_are_unambiguous(layer: str) -> None:
    words = [plain_name(w) for c, text in SYNONYMS[layer].items() for w in (c, *text.split())]
    columns = {}
    for column, text in SYNONYMS[layer].items():
        for word in (column, *text.split()):
            assert columns.setdefault(plain_name(word), column) == column, word
    assert len(words) >= len(columns)
