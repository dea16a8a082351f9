"""Geometry of the rows of a table: read, repaired, checked and transformed to EPSG:4326."""

from __future__ import annotations

import math
import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from geo.crs import Datum, metric_crs, to_wgs84
from geo.errors import CrsError
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.columns import distinct
from geo.ingest.coordinate_columns import read_points
from geo.ingest.degree_checks import check_degrees
from geo.ingest.findings import CleaningTable, rows_where
from geo.ingest.header_vocabulary import WHERE
from geo.ingest.notation import PLAIN, Notation
from geo.ingest.row_shapes import check_shapes, read_wkt_column, repair_polygons
from geo.ingest.wkt import is_wkt

_WGS84 = "EPSG:4326"


def locate(
    work: CleaningTable,
    columns: dict[str, str],
    datum: Datum | None,
    district: Any,
    margin_m: float,
    notation: Notation = PLAIN,
) -> np.ndarray[Any, Any]:
    """Return the geometry of each row in EPSG:4326.

    Rows whose geometry is missing, unreadable or outside the district are rejected in `work`.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    columns : dict of str to str
        Header by column of the layer.
    datum : {"gcj02", "bd09", ...} or None
        Chinese map datum of the coordinates; None for WGS 84 or CGCS2000.
    district : shapely geometry or None
        (Multi)polygon of the district in EPSG:4326; None if it is not known.
    margin_m : float
        Distance in metres from the district up to which rows are accepted.
    notation : Notation, optional
        How the columns write numbers.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        Geometries; None for a row that has none or was rejected.

    Raises
    ------
    CrsError
        If a datum is given for projected coordinates, or the coordinates are metres although the
        CRS is geographic.
    """
    crs = work.raw.crs or pyproj.CRS(_WGS84)
    if datum is not None and crs.is_projected:
        raise CrsError(f"--datum {datum} is for degrees, and the coordinates are in {crs.name}")
    has_grid = _has_grid(work, columns)
    if work.raw.geometry is not None:
        geometry = check_shapes(work, np.asarray(work.raw.geometry.values), has_grid)
    elif WHERE in columns and _holds_wkt(work.raw.cells[columns[WHERE]]):
        geometry = check_shapes(work, read_wkt_column(work, columns[WHERE], crs), has_grid)
    else:
        geometry = read_points(work, columns, crs, has_grid, notation)
    if not crs.is_projected:
        geometry = check_degrees(work, geometry, district)
    located = _to_wgs84(work, geometry, crs, datum)
    if work.layer.shape == "polygon":
        located = repair_polygons(work, located)
    if district is not None:
        _reject_distant(work, located, district, margin_m)
    return located


def _holds_wkt(cells: pd.Series) -> bool:
    """Return whether a column holds WKT other than single points, which are read as pairs."""
    first = next((cell for cell in cells if not values.is_blank(cell)), "")
    return is_wkt(first) and not re.match(r"\s*(?:SRID=\d+;)?\s*POINT\b", str(first), re.IGNORECASE)


def _has_grid(work: CleaningTable, columns: dict[str, str]) -> NDArray[np.bool_]:
    """Return for each row whether it names a grid, which can replace coordinates."""
    header = columns.get("grid")
    if header is None:
        return np.zeros(len(work.raw.cells), bool)
    codes, distinct_cells = distinct(work.raw.cells[header])
    return np.array([not values.is_blank(cell) for cell in distinct_cells], bool)[codes]


def _to_wgs84(
    work: CleaningTable, geometry: np.ndarray[Any, Any], crs: pyproj.CRS, datum: Datum | None
) -> np.ndarray[Any, Any]:
    """Transform geometries to EPSG:4326; reject those outside the area of use of the CRS."""
    series = gpd.GeoSeries(geometry, crs=crs)
    if datum is not None:
        series = to_wgs84(series, datum)
    located: np.ndarray[Any, Any] = np.asarray(series.to_crs(_WGS84).values).copy()
    is_infinite = ~shapely.is_missing(located)
    is_infinite &= ~np.isfinite(shapely.bounds(located)).all(axis=1)
    for row in rows_where(is_infinite & work.accepted):
        detail = f"not in the area of use of {crs.name}"
        work.report(row, RowAction.REJECTED, ReasonCode.OUTSIDE_CRS, detail=detail)
    located[is_infinite] = None
    return located


def _reject_distant(
    work: CleaningTable, geometry: np.ndarray[Any, Any], district: Any, margin_m: float
) -> None:
    """Reject rows that are farther from the district than the margin."""
    rows = np.flatnonzero(~shapely.is_missing(geometry) & work.accepted)
    if len(rows) == 0:
        return
    shapely.prepare(district)
    outside = rows[~shapely.intersects(district, geometry[rows])]
    if len(outside) == 0:
        return
    district_series = gpd.GeoSeries([district], crs=_WGS84)
    crs = metric_crs(district_series)
    metric_district = district_series.to_crs(crs).iloc[0]
    metric_shapes = gpd.GeoSeries(geometry[outside], crs=_WGS84).to_crs(crs)
    distances_m = shapely.distance(metric_district, np.asarray(metric_shapes.values))
    for row, distance_m in zip(outside.tolist(), distances_m, strict=True):
        if distance_m <= margin_m:
            continue
        detail = "on another part of the globe"
        if math.isfinite(distance_m):
            detail = f"{distance_m / 1000:.1f} km away"
        work.report(row, RowAction.REJECTED, ReasonCode.OUTSIDE_DISTRICT, detail=detail)
