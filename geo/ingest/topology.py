"""Overlaps and gaps between polygons that should tile the district."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import metric_crs
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.findings import Finding

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def find_tiling_faults(
    polygons: GeoDataFrame,
    *,
    key: str = "code",
    overlap_tolerance_m2: float = 1.0,
    gap_tolerance_m2: float = 1.0,
    district: Any = None,
) -> list[Finding]:
    """Return overlaps between polygons and gaps among them beyond a tolerance.

    Parameters
    ----------
    polygons : geopandas.GeoDataFrame
        Valid polygons in EPSG:4326 with the columns `key` and ``line``.
    key : str, optional
        Column that names a polygon.
    overlap_tolerance_m2 : float, optional
        Largest overlap of two polygons that is accepted, in square metres.
    gap_tolerance_m2 : float, optional
        Largest gap that is accepted, in square metres.
    district : shapely geometry or None, optional
        (Multi)polygon in EPSG:4326 that the polygons should fill; if None, only gaps enclosed by
        polygons are reported.

    Returns
    -------
    list of Finding
        A note (no rejection) for each overlap and gap, with its area and place.
    """
    if len(polygons) < 2:
        return []
    crs = metric_crs(polygons)
    shapes = np.asarray(polygons.to_crs(crs).geometry.values)
    names = polygons[key].astype(str).to_numpy()
    lines = polygons["line"].to_numpy()
    findings: list[Finding] = []
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    first, second = first[first < second], second[first < second]
    overlaps_m2 = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    is_excessive = overlaps_m2 > overlap_tolerance_m2
    for a, b, overlap_m2 in zip(
        first[is_excessive], second[is_excessive], overlaps_m2[is_excessive], strict=True
    ):
        detail = f"{names[a]} (line {lines[a]}) and {names[b]} share {overlap_m2:.1f} m²"
        findings.append(
            Finding(int(lines[b]), RowAction.NOTED, ReasonCode.OVERLAP, "geometry", detail, "")
        )
    union = shapely.union_all(shapes)
    if district is not None:
        extent = gpd.GeoSeries([district], crs="EPSG:4326").to_crs(crs).iloc[0]
    else:
        rings = shapely.get_rings(shapely.get_parts(union))
        extent = shapely.union_all(shapely.polygons(rings))
    gaps = shapely.get_parts(shapely.difference(extent, union))
    for gap in gaps[shapely.area(gaps) > gap_tolerance_m2]:
        nearest = int(shapely.STRtree(shapes).nearest(gap))
        place = _format_place(gap, crs)
        detail = f"{shapely.area(gap):.1f} m² beside {names[nearest]} near {place}"
        findings.append(
            Finding(int(lines[nearest]), RowAction.NOTED, ReasonCode.GAP, "geometry", detail, "")
        )
    return findings


def _format_place(shape: Any, crs: Any) -> str:
    """Return longitude and latitude of a place inside a shape, as text."""
    point = gpd.GeoSeries([shapely.point_on_surface(shape)], crs=crs).to_crs("EPSG:4326").iloc[0]
    return f"{point.x:.5f}, {point.y:.5f}"
