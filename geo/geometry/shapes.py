"""Shapes of layers: two-dimensional, of the expected type, each refused row named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from geopandas import GeoDataFrame, GeoSeries

from geo.errors import GeometryError, name_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POINT, _LINE, _RING, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON = range(7)


def geometry_of(layer: Any, what: str) -> GeoSeries:
    """Return the active geometry column of a layer.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Any layer.
    what : str
        What the layer holds, for the error message.

    Returns
    -------
    geopandas.GeoSeries
        The geometry, whatever the name of its column.

    Raises
    ------
    GeometryError
        If it is a plain table, or has no active geometry column.
    """
    if isinstance(layer, GeoSeries):
        return layer
    if not isinstance(layer, GeoDataFrame):
        raise GeometryError(
            f"{what} must be a GeoDataFrame or GeoSeries, not {type(layer).__name__}; make one "
            "with geopandas.GeoDataFrame(table, geometry=..., crs=...)"
        )
    try:
        geometry = layer.geometry
    except AttributeError:
        geometry = None
    if not isinstance(geometry, GeoSeries):
        raise GeometryError(f"{what} have no active geometry column; set it with .set_geometry()")
    return geometry


def shapes_of(layer: Any, what: str) -> NDArray[Any]:
    """Return the shapes of a layer without their elevations.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Any layer.
    what : str
        What the layer holds, for the error message.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One shape per row, None where it is missing. Z and M are dropped: all measures are taken in
        the plane of the map.

    Raises
    ------
    GeometryError
        If it is a plain table, or has no active geometry column.
    """
    shapes = np.asarray(geometry_of(layer, what).values)
    if shapely.has_z(shapes).any() or shapely.has_m(shapes).any():
        return np.asarray(shapely.force_2d(shapes))
    return shapes


def points_of(layer: Any, what: str, *, missing: bool = False) -> NDArray[Any]:
    """Return the points of a layer.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Points; a multipoint of a single point, as GeoPackages often hold them, is that point.
    what : str
        What the points are, for the error message.
    missing : bool, default False
        Whether rows may be without a point. Infinite coordinates, which a projection returns for
        places outside its domain, count as missing then.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One point per row; None where it is missing or empty, if that is allowed.

    Raises
    ------
    GeometryError
        If a row is of another type, has infinite coordinates, or is without a point where that is
        not allowed; the rows are named.
    """
    shapes = shapes_of(layer, what)
    kinds = shapely.get_type_id(shapes)
    single = (kinds == _MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    if single.any():
        shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
        kinds = shapely.get_type_id(shapes)
    # The bounds of what is empty are NaN; GEOS has no coordinates of an empty point at all.
    is_missing = ~np.isfinite(shapely.bounds(shapes).reshape(-1, 4)).all(axis=1)
    others = ~is_missing & (kinds != _POINT)
    if not missing:
        others |= is_missing
    elif is_missing.any():
        others |= (kinds > _POINT) & ~shapely.is_empty(shapes)
        shapes = shapes.copy()
        shapes[is_missing] = None
    if others.any():
        raise GeometryError(
            f"{what} must be points with coordinates; correct {name_rows(layer.index[others])} "
            "(of other shapes take .representative_point())"
        )
    return shapes


def lines_of(layer: Any, what: str) -> NDArray[Any]:
    """Return the lines of a layer.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Lines or multilines.
    what : str
        What the lines are, for the error message.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One (multi)line per row; empty ones are allowed.

    Raises
    ------
    GeometryError
        If a row is of another type or missing; the rows are named.
    """
    shapes = shapes_of(layer, what)
    good = np.isin(shapely.get_type_id(shapes), (_LINE, _RING, _MULTILINE))
    good &= np.isfinite(shapely.length(shapes))
    if not good.all():
        raise GeometryError(f"{what} must be lines; correct {name_rows(layer.index[~good])}")
    return shapes


def areas_of(layer: Any, what: str, *, empty: bool = True) -> NDArray[Any]:
    """Return the polygons of a layer, without checking whether they are valid.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons or multipolygons.
    what : str
        What the polygons are, for the error message.
    empty : bool, default True
        Whether empty ones are allowed.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One (multi)polygon per row.

    Raises
    ------
    GeometryError
        If a row is of another type or missing, or empty where that is not allowed; the rows are
        named.
    """
    shapes = shapes_of(layer, what)
    good = np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON))
    good &= np.isfinite(shapely.area(shapes))
    if not empty:
        good &= ~shapely.is_empty(shapes)
    if not good.all():
        raise GeometryError(f"{what} must be polygons; correct {name_rows(layer.index[~good])}")
    return shapes


def polygon_parts(shapes: Any) -> NDArray[Any]:
    """Return the polygons among shapes and their parts.

    Parameters
    ----------
    shapes : shapely.Geometry or array_like of shapely.Geometry
        Shapes of any type, such as the results of an overlay.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        Single polygons; points and lines are left out.

    Examples
    --------
    >>> import shapely
    >>> from geo.geometry.shapes import polygon_parts
    >>> mixed = shapely.GeometryCollection([shapely.Point(9, 9), shapely.box(0, 0, 1, 2)])
    >>> len(polygon_parts(mixed))
    1
    """
    parts = shapely.get_parts(shapely.get_parts(shapes))
    return np.asarray(parts[shapely.get_type_id(parts) == _POLYGON])
