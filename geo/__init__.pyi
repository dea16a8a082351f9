# Names of the library, by the module that defines them.

from .coverage.blind_spots import (
    blind_spots as blind_spots,
)
from .coverage.camera_selection import (
    cameras_in_use as cameras_in_use,
)
from .coverage.grid_coverage import (
    coverage_by_grid as coverage_by_grid,
)
from .coverage.quality import (
    at_night as at_night,
)
from .coverage.quality import (
    class_range as class_range,
)
from .coverage.quality import (
    quality_coverage as quality_coverage,
)
from .coverage.scenario import (
    added_by_grid as added_by_grid,
)
from .coverage.scenario import (
    added_ground as added_ground,
)
from .coverage.seeing import cameras_seeing as cameras_seeing
from .coverage.siting import (
    SitePlan as SitePlan,
)
from .coverage.siting import (
    choose_sites as choose_sites,
)
from .crs import (
    metric_crs as metric_crs,
)
from .crs import (
    to_wgs84 as to_wgs84,
)
from .governance.camera_quality import (
    camera_findings as camera_findings,
)
from .governance.codes import (
    AreaCode as AreaCode,
)
from .governance.codes import (
    DeviceNumber as DeviceNumber,
)
from .governance.codes import (
    area_code as area_code,
)
from .governance.codes import (
    device_number as device_number,
)
from .governance.codes import (
    parent_codes as parent_codes,
)
from .governance.data_quality import (
    grid_findings as grid_findings,
)
from .governance.data_quality import (
    incident_findings as incident_findings,
)
from .governance.findings import (
    FindingCode as FindingCode,
)
from .governance.findings import (
    findings_by_owner as findings_by_owner,
)
from .governance.hierarchy import assign_admin_units as assign_admin_units
from .governance.lattice import make_grids as make_grids
from .governance.roll_up import (
    gini as gini,
)
from .governance.roll_up import (
    rank_peers as rank_peers,
)
from .governance.roll_up import (
    roll_up as roll_up,
)
from .governance.roll_up import (
    share_within_distance as share_within_distance,
)
from .governance.service_requests import service_quality as service_quality
from .governance.targets import (
    camera_targets as camera_targets,
)
from .governance.targets import (
    cameras_by_year as cameras_by_year,
)
from .governance.targets import (
    key_place_kinds as key_place_kinds,
)
from .governance.targets import (
    key_place_targets as key_place_targets,
)
from .incidents.alerts import (
    cusum as cusum,
)
from .incidents.alerts import (
    seasonal_expectation as seasonal_expectation,
)
from .incidents.categories import (
    category_path as category_path,
)
from .incidents.categories import (
    counts_by_category as counts_by_category,
)
from .incidents.categories import (
    in_category as in_category,
)
from .incidents.density import (
    counts_by_month as counts_by_month,
)
from .incidents.density import (
    density_by_grid as density_by_grid,
)
from .incidents.density import (
    density_by_period as density_by_period,
)
from .incidents.density import (
    grid_of as grid_of,
)
from .incidents.emerging import (
    emerging_hot_spots as emerging_hot_spots,
)
from .incidents.emerging import (
    space_time_hot_spots as space_time_hot_spots,
)
from .incidents.forecasts import (
    Forecast as Forecast,
)
from .incidents.forecasts import (
    forecast as forecast,
)
from .incidents.forecasts import (
    prediction_accuracy as prediction_accuracy,
)
from .incidents.hot_spots import (
    hot_spots as hot_spots,
)
from .incidents.hot_spots import (
    local_moran as local_moran,
)
from .incidents.rates import (
    compare_periods as compare_periods,
)
from .incidents.rates import (
    compare_with_past as compare_with_past,
)
from .incidents.rates import (
    empirical_bayes as empirical_bayes,
)
from .incidents.rates import (
    ranks as ranks,
)
from .incidents.repeats import near_repeats as near_repeats
from .incidents.risk import expected_incidents as expected_incidents
from .incidents.surface import (
    Surface as Surface,
)
from .incidents.surface import (
    bandwidth as bandwidth,
)
from .incidents.surface import (
    density_ratio as density_ratio,
)
from .incidents.surface import (
    density_surface as density_surface,
)
from .incidents.trends import (
    hours_of_week as hours_of_week,
)
from .incidents.trends import (
    mann_kendall as mann_kendall,
)
from .incidents.trends import (
    space_time_cube as space_time_cube,
)
from .incidents.weights import (
    Weights as Weights,
)
from .incidents.weights import (
    contiguity as contiguity,
)
from .incidents.weights import (
    nearest as nearest,
)
from .incidents.weights import (
    within_distance as within_distance,
)
from .synonyms import rename_columns as rename_columns
from .visibility.field_of_view import (
    PIXEL_DENSITY as PIXEL_DENSITY,
)
from .visibility.field_of_view import (
    complete_cameras as complete_cameras,
)
from .visibility.field_of_view import (
    pixel_density_range as pixel_density_range,
)
from .visibility.field_of_view import (
    tilted_edges as tilted_edges,
)
from .visibility.prepared_buildings import (
    PreparedBuildings as PreparedBuildings,
)
from .visibility.prepared_buildings import (
    prepare_buildings as prepare_buildings,
)
from .visibility.terrain import (
    Terrain as Terrain,
)
from .visibility.terrain import (
    read_terrain as read_terrain,
)
from .visibility.visibility import (
    visible_area as visible_area,
)
from .visibility.visibility import (
    visible_area_by_tile as visible_area_by_tile,
)

__version__: str
