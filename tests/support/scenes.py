"""Random scenes for the visibility tests, and a slow reference by definition."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from shapely import affinity

import geo

CRS = "EPSG:32650"
ORIGIN = (500000.0, 4000000.0)  # on the central meridian: grid north is true north
KINDS = ("convex", "concave", "holes", "touching", "overlapping", "mixed")


def _footprint(rng: np.random.Generator, kind: str) -> shapely.Geometry:
    x, y = rng.uniform(0, 160, 2)
    w, d = rng.uniform(5, 30), rng.uniform(5, 20)
    shape = shapely.box(x, y, x + w, y + d)
    if kind == "concave":
        shape = shape.difference(shapely.box(x + w * 0.3, y + d * 0.4, x + w * 0.7, y + d + 1))
        if rng.random() < 0.5:
            angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
            radii = rng.uniform(3, 14, 9)
            ring = np.column_stack([x + radii * np.cos(angles), y + radii * np.sin(angles)])
            star = shapely.Polygon(ring)
            shape = star if star.is_valid and star.area > 1 else shape
    elif kind == "holes":
        shape = shape.difference(shapely.box(x + w * 0.2, y + d * 0.2, x + w * 0.8, y + d * 0.8))
        if rng.random() < 0.3:
            shape = shapely.union_all([shape, shapely.box(x + w + 4, y, x + w + 9, y + d)])
    return affinity.rotate(shape, rng.uniform(0, 180), origin=(x, y))


def _row_houses(rng: np.random.Generator) -> list[shapely.Geometry]:
    x, y = np.round(rng.uniform(0, 140, 2))
    width = float(rng.integers(5, 9))
    return [
        shapely.box(x + k * width, y, x + (k + 1) * width, y + 10)
        for k in range(rng.integers(2, 6))
    ]


def make_scene(
    seed: int, *, heights: bool = True, cameras: int = 3
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Cameras and buildings of one kind, about 160 m across."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    shapes: list[shapely.Geometry] = []
    for _ in range(rng.integers(4, 16)):
        shape_kind = str(rng.choice(KINDS[:5])) if kind == "mixed" else kind
        if shape_kind == "touching":
            shapes += _row_houses(rng)
        else:
            shapes.append(_footprint(rng, shape_kind))
    if kind not in ("overlapping", "mixed"):
        disjoint: list[shapely.Geometry] = []
        for shape in shapes:
            if all(shapely.relate_pattern(shape, other, "F********") for other in disjoint):
                disjoint.append(shape)
        shapes = disjoint
    levels = rng.choice([0.0, 2.0, 3.0, 4.0, 6.0, 9.0, 20.0, np.nan], len(shapes))
    buildings = gpd.GeoDataFrame(
        {"height_m": levels if heights else np.full(len(shapes), np.nan)},
        geometry=[affinity.translate(s, *ORIGIN) for s in shapes],
        crs=CRS,
    )
    positions = rng.uniform(10, 150, (cameras, 2)) + ORIGIN
    if rng.random() < 0.3:  # one exactly on a corner
        positions[0] = shapely.get_coordinates(buildings.geometry.iloc[0])[0]
    if rng.random() < 0.3:  # one on a wall
        positions[-1] = (
            shapely.get_coordinates(buildings.geometry.iloc[-1].exterior.interpolate(3.0))[0]
            if buildings.geometry.iloc[-1].geom_type == "Polygon"
            else positions[-1]
        )
    frame = gpd.GeoDataFrame(
        {
            "bearing_deg": rng.uniform(0, 360, cameras),
            "fov_deg": rng.choice([40.0, 90.0, 180.0, 270.0, 360.0], cameras),
            "range_m": rng.uniform(15, 90, cameras),
            "near_m": rng.choice([0.0, 0.0, 2.0, 6.0], cameras),
            "height_m": rng.uniform(2.5, 10, cameras),
        },
        geometry=gpd.points_from_xy(*positions.T),
        crs=CRS,
        index=[f"c{k}" for k in range(cameras)],
    )
    return frame, buildings


def brute_force(
    camera: gpd.GeoSeries, eye: np.ndarray, buildings: gpd.GeoDataFrame, points: np.ndarray
) -> np.ndarray:
    """Whether each ground point is seen, by definition: one segment per point and building.

    Ground p is hidden by footprint B with shadow factor k when p / t lies in B for some t from 1
    to k, that is when the segment from p / k to p meets B.
    """
    offset = points - eye
    distance = np.hypot(*offset.T)
    bearing = np.degrees(np.arctan2(offset[:, 0], offset[:, 1]))
    off_axis = np.abs((bearing - camera.bearing_deg + 180) % 360 - 180)
    seen = (distance >= camera.near_m) & (distance <= camera.range_m)
    seen &= off_axis <= camera.fov_deg / 2
    for shape, roof in zip(buildings.geometry, buildings.height_m, strict=True):
        shapely.prepare(shape)
        factor = np.inf
        if roof < camera.height_m:
            factor = camera.height_m / (camera.height_m - roof)
        start = eye + offset / factor
        lines = shapely.linestrings(np.stack([start, points], axis=1))
        seen &= ~shapely.intersects(shape, lines)
    return seen


def eyes_of(cameras: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> np.ndarray:
    """Viewpoint of each camera outside buildings of its height, by an independent algorithm."""
    eyes = np.column_stack([cameras.geometry.x, cameras.geometry.y])
    for k, (point, height) in enumerate(zip(cameras.geometry, cameras.height_m, strict=True)):
        tall = buildings.geometry[~(buildings.height_m < height)]
        block = shapely.union_all(tall.values)
        parts = [p for p in shapely.get_parts(block) if p.distance(point) < 1e-6]
        if not parts:
            continue
        wall = shapely.union_all(parts).boundary
        nearest = np.array(wall.interpolate(wall.project(point)).coords[0])
        angles = np.linspace(0.0, 2 * np.pi, 360, endpoint=False)
        ring = nearest + 2e-5 * np.column_stack([np.cos(angles), np.sin(angles)])
        blocked = shapely.intersects_xy(block, ring[:, 0], ring[:, 1])
        if blocked.any() and not blocked.all():
            # The free direction that is farthest from blocked ones.
            gap = np.abs(angles[:, None] - angles[blocked][None, :])
            clearance = np.minimum(gap, 2 * np.pi - gap).min(axis=1)
            eyes[k] = ring[int(np.argmax(clearance))]
    return eyes


def visible(cameras: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Shorthand for `geo.visible_area`."""
    return geo.visible_area(cameras, buildings)
