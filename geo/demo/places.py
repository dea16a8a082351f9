"""Key places and service points of the demo district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.plan import CRS, SEED, Plan, lattice_block

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_SERVICE_POINT_NAMES = {
    "party_branch": ("党群服务站", "Party branch"),
    "volunteers": ("志愿服务点", "Volunteers"),
    "service_station": ("便民服务站", "Service station"),
}
"""Chinese and English name of each kind of service point."""


def make_key_places(plan: Plan) -> GeoDataFrame:
    """Return schools, hospitals, markets and the square.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    geopandas.GeoDataFrame
        `code`, `name`, `name_en`, `kind`, `required_share` (0 to 1), `geometry` (polygons in
        `CRS`).
    """
    rng = np.random.default_rng(SEED + 6)
    kinds = (
        ("学校", "School", "school"),
        ("医院", "Hospital", "hospital"),
        ("农贸市场", "Market", "market"),
    )
    rows, shapes = [], []
    cells = np.argwhere(plan.inside & np.isin(plan.zone.astype(str), ["housing", "old"]))
    for k, (c, r) in enumerate(cells[rng.choice(len(cells), 45, replace=False)], start=1):
        zh, en, kind = kinds[int(rng.choice(3, p=[0.6, 0.15, 0.25]))]
        u = rng.uniform(plan.u[c] + 15, plan.u[c] + 80)
        v = rng.uniform(plan.v[r] + 15, plan.v[r] + 80)
        rows.append((f"K{k:03d}", f"{zh}{k}", f"{en} {k}", kind, 1.0))
        shapes.append(lattice_block(u, v, u + 90, v + 70))
    for c, r in np.argwhere(plan.zone == "square"):
        rows.append(("K900", "市民广场", "Civic Square", "square", 1.0))
        shapes.append(plan.block(c, r, 25))
    columns = ["code", "name", "name_en", "kind", "required_share"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry=shapes, crs=CRS)


def make_service_points(grids: GeoDataFrame) -> GeoDataFrame:
    """Return party branches, volunteers' points and service stations, fewer towards the edge.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids of the district, in `CRS`.

    Returns
    -------
    geopandas.GeoDataFrame
        `code`, `name`, `name_en`, `kind`, `geometry` (points in `CRS`).
    """
    rng = np.random.default_rng(SEED + 8)
    inner_points = shapely.point_on_surface(np.asarray(grids.geometry.values))
    centre = shapely.centroid(shapely.union_all(inner_points))
    weight = np.exp(-((shapely.distance(inner_points, centre) / 1500.0) ** 2)) + 0.05
    rows, points = [], []
    for kind, number in (("party_branch", 30), ("volunteers", 55), ("service_station", 22)):
        zh, en = _SERVICE_POINT_NAMES[kind]
        chosen = rng.choice(len(grids), number, replace=False, p=weight / weight.sum())
        for k, grid in enumerate(sorted(chosen), start=1):
            rows.append((f"{kind[0].upper()}{k:03d}", f"{zh}{k}", f"{en} {k}", kind))
            shift = rng.uniform(-40, 40, 2)
            inner_point = inner_points[grid]
            points.append(shapely.Point(inner_point.x + shift[0], inner_point.y + shift[1]))
    return gpd.GeoDataFrame(
        rows, columns=["code", "name", "name_en", "kind"], geometry=points, crs=CRS
    )
