# Names of the pipeline, by the module that defines them.

from .areas import (
    grid_statistics as grid_statistics,
)
from .areas import (
    results_by_area as results_by_area,
)
from .dashboard import refresh_dashboard as refresh_dashboard
from .data_quality import check_registers as check_registers
from .grids import (
    Boundary as Boundary,
)
from .grids import (
    PlannedGrids as PlannedGrids,
)
from .grids import (
    find_boundary as find_boundary,
)
from .grids import (
    plan_grids as plan_grids,
)
from .grids import (
    store_grids as store_grids,
)
from .planning import (
    CameraView as CameraView,
)
from .planning import (
    ScenarioGain as ScenarioGain,
)
from .planning import (
    cameras_seeing_place as cameras_seeing_place,
)
from .planning import (
    view_of_camera as view_of_camera,
)
from .planning import (
    views_of_planned as views_of_planned,
)
from .planning import (
    what_if as what_if,
)
from .quality import refresh_quality as refresh_quality
from .risk import refresh_risk as refresh_risk
from .run import (
    CoverageRefresh as CoverageRefresh,
)
from .run import (
    RefreshResult as RefreshResult,
)
from .run import (
    refresh as refresh,
)
from .run import (
    refresh_all as refresh_all,
)
from .siting import (
    RecommendedSites as RecommendedSites,
)
from .siting import (
    recommend_sites as recommend_sites,
)
from .statistics import refresh_statistics as refresh_statistics
