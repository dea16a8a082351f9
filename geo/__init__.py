"""gridcover: camera coverage and incidents by grid."""

from geo.coverage.field_of_view import PIXEL_DENSITY, complete_cameras, pixel_density_range
from geo.coverage.gaps import blind_spots, coverage_by_grid
from geo.coverage.visibility import visible_area
from geo.crs import metric_crs, to_wgs84

__version__ = "0.1.0"

__all__ = [
    "PIXEL_DENSITY",
    "blind_spots",
    "complete_cameras",
    "coverage_by_grid",
    "metric_crs",
    "pixel_density_range",
    "to_wgs84",
    "visible_area",
]
