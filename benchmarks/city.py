"""Synthetic city of any size: squares of buildings with cameras among them.

A square is the same whatever the size of the city.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

CRS = "EPSG:32650"
CORNER = np.array([440000.0, 4400000.0])
PITCH_M = 32.0
"""Distance between buildings in metres: about 980 per square kilometre."""
SQUARE = 32
"""Buildings along the side of one square of the city."""
SQUARE_M = PITCH_M * SQUARE
CAMERAS_PER_SQUARE = 193

_SHAPES = [  # unit footprints: a bar, an L, a U, a slab with a bay
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 0.45), (0.5, 0.45), (0.5, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.4), (0.3, 0.4), (0.3, 1), (0, 1)],
    [(0, 0), (0.4, 0), (0.4, -0.2), (0.7, -0.2), (0.7, 0), (1, 0), (1, 1), (0, 1)],
]
_WEIGHTS = [0.7, 0.18, 0.06, 0.06]


def square(col: int, row: int, seed: int = 1) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return cameras and buildings of one square; buildings neither cross its edge nor overlap."""
    rng = np.random.default_rng([seed, col + 10_000, row + 10_000])
    origin = CORNER + np.array([col, row]) * SQUARE_M
    count = SQUARE * SQUARE
    positions = origin + (np.stack(np.divmod(np.arange(count), SQUARE), axis=1) + 0.5) * PITCH_M
    sizes = np.column_stack([rng.uniform(9, 20, count), rng.uniform(7, 14, count)])
    positions += rng.uniform(-2, 2, (count, 2))
    rotations = np.repeat(rng.uniform(0, np.pi, count // 16), 16)
    shape_indexes = rng.choice(len(_SHAPES), count, p=_WEIGHTS)
    heights = np.where(
        rng.random(count) < 0.15, rng.uniform(2.5, 5, count), rng.uniform(6, 60, count)
    )
    shapes = np.empty(count, dtype=object)
    walls: list[NDArray[np.float64]] = [np.empty(0)] * count
    for k, unit in enumerate(_SHAPES):
        members = np.flatnonzero(shape_indexes == k)
        xy = (np.array(unit) - [0.5, 0.4])[None] * sizes[members, None, :]
        cos, sin = np.cos(rotations[members])[:, None], np.sin(rotations[members])[:, None]
        xy = np.stack(
            [xy[..., 0] * cos - xy[..., 1] * sin, xy[..., 0] * sin + xy[..., 1] * cos], -1
        )
        xy += positions[members, None, :]
        shapes[members] = shapely.polygons(xy)
        for building, ring in zip(members.tolist(), xy, strict=True):
            walls[building] = ring
    buildings = gpd.GeoDataFrame({"height_m": heights}, geometry=shapes, crs=CRS)
    cameras = _cameras(rng, origin, walls, shapes)
    return cameras, buildings


def _cameras(rng: np.random.Generator, origin, walls, shapes) -> gpd.GeoDataFrame:
    """Return cameras: two in five on poles in the open, the others 10 cm in front of walls."""
    candidates = origin + rng.uniform(0, SQUARE_M, (4 * CAMERAS_PER_SQUARE, 2))
    tree = shapely.STRtree(shapes)
    blocked = np.unique(
        tree.query(shapely.points(candidates), predicate="dwithin", distance=0.1)[0]
    )
    poles = np.delete(candidates, blocked, axis=0)[: 2 * CAMERAS_PER_SQUARE // 5]
    wall_count = CAMERAS_PER_SQUARE - len(poles)
    hosts = rng.choice(len(walls), wall_count, replace=False)
    mounted = np.empty((wall_count, 2))
    for n, building in enumerate(hosts.tolist()):
        ring = walls[building]
        start, end = ring[1], ring[2]
        along = start + rng.uniform(0.1, 0.9) * (end - start)
        outward = np.array([(end - start)[1], -(end - start)[0]])
        mounted[n] = along + 0.1 * outward / np.hypot(*outward)
    xy = np.vstack([poles, mounted])
    count = len(xy)
    kinds = rng.choice(["fixed", "dome", "ptz", "panoramic"], count, p=[0.6, 0.2, 0.1, 0.1])
    return gpd.GeoDataFrame(
        {"kind": kinds, "bearing_deg": rng.uniform(0, 360, count)},
        geometry=gpd.points_from_xy(*xy.T),
        crs=CRS,
    )


def city(cameras: int, seed: int = 1) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return a number of cameras and the buildings of their squares."""
    import pandas as pd

    side = int(np.ceil(np.sqrt(cameras / CAMERAS_PER_SQUARE)))
    parts = [square(c, r, seed) for c in range(side) for r in range(side)]
    all_cameras = gpd.GeoDataFrame(pd.concat([p[0] for p in parts], ignore_index=True))
    all_buildings = gpd.GeoDataFrame(pd.concat([p[1] for p in parts], ignore_index=True))
    return all_cameras.iloc[:cameras], all_buildings
