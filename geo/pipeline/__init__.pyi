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
    MadeGrids as MadeGrids,
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
    Gain as Gain,
)
from .planning import (
    View as View,
)
from .planning import (
    seeing as seeing,
)
from .planning import (
    view_of as view_of,
)
from .planning import (
    views_there as views_there,
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
    Sites as Sites,
)
from .siting import (
    sites as sites,
)
from .statistics import refresh_statistics as refresh_statistics
