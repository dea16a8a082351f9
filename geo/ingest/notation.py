"""Notation of numbers and dates in a file: decimal mark and order of day and month by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.columns import texts_matching
from geo.ingest.dates import DateOrder, DateOrderEvidence, date_order_evidence
from geo.ingest.findings import Finding
from geo.ingest.header_vocabulary import LAT, LON
from geo.ingest.numbers import AMBIGUOUS, Decimal, decimal_mark
from geo.ingest.values import normalise_signs
from geo.schema import Layer

_SAMPLE_ROWS = 2_000
"""Rows whose coordinates are examined for the decimal mark."""
_ORDER_CODES = {
    "day": ReasonCode.DATES_READ_DAY_FIRST,
    "month": ReasonCode.DATES_READ_MONTH_FIRST,
}
_TYPED_BESIDE_TEXT = (
    "the spreadsheet may have exchanged day and month of the dates that are no text; compare them "
    "with their source"
)


@dataclass(frozen=True)
class Notation:
    """Notation by column of the layer; None or absent if it is not known."""

    decimal: Mapping[str, Decimal | None] = field(default_factory=dict)
    date_order: Mapping[str, DateOrder | None] = field(default_factory=dict)
    grouped: frozenset[str] = frozenset()
    """Columns in which a comma may separate thousands."""
    findings: tuple[Finding, ...] = ()


PLAIN = Notation()
"""Notation of a file of which nothing is known."""


def read_notation(
    cells: pd.DataFrame,
    layer: Layer,
    columns: Mapping[str, str],
    *,
    date_order: DateOrder | None = None,
    projected: bool = False,
) -> Notation:
    """Return how the columns of a file write numbers and dates.

    A column that does not show its own notation has that of the other columns, if they agree.

    Parameters
    ----------
    cells : pandas.DataFrame
        Cells as they were read.
    layer : Layer
        Register to import into.
    columns : mapping of str to str
        Header by column of the layer.
    date_order : {"day", "month"} or None, optional
        Order in columns that do not show their own.
    projected : bool, optional
        Whether coordinates are metres.

    Returns
    -------
    Notation
        Decimal mark and date order by column, with findings about uncertain dates.
    """
    decimal, grouped = _decimal_marks(cells, layer, columns, projected=projected)
    order, findings = _date_orders(cells, layer, columns, date_order)
    return Notation(decimal, order, grouped, tuple(findings))


def _decimal_marks(
    cells: pd.DataFrame, layer: Layer, columns: Mapping[str, str], *, projected: bool
) -> tuple[dict[str, Decimal | None], frozenset[str]]:
    """Return the decimal mark by column, and the columns with ambiguous commas."""
    mark_of: dict[str, Decimal | None] = {}
    grouped = set()
    for axis in (LON, LAT):
        if axis in columns:
            texts = texts_matching(cells[columns[axis]].iloc[:_SAMPLE_ROWS], "[.,]")
            mark_of[axis] = decimal_mark(texts, degrees=not projected)
    for column in layer.columns:
        if column.kind in ("number", "integer") and column.name in columns:
            texts = texts_matching(cells[columns[column.name]], "[.,]")
            mark_of[column.name] = decimal_mark(texts)
            plain = (normalise_signs(text).strip() for text in texts if isinstance(text, str))
            if any(AMBIGUOUS[","].fullmatch(text) for text in plain):
                grouped.add(column.name)
    marks = {mark for mark in mark_of.values() if mark is not None}
    file_mark = marks.pop() if len(marks) == 1 else mark_of.get(LON)
    return {name: mark or file_mark for name, mark in mark_of.items()}, frozenset(grouped)


def _date_orders(
    cells: pd.DataFrame, layer: Layer, columns: Mapping[str, str], given: DateOrder | None
) -> tuple[dict[str, DateOrder | None], list[Finding]]:
    """Return the order of day and month by column, and findings about uncertain columns."""
    shown_by_column: dict[str, DateOrderEvidence] = {}
    for column in layer.columns:
        if column.kind in ("date", "time") and column.name in columns:
            texts = texts_matching(
                cells[columns[column.name]], r"^\s*\d{1,2}[/.\-]\d{1,2}[/.\-]\d{4}"
            )
            shown_by_column[column.name] = date_order_evidence(texts)
    orders = {shown.order for shown in shown_by_column.values() if shown.order is not None}
    file_order = orders.pop() if len(orders) == 1 else None
    order_of: dict[str, DateOrder | None] = {}
    findings = []
    for name, shown in shown_by_column.items():
        # A column with both orders shows none: its ambiguous dates are rejected.
        order = shown.order if shown.order or shown.mixed else given or file_order
        order_of[name] = order
        for reason, detail in _date_remarks(shown, order, given):
            findings.append(Finding(0, RowAction.NOTED, reason, columns[name], detail, ""))
    return order_of, findings


def _date_remarks(
    shown: DateOrderEvidence, order: DateOrder | None, given: DateOrder | None
) -> list[tuple[ReasonCode, str]]:
    """Return reason and detail of each remark on the dates of a column."""
    remarks = []
    if shown.mixed:
        remarks.append((ReasonCode.DATE_ORDERS_MIXED, "those that could be either are not read"))
    elif shown.uncertain and order is not None:
        if shown.order:
            source = "the column shows it"
        else:
            source = "--date-order" if given else "another column shows it"
        remarks.append((_ORDER_CODES[order], source))
    if shown.typed and shown.day_first:
        remarks.append((ReasonCode.TYPED_DATES_BESIDE_TEXT, _TYPED_BESIDE_TEXT))
    return remarks
