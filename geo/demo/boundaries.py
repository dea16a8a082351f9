"""Areas, grids and land cover of the demo district: what is committed as GeoJSON."""

from __future__ import annotations

import json
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
    lattice_block,
    make_plan,
    make_river,
    warp,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def boundaries_dir() -> Path:
    """The folder of the committed boundaries, in a checkout or an installed package."""
    checkout = Path(__file__).parents[2] / "data" / "boundaries"
    return checkout if checkout.is_dir() else Path(__file__).parents[1] / "_boundaries"


def make_boundaries() -> dict[str, GeoDataFrame]:
    """Areas, grids and land cover in EPSG:4326, made anew from the seed."""
    plan = make_plan()
    rng = np.random.default_rng(SEED + 1)
    community = group_cells(plan)
    numbers = [int(b) for b in np.unique(community) if b >= 0]
    sub_of = {b: (0 if b % 10 >= 3 else 3) + min((b // 10) * 3 // 8, 2) for b in numbers}
    cells: list[Any] = []
    rows: list[dict[str, Any]] = []
    members: dict[int, list[Any]] = {b: [] for b in numbers}
    sequence: dict[int, int] = {}
    codes: dict[int, str] = {}
    serial: dict[int, int] = {}
    for b in sorted(numbers, key=lambda b: (sub_of[b], b // 10, -(b % 10))):
        sub = sub_of[b]
        serial[sub] = serial.get(sub, 0) + 1
        codes[b] = f"{DISTRICT}{sub + 1:03d}{serial[sub]:03d}"
    people = {"old": 1500, "housing": 1900, "towers": 900, "village": 700, "industrial": 120,
              "park": 15, "square": 40}  # fmt: skip
    names = {b: COMMUNITIES[k % len(COMMUNITIES)] for k, b in enumerate(sorted(numbers))}
    doubled = {b: k >= len(COMMUNITIES) for k, b in enumerate(sorted(numbers))}
    for b in numbers:
        where = np.argwhere(community == b)
        for c, r in sorted(map(tuple, where), key=lambda cr: (cr[0], -cr[1])):
            sequence[b] = sequence.get(b, 0) + 1
            shape = lattice_block(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1])
            zone = plan.zone[c, r]
            zh, en = names[b]
            zh, en = (f"{zh}新", f"{en} New") if doubled[b] else (zh, en)
            special = zone in ("square", "park") or (zone == "industrial" and rng.random() < 0.25)
            cells.append(shape)
            members[b].append(shape)
            rows.append(
                {
                    "code": f"{codes[b]}{sequence[b]:03d}",
                    "name": f"{zh}社区第{sequence[b]}网格",
                    "name_en": f"{en} Grid {sequence[b]}",
                    "community": codes[b],
                    "population": int(people[zone] * rng.uniform(0.7, 1.3)),
                    "kind": "special" if special else "basic",
                }
            )
    grids = gpd.GeoDataFrame(rows, geometry=cells, crs=CRS)
    areas: list[tuple[Any, ...]] = []
    by_community = grids.groupby("community")["population"].sum()
    for b in numbers:
        zh, en = names[b]
        zh, en = (f"{zh}新", f"{en} New") if doubled[b] else (zh, en)
        areas.append((codes[b], f"{zh}社区", f"{en} Community", "community", codes[b][:9],
                      int(by_community[codes[b]]), shapely.union_all(members[b])))  # fmt: skip
    for sub in sorted(set(sub_of.values())):
        code = f"{DISTRICT}{sub + 1:03d}"
        inside = [a for a in areas if a[3] == "community" and a[4] == code]
        zh, en = SUBDISTRICTS[sub]
        areas.append((code, zh, f"{en} Sub-district", "subdistrict", DISTRICT,
                      sum(a[5] for a in inside), shapely.union_all([a[6] for a in inside])))  # fmt: skip
    areas.append((DISTRICT, "清河区（示例）", "Qinghe District (demo)", "district", None,
                  int(grids["population"].sum()), shapely.union_all(cells)))  # fmt: skip
    columns = ["code", "name", "name_en", "level", "parent", "population"]
    layer = gpd.GeoDataFrame([a[:6] for a in reversed(areas)], columns=columns,
                             geometry=[a[6] for a in reversed(areas)], crs=CRS)  # fmt: skip
    return {
        "areas": layer.to_crs("EPSG:4326"),
        "grids": grids.to_crs("EPSG:4326"),
        "landcover": make_landcover(plan).to_crs("EPSG:4326"),
    }


def make_landcover(plan: Plan) -> GeoDataFrame:
    """River, ponds, parks, the square and the industrial blocks."""
    whole = shapely.union_all(
        [
            lattice_block(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1])
            for c, r in np.argwhere(plan.kept)
        ]
    )
    river = shapely.intersection(make_river(plan), shapely.buffer(whole, 400))
    rows: list[tuple[str, str, str, str, Any]] = [("water-1", "清河", "Qing River", "water", river)]
    for k, (c, r) in enumerate(np.argwhere(plan.kept)):
        zone = plan.zone[c, r]
        inset = {"park": 12, "square": 25, "industrial": 6}.get(zone)
        if inset is None:
            continue
        shape = lattice_block(
            plan.u[c] + inset, plan.v[r] + inset, plan.u[c + 1] - inset, plan.v[r + 1] - inset
        )
        kind = {"park": "green", "square": "square", "industrial": "industrial"}[zone]
        zh, en = {
            "park": ("公园", "Park"),
            "square": ("市民广场", "Civic Square"),
            "industrial": ("", ""),
        }[zone]
        rows.append(
            (f"{kind}-{k}", zh, en, kind, shapely.difference(shape, shapely.buffer(river, 12)))
        )
        if zone == "park":
            u, v = (plan.u[c] + plan.u[c + 1]) / 2, (plan.v[r] + plan.v[r + 1]) / 2
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            pond = np.column_stack(
                [u + 55 * np.cos(turns), v + (30 + 8 * np.sin(3 * turns)) * np.sin(turns)]
            )
            rows.append((f"pond-{k}", "湖", "Pond", "water", shapely.Polygon(warp(pond))))
    rows = [row for row in rows if not row[4].is_empty]
    return gpd.GeoDataFrame(
        [row[:4] for row in rows], columns=["id", "name", "name_en", "class"],
        geometry=[row[4] for row in rows], crs=CRS,
    )  # fmt: skip


def write_boundaries(folder: Path) -> None:
    """Write the boundaries that are committed."""
    for name, layer in make_boundaries().items():
        layer.geometry = shapely.set_precision(layer.geometry.values, 1e-7, mode="pointwise")
        layer.to_file(folder / f"{name}.geojson", driver="GeoJSON", COORDINATE_PRECISION=7)
        text = json.loads((folder / f"{name}.geojson").read_text())
        text.pop("name", None)
        lines = ",\n".join(
            json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in text["features"]
        )
        (folder / f"{name}.geojson").write_text(
            '{"type":"FeatureCollection","features":[\n' + lines + "\n]}\n"
        )
