"""Buildings, streets and key places of the demo district."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.boundaries import make_landcover
from geo.demo.plan import (
    COLS,
    CRS,
    RIVER_ROW,
    ROADS,
    ROWS,
    SEED,
    Plan,
    lattice_block,
    lattice_line,
    make_river,
    warp,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


def _footprints(plan: Plan) -> tuple[list[Any], list[float], list[str]]:
    """Buildings of every cell in lattice metres, bent, with height and zone."""
    rng = np.random.default_rng(SEED + 2)
    shapes: list[Any] = []
    heights: list[float] = []
    zones: list[str] = []

    def put(u: float, v: float, w: float, d: float, height: float, zone: str) -> None:
        corners = np.array([[u, v], [u + w, v], [u + w, v + d], [u, v + d]])
        if zone in ("old", "village") and rng.random() < 0.25:
            corners = np.array([[u, v], [u + w, v], [u + w, v + d * 0.5], [u + w * 0.55, v + d * 0.5],
                                [u + w * 0.55, v + d], [u, v + d]])  # fmt: skip
        shapes.append(shapely.Polygon(warp(corners)))
        heights.append(round(height, 1))
        zones.append(zone)

    for c, r in np.argwhere(plan.kept):
        zone = str(plan.zone[c, r])
        u0, v0, u1, v1 = plan.u[c] + 16, plan.v[r] + 16, plan.u[c + 1] - 16, plan.v[r + 1] - 16
        if zone in ("old", "village"):
            u, v = (17.5, 17.0) if zone == "old" else (26.0, 24.0)
            for i, a in enumerate(np.arange(u0, u1 - u * 0.7, u)):
                for j, b in enumerate(np.arange(v0, v1 - v * 0.7, v)):
                    # Every third row or column leaves a lane.
                    if rng.random() < 0.9:
                        w = u - (4.0 if i % 3 == 2 else 0.6 + rng.uniform(0, 1.5))
                        d = v - (4.0 if j % 2 == 1 else 0.8 + rng.uniform(0, 2.0))
                        put(
                            a,
                            b,
                            w,
                            d,
                            rng.choice([3.2, 3.6, 4.2, 6.5, 7.0], p=[0.3, 0.25, 0.2, 0.15, 0.1]),
                            zone,
                        )
        elif zone == "housing":
            floors = int(rng.choice([6, 6, 7, 11, 18, 26]))
            length, gap = (46.0, 27.0) if floors <= 7 else (33.0, 38.0)
            for b in np.arange(v0, v1 - 13, gap):
                a = u0 + rng.uniform(0, 8)
                while a + length < u1:
                    if rng.random() < 0.93:
                        put(
                            a,
                            b,
                            length,
                            rng.uniform(11, 14),
                            floors * 2.9 + rng.uniform(0, 2),
                            zone,
                        )
                    a += length + rng.uniform(9, 16)
            for a in np.arange(u0, u1 - 12, 22.0):
                if rng.random() < 0.75:
                    put(a, v1 - 8, rng.uniform(12, 19), 8, rng.choice([3.8, 4.5, 7.5]), zone)
        elif zone == "towers":
            for a in np.arange(u0, u1 - 38, 62.0):
                for b in np.arange(v0, v1 - 38, 64.0):
                    height = rng.uniform(45, 160)
                    put(a, b, 46, 40, rng.uniform(9, 18), "podium")
                    put(a + 8, b + 6, rng.uniform(22, 30), rng.uniform(22, 28), height, zone)
        elif zone == "industrial":
            for a in np.arange(u0, u1 - 50, 74.0):
                for b in np.arange(v0, v1 - 30, 52.0):
                    if rng.random() < 0.85:
                        put(
                            a, b, rng.uniform(45, 66), rng.uniform(24, 40), rng.uniform(6, 12), zone
                        )
        elif zone == "park":
            for _ in range(3):
                put(rng.uniform(u0, u1 - 12), rng.uniform(v0, v0 + 20), 9, 7, 3.5, zone)
    return shapes, heights, zones


def make_streets(plan: Plan) -> GeoDataFrame:
    """The street network: lattice lines, river banks, lanes inside the blocks."""
    rows: list[tuple[str, str | None, str | None, str, Any]] = []
    river = make_river(plan)

    def edge_kept(c: int, r: int, along_u: bool) -> bool:
        for dc, dr in ((0, 0), (0, -1) if along_u else (-1, 0)):
            if 0 <= c + dc < COLS and 0 <= r + dr < ROWS and plan.kept[c + dc, r + dr]:
                return True
        return False

    def add(kind: str, index: int, along_u: bool, pieces: list[Any]) -> None:
        if not pieces:
            return
        name = ROADS[(index // 3 * 2 + along_u) % len(ROADS)] if kind == "primary" else (None, None)
        merged = shapely.line_merge(shapely.multilinestrings(pieces))
        rows.append((f"{'h' if along_u else 'v'}{index:02d}", name[0], name[1], kind, merged))

    for r in range(ROWS + 1):
        if r == RIVER_ROW:
            continue
        kind = "primary" if r % 3 == 0 else "secondary"
        add(kind, r, True, [shapely.LineString(warp(lattice_line(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r])))
                            for c in range(COLS) if edge_kept(c, r, True)])  # fmt: skip
    for c in range(COLS + 1):
        bridge = c % 3 == 0 and 2 < c < 20
        kind = "primary" if c % 3 == 0 else "secondary"
        pieces = [shapely.LineString(warp(lattice_line(plan.u[c], plan.v[r], plan.u[c], plan.v[r + 1])))
                  for r in range(ROWS) if edge_kept(c, r, False)]  # fmt: skip
        if not bridge:
            pieces = [
                q
                for p in pieces
                for q in shapely.get_parts(shapely.difference(p, shapely.buffer(river, 14)))
            ]
        add(kind, c, False, pieces)
    for side in (-1, 1):
        level = plan.v[RIVER_ROW] + side * 100
        spans = [shapely.LineString(warp(lattice_line(plan.u[c], level, plan.u[c + 1], level)))
                 for c in range(COLS) if plan.kept[c, RIVER_ROW - (side < 0)]]  # fmt: skip
        rows.append((f"bank{side:+d}", "滨江路", "Binjiang Road", "secondary",
                     shapely.line_merge(shapely.multilinestrings(spans))))  # fmt: skip
    for k, (c, r) in enumerate(np.argwhere(plan.kept)):
        zone = plan.zone[c, r]
        u0, v0, u1, v1 = plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1]
        lanes: list[NDArray[np.float64]] = []
        if zone in ("old", "village"):
            u, v = (17.5, 17.0) if zone == "old" else (26.0, 24.0)
            lanes += [
                lattice_line(a - 2, v0, a - 2, v1) for a in np.arange(u0 + 16, u1 - 30, u * 3)[1:]
            ]
            lanes += [
                lattice_line(u0, b - 2, u1, b - 2) for b in np.arange(v0 + 16, v1 - 30, v * 2)[1::2]
            ]
        elif zone in ("housing", "industrial"):
            middle = (v0 + v1) / 2
            lanes.append(lattice_line(u0, middle, u1, middle))
        if lanes:
            lines = shapely.multilinestrings([shapely.LineString(warp(lane)) for lane in lanes])
            dry = shapely.difference(lines, shapely.buffer(river, 14))
            if not dry.is_empty:
                kind = "lane" if zone in ("old", "village") else "local"
                rows.append((f"{kind}-{k:03d}", None, None, kind, dry))
    return gpd.GeoDataFrame(
        [row[:4] for row in rows], columns=["id", "name", "name_en", "class"],
        geometry=[row[4] for row in rows], crs=CRS,
    )  # fmt: skip


def make_buildings(plan: Plan) -> GeoDataFrame:
    """All buildings on dry ground, numbered, a few without height."""
    shapes, heights, zones = _footprints(plan)
    frame = gpd.GeoDataFrame({"height_m": heights, "zone": zones}, geometry=shapes, crs=CRS)
    wet = [make_river(plan), *make_landcover(plan).query("`class` == 'water'").geometry]
    frame = frame[~frame.intersects(shapely.buffer(shapely.union_all(wet), 16))].reset_index(
        drop=True
    )
    rng = np.random.default_rng(SEED + 3)
    frame.loc[rng.random(len(frame)) < 0.015, "height_m"] = np.nan
    frame.insert(0, "id", [f"B{k + 1:05d}" for k in range(len(frame))])
    return frame


def make_key_places(plan: Plan) -> GeoDataFrame:
    """Schools, hospitals, markets and the square."""
    rng = np.random.default_rng(SEED + 6)
    kinds = (
        ("学校", "School", "school"),
        ("医院", "Hospital", "hospital"),
        ("农贸市场", "Market", "market"),
    )
    rows = []
    cells = np.argwhere(plan.kept & np.isin(plan.zone.astype(str), ["housing", "old"]))
    for k, (c, r) in enumerate(cells[rng.choice(len(cells), 45, replace=False)]):
        zh, en, kind = kinds[int(rng.choice(3, p=[0.6, 0.15, 0.25]))]
        u, v = (
            rng.uniform(plan.u[c] + 15, plan.u[c] + 80),
            rng.uniform(plan.v[r] + 15, plan.v[r] + 80),
        )
        rows.append(
            (
                f"K{k + 1:03d}",
                f"{zh}{k + 1}",
                f"{en} {k + 1}",
                kind,
                1.0,
                lattice_block(u, v, u + 90, v + 70),
            )
        )
    for c, r in np.argwhere(plan.zone == "square"):
        rows.append(("K900", "市民广场", "Civic Square", "square", 1.0,
                     lattice_block(plan.u[c] + 25, plan.v[r] + 25, plan.u[c + 1] - 25, plan.v[r + 1] - 25)))  # fmt: skip
    return gpd.GeoDataFrame(
        [row[:5] for row in rows], columns=["code", "name", "name_en", "kind", "required_share"],
        geometry=[row[5] for row in rows], crs=CRS,
    )  # fmt: skip
