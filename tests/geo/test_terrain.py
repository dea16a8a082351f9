"""`visible_area` in three dimensions: tilt, parapets, terrain; and `read_terrain`."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely

import geo
from geo.errors import ColumnError, CrsError, ReadError
from tests.support.scenes import CRS, ORIGIN


def make_terrain(height: np.ndarray, cell: float = 2.0) -> geo.Terrain:
    """Return a raster centred on the origin of the scenes."""
    rows, cols = height.shape
    west, north = ORIGIN[0] - cols * cell / 2, ORIGIN[1] + rows * cell / 2
    return geo.Terrain(height.astype(float), west, north, cell, pyproj.CRS(CRS))


def view_of(
    terrain: geo.Terrain | None = None,
    buildings: list[tuple[shapely.Geometry, dict[str, float]]] | None = None,
    **camera: float,
) -> shapely.Geometry:
    """Return the view of one camera at the origin, in local coordinates."""
    record = {"bearing_deg": 0.0, "fov_deg": 360.0, "range_m": 60.0, "height_m": 4.0} | camera
    cameras = gpd.GeoDataFrame(
        {k: [v] for k, v in record.items()}, geometry=[shapely.Point(*ORIGIN)], crs=CRS
    )
    frame = None
    if buildings is not None:
        frame = gpd.GeoDataFrame(
            [values for _, values in buildings],
            geometry=[shapely.affinity.translate(shape, *ORIGIN) for shape, _ in buildings],
            crs=CRS,
        )
    view = geo.visible_area(cameras, frame, terrain=terrain).iloc[0]
    assert view.is_valid
    return shapely.affinity.translate(view, -ORIGIN[0], -ORIGIN[1])


def test_visible_area_near_and_far_edge_follow_the_tilt() -> None:
    # Height 4 m, tilt 30 degrees, vertical angle 20 degrees: from 4/tan 40 to 4/tan 20.
    view = view_of(tilt_deg=30.0, vfov_deg=20.0)
    assert not view.contains(shapely.Point(0, 4 / np.tan(np.radians(40)) - 0.1))
    assert view.contains(shapely.Point(0, 4 / np.tan(np.radians(40)) + 0.1))
    assert view.bounds[3] == pytest.approx(4 / np.tan(np.radians(20)), abs=0.06)
    # A recorded near edge takes precedence; an image above the horizon ends at the range.
    recorded = view_of(tilt_deg=10.0, vfov_deg=40.0, near_m=1.0)
    assert recorded.bounds[3] == pytest.approx(60.0, abs=0.06)
    assert recorded.contains(shapely.Point(0, 1.2))
    assert view_of(tilt_deg=80.0, vfov_deg=40.0).contains(shapely.Point(0, 0.5))
    assert view_of(tilt_deg=-30.0, vfov_deg=20.0).is_empty
    with pytest.raises(ColumnError, match="vfov_deg"):
        view_of(tilt_deg=3.0, vfov_deg=0.0)


def test_visible_area_parapet_hides_ground() -> None:
    wall = shapely.box(-50, 10, 50, 12)
    plain = view_of(buildings=[(wall, {"height_m": 1.0})])
    with_parapet = view_of(buildings=[(wall, {"height_m": 1.0, "parapet_m": 1.0})])
    assert plain.contains(shapely.Point(0, 16.5))
    assert not with_parapet.contains(shapely.Point(0, 23.5))
    assert with_parapet.contains(shapely.Point(0, 24.5))
    house = shapely.box(-10, -10, 10, 10)
    # At 6 m, on a roof of 3 m behind a parapet up to 7 m: it sees from 10 * 6 / 3 = 20 m on.
    own_parapet = view_of(buildings=[(house, {"height_m": 3.0, "parapet_m": 4.0})], height_m=6.0)
    assert not own_parapet.contains(shapely.Point(0, 19.5))
    assert own_parapet.contains(shapely.Point(0, 20.5))
    # A parapet of the same height on the neighbouring building hides everything.
    neighbour = shapely.box(12, -50, 14, 50)
    other_parapet = view_of(
        buildings=[
            (house, {"height_m": 3.0, "parapet_m": 0.0}),
            (neighbour, {"height_m": 3.0, "parapet_m": 4.0}),
        ],
        height_m=6.0,
    )
    assert not other_parapet.contains(shapely.Point(55, 0))


def test_visible_area_is_unchanged_by_level_terrain() -> None:
    blocks = [
        (shapely.box(-50, 10, 50, 12), {"height_m": 2.0}),
        (shapely.box(20, -30, 25, -10), {"height_m": np.nan}),
    ]
    flat = view_of(buildings=blocks)
    high = view_of(make_terrain(np.full((100, 100), 812.5)), blocks)
    assert high.symmetric_difference(flat).area < 1e-6


def test_visible_area_building_on_lower_ground_hides_less() -> None:
    # North of 5 m the ground is 6 m lower: a wall of 2 m, seen from 10 m, hides up to 15 m.
    height = np.zeros((200, 200))
    height[: 100 - 2] = -6.0
    wall = [(shapely.box(-50, 10, 50, 12), {"height_m": 2.0})]
    view = view_of(make_terrain(height), wall)
    assert not view.contains(shapely.Point(0, 14.9))
    assert view.contains(shapely.Point(0, 15.1))
    # On higher ground the same wall hides everything.
    assert not view_of(make_terrain(-height), wall).intersects(shapely.box(-5, 12.5, 5, 60))


def test_visible_area_ridge_hides_ground_behind_it() -> None:
    # A ridge 3 m high at 20 m, seen from 4 m: level ground is hidden up to 20 * 4 / 1 = 80 m.
    height = np.zeros((200, 200))
    height[100 - 11 : 100 - 9] = 3.0
    view = view_of(make_terrain(height, cell=2.0))
    assert view.contains(shapely.Point(0, 15))
    assert not view.intersects(shapely.box(-3, 30, 3, 58))
    assert view.contains(shapely.Point(0, -50))
    # From twice as high it is hidden up to 20 * 8 / 5 = 32 m only, to a cell of the raster.
    from_above = view_of(make_terrain(height, cell=2.0), height_m=8.0)
    assert not from_above.contains(shapely.Point(0, 28))
    assert from_above.contains(shapely.Point(0, 37))


def test_read_terrain_reprojects_a_geotiff(tmp_path: Path) -> None:
    path = tmp_path / "ground.tif"
    lon, lat, step = 116.99, 36.15, 0.0002
    rows, cols = 120, 120
    slope = 100.0 + np.arange(cols)[None, :] * 0.5 + np.zeros((rows, 1))
    slope[:3, :3] = -9999.0
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=cols,
        height=rows,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        nodata=-9999.0,
        transform=rasterio.transform.from_origin(lon, lat, step, step),
    ) as dataset:
        dataset.write(slope.astype("float32"), 1)
    terrain = geo.read_terrain(path, "EPSG:32650", cell_m=10.0)
    assert terrain.cell_m == pytest.approx(10.0)
    assert np.isfinite(terrain.elevation).all()
    assert terrain.elevation.min() > 90.0
    geographic_point = gpd.GeoSeries(
        gpd.points_from_xy([lon + 60.5 * step], [lat - 60.5 * step]), crs=4326
    )
    point = geographic_point.to_crs("EPSG:32650").iloc[0]
    assert terrain.at(point.x, point.y)[0] == pytest.approx(130.0, abs=0.3)
    with pytest.raises(CrsError, match="metres"):
        geo.read_terrain(path, "EPSG:4326")
    (tmp_path / "no.tif").write_text("nothing")
    with pytest.raises(ReadError, match="raster"):
        geo.read_terrain(tmp_path / "no.tif", "EPSG:32650")
    walls = geo.prepare_buildings(
        gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:32651")
    )
    cameras = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:32651")
    with pytest.raises(CrsError, match="terrain"):
        geo.visible_area(cameras, walls, terrain=terrain)
