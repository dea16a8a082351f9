"""How a file writes numbers and dates: what each column shows, and else what the others show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from geo.ingest.columns import matching
from geo.ingest.dates import DateOrder, Shown, shown_order
from geo.ingest.findings import NOTED, Finding
from geo.ingest.headers import LAT, LON
from geo.ingest.numbers import AMBIGUOUS, Decimal, decimal_mark
from geo.ingest.values import plain_signs
from geo.schema import Layer

_SAMPLE_ROWS = 2_000
"""Rows whose coordinates are looked at for the decimal mark."""


@dataclass(frozen=True)
class Notation:
    """By column of the layer; what is not known is None or absent."""

    decimal: Mapping[str, Decimal | None] = field(default_factory=dict)
    date_order: Mapping[str, DateOrder | None] = field(default_factory=dict)
    grouped: frozenset[str] = frozenset()
    """Columns in which a comma parts thousands somewhere."""
    findings: tuple[Finding, ...] = ()


_TYPED_BESIDE_TEXT = (
    "the spreadsheet may have exchanged day and month of the dates that are no text; compare them "
    "with their source"
)
PLAIN = Notation()


def read_notation(
    cells: pd.DataFrame,
    layer: Layer,
    columns: Mapping[str, str],
    *,
    date_order: DateOrder | None = None,
    projected: bool = False,
) -> Notation:
    """Return how the columns of a file write numbers and dates.

    Parameters
    ----------
    cells : as they were read.
    layer : the register.
    columns : column to header.
    date_order : of all columns that do not show their own.
    projected : whether coordinates are metres.
    """
    decimal, grouped = _decimals(cells, layer, columns, projected=projected)
    order, findings = _orders(cells, layer, columns, date_order)
    return Notation(decimal, order, grouped, tuple(findings))


def _decimals(
    cells: pd.DataFrame, layer: Layer, columns: Mapping[str, str], *, projected: bool
) -> tuple[dict[str, Decimal | None], frozenset[str]]:
    shown: dict[str, Decimal | None] = {}
    grouped = set()
    for axis in (LON, LAT):
        if axis in columns:
            texts = matching(cells[columns[axis]].iloc[:_SAMPLE_ROWS], "[.,]")
            shown[axis] = decimal_mark(texts, degrees=not projected)
    for column in layer.columns:
        if column.kind in ("number", "integer") and column.name in columns:
            texts = matching(cells[columns[column.name]], "[.,]")
            shown[column.name] = decimal_mark(texts)
            if any(AMBIGUOUS[","].fullmatch(plain_signs(t).strip()) for t in texts if isinstance(t, str)):  # fmt: skip
                grouped.add(column.name)
    marks = {mark for mark in shown.values() if mark is not None}
    file_mark = marks.pop() if len(marks) == 1 else shown.get(LON)
    return {name: mark or file_mark for name, mark in shown.items()}, frozenset(grouped)


def _orders(
    cells: pd.DataFrame, layer: Layer, columns: Mapping[str, str], given: DateOrder | None
) -> tuple[dict[str, DateOrder | None], list[Finding]]:
    shown: dict[str, Shown] = {}
    for column in layer.columns:
        if column.kind in ("date", "time") and column.name in columns:
            texts = matching(cells[columns[column.name]], r"^\s*\d{1,2}[/.\-]\d{1,2}[/.\-]\d{4}")
            shown[column.name] = shown_order(texts)
    orders = {one.order for one in shown.values() if one.order is not None}
    file_order = orders.pop() if len(orders) == 1 else None
    out: dict[str, DateOrder | None] = {}
    findings = []
    for name, one in shown.items():
        # A column that has both orders shows none: what could be either is refused there.
        out[name] = one.order if one.order or one.mixed else given or file_order
        words = {"day": "day before month", "month": "month before day"}
        if one.mixed:
            findings.append(
                (name, "dates in both orders", "those that could be either are not read")
            )
        elif one.uncertain and (order := out[name]) is not None:
            why = (
                "the column shows it"
                if one.order
                else "--date-order"
                if given
                else "another column shows it"
            )
            findings.append((name, f"dates read with {words[order]}", why))
        if one.typed and one.day_first:
            findings.append(
                (name, "typed dates beside text with the day first", _TYPED_BESIDE_TEXT)
            )
    return out, [
        Finding(0, NOTED, reason, columns[name], detail, "") for name, reason, detail in findings
    ]
