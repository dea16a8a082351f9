"""The plan of a refresh: which results are stale, and what they depend on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import geo
from geo.coverage.camera_selection import WORKING_STATUSES
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.changes import Changes, read_pending_changes
from geo.store.queries.runs import Run, read_latest_run

_COVERAGE_LAYERS = frozenset({"grids", "cameras", "buildings"})
_DENSITY_LAYERS = frozenset({"grids", "incidents"})


class Extent(StrEnum):
    """How much of a kind of results a refresh computes."""

    NONE = "none"
    CHANGED = "changed"
    """Only what a change of the registers can alter."""
    ALL = "all"


@dataclass(frozen=True)
class RefreshPlan:
    """What a refresh computes, and the state of the store on which that was decided."""

    changes: Changes
    """Changes of the registers since the newest run."""
    last_run: Run | None
    """The newest run; None before the first one."""
    parameters: dict[str, Any]
    """Settings on which the results depend, with `metric_crs` still empty."""
    coverage: Extent
    """Views, coverage and blind spots to compute."""
    density: bool
    """Whether the density of incidents is computed; always for all grids."""

    @property
    def is_empty(self) -> bool:
        """Whether the stored results are up to date.

        Returns
        -------
        bool
            True only if there is a run.
        """
        return self.coverage is Extent.NONE and not self.density

    @property
    def reads_grids(self) -> bool:
        """Whether all grids are read.

        Returns
        -------
        bool
            False where only the grids near changed cameras or buildings are needed.
        """
        return self.coverage is Extent.ALL or self.density

    @property
    def last_summary(self) -> dict[str, Any]:
        """A copy of the summary of the newest run.

        Returns
        -------
        dict
            Empty before the first run.
        """
        return {} if self.last_run is None else dict(self.last_run.summary)


def plan_refresh(conn: Conn, settings: Settings, *, everything: bool = False) -> RefreshPlan:
    """Compare the registers and settings with those of the newest run.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; nothing is written.
    settings : Settings
        Settings of the deployment.
    everything : bool, optional
        Compute everything even if nothing changed.

    Returns
    -------
    RefreshPlan
        What is to be computed.

    Notes
    -----
    Everything is computed where there is no run, where a setting or the version of the software
    differs from that of the newest run, or where that run has no digests to continue from.
    """
    changes = read_pending_changes(conn)
    last_run = read_latest_run(conn)
    parameters = run_parameters(settings)
    if last_run is not None and {**last_run.parameters, "metric_crs": None} != parameters:
        everything = True
    coverage_changed = bool(_COVERAGE_LAYERS & changes.layers)
    density_changed = bool(_DENSITY_LAYERS & changes.layers)
    if last_run is not None and not everything and not (coverage_changed or density_changed):
        return RefreshPlan(changes, last_run, parameters, Extent.NONE, density=False)
    if last_run is None or "views_digest" not in last_run.summary:
        everything = True
    if everything or _COVERAGE_LAYERS & changes.untracked:
        coverage = Extent.ALL
    else:
        coverage = Extent.CHANGED if coverage_changed else Extent.NONE
    return RefreshPlan(changes, last_run, parameters, coverage, everything or density_changed)


def run_parameters(settings: Settings) -> dict[str, Any]:
    """Return the settings on which coverage and density depend.

    Parameters
    ----------
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    dict
        Values as stored with a run. `metric_crs` is None until the run has chosen it; `terrain` is
        the path, size and time of change (ns) of the file, None without one.
    """
    terrain = None
    if settings.terrain is not None:
        status = settings.terrain.stat() if settings.terrain.exists() else None
        terrain = [str(settings.terrain), status.st_size, status.st_mtime_ns] if status else None
    return {
        "min_blind_spot_m2": settings.blind_spot_min_area_m2,
        "camera_status": list(WORKING_STATUSES),
        "camera_defaults": {
            kind: dataclasses.asdict(defaults) for kind, defaults in settings.cameras.items()
        },
        "timezone": settings.timezone,
        "metric_crs_setting": settings.metric_crs,
        "metric_crs": None,
        "terrain": terrain,
        "software": geo.__version__,
    }
