"""`visible_area` against sampled ground points, and its semantics at the edges."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geo
from geo.errors import ColumnError, CrsError, GeometryError
from tests.support.scenes import CRS, ORIGIN, brute_force, eyes_of, make_scene


@pytest.mark.parametrize("batch", range(10))
def test_visible_area_of_500_scenes_against_sampled_ground(batch: int) -> None:
    sample_count = 0
    for seed in range(batch * 50, batch * 50 + 50):
        cameras, buildings = make_scene(seed)
        views = geo.visible_area(cameras, buildings)
        assert views.is_valid.all()
        viewpoints = eyes_of(cameras, buildings)
        rng = np.random.default_rng(seed)
        for k, view in enumerate(views):
            camera = cameras.iloc[k]
            angles, radius = rng.uniform(0, 2 * np.pi, 250), np.sqrt(rng.uniform(0, 1.1, 250))
            distances = camera.range_m * radius[:, None]
            points = viewpoints[k] + distances * np.column_stack([np.cos(angles), np.sin(angles)])
            off_boundary = shapely.distance(view.boundary, shapely.points(points)) > 0.1
            if view.is_empty:
                off_boundary[:] = True
            expected = brute_force(camera, viewpoints[k], buildings, points)
            is_visible = shapely.contains_xy(view, points[:, 0], points[:, 1])
            # An empty view has no boundary: points next to the camera are left out instead.
            is_wrong = (expected != is_visible) & off_boundary
            if view.is_empty:
                is_wrong &= expected & (np.hypot(*(points - viewpoints[k]).T) > 0.2)
            assert not is_wrong.any(), (seed, k, points[is_wrong][:3] - ORIGIN)
            sample_count += int(off_boundary.sum())
    assert sample_count > 25_000


def view_of(buildings: list[tuple[shapely.Geometry, float]], **camera: float) -> shapely.Geometry:
    """Return the view of one camera at the origin, in local coordinates."""
    columns = {
        "bearing_deg": 0.0,
        "fov_deg": 360.0,
        "range_m": 50.0,
        "near_m": 0.0,
        "height_m": 4.0,
    }
    place = (camera.pop("x", 0.0), camera.pop("y", 0.0))
    columns |= camera
    cameras = gpd.GeoDataFrame(
        {k: [v] for k, v in columns.items()},
        geometry=[shapely.Point(ORIGIN[0] + place[0], ORIGIN[1] + place[1])],
        crs=CRS,
    )
    frame = gpd.GeoDataFrame(
        {"height_m": [h for _, h in buildings]},
        geometry=[shapely.affinity.translate(s, *ORIGIN) for s, _ in buildings],
        crs=CRS,
    )
    view = geo.visible_area(cameras, frame).iloc[0]
    return shapely.affinity.translate(view, -ORIGIN[0], -ORIGIN[1])


def test_visible_area_of_open_ground_is_the_sector() -> None:
    view = view_of([], fov_deg=90.0, near_m=10.0)
    exact = np.pi / 4 * (50**2 - 10**2)
    assert view.area == pytest.approx(exact, rel=2e-3)
    assert view.buffer(1e-6).contains(shapely.Point(0, 49.9))
    assert not view.contains(shapely.Point(0, -20))
    # Every vertex of the far arc lies on it, every chord within 0.05 m of it.
    middle = shapely.get_coordinates(view)
    middle = (middle[1:] + middle[:-1]) / 2
    radii = np.hypot(*middle.T)
    assert radii[radii > 40].min() >= 50 - 0.05


def test_visible_area_bearing_is_clockwise_from_north() -> None:
    east = view_of([], bearing_deg=90.0, fov_deg=20.0)
    assert east.contains(shapely.Point(30, 0))
    assert not east.contains(shapely.Point(-30, 0))


def test_visible_area_behind_a_low_wall() -> None:
    # Roof 2 m seen from 4 m: the far wall at 12 m hides up to 12 * 4 / (4 - 2) = 24 m.
    view = view_of([(shapely.box(-50, 10, 50, 12), 2.0)], bearing_deg=0.0)
    line = shapely.LineString([(0, 0), (0, 49)]).intersection(view)
    parts = sorted(part.bounds[1::2] for part in shapely.get_parts(line))
    assert np.allclose(parts, [(0, 10), (24, 49)], atol=1e-6)


def test_visible_area_ends_at_walls_as_high_as_the_camera() -> None:
    for height in (4.0, np.nan, 100.0):
        view = view_of([(shapely.box(-50, 10, 50, 12), height)])
        assert view.bounds[3] == pytest.approx(10.0)


def test_visible_area_excludes_buildings_of_height_zero() -> None:
    pond = shapely.box(-5, 10, 5, 20)
    view = view_of([(pond, 0.0)])
    unobstructed = view_of([])
    assert view.symmetric_difference(unobstructed.difference(pond)).area < 1e-6
    assert len(view.interiors) == 1


def test_visible_area_includes_a_courtyard_behind_a_low_building() -> None:
    ring = shapely.box(-10, 10, 10, 40).difference(shapely.box(-8, 12, 8, 38))
    view = view_of([(ring, 1.0)])
    # The far wall of the near wing at 12 m hides up to 16 m; beyond, the courtyard is seen.
    assert view.contains(shapely.Point(0, 20))
    assert not view.contains(shapely.Point(0, 15))
    assert not view.contains(shapely.Point(0, 39))


def test_visible_area_in_a_tower_starts_at_the_nearest_wall() -> None:
    tower = shapely.box(-10, -10, 10, 10)
    view = view_of([(tower, 30.0)], x=8.0, y=0.0)
    assert view.bounds[0] == pytest.approx(10.0, abs=1e-4)
    assert view.area == pytest.approx(np.pi * 50**2 / 2, rel=2e-3)


def test_visible_area_in_a_terrace_starts_at_its_front() -> None:
    # Two adjoining houses: the nearest wall is the shared one; the camera is put on the front.
    row = [(shapely.box(0, -20, 10, 1), 9.0), (shapely.box(-10, -20, 0, 1), 9.0)]
    view = view_of(row, x=0.2, y=0.0)
    assert view.bounds[1] == pytest.approx(1.0, abs=1e-4)
    assert view.bounds[3] == pytest.approx(51.0, abs=0.06)


def test_visible_area_of_a_roof_camera_starts_beyond_the_roof() -> None:
    # 6 m above ground on a 3 m roof: hidden up to 10 * 6 / 3 = 20 m in each direction.
    view = view_of([(shapely.box(-10, -10, 10, 10), 3.0)], height_m=6.0)
    assert not view.contains(shapely.Point(19.9, 0))
    assert view.contains(shapely.Point(20.1, 0))


def test_visible_area_ignores_collinear_and_duplicate_walls() -> None:
    plain = view_of([(shapely.box(-20, 10, 20, 14), 9.0)])
    split = [(shapely.box(x, 10, x + 5, 14), 9.0) for x in range(-20, 20, 5)]
    dense = shapely.segmentize(shapely.box(-20, 10, 20, 14), 0.5)
    for other in (view_of(split), view_of([(dense, 9.0), (dense, 9.0)])):
        assert other.symmetric_difference(plain).area < 1e-5


def test_visible_area_bearing_is_from_true_north() -> None:
    place = gpd.GeoSeries(gpd.points_from_xy([121.47], [31.23]), crs=4326)
    north = gpd.GeoSeries(gpd.points_from_xy([121.47], [31.2304]), crs=4326)
    crs = "EPSG:32651"
    cameras = gpd.GeoDataFrame(
        {"bearing_deg": [0.0], "fov_deg": [1.0], "range_m": [60.0], "near_m": [0.0]},
        geometry=place.to_crs(crs),
        crs=crs,
    )
    view = geo.visible_area(cameras).iloc[0]
    target = north.to_crs(crs).iloc[0]
    axis_distance = shapely.Point(view.centroid).distance(
        shapely.LineString([cameras.geometry.iloc[0], target])
    )
    assert axis_distance < 0.01


def test_visible_area_keeps_index_and_crs() -> None:
    cameras, buildings = make_scene(3)
    views = geo.visible_area(cameras, buildings)
    assert list(views.index) == list(cameras.index)
    assert views.crs == cameras.crs
    empty = geo.visible_area(cameras.iloc[:0], buildings)
    assert len(empty) == 0
    assert empty.crs == cameras.crs


def test_complete_cameras_marks_assumed_values() -> None:
    cameras = gpd.GeoDataFrame(
        {"kind": ["fixed", "ptz", None], "bearing_deg": [np.nan, np.nan, 30.0]},
        geometry=gpd.points_from_xy(*np.add(np.zeros((3, 2)), ORIGIN).T),
        crs=CRS,
    )
    completed = geo.complete_cameras(cameras)
    assert completed["assumed"].tolist() == [True, True, True]
    assert completed["fov_deg"].tolist() == [360.0, 360.0, 360.0]
    assert completed["range_m"].tolist() == [60.0, 120.0, 60.0]


def test_visible_area_names_invalid_rows() -> None:
    cameras, buildings = make_scene(1)
    with pytest.raises(CrsError, match="differ"):
        geo.visible_area(cameras, buildings.to_crs(4326))
    with pytest.raises(CrsError, match="not in metres"):
        geo.visible_area(cameras.to_crs(4326))
    invalid_range = cameras.assign(range_m=[10.0, -1.0, 10.0])
    with pytest.raises(ColumnError, match="c1"):
        geo.visible_area(invalid_range)
    invalid_buildings = buildings.copy()
    invalid_buildings.loc[invalid_buildings.index[0], "geometry"] = shapely.Polygon(
        [(0, 0), (1, 1), (1, 0), (0, 1)]
    )
    with pytest.raises(GeometryError, match=str(invalid_buildings.index[0])):
        geo.visible_area(cameras, invalid_buildings)
    invalid_geometry = cameras.copy()
    invalid_geometry.loc["c2", "geometry"] = shapely.LineString([(0, 0), (1, 1)])
    with pytest.raises(GeometryError, match="c2"):
        geo.visible_area(invalid_geometry)


@pytest.mark.parametrize("batch", range(4))
def test_visible_area_of_extreme_sectors_is_valid(batch: int) -> None:
    """Views with ranges of 1 m to 5 km and very narrow or wide sectors are valid and finite."""
    for seed in range(5000 + batch * 50, 5050 + batch * 50):
        cameras, buildings = make_scene(seed, cameras=8)
        rng = np.random.default_rng(seed)
        cameras["range_m"] = rng.choice([1.0, 5.0, 200.0, 5000.0], len(cameras))
        cameras["near_m"] = np.minimum(cameras["near_m"], cameras["range_m"])
        cameras["fov_deg"] = rng.choice(
            [0.0, 1e-7, 0.001, 120.0, 359.99999999, 360.0], len(cameras)
        )
        views = geo.visible_area(cameras, buildings)
        assert views.is_valid.all()
        assert views.geom_type.isin(["Polygon", "MultiPolygon"]).all()
        sector = np.pi * cameras["range_m"] ** 2 * cameras["fov_deg"] / 360.0
        assert (views.area <= sector * (1 + 1e-6) + 0.5).all()
        # No view overlaps a building of unknown height.
        tall = buildings[buildings["height_m"].isna()].union_all()
        assert shapely.area(shapely.intersection(views.values, tall)).max() < 1e-4


def test_pixel_density_range_follows_the_standard() -> None:
    assert geo.pixel_density_range(1920, 90.0, 250.0) == pytest.approx(1920 / 500.0)
    ranges = geo.pixel_density_range([1920, 3840], 60.0, geo.PIXEL_DENSITY["2014"]["identify"])
    assert np.allclose(ranges, np.array([1920, 3840]) / (500 * np.tan(np.pi / 6)))
    with pytest.raises(ColumnError):
        geo.pixel_density_range(1920, 360.0, 250.0)
