"""All results of a store brought up to date, one kind after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geo.pipeline.dashboard import refresh_dashboard
from geo.pipeline.quality import refresh_quality
from geo.pipeline.refreshing import Refreshed, refresh
from geo.pipeline.risk import refresh_risk
from geo.pipeline.statistics import refresh_statistics
from geo.settings import Settings
from geo.store.connection import Conn


@dataclass(frozen=True)
class Everything:
    """What each kind of results did; None where there was nothing to do."""

    coverage: Refreshed
    quality: int
    patterns: dict[str, Any] | None
    board: dict[str, Any] | None


def refresh_everything(
    conn: Conn,
    settings: Settings,
    *,
    everything: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Everything:
    """Coverage and density, quality, risk, patterns and the board, each as its own function has it.

    Raises
    ------
    StoreError, ReadError : as for `refresh`.
    """
    coverage = refresh(conn, settings=settings, everything=everything, progress=progress)
    quality = refresh_quality(conn, settings, progress)
    refresh_risk(conn, progress)
    patterns = refresh_statistics(conn, settings, progress)
    return Everything(coverage, quality, patterns, refresh_dashboard(conn, settings, progress))
