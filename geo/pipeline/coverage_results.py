"""Stored results of coverage: totals of a run, and writing them."""

from __future__ import annotations

import math
from typing import Any

from geo.pipeline.coverage import CoverageResult
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.queries.coverage import read_coverage_figures


def coverage_totals(conn: Conn) -> dict[str, Any]:
    """Sum the stored coverage over all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.

    Returns
    -------
    dict
        `grids`, `area_m2`, `covered_m2`, `open_m2` and `open_covered_share` (0 to 1; None without
        open ground). The sums are exact, so that they do not depend on the order of the rows.
    """
    area, covered, ground, share = read_coverage_figures(conn)
    open_m2 = math.fsum(ground)
    return {
        "grids": len(area),
        "area_m2": math.fsum(area),
        "covered_m2": math.fsum(covered),
        "open_m2": open_m2,
        "open_covered_share": math.fsum(share * ground) / open_m2 if open_m2 else None,
    }


def write_coverage(conn: Conn, run: int, result: CoverageResult, *, everything: bool) -> int:
    """Write results in place of those that they replace.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; the caller commits.
    run : int
        Number of the run.
    result : CoverageResult
        Results to write.
    everything : bool
        Whether they replace all stored views and blind spots.

    Returns
    -------
    int
        Number of blind spots deleted.
    """
    if everything:
        clear_table(conn, "camera_views")
        deleted = clear_table(conn, "blind_spots")
    else:
        clear_table(conn, "camera_views", "camera", [*result.removed, *result.views["camera"]])
        deleted = clear_table(conn, "blind_spots", "grid", result.grids)
    write_table(conn, "camera_views", result.views.assign(run=run), shape="polygon")
    write_table(conn, "grid_coverage", result.coverage.assign(run=run))
    write_table(conn, "blind_spots", result.spots.assign(run=run), shape="exact")
    return deleted
