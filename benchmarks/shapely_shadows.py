"""Peer in Shapely: visible areas as sectors less the union of shadows."""

from __future__ import annotations

import time
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

import geo
from geo.crs import north_angle


def visible_area(
    cameras: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> tuple[float, gpd.GeoSeries]:
    """Return the seconds and the sector of each camera less the shadows of buildings in range.

    The spatial index is built beforehand.
    """
    cameras = geo.complete_cameras(cameras)
    shapes = np.asarray(buildings.geometry.values)
    heights = buildings["height_m"].to_numpy(float)
    tree = shapely.STRtree(shapes)
    tree.query(shapely.Point(0, 0))
    convergences = north_angle(cameras.geometry)
    started = time.perf_counter()
    views = [
        _visible_polygon(c, t, tree, shapes, heights)
        for c, t in zip(cameras.itertuples(), convergences, strict=True)
    ]
    seconds = time.perf_counter() - started
    return seconds, gpd.GeoSeries(views, index=cameras.index, crs=cameras.crs)


def _sector(x: float, y: float, start: float, span: float, near: float, reach: float) -> Any:
    step = 2 * np.arccos(1 - 0.05 / reach)
    angles = start + np.linspace(0, span, max(int(np.ceil(span / step)), 1) + 1)
    rim = np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)])
    if span >= 2 * np.pi - 1e-9:
        shape = shapely.Polygon(rim[:-1])
        return shape.difference(shapely.Point(x, y).buffer(near)) if near else shape
    inner = np.column_stack([x + near * np.cos(angles), y + near * np.sin(angles)])[::-1]
    return shapely.Polygon(np.vstack([rim, inner if near else [[x, y]]]))


def _visible_polygon(camera: Any, convergence: float, tree: Any, shapes: Any, heights: Any) -> Any:
    x, y = camera.geometry.x, camera.geometry.y
    span = np.radians(camera.fov_deg)
    start = np.radians(90 - camera.bearing_deg - convergence) - span / 2
    sector = _sector(x, y, start, span, camera.near_m, camera.range_m)
    eye = np.array([x, y])
    shadows = []
    for building in tree.query(sector, predicate="intersects"):
        hides_everything = not heights[building] < camera.height_m
        if hides_everything and shapely.intersects_xy(shapes[building], x, y):
            continue  # mounting on walls is omitted, which only makes the peer faster
        factor = (
            1e4 if hides_everything else camera.height_m / (camera.height_m - heights[building])
        )
        for ring in shapely.get_rings(shapes[building]):
            near = shapely.get_coordinates(ring)
            far = eye + (near - eye) * min(factor, 1e4)
            quads = np.stack([near[:-1], near[1:], far[1:], far[:-1]], axis=1)
            shadows.extend(shapely.make_valid(shapely.polygons(quads)))
        shadows.append(shapes[building])
    return sector.difference(shapely.union_all(shadows)) if shadows else sector
