"""Parsing of cells to the values that a column may have, with a finding for each problem."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.directions import directions_to_text
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.bearings import directions_of
from geo.ingest.columns import distinct, moments_of, objects, plain_codes, plain_times
from geo.ingest.dates import year_first
from geo.ingest.dictionary import Dictionary, normalise_word, value_of
from geo.ingest.encodings import REPLACEMENT
from geo.ingest.findings import CleaningTable, rows_where
from geo.ingest.notation import PLAIN, Notation
from geo.ingest.numbers import AMBIGUOUS, Decimal
from geo.ingest.value_vocabulary import FALSE_WORDS, TRUE_WORDS
from geo.schema import Column, Layer

DERIVED_COLUMNS = ("name", "source", "level")
"""Needed columns that a file may lack, because their values follow from others."""


@dataclass(frozen=True)
class CellContext:
    """Time zone and notation by which the cells of a file are read."""

    zone: ZoneInfo
    """Zone of times that name none."""
    notation: Notation = PLAIN
    """Decimal marks and order of dates, by column."""


@dataclass(frozen=True)
class _ColumnContext:
    """One column of a layer, and by what its cells are read."""

    layer: Layer
    column: Column
    dictionary: Dictionary
    zone: ZoneInfo
    notation: Notation


_READINGS = frozenset(
    [
        ReasonCode.THOUSANDS_SEPARATOR,
        ReasonCode.POINT_BESIDE_THOUSANDS_SEPARATORS,
        ReasonCode.POINT_BEFORE_THREE_DIGITS,
    ]
)
"""Problems that leave the value as the file has it, read in the one way that fits the others."""
_Parsed = tuple[Any, ReasonCode | None]
"""Value of a cell, or None, and the problem if there is one."""


def parse_column(
    work: CleaningTable, column: Column, cells: pd.Series | None, context: CellContext, source: str
) -> Any:
    """Parse the cells of one column, and report each problem.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    column : Column
        The column of the layer.
    cells : pandas.Series or None
        The cells, one a row; None where the file has no such column.
    context : CellContext
        Time zone and notation of the file.
    source : str
        Value of the column ``source`` where a cell is empty.

    Returns
    -------
    pandas.Series or numpy.ndarray
        A value a row. A column of times is a series of moments in UTC (NaT where missing), any
        other an array of objects: the default of the column where a cell is empty, else None.
    """
    n_rows = len(work.raw.cells)
    default = source if column.name == "source" else column.default
    if cells is None:
        if column.kind == "time":
            return moments_of([None] * n_rows)
        return np.full(n_rows, default, object)
    # Registers repeat their values: each distinct one is parsed once.
    codes, distinct_cells = distinct(cells)
    parsed, problems = _parse_all(
        distinct_cells,
        _ColumnContext(work.layer, column, work.dictionary, context.zone, context.notation),
    )
    for row in rows_where(np.isin(codes, list(problems))):
        code = int(codes[row])
        problem, fatal = problems[code]
        cell, value = distinct_cells[code], parsed[code]
        if fatal and values.is_blank(cell):
            work.report(row, RowAction.REJECTED, problem, column.name, "this column is needed")
            continue
        action = RowAction.NOTED if problem in _READINGS else RowAction.REPAIRED
        detail = repr(values.text_of(cell))
        if not pd.isna(value):
            detail += f" taken as {value}"
        work.report(row, RowAction.REJECTED if fatal else action, problem, column.name, detail)
    if isinstance(parsed, pd.Series):
        return parsed.take(codes).reset_index(drop=True)
    out = parsed[codes]
    out[out == None] = default  # noqa: E711  (element by element)
    return out


def _parse_all(
    cells: Sequence[Any], context: _ColumnContext
) -> tuple[Any, dict[int, tuple[ReasonCode, bool]]]:
    """Return the values of distinct cells, and by number each problem and whether it is fatal."""
    column = context.column
    parse = _PARSERS[column.kind]
    done = np.zeros(len(cells), bool)
    parsed: NDArray[np.object_] = np.full(len(cells), None, object)
    moments = None
    if column.kind == "time":
        moments = plain_times(cells, context.zone)
        done = (moments >= values.EARLIEST).to_numpy()
    elif column.kind == "code":
        done = plain_codes(cells)
        parsed = objects(cells)
    problems: dict[int, tuple[ReasonCode, bool]] = {}
    for i in rows_where(~done):
        cell, parsed[i] = cells[i], None
        if values.is_blank(cell) and not _is_word(cell, context):
            if column.needed and column.name not in DERIVED_COLUMNS:
                problems[i] = (ReasonCode.EMPTY_VALUE, True)
            continue
        parsed[i], problem = parse(cell, context)
        if problem is not None:
            fatal = column.needed or problem is ReasonCode.DAMAGED_CHARACTER_IN_CODE
            problems[i] = (problem, parsed[i] is None and fatal)
    if moments is None:
        return parsed, problems
    remaining = np.flatnonzero(~done)
    moments[remaining] = moments_of([parsed[i] for i in remaining]).to_numpy()
    return moments, problems


def _is_word(cell: Any, context: _ColumnContext) -> bool:
    """Return whether a cell that is blank elsewhere, such as `none` or 无, is a word here."""
    if context.column.kind != "choice" or not isinstance(cell, str):
        return False
    return _choice_of(cell, context) is not None


def _choice_of(text: str, context: _ColumnContext) -> str | None:
    return value_of(context.layer.name, context.column.name, text, context.dictionary)


def _parse_text(cell: Any, context: _ColumnContext) -> _Parsed:
    if context.column.name in context.layer.key and REPLACEMENT in str(cell):
        return None, ReasonCode.DAMAGED_CHARACTER_IN_CODE
    return values.storable(values.without_marker(values.text_of(cell))), None


def _parse_code(cell: Any, context: _ColumnContext) -> _Parsed:  # noqa: ARG001
    as_read = values.text_of(cell)
    if REPLACEMENT in as_read:
        return None, ReasonCode.DAMAGED_CHARACTER_IN_CODE
    text = values.without_marker(as_read, code=True)
    problem = ReasonCode.SPREADSHEET_MARKER_REMOVED if text != as_read else None
    visible = _NO_WIDTH.sub("", text).strip()
    if visible != text:
        problem = problem or ReasonCode.ZERO_WIDTH_CHARACTERS_REMOVED
    if _GROUPED_CODE.fullmatch(visible):
        visible = re.sub(r"\D", "", visible)
        problem = ReasonCode.THOUSANDS_SEPARATORS_REMOVED
    text = values.storable(visible)
    digits = text.replace(".", "").replace("+", "").casefold()
    if (
        (isinstance(cell, float) and abs(cell) >= 1e15)
        or _SCIENTIFIC.fullmatch(text)
        or ("e" in digits[1:-1] and values.number_of(text) >= 1e11)
    ):
        return None, ReasonCode.SCIENTIFIC_NOTATION_OF_CODE
    return text or None, problem


_NO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u00ad]")
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?[eE]\+\d+|\d+[.,]\d+[eE]-?\d+")
"""Long numbers as spreadsheets write them; 12E3 may be a code."""
_GROUPED_CODE = re.compile(r"\d{1,3}(?:,\d{3}){2,}")


def _parse_number(cell: Any, context: _ColumnContext) -> _Parsed:
    column = context.column
    problem: ReasonCode | None = None
    if column.name == "pixels_wide":
        number = values.pixels_of(cell)
    elif column.name == "satisfaction":
        number = values.rating_of(cell)
    else:
        decimal, problem = _decimal_mark(cell, context)
        if decimal is None and problem is not None:
            return None, problem
        number = values.number_of(cell, decimal)
    if math.isnan(number) or math.isinf(number):
        return None, ReasonCode.NOT_A_NUMBER
    low = column.low if column.low is not None else -math.inf
    high = column.high if column.high is not None else math.inf
    if number < low or number > high or (column.open_low and number == low):
        # Registers write 0 for "not reported".
        not_reported = column.open_low and number == 0
        return None, None if not_reported else ReasonCode.IMPOSSIBLE_VALUE
    return (round(number) if column.kind == "integer" else number), problem


def _decimal_mark(cell: Any, context: _ColumnContext) -> tuple[Decimal | None, ReasonCode | None]:
    """Return the decimal mark by which a cell is read, and what is to be reported of it."""
    column, notation = context.column, context.notation
    decimal = notation.decimal.get(column.name)
    text = values.normalise_signs(cell).strip() if isinstance(cell, str) else ""
    comma, point = (bool(AMBIGUOUS[mark].fullmatch(text)) for mark in (",", "."))
    if not comma and not point:
        return decimal, None
    if column.kind == "integer":
        # People and pixels have no fractions: the mark separates thousands.
        return "." if comma else ",", ReasonCode.THOUSANDS_SEPARATOR
    if comma and decimal is None:
        return None, ReasonCode.COMMA_UNCERTAIN
    if (comma and decimal == ".") or (point and decimal == ","):
        return decimal, ReasonCode.THOUSANDS_SEPARATOR
    if point and column.name in notation.grouped:
        return ".", ReasonCode.POINT_BESIDE_THOUSANDS_SEPARATORS
    if point and decimal is None:
        return ".", ReasonCode.POINT_BEFORE_THREE_DIGITS
    return decimal, None


def _parse_boolean(cell: Any, context: _ColumnContext) -> _Parsed:  # noqa: ARG001
    text = normalise_word(values.text_of(cell))
    if text in TRUE_WORDS:
        return True, None
    if text in FALSE_WORDS:
        return False, None
    return None, ReasonCode.NOT_A_BOOLEAN


def _parse_choice(cell: Any, context: _ColumnContext) -> _Parsed:
    column = context.column
    text = cell.strip() if isinstance(cell, str) else values.text_of(cell)
    if text in column.choices:
        return text, None
    choice = _choice_of(text, context)
    # Registers write 0 for "not reported".
    not_reported = text == "0" and column.default is None
    return choice, None if choice or not_reported else ReasonCode.UNKNOWN_VALUE


def _parse_several(cell: Any, context: _ColumnContext) -> _Parsed:
    parts = [
        part.strip() for part in re.split(r"[/／、,，;；]", values.text_of(cell)) if part.strip()
    ]
    # 0 means "not reported"; a word that is not in the dictionary is stored as it is.
    choices = [_choice_of(part, context) or ("" if part == "0" else part) for part in parts]
    return "/".join(dict.fromkeys(choice for choice in choices if choice)) or None, None


def _parse_directions(cell: Any, context: _ColumnContext) -> _Parsed:  # noqa: ARG001
    directions = directions_of(cell)
    if not directions or any(not 0 <= (d.bearing_deg or 0) <= 360 for d in directions):
        return None, ReasonCode.NOT_A_DIRECTION
    return directions_to_text(directions), None


def _parse_time(cell: Any, context: _ColumnContext) -> _Parsed:
    cell, certain = year_first(cell, context.notation.date_order.get(context.column.name))
    if not certain:
        return None, ReasonCode.DATE_ORDER_UNCERTAIN
    moment = values.time_of(cell, context.zone)
    if moment is None or moment < values.EARLIEST:
        return None, ReasonCode.IMPOSSIBLE_DATE
    return (moment.date() if context.column.kind == "date" else moment), None


_PARSERS: dict[str, Callable[[Any, _ColumnContext], _Parsed]] = {
    "text": _parse_text,
    "code": _parse_code,
    "number": _parse_number,
    "integer": _parse_number,
    "boolean": _parse_boolean,
    "choice": _parse_choice,
    "date": _parse_time,
    "time": _parse_time,
    "several": _parse_several,
    "directions": _parse_directions,
}
"""Parser of each kind of column: cell and context to the value, or None, and the problem if any."""
