"""Coordinate reference systems: the metric CRS of a deployment, and Chinese map datums."""

from geo.crs.convergence import north_angle
from geo.crs.datums import (
    DATUMS,
    Datum,
    bd09_from_gcj02,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    to_wgs84,
    wgs84_from_gcj02,
)
from geo.crs.metric import metric_crs, require_metric
from geo.crs.scale import SCALE_LIMIT, is_off_scale, scale_error

__all__ = [
    "DATUMS",
    "SCALE_LIMIT",
    "Datum",
    "bd09_from_gcj02",
    "gcj02_from_bd09",
    "gcj02_from_wgs84",
    "is_off_scale",
    "metric_crs",
    "north_angle",
    "require_metric",
    "scale_error",
    "to_wgs84",
    "wgs84_from_gcj02",
]
