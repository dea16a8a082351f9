"""The dashboard stage: figures by area and findings by row, stored with their run."""

from __future__ import annotations

import datetime as dt
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
from geo.pipeline.context import Progress, no_progress
from geo.pipeline.data_quality import LAYERS, Registers, findings_of, read_registers
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.cameras import read_last_status_reports
from geo.store.queries.dashboard import find_stale_dashboard, replace_dashboard
from geo.store.queries.grids import read_grid_results
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import add_to_summary, refresh_transaction
from geo.store.queries.service_requests import read_service_request_sums

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

MOST_FINDINGS = 20_000
"""Greatest number of rows of one finding that are stored; all are counted."""
_REQUEST_MONTHS = 12

Places = dict[str, "tuple[DataFrame, GeoDataFrame]"]
"""By layer the areas of each row, and the rows with point geometry (`Registers.place`)."""


def refresh_dashboard(
    conn: Conn, settings: Settings, progress: Progress = no_progress
) -> dict[str, Any] | None:
    """Compute the dashboard if there is a newer run or import, or the day has changed.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; it is committed. Readers see the old dashboard until then.
    settings : Settings
        Settings of the deployment.
    progress : callable, optional
        Called with the text of each step.

    Returns
    -------
    dict or None
        Figures, which are also added to the summary of the run; None if the stored dashboard is up
        to date.
    """
    with refresh_transaction(conn):
        today = dt.datetime.now(settings.zone).date()
        state = find_stale_dashboard(conn, today)
        if state is None:
            return None
        progress("dashboard")
        registers = read_registers(conn, settings)
        reach = _service_reach(conn, registers, settings.service_radius_m)
        places: Places = {layer: registers.place(layer) for layer in LAYERS}
        findings = findings_of(registers, read_last_status_reports(conn), today)
        communities = places["grids"][0]["community"]
        shortfalls = [
            service_shortfalls(table, kind, settings.service_radius_m, communities)
            for kind, table in reach.items()
        ]
        findings["grids"] = pd.concat([findings["grids"], *shortfalls], ignore_index=True)
        figures = [
            *_register_figures(conn, registers, state.run),
            *_quality(findings, places),
            service_figures(
                registers.grids,
                registers.areas,
                {kind: table["served_share"] for kind, table in reach.items()},
            ),
            _service_request_figures(conn, registers),
        ]
        rows = [_with_places(layer, findings[layer], *places[layer]) for layer in LAYERS]
        counts = [findings_by_owner(findings[layer]).assign(layer=layer) for layer in LAYERS]
        summary = replace_dashboard(
            conn,
            state,
            figures=pd.concat(figures, ignore_index=True),
            years=_years(registers.cameras, places["cameras"][0]),
            findings=pd.concat(rows, ignore_index=True),
            counts=pd.concat(counts, ignore_index=True),
        )
        add_to_summary(conn, state.run, summary)
        return summary


def _service_reach(conn: Conn, registers: Registers, distance_m: float) -> dict[str, DataFrame]:
    """Return the share of each grid within the service radius, by kind of service point."""
    points = read_layer(conn, "service-points").to_crs(registers.grids.crs)
    return {
        str(kind): share_within_distance(registers.grids, rows, distance_m)
        for kind, rows in points.groupby("kind", sort=True)
    }


def _register_figures(conn: Conn, registers: Registers, run: int) -> list[DataFrame]:
    grids, areas = registers.grids, registers.areas
    results = read_grid_results(conn, run).reindex(grids.index)
    coverage = results[["area_m2", "covered_m2", "open_m2"]].astype(float)
    coverage = coverage.assign(
        open_covered_m2=results["open_covered_share"].astype(float) * coverage["open_m2"],
        twice_covered_m2=results["twice_covered_share"].astype(float) * coverage["area_m2"],
        incidents=results["count"].astype(float),
    )
    return [
        coverage_figures(grids, areas, coverage),
        camera_figures(grids, areas, registers.cameras),
        place_figures(grids, areas, registers.places, registers.targets),
        staff_figures(grids, areas, registers.staff),
    ]


def _key_columns(layer: str) -> list[str]:
    """Return the columns of a finding that identify its row."""
    return ["owner", "code"] if layer == "incidents" else ["code"]


def _row_keys(layer: str, frame: DataFrame) -> pd.Index:
    if layer == "incidents":
        return pd.MultiIndex.from_arrays(
            [frame["source"].astype(object), frame["source_id"].astype(object)]
        )
    return pd.Index(frame.index.astype(str), dtype=object)


def _quality(findings: dict[str, DataFrame], places: Places) -> list[DataFrame]:
    tables = []
    for layer in LAYERS:
        units, points = places[layer]
        keys = _row_keys(layer, points)
        if layer == "cameras":
            used = points["status"].ne("retired").to_numpy()
            units, keys = units[used], keys[used]
        tables.append(quality_figures(layer, units, keys, findings[layer], _key_columns(layer)))
    return tables


def _with_places(
    layer: str, findings: DataFrame, units: DataFrame, points: GeoDataFrame
) -> DataFrame:
    """Return the first rows of each finding with their areas and a point."""
    rows = findings.groupby(["aspect", "finding"], sort=False).head(MOST_FINDINGS)
    columns = _key_columns(layer)
    wanted = (
        pd.MultiIndex.from_frame(rows[columns])
        if len(columns) > 1
        else pd.Index(rows["code"], dtype=object)
    )
    keys = _row_keys(layer, points)
    # A repeated key means its first row.
    single = ~keys.duplicated()
    positions = np.flatnonzero(single)[keys[single].get_indexer(wanted)]
    located = rows.reset_index(drop=True).assign(layer=layer)
    for level in LEVELS:
        located[level] = units[level].to_numpy(object)[positions]
    shapes = np.asarray(points.geometry.to_crs("EPSG:4326").values)
    located["geometry"] = shapes[positions]
    return located


def _service_request_figures(conn: Conn, registers: Registers) -> DataFrame:
    """Return the figures of the service requests of the last months, by grid."""
    sums = read_service_request_sums(conn, _REQUEST_MONTHS)
    if sums.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    sums = sums.set_index("code")
    units = assign_admin_units(registers.grids, registers.areas)
    return service_request_figures(units.reindex(sums.index).fillna(""), sums)


def _years(cameras: DataFrame, units: DataFrame) -> DataFrame:
    tables = []
    for level in LEVELS[1:]:
        for code, rows in cameras.groupby(units[level]):
            table = cameras_by_year(rows).reset_index()
            tables.append(table.assign(level=level, code=code))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
