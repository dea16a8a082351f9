"""Areas, grids and land cover of the demo district, which are committed as GeoJSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.plan import (
    COMMUNITIES,
    CRS,
    DISTRICT,
    SEED,
    SUBDISTRICTS,
    Plan,
    group_cells,
    make_plan,
    make_river,
    warp,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


_POPULATION = {
    "old": 1500,
    "housing": 1900,
    "towers": 900,
    "village": 700,
    "industrial": 120,
    "park": 15,
    "square": 40,
}
"""Mean population of a grid of each zone."""
_LANDCOVER = {
    "park": ("green", "公园", "Park", 12),
    "square": ("square", "市民广场", "Civic Square", 25),
    "industrial": ("industrial", "", "", 6),
}
"""Class, names and distance from the streets (metres) of the land cover of each zone."""


def boundaries_dir() -> Path:
    """Return the folder of the committed boundaries, in a checkout or an installed package.

    Returns
    -------
    pathlib.Path
        The folder with `areas.geojson`, `grids.geojson` and `landcover.geojson`.
    """
    checkout = Path(__file__).parents[2] / "data" / "boundaries"
    return checkout if checkout.is_dir() else Path(__file__).parents[1] / "_boundaries"


def make_boundaries() -> dict[str, GeoDataFrame]:
    """Return areas, grids and land cover, made from the seed.

    Returns
    -------
    dict of str to geopandas.GeoDataFrame
        `areas`, `grids` and `landcover` in EPSG:4326.
    """
    plan = make_plan()
    communities = _communities(plan)
    grids = _make_grids(plan, communities)
    areas = _make_areas(communities, grids)
    return {
        "areas": areas.to_crs("EPSG:4326"),
        "grids": grids.to_crs("EPSG:4326"),
        "landcover": make_landcover(plan).to_crs("EPSG:4326"),
    }


@dataclass(frozen=True)
class _Community:
    """A community: its code, names, sub-district and lattice cells."""

    code: str
    name: str
    name_en: str
    subdistrict: int
    cells: list[tuple[int, int]]


def _communities(plan: Plan) -> list[_Community]:
    """Return the communities in the order of their block numbers, cells from north to south."""
    block = group_cells(plan)
    numbers = [int(b) for b in np.unique(block) if b >= 0]
    subdistrict = {b: (0 if b % 10 >= 3 else 3) + min((b // 10) * 3 // 8, 2) for b in numbers}
    serials: dict[int, int] = {}
    codes: dict[int, str] = {}
    for b in sorted(numbers, key=lambda b: (subdistrict[b], b // 10, -(b % 10))):
        number = subdistrict[b]
        serials[number] = serials.get(number, 0) + 1
        codes[b] = f"{DISTRICT}{number + 1:03d}{serials[number]:03d}"
    communities = []
    for k, b in enumerate(numbers):
        name, name_en = COMMUNITIES[k % len(COMMUNITIES)]
        if k >= len(COMMUNITIES):
            name, name_en = f"{name}新", f"{name_en} New"
        cells = [(int(c), int(r)) for c, r in np.argwhere(block == b)]
        cells.sort(key=lambda cell: (cell[0], -cell[1]))
        communities.append(_Community(codes[b], name, name_en, subdistrict[b], cells))
    return communities


def _make_grids(plan: Plan, communities: list[_Community]) -> GeoDataFrame:
    """Return a grid per cell, numbered within its community."""
    rng = np.random.default_rng(SEED + 1)
    rows, shapes = [], []
    for community in communities:
        for number, (c, r) in enumerate(community.cells, start=1):
            zone = plan.zone[c, r]
            special = zone in ("square", "park") or (zone == "industrial" and rng.random() < 0.25)
            shapes.append(plan.block(c, r))
            rows.append(
                {
                    "code": f"{community.code}{number:03d}",
                    "name": f"{community.name}社区第{number}网格",
                    "name_en": f"{community.name_en} Grid {number}",
                    "community": community.code,
                    "population": int(_POPULATION[zone] * rng.uniform(0.7, 1.3)),
                    "kind": "special" if special else "basic",
                }
            )
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _make_areas(communities: list[_Community], grids: GeoDataFrame) -> GeoDataFrame:
    """Return the district, its sub-districts and communities, parents before their children."""
    population = grids.groupby("community")["population"].sum()
    rows: list[tuple[Any, ...]] = []
    shapes: list[Any] = []
    for community in communities:
        cells = grids.geometry[grids["community"] == community.code]
        rows.append(
            (
                community.code,
                f"{community.name}社区",
                f"{community.name_en} Community",
                "community",
                community.code[:9],
                int(population[community.code]),
            )
        )
        shapes.append(shapely.union_all(cells.to_numpy()))
    for number in sorted({community.subdistrict for community in communities}):
        code = f"{DISTRICT}{number + 1:03d}"
        members = [k for k, row in enumerate(rows) if row[3] == "community" and row[4] == code]
        name, name_en = SUBDISTRICTS[number]
        people = sum(rows[k][5] for k in members)
        rows.append((code, name, f"{name_en} Sub-district", "subdistrict", DISTRICT, people))
        shapes.append(shapely.union_all([shapes[k] for k in members]))
    people = int(grids["population"].sum())
    rows.append((DISTRICT, "清河区（示例）", "Qinghe District (demo)", "district", None, people))
    shapes.append(shapely.union_all(grids.geometry.to_numpy()))
    columns = ["code", "name", "name_en", "level", "parent", "population"]
    return gpd.GeoDataFrame(rows[::-1], columns=columns, geometry=shapes[::-1], crs=CRS)


def make_landcover(plan: Plan) -> GeoDataFrame:
    """Return river, ponds, parks, the square and the industrial blocks.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    geopandas.GeoDataFrame
        `id`, `name`, `name_en`, `class`, `geometry` (polygons in `CRS`).
    """
    cells = [(int(c), int(r)) for c, r in np.argwhere(plan.inside)]
    district = shapely.union_all([plan.block(c, r) for c, r in cells])
    river = shapely.intersection(make_river(plan), shapely.buffer(district, 400))
    dry_margin = shapely.buffer(river, 12)
    rows: list[tuple[str, str, str, str, Any]] = [("water-1", "清河", "Qing River", "water", river)]
    for k, (c, r) in enumerate(cells):
        zone = plan.zone[c, r]
        if zone not in _LANDCOVER:
            continue
        kind, name, name_en, inset = _LANDCOVER[zone]
        shape = shapely.difference(plan.block(c, r, inset), dry_margin)
        rows.append((f"{kind}-{k}", name, name_en, kind, shape))
        if zone == "park":
            rows.append((f"pond-{k}", "湖", "Pond", "water", _pond(plan, c, r)))
    rows = [row for row in rows if not row[4].is_empty]
    return gpd.GeoDataFrame(
        [row[:4] for row in rows],
        columns=["id", "name", "name_en", "class"],
        geometry=[row[4] for row in rows],
        crs=CRS,
    )


def _pond(plan: Plan, c: int, r: int) -> Any:
    """Return the pond in the middle of a park."""
    u, v = (plan.u[c] + plan.u[c + 1]) / 2, (plan.v[r] + plan.v[r + 1]) / 2
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    shore = np.column_stack(
        [u + 55 * np.cos(angles), v + (30 + 8 * np.sin(3 * angles)) * np.sin(angles)]
    )
    return shapely.Polygon(warp(shore))


def write_boundaries(folder: Path) -> None:
    """Write the committed boundaries as GeoJSON, one feature per line.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of `areas.geojson`, `grids.geojson` and `landcover.geojson`, which are replaced.
    """
    for name, layer in make_boundaries().items():
        path = folder / f"{name}.geojson"
        layer.geometry = shapely.set_precision(layer.geometry.values, 1e-7, mode="pointwise")
        layer.to_file(path, driver="GeoJSON", COORDINATE_PRECISION=7)
        features = json.loads(path.read_text())["features"]
        lines = ",\n".join(
            json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features
        )
        path.write_text('{"type":"FeatureCollection","features":[\n' + lines + "\n]}\n")
