"""Streets of the demo district: lattice lines, river banks, lanes inside the blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.plan import (
    COLS,
    CRS,
    RIVER_ROW,
    ROADS,
    ROWS,
    Plan,
    lattice_line,
    make_river,
    plot_size,
    warp,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_BANK_M = 14.0
"""Distance from the river within which streets other than bridges end."""


class _Street(NamedTuple):
    id: str
    name: str | None
    name_en: str | None
    kind: str
    geometry: Any


def make_streets(plan: Plan) -> GeoDataFrame:
    """Return the street network.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    geopandas.GeoDataFrame
        `id`, `name`, `name_en`, `class` (primary, secondary, local, lane), `geometry` (lines in
        `CRS`).
    """
    banks = shapely.buffer(make_river(plan), _BANK_M)
    streets = [
        *_east_west_streets(plan),
        *_north_south_streets(plan, banks),
        *_riverside_roads(plan),
        *_block_streets(plan, banks),
    ]
    return gpd.GeoDataFrame(
        [street[:4] for street in streets],
        columns=["id", "name", "name_en", "class"],
        geometry=[street.geometry for street in streets],
        crs=CRS,
    )


def _east_west_streets(plan: Plan) -> list[_Street]:
    streets = []
    for r in range(ROWS + 1):
        if r == RIVER_ROW:
            continue
        pieces = [
            _line(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r])
            for c in range(COLS)
            if _is_inside(plan, c, r) or _is_inside(plan, c, r - 1)
        ]
        streets += _lattice_street(r, True, pieces)
    return streets


def _north_south_streets(plan: Plan, banks: Any) -> list[_Street]:
    streets = []
    for c in range(COLS + 1):
        pieces = [
            _line(plan.u[c], plan.v[r], plan.u[c], plan.v[r + 1])
            for r in range(ROWS)
            if _is_inside(plan, c, r) or _is_inside(plan, c - 1, r)
        ]
        is_bridge = c % 3 == 0 and 2 < c < 20
        if not is_bridge:
            dry = [shapely.difference(piece, banks) for piece in pieces]
            pieces = [part for piece in dry for part in shapely.get_parts(piece)]
        streets += _lattice_street(c, False, pieces)
    return streets


def _lattice_street(index: int, east_west: bool, pieces: list[Any]) -> list[_Street]:
    """Return the street along a lattice line; every third one is a primary road with a name."""
    if not pieces:
        return []
    kind = "primary" if index % 3 == 0 else "secondary"
    number = (index // 3 * 2 + east_west) % len(ROADS)
    name, name_en = ROADS[number] if kind == "primary" else (None, None)
    merged = shapely.line_merge(shapely.multilinestrings(pieces))
    return [_Street(f"{'h' if east_west else 'v'}{index:02d}", name, name_en, kind, merged)]


def _riverside_roads(plan: Plan) -> list[_Street]:
    streets = []
    for side in (-1, 1):
        level = plan.v[RIVER_ROW] + side * 100
        pieces = [
            _line(plan.u[c], level, plan.u[c + 1], level)
            for c in range(COLS)
            if plan.inside[c, RIVER_ROW - (side < 0)]
        ]
        merged = shapely.line_merge(shapely.multilinestrings(pieces))
        streets.append(_Street(f"bank{side:+d}", "滨江路", "Binjiang Road", "secondary", merged))
    return streets


def _block_streets(plan: Plan, banks: Any) -> list[_Street]:
    """Return the lanes of old quarters and villages, and a street through larger blocks."""
    streets = []
    for k, (c, r) in enumerate(np.argwhere(plan.inside)):
        zone = plan.zone[c, r]
        lines = _lines_in_block(zone, plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1])
        if not lines:
            continue
        multiline = shapely.multilinestrings([shapely.LineString(warp(line)) for line in lines])
        dry = shapely.difference(multiline, banks)
        if not dry.is_empty:
            kind = "lane" if zone in ("old", "village") else "local"
            streets.append(_Street(f"{kind}-{k:03d}", None, None, kind, dry))
    return streets


def _lines_in_block(
    zone: str, u0: float, v0: float, u1: float, v1: float
) -> list[NDArray[np.float64]]:
    if zone in ("old", "village"):
        u, v = plot_size(zone)
        columns = np.arange(u0 + 16, u1 - 30, u * 3)[1:]
        rows = np.arange(v0 + 16, v1 - 30, v * 2)[1::2]
        return [
            *(lattice_line(a - 2, v0, a - 2, v1) for a in columns),
            *(lattice_line(u0, b - 2, u1, b - 2) for b in rows),
        ]
    if zone in ("housing", "industrial"):
        middle = (v0 + v1) / 2
        return [lattice_line(u0, middle, u1, middle)]
    return []


def _is_inside(plan: Plan, c: int, r: int) -> bool:
    return bool(0 <= c < COLS and 0 <= r < ROWS and plan.inside[c, r])


def _line(u0: float, v0: float, u1: float, v1: float) -> Any:
    return shapely.LineString(warp(lattice_line(u0, v0, u1, v1)))
