"""Hypothesis looks for a scene that breaks the engine."""

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

# Seven digits and more: doubles are 1e-9 m apart there.
CORNER = st.sampled_from([(500_000.0, 4_000_000.0), (712_345.678, 9_876_543.21), (0.0, 0.0)])
LATTICE = st.integers(-12, 12).map(lambda k: k * 5.0)
FREE = st.floats(-60, 60, allow_nan=False, width=32)
HEIGHTS = st.sampled_from([0.0, 2.0, 3.999, 4.0, 4.001, 20.0, float("nan")])


@st.composite
def footprint(draw: st.DrawFn) -> shapely.Geometry:
    """Boxes on a lattice (so that many touch or coincide), stars, rings, combs of many corners."""
    kind = draw(st.sampled_from(["box", "box", "star", "court", "sliver", "comb", "two"]))
    x, y = draw(LATTICE), draw(LATTICE)
    wide, deep = draw(st.sampled_from([5.0, 10.0, 0.5])), draw(st.sampled_from([5.0, 15.0]))
    if kind == "star":
        count = draw(st.integers(3, 9))
        radii = draw(st.lists(st.floats(1, 15), min_size=count, max_size=count))
        turns = np.arange(count) * 2 * np.pi / count
        return shapely.Polygon(
            np.column_stack([x + radii * np.cos(turns), y + radii * np.sin(turns)])
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
        top = np.column_stack([np.linspace(x, x + 20, 2 * teeth), np.tile([y + 1, y + 3], teeth)])
        return shapely.Polygon([*top, (x + 20, y), (x, y)])
    if kind == "two":
        return shapely.MultiPolygon(
            [shapely.box(x, y, x + 4, y + 4), shapely.box(x + 6, y, x + 9, y + 4)]
        )
    return affinity.rotate(
        shapely.box(x, y, x + wide, y + deep), draw(st.sampled_from([0, 0, 45, 13.7]))
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    shapes = draw(st.lists(footprint(), min_size=1, max_size=9))
    if draw(st.booleans()):
        shapes.append(shapes[0])  # the same building twice
    corner = draw(CORNER)
    heights = draw(st.lists(HEIGHTS, min_size=len(shapes), max_size=len(shapes)))
    buildings = gpd.GeoDataFrame(
        {"height_m": heights}, geometry=[affinity.translate(s, *corner) for s in shapes], crs=CRS
    )
    rows = []
    places = []
    for _ in range(draw(st.integers(1, 5))):
        host = buildings.geometry.iloc[draw(st.integers(0, len(shapes) - 1))]
        where = draw(st.sampled_from(["free", "lattice", "corner", "wall", "inside"]))
        if where == "corner":
            ring = shapely.get_coordinates(host)
            place = tuple(ring[draw(st.integers(0, len(ring) - 1))])
        elif where == "wall":
            at = host.boundary.interpolate(draw(st.floats(0, 1)), normalized=True)
            place = (at.x, at.y)
        elif where == "inside":
            at = host.representative_point()
            place = (at.x, at.y)
        else:
            axis = LATTICE if where == "lattice" else FREE
            place = (corner[0] + draw(axis), corner[1] + draw(axis))
        places.append(place)
        reach = draw(st.sampled_from([0.0, 1.0, 5.0, 40.0, 120.0, 5000.0]))
        rows.append(
            {
                "bearing_deg": draw(st.sampled_from([0.0, 45.0, 90.0, 123.4, 360.0])),
                "fov_deg": draw(
                    st.sampled_from([0.0, 1e-9, 1e-7, 0.01, 60.0, 90.0, 180.0, 359.9999999, 360.0])
                ),
                "range_m": reach,
                "near_m": draw(st.sampled_from([0.0, 0.0, 0.5, 3.0, reach])),
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
def test_never_an_invalid_view(scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]) -> None:
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
    walls = prepare_buildings(buildings)
    _, _, eyes = visibility.viewpoints_of(geo.complete_cameras(cameras), walls)
    for eye, view, height in zip(eyes, views, cameras["height_m"], strict=True):
        tall = buildings[~(buildings["height_m"] < height)].union_all()
        assert view.intersection(tall).area < 1e-4 + 1e-6 * view.area
        if not view.is_empty:
            assert view.distance(shapely.Point(eye[:2])) <= cameras["near_m"].max() + 5000
    # What the kernel calls surely valid is not looked at again: it must be so.
    _, spans, _ = visibility.viewpoints_of(geo.complete_cameras(cameras), walls)
    *_, sure = sweep(eyes, spans, 0, len(eyes), walls.obstacles)
    assert views[sure].is_valid.all()


@COMMON
@given(scenes(), st.randoms(use_true_random=False))
def test_order_and_company_change_nothing(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame], random: object
) -> None:
    """Each view is the same alone, among others, and in another order of the buildings."""
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
    apart = shapely.area(shapely.symmetric_difference(views.values, shuffled.values))
    assert (apart <= 1e-4 + 1e-7 * views.area).all()


@COMMON
@given(scenes())
def test_more_hides_more_and_farther_sees_more(
    scene: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame],
) -> None:
    cameras, buildings = scene
    if not buildings.is_valid.all():
        return
    # In the open, so that no other building moves an eye.
    cameras = cameras[cameras.geometry.distance(buildings.union_all()) > 1e-3]
    all_of_them = geo.visible_area(cameras, buildings)
    fewer = geo.visible_area(cameras, buildings.iloc[:-1])
    beyond = shapely.area(shapely.difference(all_of_them.values, fewer.values))
    assert (beyond <= 1e-4 + 1e-7 * fewer.area).all()
    # A shorter range sees what the longer one sees, within it (the arcs are chords).
    half = cameras.assign(range_m=cameras["range_m"] / 2)
    half["near_m"] = np.minimum(half["near_m"], half["range_m"])
    cut = geo.visible_area(half, buildings)
    beyond = shapely.area(shapely.difference(cut.values, shapely.buffer(all_of_them.values, 0.06)))
    assert (beyond <= 1e-3).all()


@pytest.mark.parametrize("corners", [3_000, 12_000])
def test_a_building_of_thousands_of_corners(corners: int) -> None:
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radii = 30 + 2 * np.sin(turns * 97) + 0.5 * np.cos(turns * 401)
    tower = shapely.Polygon(np.column_stack([radii * np.cos(turns), radii * np.sin(turns)]))
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
        inner = np.pi * 12**2
        assert views.area.iloc[0] == pytest.approx(inner, rel=1e-3) if np.isnan(height) else True
