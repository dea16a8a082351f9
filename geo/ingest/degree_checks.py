"""Checks of coordinates in degrees: metres, exchanged axes, impossible values."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import metric_crs
from geo.errors import CrsError
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.findings import CleaningTable, rows_where

_FULL_CIRCLE_DEG = 360.0
_MARGIN_DEG = 0.5
"""Degrees by which the bounds of the district are widened."""
_EXAMPLE_CRS = "EPSG:32650"


def check_degrees(
    work: CleaningTable, geometry: np.ndarray[Any, Any], district: Any
) -> np.ndarray[Any, Any]:
    """Return shapes whose coordinates are degrees: exchanged axes repaired, impossible rejected.

    Exchanged latitude and longitude are recognised by the bounds of the district, or by the range
    of latitudes if no district is known.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    geometry : numpy.ndarray of object, shape (rows,)
        Geometries, or None; changed in place.
    district : shapely geometry or None
        (Multi)polygon of the district in EPSG:4326; None if it is not known.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        The same array; None for a rejected row.

    Raises
    ------
    CrsError
        If all coordinates are metres.
    """
    is_present = ~shapely.is_missing(geometry)
    if not is_present.any():
        return geometry
    west, south, east, north = shapely.bounds(geometry).T
    largest_x = np.fmax(np.abs(west), np.abs(east))
    largest_y = np.fmax(np.abs(south), np.abs(north))
    is_metric = (largest_x > _FULL_CIRCLE_DEG) | (largest_y > _FULL_CIRCLE_DEG)
    if is_metric[is_present].all():
        first = int(np.flatnonzero(is_present)[0])
        raise CrsError(
            f"the coordinates are metres ({west[first]:.0f}, {south[first]:.0f}), and the file "
            f"names {'degrees' if work.raw.crs is not None else 'no CRS'}; give theirs with --crs, "
            f"for instance --crs {_nearby_metric_crs(district)}"
        )
    if district is not None:
        is_right = _near_bounds((west, south, east, north), district.bounds)
        is_exchanged = ~is_right & _near_bounds((south, west, north, east), district.bounds)
    else:
        is_exchanged = (largest_y > 90) & (largest_y <= 180) & (largest_x <= 90)
    for row in rows_where(is_present & is_exchanged & work.accepted):
        geometry[row] = shapely.transform(geometry[row], lambda xy: xy[:, ::-1])
        centroid = shapely.centroid(geometry[row])
        detail = f"taken as longitude {centroid.x:g}, latitude {centroid.y:g}"
        work.report(row, RowAction.REPAIRED, ReasonCode.AXES_EXCHANGED, detail=detail)
        largest_x[row], largest_y[row] = largest_y[row], largest_x[row]
    is_impossible = is_present & ((largest_x > 180) | (largest_y > 90))
    for row in rows_where(is_impossible & work.accepted):
        detail = f"longitude {west[row]:g}, latitude {south[row]:g}"
        work.report(row, RowAction.REJECTED, ReasonCode.IMPOSSIBLE_COORDINATES, detail=detail)
    geometry[is_impossible] = None
    return geometry


def _near_bounds(
    boxes: tuple[NDArray[np.float64], ...], bounds: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    """Return whether each box touches the bounds widened by `_MARGIN_DEG`."""
    box_west, box_south, box_east, box_north = boxes
    west, south, east, north = bounds
    is_near_x = (box_east > west - _MARGIN_DEG) & (box_west < east + _MARGIN_DEG)
    is_near_y = (box_north > south - _MARGIN_DEG) & (box_south < north + _MARGIN_DEG)
    return np.asarray(is_near_x & is_near_y)


def _nearby_metric_crs(district: Any) -> str:
    """Return a CRS in metres for the district, as an example in a message."""
    if district is None:
        return _EXAMPLE_CRS
    return metric_crs(gpd.GeoSeries([district], crs="EPSG:4326")).to_string()
