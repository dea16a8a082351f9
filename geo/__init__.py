"""gridcover: camera coverage and incidents by grid."""

from typing import TYPE_CHECKING

from geo._lazy import lazily, provide_cache_folder

if TYPE_CHECKING:
    from geo.coverage.gaps import blind_spots, coverage_by_grid
    from geo.coverage.quality import at_night, cameras_in_use, class_range, quality_coverage
    from geo.coverage.scenario import added_by_grid, added_ground
    from geo.coverage.seeing import cameras_seeing
    from geo.coverage.siting import SitePlan, choose_sites
    from geo.crs import metric_crs, to_wgs84
    from geo.governance.appeals import service_quality
    from geo.governance.codes import AreaCode, DeviceNumber, area_code, device_number, parent_codes
    from geo.governance.lattice import make_grids
    from geo.governance.levels import levels_of
    from geo.governance.registers import (
        camera_findings,
        findings_by_owner,
        grid_findings,
        incident_findings,
    )
    from geo.governance.roll_up import gini, rank_peers, roll_up, within_walk
    from geo.governance.targets import (
        camera_targets,
        cameras_by_year,
        key_place_kinds,
        key_place_targets,
    )
    from geo.incidents.alerts import cusum, seasonal_expectation
    from geo.incidents.categories import category_path, counts_by_category, in_category
    from geo.incidents.density import counts_by_month, density_by_grid, density_by_period, grid_of
    from geo.incidents.emerging import emerging_hot_spots, space_time_hot_spots
    from geo.incidents.forecasts import Forecast, forecast, prediction_accuracy
    from geo.incidents.hot_spots import hot_spots, local_moran
    from geo.incidents.rates import compare_periods, compare_with_past, empirical_bayes, ranks
    from geo.incidents.repeats import near_repeats
    from geo.incidents.risk import expected_incidents
    from geo.incidents.surface import Surface, bandwidth, density_ratio, density_surface
    from geo.incidents.trends import hours_of_week, mann_kendall, space_time_cube
    from geo.incidents.weights import Weights, contiguity, nearest, within_distance
    from geo.synonyms import rename_columns
    from geo.visibility.field_of_view import (
        PIXEL_DENSITY,
        complete_cameras,
        pixel_density_range,
        tilted_edges,
    )
    from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings
    from geo.visibility.terrain import Terrain, read_terrain
    from geo.visibility.visibility import visible_area, visible_area_by_tile

__version__ = "0.1.0"

provide_cache_folder()

__all__ = [
    "PIXEL_DENSITY",
    "AreaCode",
    "DeviceNumber",
    "Forecast",
    "PreparedBuildings",
    "SitePlan",
    "Surface",
    "Terrain",
    "Weights",
    "added_by_grid",
    "added_ground",
    "area_code",
    "at_night",
    "bandwidth",
    "blind_spots",
    "camera_findings",
    "camera_targets",
    "cameras_by_year",
    "cameras_in_use",
    "cameras_seeing",
    "category_path",
    "choose_sites",
    "class_range",
    "compare_periods",
    "compare_with_past",
    "complete_cameras",
    "contiguity",
    "counts_by_category",
    "counts_by_month",
    "coverage_by_grid",
    "cusum",
    "density_by_grid",
    "density_by_period",
    "density_ratio",
    "density_surface",
    "device_number",
    "emerging_hot_spots",
    "empirical_bayes",
    "expected_incidents",
    "findings_by_owner",
    "forecast",
    "gini",
    "grid_findings",
    "grid_of",
    "hot_spots",
    "hours_of_week",
    "in_category",
    "incident_findings",
    "key_place_kinds",
    "key_place_targets",
    "levels_of",
    "local_moran",
    "make_grids",
    "mann_kendall",
    "metric_crs",
    "near_repeats",
    "nearest",
    "parent_codes",
    "pixel_density_range",
    "prediction_accuracy",
    "prepare_buildings",
    "quality_coverage",
    "rank_peers",
    "ranks",
    "read_terrain",
    "rename_columns",
    "roll_up",
    "seasonal_expectation",
    "service_quality",
    "space_time_cube",
    "space_time_hot_spots",
    "tilted_edges",
    "to_wgs84",
    "visible_area",
    "visible_area_by_tile",
    "within_distance",
    "within_walk",
]

# Each is loaded when it is first asked for: a command that adds a user needs none of the analysis.
__getattr__ = lazily(
    __name__,
    {
        "geo.coverage.gaps": "blind_spots coverage_by_grid",
        "geo.coverage.quality": "at_night cameras_in_use class_range quality_coverage",
        "geo.coverage.scenario": "added_by_grid added_ground",
        "geo.coverage.seeing": "cameras_seeing",
        "geo.coverage.siting": "SitePlan choose_sites",
        "geo.crs": "metric_crs to_wgs84",
        "geo.governance.appeals": "service_quality",
        "geo.governance.codes": "AreaCode DeviceNumber area_code device_number parent_codes",
        "geo.governance.lattice": "make_grids",
        "geo.governance.levels": "levels_of",
        "geo.governance.registers": "camera_findings findings_by_owner grid_findings incident_findings",
        "geo.governance.roll_up": "gini rank_peers roll_up within_walk",
        "geo.governance.targets": "camera_targets cameras_by_year key_place_kinds key_place_targets",
        "geo.incidents.alerts": "cusum seasonal_expectation",
        "geo.incidents.categories": "category_path counts_by_category in_category",
        "geo.incidents.density": "counts_by_month density_by_grid density_by_period grid_of",
        "geo.incidents.emerging": "emerging_hot_spots space_time_hot_spots",
        "geo.incidents.forecasts": "Forecast forecast prediction_accuracy",
        "geo.incidents.hot_spots": "hot_spots local_moran",
        "geo.incidents.rates": "compare_periods compare_with_past empirical_bayes ranks",
        "geo.incidents.repeats": "near_repeats",
        "geo.incidents.risk": "expected_incidents",
        "geo.incidents.surface": "Surface bandwidth density_ratio density_surface",
        "geo.incidents.trends": "hours_of_week mann_kendall space_time_cube",
        "geo.incidents.weights": "Weights contiguity nearest within_distance",
        "geo.synonyms": "rename_columns",
        "geo.visibility.field_of_view": "PIXEL_DENSITY complete_cameras pixel_density_range tilted_edges",
        "geo.visibility.prepared_buildings": "PreparedBuildings prepare_buildings",
        "geo.visibility.terrain": "Terrain read_terrain",
        "geo.visibility.visibility": "visible_area visible_area_by_tile",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
