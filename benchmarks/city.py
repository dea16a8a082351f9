"""A made city of any size, the same wherever it is cut: blocks of buildings, and cameras among them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

CRS = "EPSG:32650"
CORNER = np.array([440000.0, 4400000.0])
PITCH_M = 32.0
"""One building every so many metres: about 980 a square kilometre."""
SQUARE = 32
"""Buildings along the side of one square of the city."""
SQUARE_M = PITCH_M * SQUARE
CAMERAS_A_SQUARE = 193

_SHAPES = [  # unit footprints: a bar, an L, a U, a slab with a bay
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 0.45), (0.5, 0.45), (0.5, 1), (0, 1)],
    [(0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.4), (0.3, 0.4), (0.3, 1), (0, 1)],
    [(0, 0), (0.4, 0), (0.4, -0.2), (0.7, -0.2), (0.7, 0), (1, 0), (1, 1), (0, 1)],
]
_WEIGHTS = [0.7, 0.18, 0.06, 0.06]


def square(col: int, row: int, seed: int = 1) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Cameras and buildings of one square; no building crosses its edge, none overlap."""
    rng = np.random.default_rng([seed, col + 10_000, row + 10_000])
    low = CORNER + np.array([col, row]) * SQUARE_M
    count = SQUARE * SQUARE
    place = low + (np.stack(np.divmod(np.arange(count), SQUARE), axis=1) + 0.5) * PITCH_M
    size = np.column_stack([rng.uniform(9, 20, count), rng.uniform(7, 14, count)])
    place += rng.uniform(-2, 2, (count, 2))
    turn = np.repeat(rng.uniform(0, np.pi, count // 16), 16)
    form = rng.choice(len(_SHAPES), count, p=_WEIGHTS)
    heights = np.where(
        rng.random(count) < 0.15, rng.uniform(2.5, 5, count), rng.uniform(6, 60, count)
    )
    shapes = np.empty(count, dtype=object)
    walls: list[NDArray[np.float64]] = [np.empty(0)] * count
    for k, unit in enumerate(_SHAPES):
        mine = np.flatnonzero(form == k)
        xy = (np.array(unit) - [0.5, 0.4])[None] * size[mine, None, :]
        cos, sin = np.cos(turn[mine])[:, None], np.sin(turn[mine])[:, None]
        xy = np.stack(
            [xy[..., 0] * cos - xy[..., 1] * sin, xy[..., 0] * sin + xy[..., 1] * cos], -1
        )
        xy += place[mine, None, :]
        shapes[mine] = shapely.polygons(xy)
        for b, ring in zip(mine.tolist(), xy, strict=True):
            walls[b] = ring
    buildings = gpd.GeoDataFrame({"height_m": heights}, geometry=shapes, crs=CRS)
    cameras = _cameras(rng, low, walls, shapes)
    return cameras, buildings


def _cameras(rng: np.random.Generator, low, walls, shapes) -> gpd.GeoDataFrame:
    """Two in five on poles in the open, the others on walls, 10 cm in front of them."""
    spots = low + rng.uniform(0, SQUARE_M, (4 * CAMERAS_A_SQUARE, 2))
    tree = shapely.STRtree(shapes)
    inside = np.unique(tree.query(shapely.points(spots), predicate="dwithin", distance=0.1)[0])
    poles = np.delete(spots, inside, axis=0)[: 2 * CAMERAS_A_SQUARE // 5]
    need = CAMERAS_A_SQUARE - len(poles)
    hosts = rng.choice(len(walls), need, replace=False)
    mounted = np.empty((need, 2))
    for n, b in enumerate(hosts.tolist()):
        ring = walls[b]
        a, c = ring[1], ring[2]
        along = a + rng.uniform(0.1, 0.9) * (c - a)
        out = np.array([(c - a)[1], -(c - a)[0]])
        mounted[n] = along + 0.1 * out / np.hypot(*out)
    xy = np.vstack([poles, mounted])
    count = len(xy)
    kinds = rng.choice(["fixed", "dome", "ptz", "panoramic"], count, p=[0.6, 0.2, 0.1, 0.1])
    return gpd.GeoDataFrame(
        {"kind": kinds, "bearing_deg": rng.uniform(0, 360, count)},
        geometry=gpd.points_from_xy(*xy.T),
        crs=CRS,
    )


def city(cameras: int, seed: int = 1) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """At least so many cameras (cut to the number) and the buildings of their squares."""
    import pandas as pd

    side = int(np.ceil(np.sqrt(cameras / CAMERAS_A_SQUARE)))
    parts = [square(c, r, seed) for c in range(side) for r in range(side)]
    cams = gpd.GeoDataFrame(pd.concat([p[0] for p in parts], ignore_index=True))
    builds = gpd.GeoDataFrame(pd.concat([p[1] for p in parts], ignore_index=True))
    return cams.iloc[:cameras], builds
