"""From the registers to the result tables, with provenance."""

from typing import TYPE_CHECKING

from geo._lazy import lazily

if TYPE_CHECKING:
    from geo.coverage.quality import IN_USE
    from geo.pipeline.areas import grid_patterns, results_by_area
    from geo.pipeline.board import refresh_board
    from geo.pipeline.grids import Boundary, MadeGrids, find_boundary, plan_grids, store_grids
    from geo.pipeline.patterns import refresh_patterns
    from geo.pipeline.planning import (
        Gain,
        Sites,
        View,
        seeing,
        sites,
        view_of,
        views_there,
        what_if,
    )
    from geo.pipeline.quality import refresh_quality
    from geo.pipeline.refreshing import Refreshed, refresh
    from geo.pipeline.registers import check_registers
    from geo.pipeline.risk import refresh_risk
    from geo.pipeline.whole import Everything, refresh_everything

__all__ = [
    "IN_USE",
    "Boundary",
    "Everything",
    "Gain",
    "MadeGrids",
    "Refreshed",
    "Sites",
    "View",
    "check_registers",
    "find_boundary",
    "grid_patterns",
    "plan_grids",
    "refresh",
    "refresh_board",
    "refresh_everything",
    "refresh_patterns",
    "refresh_quality",
    "refresh_risk",
    "results_by_area",
    "seeing",
    "sites",
    "store_grids",
    "view_of",
    "views_there",
    "what_if",
]

__getattr__ = lazily(
    __name__,
    {
        "geo.coverage.quality": "IN_USE",
        "geo.pipeline.areas": "grid_patterns results_by_area",
        "geo.pipeline.board": "refresh_board",
        "geo.pipeline.grids": "Boundary MadeGrids find_boundary plan_grids store_grids",
        "geo.pipeline.patterns": "refresh_patterns",
        "geo.pipeline.planning": "Gain Sites View seeing sites view_of views_there what_if",
        "geo.pipeline.quality": "refresh_quality",
        "geo.pipeline.refreshing": "Refreshed refresh",
        "geo.pipeline.risk": "refresh_risk",
        "geo.pipeline.registers": "check_registers",
        "geo.pipeline.whole": "Everything refresh_everything",
    },
)
