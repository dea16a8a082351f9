"""Overlaps and gaps between polygons that should tile the district."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import metric_crs
from geo.ingest.findings import NOTED, Finding

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def tiling_faults(
    polygons: GeoDataFrame,
    *,
    key: str = "code",
    overlap_tolerance_m2: float = 1.0,
    gap_tolerance_m2: float = 1.0,
    district: Any = None,
) -> list[Finding]:
    """Overlaps between polygons and gaps among them beyond a tolerance.

    Parameters
    ----------
    polygons : valid polygons in EPSG:4326 with the columns `key` and `line`.
    district : (multi)polygon in EPSG:4326 that they should fill; without it only gaps enclosed
        by polygons are found.

    Returns
    -------
    One finding (noted, not rejected) an overlap or gap, with its area and place.
    """
    if len(polygons) < 2:
        return []
    crs = metric_crs(polygons)
    metric = polygons.to_crs(crs)
    shapes = np.asarray(metric.geometry.values)
    names = polygons[key].astype(str).to_numpy()
    lines = polygons["line"].to_numpy()
    out: list[Finding] = []
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    a, b = a[a < b], b[a < b]
    shared = shapely.area(shapely.intersection(shapes[a], shapes[b]))
    for k in np.flatnonzero(shared > overlap_tolerance_m2):
        detail = f"{names[a[k]]} (line {lines[a[k]]}) and {names[b[k]]} share {shared[k]:.1f} m²"
        out.append(Finding(int(lines[b[k]]), NOTED, "overlap", "geometry", detail, ""))
    union = shapely.union_all(shapes)
    if district is not None:
        whole = gpd.GeoSeries([district], crs="EPSG:4326").to_crs(crs).iloc[0]
    else:
        rings = shapely.get_rings(shapely.get_parts(union))
        whole = shapely.union_all(shapely.polygons(rings))
    gaps = shapely.get_parts(shapely.difference(whole, union))
    for gap in gaps[shapely.area(gaps) > gap_tolerance_m2]:
        near = int(shapely.STRtree(shapes).nearest(gap))
        place = _place(gap, crs)
        detail = f"{shapely.area(gap):.1f} m² beside {names[near]} near {place}"
        out.append(Finding(int(lines[near]), NOTED, "gap", "geometry", detail, ""))
    return out


def _place(shape: Any, crs: Any) -> str:
    """Longitude and latitude of a place inside a shape, as text."""
    point = gpd.GeoSeries([shapely.point_on_surface(shape)], crs=crs).to_crs("EPSG:4326").iloc[0]
    return f"{point.x:.5f}, {point.y:.5f}"
