"""The board worked out anew: figures by area, findings by row, with the run they rest on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.governance.dashboard import (
    COLUMNS,
    camera_figures,
    coverage_figures,
    place_figures,
    quality_figures,
    service_figures,
    service_request_figures,
    staff_figures,
)
from geo.governance.findings import findings_by_owner
from geo.governance.hierarchy import LEVELS, assign_admin_units
from geo.governance.roll_up import share_within_distance
from geo.governance.shortfalls import service_shortfalls
from geo.governance.targets import cameras_by_year
from geo.pipeline.data_quality import LAYERS, Registers, findings_of, read_registers
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.cameras import read_last_status_reports
from geo.store.queries.dashboard import replace_dashboard, stale_dashboard_state
from geo.store.queries.grids import read_grid_results
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import add_to_summary, refresh_transaction
from geo.store.queries.service_requests import read_service_request_sums

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_FINDINGS = 20_000
"""Rows of one finding that are kept one by one; all are counted."""
_APPEAL_MONTHS = 12


def refresh_dashboard(
    conn: Conn, settings: Settings, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any] | None:
    """Work out the board anew where anything it rests on is newer, or another day has come.

    The caller's connection is committed. Readers see the old board until the new is whole.

    Returns
    -------
    Its figures, which also stand in the run's summary; None where nothing was to do.
    """
    with refresh_transaction(conn):
        today = dt.datetime.now(settings.zone).date()
        state = stale_dashboard_state(conn, today)
        if state is None:
            return None
        progress("the board")
        found = read_registers(conn, settings)
        reach = _reach(conn, found, settings.walk_m)
        findings = findings_of(found, read_last_status_reports(conn), today)
        places = {layer: found.place(layer) for layer in LAYERS}
        communities = places["grids"][0]["community"]
        gaps = [
            service_shortfalls(table, kind, settings.walk_m, communities)
            for kind, table in reach.items()
        ]
        findings["grids"] = pd.concat([findings["grids"], *gaps], ignore_index=True)
        figures = pd.concat(
            [
                *_plain_figures(conn, found, state.run),
                *_quality(findings, places),
                service_figures(
                    found.grids, found.areas, {k: t["served_share"] for k, t in reach.items()}
                ),
                _appeals(conn, found),
            ],
            ignore_index=True,
        )
        rows = [_located(layer, findings[layer], *places[layer], _keys(layer)) for layer in LAYERS]
        counts = [findings_by_owner(findings[layer]).assign(layer=layer) for layer in LAYERS]
        summary = replace_dashboard(
            conn, state, figures=figures, years=_years(found.cameras, places["cameras"][0]),
            findings=pd.concat(rows, ignore_index=True),
            counts=pd.concat(counts, ignore_index=True),
        )  # fmt: skip
        add_to_summary(conn, state.run, summary)
        return summary


def _reach(conn: Conn, found: Registers, metres: float) -> dict[str, DataFrame]:
    points = read_layer(conn, "service-points").to_crs(found.grids.crs)
    return {
        str(kind): share_within_distance(found.grids, some, metres)
        for kind, some in points.groupby("kind", sort=True)
    }


def _plain_figures(conn: Conn, found: Registers, run: int) -> list[DataFrame]:
    grids, areas = found.grids, found.areas
    results = read_grid_results(conn, run).reindex(grids.index)
    coverage = results[["area_m2", "covered_m2", "open_m2"]].astype(float)
    coverage = coverage.assign(
        open_covered_m2=results["open_covered_share"].astype(float) * coverage["open_m2"],
        twice_covered_m2=results["twice_covered_share"].astype(float) * coverage["area_m2"],
        incidents=results["count"].astype(float),
    )
    return [
        coverage_figures(grids, areas, coverage),
        camera_figures(grids, areas, found.cameras),
        place_figures(grids, areas, found.places, found.targets),
        staff_figures(grids, areas, found.staff),
    ]


def _keys(layer: str) -> list[str]:
    """Columns of a finding that name its row."""
    return ["owner", "code"] if layer == "incidents" else ["code"]


def _row_keys(layer: str, frame: DataFrame) -> pd.Index:
    if layer == "incidents":
        return pd.MultiIndex.from_arrays(
            [frame["source"].astype(object), frame["source_id"].astype(object)]
        )
    return pd.Index(frame.index.astype(str), dtype=object)


def _quality(findings: dict[str, DataFrame], places: dict[str, Any]) -> list[DataFrame]:
    tables = []
    for layer in LAYERS:
        place, points = places[layer]
        keys = _row_keys(layer, points)
        if layer == "cameras":
            used = points["status"].ne("retired").to_numpy()
            place, keys = place[used], keys[used]
        tables.append(quality_figures(layer, place, keys, findings[layer], _keys(layer)))
    return tables


def _located(
    layer: str, findings: DataFrame, place: DataFrame, points: Any, columns: list[str]
) -> DataFrame:
    """Findings with where they lie, the first ones of each kind."""
    some = findings.groupby(["aspect", "finding"], sort=False).head(MOST_FINDINGS)
    keys = _row_keys(layer, points)
    # A key that stands twice is the first one's.
    single = ~keys.duplicated()
    wanted = (
        pd.MultiIndex.from_frame(some[columns])
        if len(columns) > 1
        else pd.Index(some["code"], dtype=object)
    )
    at = np.flatnonzero(single)[keys[single].get_indexer(wanted)]
    out = some.reset_index(drop=True).assign(layer=layer)
    for level in LEVELS:
        out[level] = place[level].to_numpy(object)[at]
    out["geometry"] = np.asarray(points.geometry.to_crs("EPSG:4326").values)[at]
    return out


def _appeals(conn: Conn, found: Registers) -> DataFrame:
    """Appeals of the last months, by the grids they are of."""
    sums = read_service_request_sums(conn, _APPEAL_MONTHS)
    if sums.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    sums = sums.set_index("code")
    place = assign_admin_units(found.grids, found.areas).reindex(sums.index).fillna("")
    return service_request_figures(place, sums)


def _years(cameras: DataFrame, place: DataFrame) -> DataFrame:
    tables = []
    for level in LEVELS[1:]:
        for code, some in cameras.groupby(place[level]):
            table = cameras_by_year(some).reset_index()
            tables.append(table.assign(level=level, code=code))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
