"""Data quality of the registers of grids, incidents, key places and buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.frames import codes_of, numbers_of, required_column, texts_of, times_of
from geo.geometry.shapes import areas_of, points_of
from geo.governance.findings import Aspect, FindingCode, FindingCollector
from geo.governance.hierarchy import assign_admin_units
from geo.incidents.locations import grid_positions

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

_MIN_PLACE_M2, _MAX_PLACE_KM2 = 20.0, 5.0
_MIN_BUILDING_M2, _MAX_BUILDING_HEIGHT_M = 4.0, 400.0


def grid_findings(grids: GeoDataFrame, areas: GeoDataFrame, staff: DataFrame) -> DataFrame:
    """Return the data-quality findings of the register of grids.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community` and `population` as far as known.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    staff : pandas.DataFrame
        Grid staff, columns `grid` (code) and `role`.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`: grids without head, staff, community or population. The owner is the
        code of the community.

    Raises
    ------
    ColumnError
        If a column is missing, codes are repeated, or the parents of areas form a cycle.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> areas = pd.DataFrame({"level": ["community"], "parent": [None]}, index=["c"])
    >>> grids = pd.DataFrame({"community": ["c"], "population": [None]}, index=["g"])
    >>> staff = pd.DataFrame({"grid": ["g"], "role": ["head"]})
    >>> geo.grid_findings(grids, areas, staff)["finding"].tolist()
    ['population_unknown']
    """
    community = assign_admin_units(grids, areas)["community"]
    for name in ("grid", "role"):
        required_column(staff, name, "the staff")
    findings = FindingCollector(grids.assign(owner=community))
    codes = pd.Index(codes_of(grids, "grids"))
    roles, staffed = texts_of(staff, "role").to_numpy(), texts_of(staff, "grid").to_numpy()
    with_head = {str(grid) for grid, role in zip(staffed, roles, strict=True) if role == "head"}
    with_staff = {str(grid) for grid in staffed}
    no_population = texts_of(grids, "population").isna()
    for mask, code in (
        (~codes.isin(with_head), FindingCode.HEAD_MISSING),
        (~codes.isin(with_staff), FindingCode.STAFF_MISSING),
        (community.eq("").to_numpy(), FindingCode.COMMUNITY_MISSING),
        (no_population.to_numpy(), FindingCode.POPULATION_UNKNOWN),
    ):
        findings.add(mask, Aspect.COMPLETE, code)
    return findings.table()


def incident_findings(incidents: GeoDataFrame, grids: GeoDataFrame) -> DataFrame:
    """Return the data-quality findings of the register of incidents.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Points or missing geometry in a metric CRS, with `source` and `source_id`, and as far as
        known `grid`, `category`, `reported_at`, `accepted_at` and `closed_at`.
    grids : geopandas.GeoDataFrame
        Polygons in the same CRS, indexed by code.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`; `code` is the number given by the source (`source_id`), and the owner
        is the source.

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If an incident is not a point.
    ColumnError
        If `source` or `source_id` is missing.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9)], index=["g"], crs=32650)
    >>> rows = {"source": ["12345"], "source_id": ["1"], "category": ["noise"]}
    >>> incidents = gpd.GeoDataFrame(rows, geometry=[shapely.Point(-5, 5)], crs=32650)
    >>> geo.incident_findings(incidents, grids)[["code", "finding", "owner"]].values.tolist()
    [['1', 'outside_every_grid', '12345']]
    """
    require_metric(grids, located=incidents)
    for name in ("source", "source_id"):
        required_column(incidents, name, "the incidents")
    number = texts_of(incidents, "source_id").fillna("").astype(str)
    owners = {"owner": texts_of(incidents, "source").to_numpy()}
    findings = FindingCollector(pd.DataFrame(owners, index=pd.Index(number, dtype=object)))
    outside = grid_positions(grids, incidents) < 0
    located = ~np.asarray(shapely.is_missing(points_of(incidents, "incidents", missing=True)))
    findings.add(located & outside, Aspect.IN_PLACE, FindingCode.OUTSIDE_EVERY_GRID)
    findings.add(~located & outside, Aspect.COMPLETE, FindingCode.PLACE_AND_GRID_UNKNOWN)
    category = texts_of(incidents, "category")
    no_category = category.isna() | category.eq("other")
    findings.add(no_category, Aspect.COMPLETE, FindingCode.CATEGORY_MISSING)
    reported = times_of(incidents, "reported_at")
    for name, code in (
        ("accepted_at", FindingCode.ACCEPTED_BEFORE_REPORTED),
        ("closed_at", FindingCode.CLOSED_BEFORE_REPORTED),
    ):
        findings.add(times_of(incidents, name) < reported, Aspect.PLAUSIBLE, code)
    return findings.table()


def key_place_findings(places: GeoDataFrame, grids: GeoDataFrame) -> DataFrame:
    """Return the data-quality findings of the register of key places.

    Parameters
    ----------
    places : geopandas.GeoDataFrame
        Polygons in a metric CRS, indexed by code, with `kind` and `required_share` (0 to 1).
    grids : geopandas.GeoDataFrame
        Polygons in the same CRS.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`; the owner is the kind of the place.

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If a shape is not a polygon.
    ColumnError
        If a column is missing.
    """
    require_metric(places, grids)
    for name in ("kind", "required_share"):
        required_column(places, name, "the key places")
    findings = FindingCollector(places.assign(owner=places["kind"]))
    shapes, cells = areas_of(places, "key places"), areas_of(grids, "grids")
    inside = np.zeros(len(places), bool)
    inside[shapely.STRtree(cells).query(shapes, "intersects")[0]] = True
    findings.add(~inside, Aspect.IN_PLACE, FindingCode.OUTSIDE_EVERY_GRID)
    area = shapely.area(shapes)
    findings.add(
        area < _MIN_PLACE_M2,
        Aspect.PLAUSIBLE,
        FindingCode.AREA_BELOW_M2,
        parameter=_MIN_PLACE_M2,
    )
    findings.add(
        area > _MAX_PLACE_KM2 * 1e6,
        Aspect.PLAUSIBLE,
        FindingCode.AREA_ABOVE_KM2,
        parameter=_MAX_PLACE_KM2,
    )
    not_required = numbers_of(places, "required_share") == 0
    findings.add(not_required, Aspect.PLAUSIBLE, FindingCode.NO_COVERAGE_REQUIRED)
    return findings.table()


def building_findings(buildings: GeoDataFrame) -> DataFrame:
    """Return the data-quality findings of the register of buildings.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        Polygons in a metric CRS, indexed by code, with `height_m`.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`, without owners.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If a shape is not a polygon.
    ColumnError
        If `height_m` is missing.

    Notes
    -----
    A building of unknown height hides everything behind it.
    """
    require_metric(buildings)
    required_column(buildings, "height_m", "the buildings")
    height = pd.Series(numbers_of(buildings, "height_m"), buildings.index)
    findings = FindingCollector(buildings)
    findings.add(height.isna(), Aspect.COMPLETE, FindingCode.HEIGHT_MISSING)
    findings.add(
        height > _MAX_BUILDING_HEIGHT_M,
        Aspect.PLAUSIBLE,
        FindingCode.BUILDING_HEIGHT_ABOVE_M,
        parameter=_MAX_BUILDING_HEIGHT_M,
        detail=height,
    )
    findings.add(
        shapely.area(areas_of(buildings, "buildings")) < _MIN_BUILDING_M2,
        Aspect.PLAUSIBLE,
        FindingCode.AREA_BELOW_M2,
        parameter=_MIN_BUILDING_M2,
    )
    return findings.table()
