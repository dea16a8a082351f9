"""Properties of `visible_area` in random scenes, by Hypothesis."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import affinity

import geo
from geo.errors import GeometryError
from geo.visibility import visibility
from geo.visibility.kernels.views import sweep
from geo.visibility.prepared_buildings import prepare_buildings
from tests.support.scenes import CRS

# Coordinates of seven digits, where the spacing of doubles is 1e-9 m.
ORIGINS = st.sampled_from([(500_000.0, 4_000_000.0), (712_345.678, 9_876_543.21), (0.0, 0.0)])
LATTICE = st.integers(-12, 12).map(lambda k: k * 5.0)
ANYWHERE = st.floats(-60, 60, allow_nan=False, width=32)
HEIGHTS = st.sampled_from([0.0, 2.0, 3.999, 4.0, 4.001, 20.0, float("nan")])


@st.composite
def footprints(draw: st.DrawFn) -> shapely.Geometry:
    """Draw boxes on a lattice (many touch or coincide), stars, rings, combs with many corners."""
    kind = draw(st.sampled_from(["box", "box", "star", "court", "sliver", "comb", "two"]))
    x, y = draw(LATTICE), draw(LATTICE)
    width, depth = draw(st.sampled_from([5.0, 10.0, 0.5])), draw(st.sampled_from([5.0, 15.0]))
    if kind == "star":
        count = draw(st.integers(3, 9))
        radii = draw(st.lists(st.floats(1, 15), min_size=count, max_size=count))
        angles = np.arange(count) * 2 * np.pi / count
        return shapely.Polygon(
            np.column_stack([x + radii * np.cos(angles), y + radii * np.sin(angles)])
        )
    if kind == "court":
        outer = shapely.box(x, y, x + 12, y + 12)
        return outer.difference(shapely.box(x + 2, y + 2, x + 10, y + 10))
    if kind == "sliver":
        return shapely.Polygon(
            [(x, y), (x + 20, y + draw(st.sampled_from([1e-3, 1e-5]))), (x + 20, y)]
        )
    if kind == "comb":
        teeth = draw(st.sampled_from([20, 700]))
        comb_edge = np.column_stack(
            [np.linspace(x, x + 20, 2 * teeth), np.tile([y + 1, y + 3], teeth)]
        )
        return shapely.Polygon([*comb_edge, (x + 20, y), (x, y)])
    if kind == "two":
        return shapely.MultiPolygon(
            [shapely.box(x, y, x + 4, y + 4), shapely.box(x + 6, y, x + 9, y + 4)]
        )
    return affinity.rotate(
        shapely.box(x, y, x + width, y + depth), draw(st.sampled_from([0, 0, 45, 13.7]))
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    outlines = draw(st.lists(footprints(), min_size=1, max_size=9))
    if draw(st.booleans()):
        outlines.append(outlines[0])  # the same building twice
    origin = draw(ORIGINS)
    heights = draw(st.lists(HEIGHTS, min_size=len(outlines), max_size=len(outlines)))
    buildings = gpd.GeoDataFrame(
        {"height_m": heights}, geometry=[affinity.translate(s, *origin) for s in outlines], crs=CRS
    )
    rows = []
    places = []
    for _ in range(draw(st.integers(1, 5))):
        host = buildings.geometry.iloc[draw(st.integers(0, len(outlines) - 1))]
        location = draw(st.sampled_from(["free", "lattice", "corner", "wall", "inside"]))
        if location == "corner":
            ring = shapely.get_coordinates(host)
            place = tuple(ring[draw(st.integers(0, len(ring) - 1))])
        elif location == "wall":
            point = host.boundary.interpolate(draw(st.floats(0, 1)), normalized=True)
            place = (point.x, point.y)
        elif location == "inside":
            point = host.representative_point()
            place = (point.x, point.y)
        else:
            axis = LATTICE if location == "lattice" else ANYWHERE
            place = (origin[0] + draw(axis), origin[1] + draw(axis))
        places.append(place)
        range_m = draw(st.sampled_from([0.0, 1.0, 5.0, 40.0, 120.0, 5000.0]))
        rows.append(
            {
                "bearing_deg": draw(st.sampled_from([0.0, 45.0, 90.0, 123.4, 360.0])),
                "fov_deg": draw(
                    st.sampled_from([0.0, 1e-9, 1e-7, 0.01, 60.0, 90.0, 180.0, 359.9999999, 360.0])
                ),
                "range_m": range_m,
                "near_m": draw(st.sampled_from([0.0, 0.0, 0.5, 3.0, range_m])),
                "height_m": draw(st.sampled_from([0.01, 4.0, 4.0, 9.0, 500.0])),
            }
        )
    cameras = gpd.GeoDataFrame(rows, geometry=gpd.points_from_xy(*np.array(places).T), crs=CRS)
    return cameras, buildings


COMMON = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@COMMON
@given(scenes())
def test_visible_area_is_always_valid(scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]) -> None:
    cameras, buildings = scene
    if not buildings.is_valid.all():
        with pytest.raises(GeometryError):
            geo.visible_area(cameras, buildings)
        return
    views = geo.visible_area(cameras, buildings)
    assert views.is_valid.all()
    assert views.geom_type.isin(["Polygon", "MultiPolygon"]).all()
    assert np.isfinite(shapely.get_coordinates(views.values)).all()
    near = np.minimum(cameras["near_m"], cameras["range_m"])
    sector = np.pi * (cameras["range_m"] ** 2 - near**2 * 0.9) * cameras["fov_deg"] / 360
    assert (views.area <= sector * (1 + 1e-6) + 0.5).all()
    prepared = prepare_buildings(buildings)
    _, _, viewpoints = visibility.viewpoints_of(geo.complete_cameras(cameras), prepared)
    for viewpoint, view, height in zip(viewpoints, views, cameras["height_m"], strict=True):
        opaque = buildings[~(buildings["height_m"] < height)].union_all()
        assert view.intersection(opaque).area < 1e-4 + 1e-6 * view.area
        if not view.is_empty:
            assert view.distance(shapely.Point(viewpoint[:2])) <= cameras["near_m"].max() + 5000
    # Views that the kernel marks as surely valid are not checked again; they must be valid.
    _, spans, _ = visibility.viewpoints_of(geo.complete_cameras(cameras), prepared)
    *_, surely_valid = sweep(viewpoints, spans, 0, len(viewpoints), prepared.obstacles)
    assert views[surely_valid].is_valid.all()


@COMMON
@given(scenes(), st.randoms(use_true_random=False))
def test_visible_area_is_independent_of_order_and_other_cameras(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame], random: object
) -> None:
    """A view is the same alone, with other cameras, by tile, and for any order of buildings."""
    cameras, buildings = scene
    if not buildings.is_valid.all():
        return
    views = geo.visible_area(cameras, buildings)
    for label in cameras.index:
        alone = geo.visible_area(cameras.loc[[label]], buildings)
        assert alone.loc[label].wkb == views.loc[label].wkb
    tiles = geo.visible_area_by_tile(cameras, lambda _: buildings, tile_m=37.0)
    joined = {label: view for tile in tiles for label, view in tile.items()}
    assert {k: v.wkb for k, v in joined.items()} == {k: v.wkb for k, v in views.items()}
    order = list(range(len(buildings)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = geo.visible_area(cameras, buildings.iloc[order])
    differences = shapely.area(shapely.symmetric_difference(views.values, shuffled.values))
    assert (differences <= 1e-4 + 1e-7 * views.area).all()


@COMMON
@given(scenes())
def test_visible_area_is_monotonic_in_buildings_and_range(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame],
) -> None:
    cameras, buildings = scene
    if not buildings.is_valid.all():
        return
    # Only cameras outside buildings, so that no viewpoint is moved to a wall.
    cameras = cameras[cameras.geometry.distance(buildings.union_all()) > 1e-3]
    with_all = geo.visible_area(cameras, buildings)
    with_fewer = geo.visible_area(cameras, buildings.iloc[:-1])
    excess = shapely.area(shapely.difference(with_all.values, with_fewer.values))
    assert (excess <= 1e-4 + 1e-7 * with_fewer.area).all()
    # A view of half the range is inside the full one, up to the chords of its arcs.
    half_range = cameras.assign(range_m=cameras["range_m"] / 2)
    half_range["near_m"] = np.minimum(half_range["near_m"], half_range["range_m"])
    half_views = geo.visible_area(half_range, buildings)
    excess = shapely.area(
        shapely.difference(half_views.values, shapely.buffer(with_all.values, 0.06))
    )
    assert (excess <= 1e-3).all()


@pytest.mark.parametrize("corners", [3_000, 12_000])
def test_visible_area_with_a_building_of_thousands_of_corners(corners: int) -> None:
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radii = 30 + 2 * np.sin(angles * 97) + 0.5 * np.cos(angles * 401)
    tower = shapely.Polygon(np.column_stack([radii * np.cos(angles), radii * np.sin(angles)]))
    court = tower.difference(shapely.Point(0, 0).buffer(12, quad_segs=corners // 8))
    for height in (2.0, np.nan):
        buildings = gpd.GeoDataFrame(
            {"height_m": [height]}, geometry=[affinity.translate(court, 5e5, 4e6)], crs=CRS
        )
        places = [(500_000, 4_000_000), (500_060, 4_000_010), (500_020, 4_000_003)]
        cameras = gpd.GeoDataFrame(
            {"fov_deg": [360.0] * 3, "range_m": 90.0, "near_m": 0.0, "height_m": 6.0},
            geometry=gpd.points_from_xy(*np.array(places, float).T),
            crs=CRS,
        )
        views = geo.visible_area(cameras, buildings)
        assert views.is_valid.all()
        courtyard_m2 = np.pi * 12**2
        assert (
            views.area.iloc[0] == pytest.approx(courtyard_m2, rel=1e-3)
            if np.isnan(height)
            else True
        )
