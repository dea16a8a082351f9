"""Checks of rows after their cells are parsed: dates, time spans, keys, guards."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.dictionary import normalise_word
from geo.ingest.findings import CleaningTable, rows_where
from geo.ingest.headers import HeaderMatches
from geo.schema import Column

_MAY_BE_IN_FUTURE = ("retired_on", "due_at")


def check_dates(
    work: CleaningTable, columns: dict[str, Any], now: dt.datetime, zone: ZoneInfo
) -> None:
    """Remove dates that cannot be, exchange the ends of reversed spans, reject rows without time.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    columns : dict of str to pandas.Series or numpy.ndarray
        Parsed values by column of the layer, changed in place.
    now : datetime.datetime
        The current time, with a zone. Dates more than a day later are removed.
    zone : zoneinfo.ZoneInfo
        Zone in which the report writes times.
    """
    latest = now + dt.timedelta(days=1)
    for column in work.layer.columns:
        if column.name not in _MAY_BE_IN_FUTURE:
            _remove_future_dates(work, column, columns, latest, zone)
    if "retired_on" in columns:
        _remove_early_retirements(work, columns)
    if work.layer.name == "incidents":
        _exchange_reversed_spans(work, columns)
        _reject_without_time(work, columns)


def _remove_future_dates(
    work: CleaningTable,
    column: Column,
    columns: dict[str, Any],
    latest: dt.datetime,
    zone: ZoneInfo,
) -> None:
    if column.kind == "time":
        late = columns[column.name] > latest
        for row in rows_where(late):
            moment = columns[column.name][row].astimezone(zone)
            work.report(
                row, RowAction.REPAIRED, ReasonCode.DATE_IN_FUTURE, column.name, f"{moment} dropped"
            )
        columns[column.name] = columns[column.name].mask(late)
    elif column.kind == "date":
        for row, day in enumerate(columns[column.name]):
            if day is not None and day > latest.date():
                work.report(
                    row,
                    RowAction.REPAIRED,
                    ReasonCode.DATE_IN_FUTURE,
                    column.name,
                    f"{day} dropped",
                )
                columns[column.name][row] = None


def _remove_early_retirements(work: CleaningTable, columns: dict[str, Any]) -> None:
    dates = zip(columns["installed_on"], columns["retired_on"], strict=True)
    for row, (installed, retired) in enumerate(dates):
        if installed is not None and retired is not None and retired < installed:
            work.report(
                row,
                RowAction.REPAIRED,
                ReasonCode.RETIRED_BEFORE_INSTALLED,
                "retired_on",
                f"{retired} dropped",
            )
            columns["retired_on"][row] = None


def _exchange_reversed_spans(work: CleaningTable, columns: dict[str, Any]) -> None:
    start, end = columns["occurred_from"].copy(), columns["occurred_to"].copy()
    is_reversed = (end < start) & work.accepted
    for row in rows_where(is_reversed):
        work.report(
            row,
            RowAction.REPAIRED,
            ReasonCode.END_BEFORE_START,
            "occurred_to",
            "the two were exchanged",
        )
    columns["occurred_from"] = start.mask(is_reversed, end)
    columns["occurred_to"] = end.mask(is_reversed, start)


def _reject_without_time(work: CleaningTable, columns: dict[str, Any]) -> None:
    missing = [columns[name].isna() for name in ("occurred_at", "occurred_from", "reported_at")]
    without_time = np.all(missing, axis=0)
    detail = "--occurred 2025 gives such rows a time span"
    for row in rows_where(without_time & work.accepted):
        work.report(row, RowAction.REJECTED, ReasonCode.NO_USABLE_TIME, "occurred_at", detail)


def check_keys(work: CleaningTable, columns: dict[str, Any], geometry: NDArray[np.object_]) -> None:
    """Reject rows whose key an earlier row has.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    columns : dict of str to pandas.Series or numpy.ndarray
        Parsed values by column of the layer.
    geometry : numpy.ndarray of shapely.Geometry or None
        Geometry of each row; tells a repeated row from another one with the same key.
    """
    key_columns = work.layer.key
    accepted = np.flatnonzero(work.accepted)
    keys = pd.DataFrame({name: columns[name][accepted] for name in key_columns}, index=accepted)
    first_rows: dict[tuple[Any, ...], int] = {}
    for row in accepted[keys.duplicated(keep=False)].tolist():
        key = tuple(columns[name][row] for name in key_columns)
        first = first_rows.setdefault(key, row)
        if first == row:
            continue
        same_row = work.raw.original(row) == work.raw.original(first) and (
            geometry[row] == geometry[first]
        )
        reason = ReasonCode.REPEATED_ROW if same_row else ReasonCode.REPEATED_KEY
        key_text = "/".join(str(part) for part in key)
        line = int(work.raw.lines[first])
        work.report(
            row,
            RowAction.REJECTED,
            reason,
            key_columns[-1],
            f"{key_text} is on line {line} already",
        )


def assign_grid_precision(
    work: CleaningTable, columns: dict[str, Any], geometry: NDArray[np.object_]
) -> None:
    """Mark incidents without a location as known to the grid only.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned.
    columns : dict of str to pandas.Series or numpy.ndarray
        Parsed values of the incidents; ``precision`` is changed in place, unless it is ``grid`` or
        ``none`` already.
    geometry : numpy.ndarray of shapely.Geometry or None
        Geometry of each row.
    """
    precision = columns["precision"]
    imprecise = np.isin(precision.astype(str), ("grid", "none"))
    precision[shapely.is_missing(geometry) & ~imprecise & work.accepted] = "grid"


def reject_guards(work: CleaningTable, recognised: HeaderMatches) -> None:
    """Reject surveillance by people, which OpenStreetMap maps beside cameras.

    Parameters
    ----------
    work : CleaningTable
        The table of cameras being cleaned; it gets the findings.
    recognised : HeaderMatches
        Its columns. Other files than those with OpenStreetMap's ``surveillance:type`` stay as
        they are.
    """
    header = recognised.columns.get("functions")
    if header is None or normalise_word(header) != normalise_word("surveillance:type"):
        return
    for row, cell in enumerate(work.raw.cells[header]):
        if isinstance(cell, str) and cell.strip().casefold() == "guard":
            work.report(row, RowAction.REJECTED, ReasonCode.NOT_A_CAMERA, header, "a guard")
