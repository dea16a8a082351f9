"""Buildings of the demo district."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.boundaries import make_landcover
from geo.demo.plan import CRS, SEED, Plan, make_river, plot_size, warp

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True)
class _Block:
    """Part of a lattice cell that is built on, lattice metres."""

    u0: float
    v0: float
    u1: float
    v1: float
    zone: str


@dataclass(frozen=True)
class _Footprint:
    """A building as a rectangle of the lattice, metres."""

    u: float
    v: float
    width: float
    depth: float
    height: float
    zone: str


def make_buildings(plan: Plan) -> GeoDataFrame:
    """Return all buildings on dry ground, numbered, a few without a height.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    geopandas.GeoDataFrame
        `id`, `height_m` (metres), `zone`, `geometry` (polygons in `CRS`).
    """
    rng = np.random.default_rng(SEED + 2)
    footprints: list[_Footprint] = []
    shapes: list[Any] = []
    for block in _blocks(plan):
        for footprint in _FOOTPRINTS_OF[block.zone](block, rng):
            footprints.append(footprint)
            shapes.append(_shape(footprint, rng))
    frame = gpd.GeoDataFrame(
        {
            "height_m": [round(footprint.height, 1) for footprint in footprints],
            "zone": [footprint.zone for footprint in footprints],
        },
        geometry=shapes,
        crs=CRS,
    )
    wet = [make_river(plan), *make_landcover(plan).query("`class` == 'water'").geometry]
    frame = frame[~frame.intersects(shapely.buffer(shapely.union_all(wet), 16))].reset_index(
        drop=True
    )
    rng = np.random.default_rng(SEED + 3)
    frame.loc[rng.random(len(frame)) < 0.015, "height_m"] = np.nan
    frame.insert(0, "id", [f"B{k + 1:05d}" for k in range(len(frame))])
    return frame


def _blocks(plan: Plan) -> Iterator[_Block]:
    """Yield the cells of the district that are built on, without the streets around them."""
    for c, r in np.argwhere(plan.inside):
        zone = str(plan.zone[c, r])
        if zone in _FOOTPRINTS_OF:
            yield _Block(
                plan.u[c] + 16, plan.v[r] + 16, plan.u[c + 1] - 16, plan.v[r + 1] - 16, zone
            )


def _shape(footprint: _Footprint, rng: np.random.Generator) -> Any:
    """Return the polygon of a footprint on the map; some old houses are L-shaped."""
    u, v, w, d = footprint.u, footprint.v, footprint.width, footprint.depth
    corners = [[u, v], [u + w, v], [u + w, v + d], [u, v + d]]
    if footprint.zone in ("old", "village") and rng.random() < 0.25:
        corners[2:3] = [[u + w, v + d * 0.5], [u + w * 0.55, v + d * 0.5], [u + w * 0.55, v + d]]
    return shapely.Polygon(warp(np.array(corners)))


# Each of these draws the numbers of a footprint right before it yields it: the polygon of the
# footprint is drawn next, from the same generator.


def _houses(block: _Block, rng: np.random.Generator) -> Iterator[_Footprint]:
    """Yield the houses of an old quarter or a village; every third column leaves a lane."""
    u, v = plot_size(block.zone)
    for i, a in enumerate(np.arange(block.u0, block.u1 - u * 0.7, u)):
        for j, b in enumerate(np.arange(block.v0, block.v1 - v * 0.7, v)):
            if rng.random() < 0.9:
                width = u - (4.0 if i % 3 == 2 else 0.6 + rng.uniform(0, 1.5))
                depth = v - (4.0 if j % 2 == 1 else 0.8 + rng.uniform(0, 2.0))
                height = rng.choice([3.2, 3.6, 4.2, 6.5, 7.0], p=[0.3, 0.25, 0.2, 0.15, 0.1])
                yield _Footprint(a, b, width, depth, height, block.zone)


def _housing(block: _Block, rng: np.random.Generator) -> Iterator[_Footprint]:
    """Yield the slabs of a housing estate, and a row of shops along its northern edge."""
    floors = int(rng.choice([6, 6, 7, 11, 18, 26]))
    length, gap = (46.0, 27.0) if floors <= 7 else (33.0, 38.0)
    for b in np.arange(block.v0, block.v1 - 13, gap):
        a = block.u0 + rng.uniform(0, 8)
        while a + length < block.u1:
            if rng.random() < 0.93:
                depth = rng.uniform(11, 14)
                height = floors * 2.9 + rng.uniform(0, 2)
                yield _Footprint(a, b, length, depth, height, block.zone)
            a += length + rng.uniform(9, 16)
    for a in np.arange(block.u0, block.u1 - 12, 22.0):
        if rng.random() < 0.75:
            width = rng.uniform(12, 19)
            height = rng.choice([3.8, 4.5, 7.5])
            yield _Footprint(a, block.v1 - 8, width, 8, height, block.zone)


def _towers(block: _Block, rng: np.random.Generator) -> Iterator[_Footprint]:
    """Yield towers, each on a podium."""
    for a in np.arange(block.u0, block.u1 - 38, 62.0):
        for b in np.arange(block.v0, block.v1 - 38, 64.0):
            height = rng.uniform(45, 160)
            yield _Footprint(a, b, 46, 40, rng.uniform(9, 18), "podium")
            width, depth = rng.uniform(22, 30), rng.uniform(22, 28)
            yield _Footprint(a + 8, b + 6, width, depth, height, block.zone)


def _halls(block: _Block, rng: np.random.Generator) -> Iterator[_Footprint]:
    """Yield the halls of an industrial block."""
    for a in np.arange(block.u0, block.u1 - 50, 74.0):
        for b in np.arange(block.v0, block.v1 - 30, 52.0):
            if rng.random() < 0.85:
                width, depth = rng.uniform(45, 66), rng.uniform(24, 40)
                yield _Footprint(a, b, width, depth, rng.uniform(6, 12), block.zone)


def _pavilions(block: _Block, rng: np.random.Generator) -> Iterator[_Footprint]:
    """Yield the pavilions of a park."""
    for _ in range(3):
        u, v = rng.uniform(block.u0, block.u1 - 12), rng.uniform(block.v0, block.v0 + 20)
        yield _Footprint(u, v, 9, 7, 3.5, block.zone)


_FOOTPRINTS_OF: dict[str, Callable[[_Block, np.random.Generator], Iterator[_Footprint]]] = {
    "old": _houses,
    "village": _houses,
    "housing": _housing,
    "towers": _towers,
    "industrial": _halls,
    "park": _pavilions,
}
