"""Shapes of rows: read from well-known text, reduced to the layer's geometry type, made valid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.findings import CleaningTable, rows_where
from geo.ingest.wkt import read_wkt

_POINT, _LINE, _POLYGON = 0, 1, 3
_MULTIPOINT, _MULTILINE, _MULTIPOLYGON = 4, 5, 6
_COLLECTION = 7
"""Geometry types as `shapely.get_type_id` numbers them."""
_ACCEPTED = {
    "polygon": (_POLYGON, _MULTIPOLYGON),
    "line": (_LINE, _MULTILINE),
    "point": (_POINT, _MULTIPOINT),
}
_BUILD_MULTI = {
    _POLYGON: shapely.multipolygons,
    _LINE: shapely.multilinestrings,
    _POINT: shapely.multipoints,
}


def read_wkt_column(work: CleaningTable, header: str, crs: pyproj.CRS) -> np.ndarray[Any, Any]:
    """Return the shapes of a column of well-known text; reject rows that cannot be read.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    header : str
        Header of the column.
    crs : pyproj.CRS
        CRS of the file; a row whose SRID is another one is rejected.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        Geometries in the CRS of the file; None for an empty cell or a rejected row.
    """
    shapes = np.full(len(work.raw.cells), None, object)
    for row, cell in enumerate(work.raw.cells[header]):
        if values.is_blank(cell):
            continue
        shape = read_wkt(cell)
        if isinstance(shape, str):
            work.report(row, RowAction.REJECTED, ReasonCode.UNREADABLE_GEOMETRY, header, shape)
            continue
        if shape.srid is not None and crs.to_epsg() not in (None, shape.srid):
            detail = f"EPSG:{shape.srid} where the file is in {crs.to_string()}; use --crs"
            work.report(row, RowAction.REJECTED, ReasonCode.GEOMETRY_IN_ANOTHER_CRS, header, detail)
            continue
        if shape.closed_rings:
            detail = f"{shape.closed_rings} rings were not closed"
            work.report(row, RowAction.REPAIRED, ReasonCode.RING_CLOSED, header, detail)
        shapes[row] = shape.geometry
    return shapes


def check_shapes(
    work: CleaningTable, geometry: np.ndarray[Any, Any], has_grid: NDArray[np.bool_]
) -> np.ndarray[Any, Any]:
    """Return shapes of the layer's geometry type in two dimensions; reject the others.

    Of a collection the parts of the layer's type remain. Several points become their centroid.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    geometry : numpy.ndarray of object, shape (rows,)
        Geometries as they were read.
    has_grid : numpy.ndarray of bool, shape (rows,)
        Whether the row names a grid; that may replace a geometry if the layer permits it.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        Geometries; None for a row that has none or was rejected.
    """
    accepted = _ACCEPTED[work.layer.shape]
    shapes = shapely.force_2d(geometry)
    for row in rows_where(shapely.get_type_id(shapes) == _COLLECTION):
        shapes[row] = _accepted_parts(work, row, shapes[row], accepted)
    types = shapely.get_type_id(shapes)
    is_empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    is_empty[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    for row in rows_where(is_empty & work.accepted):
        if work.layer.geometry_needed or not has_grid[row]:
            detail = "the row has no usable geometry"
            work.report(row, RowAction.REJECTED, ReasonCode.NO_COORDINATES, detail=detail)
    shapes[is_empty] = None
    is_accepted = np.isin(types, accepted)
    for row in rows_where(~is_empty & ~is_accepted):
        detail = f"{shapes[row].geom_type} where a {work.layer.shape} is needed"
        work.report(row, RowAction.REJECTED, ReasonCode.WRONG_GEOMETRY_TYPE, detail=detail)
        shapes[row] = None
    for row in rows_where(~is_empty & is_accepted & (types == _MULTIPOINT)):
        if len(shapely.get_parts(shapes[row])) > 1:
            work.report(
                row, RowAction.REPAIRED, ReasonCode.SEVERAL_POINTS, detail="their middle was taken"
            )
        shapes[row] = shapely.centroid(shapes[row])
    return np.asarray(shapes)


def _accepted_parts(work: CleaningTable, row: int, shape: Any, accepted: tuple[int, int]) -> Any:
    """Return the parts of a collection that the layer accepts, or the collection if none is."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    usable = parts[shapely.get_type_id(parts) == accepted[0]]
    if len(usable) == 0:
        return shape
    if len(usable) < len(parts):
        others = sorted({part.geom_type for part in parts if part not in usable})
        detail = f"{', '.join(others)} left out"
        work.report(
            row, RowAction.REPAIRED, ReasonCode.PARTS_OF_ANOTHER_GEOMETRY_TYPE, detail=detail
        )
    return _BUILD_MULTI[accepted[0]](usable)


def repair_polygons(work: CleaningTable, geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return polygons made valid; reject those without area.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    geometry : numpy.ndarray of object, shape (rows,)
        Polygons and multipolygons, or None; changed in place.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        The same array; None for a polygon of which no area remains.
    """
    is_invalid = ~shapely.is_missing(geometry) & ~shapely.is_valid(geometry)
    for row in rows_where(is_invalid & work.accepted):
        fault = shapely.is_valid_reason(geometry[row])
        repaired = shapely.make_valid(geometry[row], method="structure", keep_collapsed=False)
        parts = shapely.get_parts(shapely.get_parts(repaired))
        parts = parts[(shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)]
        if len(parts) == 0 or shapely.area(parts).sum() == 0:
            work.report(
                row,
                RowAction.REJECTED,
                ReasonCode.INVALID_POLYGON,
                detail=f"{fault}; nothing is left of it",
            )
            geometry[row] = None
            continue
        geometry[row] = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
        work.report(row, RowAction.REPAIRED, ReasonCode.INVALID_POLYGON, detail=fault)
    is_flat = ~shapely.is_missing(geometry) & (shapely.area(geometry) == 0)
    for row in rows_where(is_flat & work.accepted):
        work.report(row, RowAction.REJECTED, ReasonCode.POLYGON_WITHOUT_AREA)
    return geometry
