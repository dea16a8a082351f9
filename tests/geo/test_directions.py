"""Tests of cameras with several directions: equal to one camera per direction."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.coverage.seeing import cameras_seeing
from geo.directions import (
    ALL_ROUND,
    Direction,
    combine_directions,
    directions_from_text,
    directions_to_text,
    sector,
)
from geo.errors import ColumnError
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer
from tests.support.scenes import CRS, ORIGIN

PLACES = ((0.0, 0.0), (30.0, -10.0), (-25.0, 18.0), (60.0, 40.0), (-50.0, -45.0))
BUILDINGS = gpd.GeoDataFrame(
    {"height_m": [12.0, np.nan, 2.0]},
    geometry=[
        shapely.affinity.translate(box, *ORIGIN)
        for box in (
            shapely.box(10, 10, 22, 30),
            shapely.box(-20, -40, 5, -25),
            shapely.box(40, -5, 52, 8),
        )
    ],
    crs=CRS,
)
edges = st.tuples(st.integers(0, 359), st.integers(5, 170))
parts = st.one_of(st.integers(0, 359), edges)


def make_cameras(rows: list[dict[str, object]], labels: list[str]) -> gpd.GeoDataFrame:
    defaults = {
        "range_m": 60.0,
        "near_m": 2.0,
        "height_m": 4.0,
        "pixels_wide": 2000,
        "fov_deg": 50.0,
    }
    return gpd.GeoDataFrame(
        [
            defaults | {name: value for name, value in row.items() if name != "place"}
            for row in rows
        ],
        geometry=[
            shapely.Point(ORIGIN[0] + x, ORIGIN[1] + y)
            for x, y in (row["place"] for row in rows)  # type: ignore[misc, attr-defined]
        ],
        index=labels,
        crs=CRS,
    )


def one_camera_per_direction(
    rows: list[dict[str, object]], others: list[list[object]], labels: list[str]
) -> gpd.GeoDataFrame:
    """One row per direction, without the library's parser of texts."""
    split, owners = [], []
    for row, directions, label in zip(rows, others, labels, strict=True):
        split.append(row)
        owners.append(label)
        for part in directions:
            if isinstance(part, tuple):
                start, width = part
                split.append(
                    row | {"bearing_deg": (start + width / 2) % 360, "fov_deg": float(width)}
                )
            else:
                split.append(row | {"bearing_deg": part})
            owners.append(label)
    return make_cameras(split, owners)


def to_text(directions: list[object]) -> str | None:
    texts = [
        f"{p[0]}-{(p[0] + p[1]) % 360}" if isinstance(p, tuple) else str(p) for p in directions
    ]
    return "/".join(texts) or None


@given(
    st.lists(st.tuples(st.integers(0, 359), st.lists(parts, max_size=4)), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_visible_area_is_the_union_of_all_directions(drawn, random) -> None:  # type: ignore[no-untyped-def]
    labels = [f"c{number}" for number in range(len(drawn))]
    rows: list[dict[str, object]] = [
        {"place": PLACES[k], "bearing_deg": float(bearing)} for k, (bearing, _) in enumerate(drawn)
    ]
    other_directions = [directions for _, directions in drawn]
    by_direction = geo.visible_area(
        one_camera_per_direction(rows, other_directions, labels), BUILDINGS
    )
    expected = {label: shapely.union_all(by_direction.loc[[label]].to_numpy()) for label in labels}
    cameras = make_cameras(rows, labels).assign(
        other_directions=[to_text(directions) for directions in other_directions]
    )
    order = random.sample(range(len(labels)), len(labels))
    # Neither the order nor the labels of the rows matter: here all rows have the same label.
    shuffled = cameras.iloc[order].set_axis(["same"] * len(labels))
    for view, row in zip(geo.visible_area(shuffled, BUILDINGS), order, strict=True):
        assert view.is_valid
        assert shapely.symmetric_difference(view, expected[labels[row]]).area < 1e-6
    tiles = pd.concat(geo.visible_area_by_tile(cameras, lambda _box: BUILDINGS, tile_m=40.0))
    for label in labels:
        assert shapely.symmetric_difference(tiles[label], expected[label]).area < 1e-6


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, "", "  "])
@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_visible_area_ignores_empty_other_directions(empty: object, kind: str) -> None:
    cameras = make_cameras([{"place": PLACES[0], "bearing_deg": 20.0}], ["a"])
    column = pd.Series([empty], index=["a"], dtype=object).astype(kind)
    assert geo.visible_area(cameras.assign(other_directions=column)).equals(
        geo.visible_area(cameras)
    )


def test_visible_area_accepts_numbers_as_other_directions() -> None:
    rows: list[dict[str, object]] = [
        {"place": PLACES[k], "bearing_deg": float(20 * k)} for k in range(2)
    ]
    cameras = make_cameras(rows, ["a", "b"])
    numbers = geo.visible_area(cameras.assign(other_directions=[180.0, np.nan]))
    assert numbers.equals(geo.visible_area(cameras.assign(other_directions=["180", None])))
    assert numbers.area.iloc[0] == pytest.approx(2 * geo.visible_area(cameras).area.iloc[0])


def test_visible_area_without_bearing_is_all_round() -> None:
    cameras = make_cameras([{"place": PLACES[0], "bearing_deg": np.nan}], ["a"])
    assert geo.visible_area(cameras.assign(other_directions="90/200-220")).equals(
        geo.visible_area(cameras)
    )


@pytest.mark.parametrize("text", ["north", "90;180", "400", "-90", "90/", "90-180-270", "90 180"])
def test_visible_area_names_the_row_of_an_unreadable_direction(text: str) -> None:
    rows: list[dict[str, object]] = [{"place": place, "bearing_deg": 0.0} for place in PLACES[:2]]
    cameras = make_cameras(rows, ["good", "bad-row"]).assign(other_directions=["90", text])
    with pytest.raises(ColumnError, match="bad-row") as raised:
        geo.visible_area(cameras)
    assert "good" not in str(raised.value)


def test_quality_coverage_uses_the_width_of_each_lens() -> None:
    rows: list[dict[str, object]] = [{"place": (0.0, 0.0), "bearing_deg": 0.0}]
    cameras = make_cameras(rows, ["a"]).assign(other_directions="170-190/270")
    split = one_camera_per_direction(rows, [[(170, 20), 270]], ["a"]).set_axis(["x", "y", "z"])
    areas = gpd.GeoDataFrame(
        geometry=[
            shapely.box(
                ORIGIN[0] + x - 30, ORIGIN[1] + y - 30, ORIGIN[0] + x + 30, ORIGIN[1] + y + 30
            )
            for x, y in ((0, 40), (0, -40), (-40, 0), (40, 0))
        ],
        crs=CRS,
    )
    table = geo.quality_coverage(areas, cameras, BUILDINGS)
    pd.testing.assert_frame_equal(table, geo.quality_coverage(areas, split, BUILDINGS), atol=1e-9)
    assert table["outline_share"].iloc[1] > 0
    assert (table.attrs["unknown_pixels"], table.attrs["assumed"]["cameras"]) == (0, 1)
    ranges = geo.class_range(cameras, 40.0)
    assert ranges["a"] == geo.class_range(split, 40.0).max() > geo.class_range(split, 40.0).min()


def test_cameras_seeing_uses_the_density_of_the_seeing_lens() -> None:
    rows: list[dict[str, object]] = [{"place": (0.0, 0.0), "bearing_deg": 0.0}]
    cameras = make_cameras(rows, ["a"]).assign(other_directions="170-190/180")
    places = gpd.GeoSeries(
        [
            shapely.Point(ORIGIN[0] + x, ORIGIN[1] + y)
            for x, y in ((0, 40), (0, -40), (8, -40), (40, 0))
        ],
        crs=CRS,
    )
    seen = cameras_seeing(places, cameras, geo.visible_area(cameras)).set_index("point")
    # 8 m beside the axis at 40 m is 11 degrees: outside the narrow lens, inside the wide one.
    wide, narrow = (2000 / (2 * np.tan(np.radians(fov / 2))) for fov in (50, 20))
    distance = [40.0, 40.0, np.hypot(8, 40)]
    expected = np.array([wide, narrow, wide]) / distance
    assert seen.index.tolist() == [0, 1, 2]
    assert seen["px_per_m"].to_numpy() == pytest.approx(expected)


def test_coverage_by_grid_draws_rotate_directions_together() -> None:
    rows: list[dict[str, object]] = [{"place": (0.0, 0.0), "bearing_deg": 0.0}]
    cameras = make_cameras(rows, ["a"]).assign(fov_deg=180.0, other_directions="180")
    grid = gpd.GeoDataFrame(geometry=[shapely.Point(ORIGIN).buffer(100)], crs=CRS)
    table = geo.coverage_by_grid(
        grid, geo.visible_area(cameras), cameras=cameras, bearing_error_deg=40.0, draws=20
    )
    # Two half circles that rotate together always give the full circle.
    row = table.iloc[0]
    assert row["covered_share_p05"] == pytest.approx(row["covered_share"], rel=1e-3)
    assert row["covered_share_p95"] == pytest.approx(row["covered_share"], rel=1e-3)


def test_layer_cameras_view_has_other_directions(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, bearing_deg, other_directions, geometry) "
            "VALUES ('a', 10, '90/200-220', ST_SetSRID(ST_MakePoint(118, 31), 4326))"
        )
        conn.commit()
        (row,) = conn.execute("SELECT other_directions FROM layer_cameras").fetchall()
        (reader,) = conn.execute(
            "SELECT has_table_privilege('gridcover_reader', 'layer_cameras', 'SELECT')"
        ).fetchall()
        stored = read_layer(conn, "cameras").to_crs(CRS)
    assert (row[0], reader[0]) == ("90/200-220", True)
    area = geo.visible_area(stored, defaults=get_settings().cameras).area.iloc[0]
    single = stored.assign(other_directions=None, kind="fixed", fov_deg=60.0)
    wider = single.assign(other_directions="200-220")
    assert geo.visible_area(wider).area.iloc[0] == pytest.approx(
        geo.visible_area(single).area.iloc[0] * 80 / 60, rel=1e-3
    )
    assert area > 0


@given(st.lists(st.one_of(st.integers(0, 359), edges), min_size=1, max_size=16))
def test_directions_text_round_trip(drawn: list[object]) -> None:
    directions = combine_directions(
        sector(float(p[0]), float((p[0] + p[1]) % 360))
        if isinstance(p, tuple)
        else Direction(float(p))  # type: ignore[arg-type]
        for p in drawn
    )
    assert directions_from_text(directions_to_text(directions)) == directions


def test_directions_text_of_the_full_circle() -> None:
    assert (
        directions_to_text([ALL_ROUND]),
        directions_from_text("0-360"),
        directions_from_text("180-180"),
    ) == (
        "0-360",
        (ALL_ROUND,),
        (ALL_ROUND,),
    )
    assert combine_directions([Direction(5.0), ALL_ROUND]) == (ALL_ROUND,)
    assert combine_directions([Direction(5.0), None]) == ()
