"""The metric CRS in which layers are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj

from geo.crs._extent import bounds_of, utm_zone
from geo.crs.scale import is_off_scale, refuse_scale
from geo.errors import CrsError, GeometryError
from geo.geometry.shapes import geometry_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries


def metric_crs(layer: GeoDataFrame | GeoSeries) -> pyproj.CRS:
    """Return the local UTM zone of a layer.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Any layer with a CRS.

    Returns
    -------
    pyproj.CRS
        The WGS 84 / UTM zone of the middle of the layer's bounds.

    Raises
    ------
    CrsError
        If the layer has no CRS, or lies where there is no UTM zone.
    GeometryError
        If the layer is empty, so that it has no place.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> layer = gpd.GeoSeries([shapely.Point(116.4, 39.9)], crs="EPSG:4326")
    >>> geo.metric_crs(layer).to_epsg()
    32650
    """
    geometry = geometry_of(layer, "the layer")
    if geometry.crs is None:
        raise CrsError("the layer has no CRS; set it with .set_crs() or --crs")
    bounds = bounds_of(geometry)
    if not np.isfinite(bounds).all():
        raise GeometryError("an empty layer has no place; give the metric CRS explicitly")
    return utm_zone(geometry.crs, *bounds)


def require_metric(
    *layers: GeoDataFrame | GeoSeries | None, located: GeoDataFrame | GeoSeries | None = None
) -> pyproj.CRS:
    """Return the one metric CRS that all layers share.

    Parameters
    ----------
    *layers : geopandas.GeoDataFrame, geopandas.GeoSeries or None
        Layers whose lengths or areas are measured; None is ignored.
    located : geopandas.GeoDataFrame or geopandas.GeoSeries, optional
        Points that are only located in the other layers. Up to half of them may lie where the
        scale of the CRS is off, as mistyped coordinates do.

    Returns
    -------
    pyproj.CRS
        CRS of all layers.

    Raises
    ------
    CrsError
        If a layer has no CRS, the CRSs differ, they are not projected in metres, or lengths on
        the map differ from those on the ground by more than `SCALE_LIMIT` where a layer lies. The
        message names a suitable CRS; if only some rows lie too far away, it names those.
    GeometryError
        If a layer is a plain table.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> layer = gpd.GeoSeries([shapely.Point(500000, 4400000)], crs="EPSG:32650")
    >>> require_metric(layer, None).to_epsg()
    32650
    """
    measured = [geometry_of(layer, "layers") for layer in layers if layer is not None]
    geometries = [*measured] if located is None else [*measured, geometry_of(located, "points")]
    common = _common_crs(geometries)
    if not common.is_projected or any(
        abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in common.axis_info[:2]
    ):
        raise CrsError(
            f"{common.to_string()} is not in metres; project with .to_crs(geo.metric_crs(layer))"
        )
    for geometry in geometries:
        is_off = is_off_scale(geometry)
        is_measured = geometry is not geometries[-1] or located is None
        if is_off.any() and (is_measured or is_off.mean() > 0.5):
            refuse_scale(geometry, is_off)
    return common


def _common_crs(geometries: list[GeoSeries]) -> pyproj.CRS:
    common: pyproj.CRS | None = None
    for geometry in geometries:
        crs = geometry.crs
        if crs is None:
            raise CrsError("an input has no CRS; set it with .set_crs() and project with .to_crs()")
        if common is not None and crs is not common and crs != common:
            raise CrsError(
                f"the inputs differ in CRS ({common.to_string()} and {crs.to_string()}); "
                "project them to one metric CRS with .to_crs()"
            )
        common = crs
    if common is None:
        raise CrsError("no layer with a CRS was given")
    return common
