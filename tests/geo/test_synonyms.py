"""Columns by other names are renamed or warned of, and what is assumed comes with the result."""

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


def cameras(**columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({k: [v] for k, v in columns.items()}, geometry=[PLACE], crs=CRS)


def share(frame: gpd.GeoDataFrame) -> float:
    return float(geo.coverage_by_grid(SQUARE, geo.visible_area(frame))["covered_share"].iloc[0])


def test_azimuth_angle_and_radius_are_warned_of_or_renamed() -> None:
    known = cameras(bearing_deg=90.0, fov_deg=60.0, range_m=100.0)
    other = cameras(azimuth=90.0, angle=60.0, radius=100.0)
    assert share(known) == pytest.approx(np.pi / 6 / 4, rel=1e-2)
    with pytest.warns(
        ColumnWarning, match=r"azimuth \(bearing_deg\?\), angle .* radius \(range_m\?\)"
    ):
        geo.visible_area(other)
    renamed = geo.rename_columns(other, "cameras")
    assert share(renamed) == share(known)
    assert renamed.crs == CRS
    assert list(other.columns) == ["azimuth", "angle", "radius", "geometry"]


def test_the_warning_points_at_the_caller() -> None:
    with pytest.warns(ColumnWarning) as caught:
        geo.visible_area(cameras(heading=10.0))
    assert caught[0].filename == __file__


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
def test_every_function_warns_of_what_it_does_not_read(function: object, column: str) -> None:
    with pytest.warns(ColumnWarning, match=column):
        function(cameras(**{column: 10.0}))  # type: ignore[operator]


def test_other_layers_too() -> None:
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


def test_no_warning_where_the_column_is_there() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        geo.visible_area(cameras(bearing_deg=1.0, azimuth=2.0, fov_deg=3.0, angle=4.0))
    # An empty column of our name is none.
    with pytest.warns(ColumnWarning, match="azimuth"):
        geo.visible_area(cameras(bearing_deg=np.nan, azimuth=2.0))
    renamed = geo.rename_columns(cameras(bearing_deg=np.nan, azimuth=2.0), "cameras")
    assert renamed["bearing_deg"].tolist() == [2.0]


def test_nothing_is_guessed() -> None:
    with pytest.raises(ColumnError, match="angle can be bearing_deg or fov_deg"):
        geo.rename_columns(cameras(angle=60.0), "cameras")
    with pytest.raises(ColumnError, match="azimuth and heading would both be bearing_deg"):
        geo.rename_columns(cameras(azimuth=1.0, heading=2.0), "cameras")
    with pytest.raises(ColumnError, match=r"range \(ft\) has another unit"):
        geo.rename_columns(cameras(**{"range (ft)": 1.0}), "cameras")
    assert "range_m" in geo.rename_columns(cameras(**{"视距（米）": 1.0}), "cameras")
    assert "bearing_deg" in geo.rename_columns(cameras(**{"方位角(°)": 1.0}), "cameras")
    with pytest.raises(ColumnError, match="no layer"):
        geo.rename_columns(cameras(), "poles")  # type: ignore[arg-type]
    with pytest.warns(ColumnWarning, match="bullet"):
        assert geo.complete_cameras(cameras(kind="bullet"))["range_m"].tolist() == [60.0]
    with pytest.raises(ColumnError, match="status must be one of"):
        geo.cameras_in_use(cameras(status="在用"))


def test_a_word_means_the_same_in_a_file_and_in_a_table() -> None:
    for layer, columns in SYNONYMS.items():
        for column, words in columns.items():
            for word in words.split():
                meant = match_headers(layer, [word]).columns
                assert set(meant) <= {column}, (word, meant)


def test_assumptions_come_with_the_result() -> None:
    frame = pd.concat(
        [
            cameras(
                kind="fixed", bearing_deg=10.0, fov_deg=70.0, range_m=60.0, near_m=1.0, height_m=4.0
            ),
            cameras(kind="fixed", fov_deg=70.0, range_m=60.0),
            cameras(kind="ptz"),
        ],
        ignore_index=True,
    )
    buildings = gpd.GeoDataFrame(
        {"height_m": [3.0, None]}, geometry=[PLACE.buffer(9), PLACE.buffer(5)], crs=CRS
    )
    views = geo.visible_area(frame, buildings)
    wanted = {
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
    assert views.attrs["assumed"] == wanted
    for table in (
        geo.coverage_by_grid(SQUARE, views),
        geo.blind_spots(SQUARE, views),
    ):
        assert table.attrs["assumed"] == wanted
    seen = geo.cameras_seeing(SQUARE.centroid, frame, views)
    quality = geo.quality_coverage(SQUARE, frame, buildings)
    assert seen.attrs["assumed"]["any"] == quality.attrs["assumed"]["bearing_deg"] + 1 == 2
    # Completed cameras that are completed again still say what was assumed of them.
    full = geo.complete_cameras(frame)
    assert geo.visible_area(full).attrs["assumed"]["bearing_deg"] == 1
    some = geo.visible_area(full.iloc[1:]).attrs["assumed"]
    assert (some["cameras"], some["any"]) == (2, 2)


@pytest.mark.parametrize("layer", SYNONYMS)
def test_the_import_and_the_library_know_the_same_words(layer: str) -> None:
    imported, only = header_words(layer), IMPORT_ONLY.get(layer, {})
    assert set(only) <= set(SYNONYMS[layer])
    for column, words in SYNONYMS[layer].items():
        assert {column, *words.split(), *only.get(column, "").split()} == set(imported[column])
        for word in words.split():
            table = pd.DataFrame({word: [1.0]})
            assert list(geo.rename_columns(table, layer).columns) == [column], word  # type: ignore[arg-type]
            assert match_headers(layer, [word]).columns == {column: word}
        for word in only.get(column, "").split():
            assert match_headers(layer, [word]).columns == {column: word}


@pytest.mark.parametrize("layer", SYNONYMS)
def test_no_word_means_two_columns(layer: str) -> None:
    words = [plain_name(w) for c, text in SYNONYMS[layer].items() for w in (c, *text.split())]
    columns = {}
    for column, text in SYNONYMS[layer].items():
        for word in (column, *text.split()):
            assert columns.setdefault(plain_name(word), column) == column, word
    assert len(words) >= len(columns)
