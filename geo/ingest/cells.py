"""Cells to values of a column's contract, each problem told."""

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

from geo.directions import to_text
from geo.ingest import values
from geo.ingest.bearings import directions_of
from geo.ingest.columns import distinct, moments_of, objects, plain_codes, plain_times
from geo.ingest.dates import year_first
from geo.ingest.encodings import REPLACEMENT
from geo.ingest.findings import MENDED, NOTED, REJECTED, Work, rows_where
from geo.ingest.headers import FALSE_WORDS, TRUE_WORDS, normalised, value_of
from geo.ingest.notation import PLAIN, Notation
from geo.ingest.numbers import AMBIGUOUS, Decimal
from geo.schema import Column

SPARED = ("name", "source", "level")
"""Needed columns that can be told otherwise."""


@dataclass(frozen=True)
class Context:
    """What the cells of a column are read by, beside the column's contract."""

    zone: ZoneInfo
    notation: Notation = PLAIN


DAMAGED_CODE = "damaged character in a code"
"""A code is not repaired: with a character less it may be the code of something else."""
_READINGS = frozenset(
    {
        "thousands separator", "decimal point beside thousands separators",
        "decimal point with three digits behind it",
    }
)  # fmt: skip
"""Problems that leave the value as the file has it, read in the one way that fits the others."""


def parse_column(
    work: Work, column: Column, cells: pd.Series | None, context: Context, source: str
) -> Any:
    """Values of one column, default where empty, each problem told to `work`.

    Returns
    -------
    A value a row: a column of moments (UTC, NaT missing) for times, else an array of objects
    (None missing).
    """
    count = len(work.raw.cells)
    default = source if column.name == "source" else column.default
    if cells is None:
        if column.kind == "time":
            return moments_of([None] * count)
        return np.full(count, default, object)
    # Registers repeat their values: each distinct one is parsed once.
    codes, found = distinct(cells)
    parsed, told = _parse_all(work, column, found, context)
    for slot in rows_where(np.isin(codes, list(told))):
        problem, fatal = told[int(codes[slot])]
        cell = found[int(codes[slot])]
        if fatal and values.blank(cell):
            work.tell(slot, REJECTED, problem, column.name, "this column is needed")
            continue
        value = parsed[int(codes[slot])]
        action = NOTED if problem in _READINGS else MENDED
        work.tell(slot, REJECTED if fatal else action, problem, column.name, f"{values.text_of(cell)!r}"
                  + ("" if pd.isna(value) else f" taken as {value}"))  # fmt: skip
    if isinstance(parsed, pd.Series):
        return parsed.take(codes).reset_index(drop=True)
    out = parsed[codes]
    out[out == None] = default  # noqa: E711  (element by element)
    return out


def _parse_all(
    work: Work, column: Column, found: Sequence[Any], context: Context
) -> tuple[Any, dict[int, tuple[str, bool]]]:
    """Values of distinct cells, and by number the problem of those with one and whether it is fatal."""
    parse = _PARSERS[column.kind]
    done = np.zeros(len(found), bool)
    out: NDArray[np.object_] = np.full(len(found), None, object)
    moments = None
    if column.kind == "time":
        moments = plain_times(found, context.zone)
        done = (moments >= values.EARLIEST).to_numpy()
    elif column.kind == "code":
        done = plain_codes(found)
        out = objects(found)
    told: dict[int, tuple[str, bool]] = {}
    for slot in rows_where(~done):
        cell, out[slot] = found[slot], None
        if values.blank(cell) and not _is_word(work, column, cell):
            if column.needed and column.name not in SPARED:
                told[slot] = ("empty value", True)
            continue
        out[slot], problem = parse(work, column, cell, context)
        if problem:
            fatal = column.needed or problem == DAMAGED_CODE
            told[slot] = (problem, out[slot] is None and fatal)
    if moments is None:
        return out, told
    rest = np.flatnonzero(~done)
    moments[rest] = moments_of([out[slot] for slot in rest]).to_numpy()
    return moments, told


def _is_word(work: Work, column: Column, cell: Any) -> bool:
    """Whether a cell is a word of the column, as `none` and 无 are of some, which elsewhere say nothing."""
    if column.kind != "choice" or not isinstance(cell, str):
        return False
    return value_of(work.layer.name, column.name, cell, work.dictionary) is not None


def _parse_text(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    if column.name in work.layer.key and REPLACEMENT in str(cell):
        return None, DAMAGED_CODE
    return values.storable(values.without_marker(values.text_of(cell))), ""


def _parse_code(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    as_read = values.text_of(cell)
    if REPLACEMENT in as_read:
        return None, DAMAGED_CODE
    text = values.without_marker(as_read, code=True)
    problem = "spreadsheet's marker removed" if text != as_read else ""
    bare = _NO_WIDTH.sub("", text).strip()
    if bare != text:
        problem = problem or "characters without width removed"
    if _GROUPED_CODE.fullmatch(bare):
        bare, problem = re.sub(r"\D", "", bare), "marks between thousands removed from a code"
    text = values.storable(bare)
    digits = text.replace(".", "").replace("+", "").casefold()
    if (
        (isinstance(cell, float) and abs(cell) >= 1e15)
        or _SCIENTIFIC.fullmatch(text)
        or ("e" in digits[1:-1] and values.number_of(text) >= 1e11)
    ):
        return None, "code in scientific notation: digits are lost, store it as text"
    return text or None, problem


_NO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u00ad]")
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?[eE]\+\d+|\d+[.,]\d+[eE]-?\d+")
"""As spreadsheets write long numbers; 12E3 may be a code."""
_GROUPED_CODE = re.compile(r"\d{1,3}(?:,\d{3}){2,}")


def _parse_number(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    decimal = context.notation.decimal.get(column.name)
    problem = ""
    if column.name == "pixels_wide":
        number = values.pixels_of(cell)
    elif column.name == "satisfaction":
        number = values.rating_of(cell)
    else:
        decimal, problem = _mark_of(column, cell, decimal, context)
        if decimal is None and problem:
            return None, problem
        number = values.number_of(cell, decimal)
    if math.isnan(number) or math.isinf(number):
        return None, "not a number"
    low = column.low if column.low is not None else -math.inf
    high = column.high if column.high is not None else math.inf
    if number < low or number > high or (column.open_low and number == low):
        # Registers write 0 for "not reported".
        silent = column.open_low and number == 0
        return None, "" if silent else f"impossible value for {column.name}"
    return (round(number) if column.kind == "integer" else number), problem


def _mark_of(
    column: Column, cell: Any, decimal: Decimal | None, context: Context
) -> tuple[Decimal | None, str]:
    """The decimal mark by which a cell is read, and what is to be reported of it."""
    text = values.plain_signs(cell).strip() if isinstance(cell, str) else ""
    comma, point = (bool(AMBIGUOUS[mark].fullmatch(text)) for mark in (",", "."))
    if not comma and not point:
        return decimal, ""
    if column.kind == "integer":
        # A part of a person or a pixel is none: the mark parts thousands.
        return (".", "thousands separator") if comma else (",", "thousands separator")
    if comma and decimal is None:
        return None, "thousands or decimal comma not certain"
    if (comma and decimal == ".") or (point and decimal == ","):
        return decimal, "thousands separator"
    if point and column.name in context.notation.grouped:
        return ".", "decimal point beside thousands separators"
    if point and decimal is None:
        return ".", "decimal point with three digits behind it"
    return decimal, ""


def _parse_boolean(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    text = normalised(values.text_of(cell))
    if text in TRUE_WORDS:
        return True, ""
    if text in FALSE_WORDS:
        return False, ""
    return None, "neither yes nor no"


def _parse_choice(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    text = cell.strip() if isinstance(cell, str) else values.text_of(cell)
    if text in column.choices:
        return text, ""
    found = value_of(work.layer.name, column.name, text, work.dictionary)
    # 0 is how registers write "not reported".
    silent = text == "0" and column.default is None
    return (found, "") if found or silent else (None, f"unknown {column.name}")


def _parse_several(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    parts = [
        part.strip() for part in re.split(r"[/／、,，;；]", values.text_of(cell)) if part.strip()
    ]
    words = [value_of(work.layer.name, column.name, part, work.dictionary) for part in parts]
    # 0 is not reported; a word that is not in the dictionary is kept as it is.
    kept = [word or part for word, part in zip(words, parts, strict=True) if word or part != "0"]
    return "/".join(dict.fromkeys(kept)) or None, ""


def _parse_directions(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    found = directions_of(cell)
    if not found or any(not 0 <= (one.bearing_deg or 0) <= 360 for one in found):
        return None, "not a direction"
    return to_text(found), ""


def _parse_time(work: Work, column: Column, cell: Any, context: Context) -> tuple[Any, str]:  # noqa: ARG001
    cell, sure = year_first(cell, context.notation.date_order.get(column.name))
    if not sure:
        return None, "order of day and month not certain: use --date-order"
    moment = values.time_of(cell, context.zone)
    if moment is None or moment < values.EARLIEST:
        return None, "impossible date"
    return (moment.date() if column.kind == "date" else moment), ""


_PARSERS: dict[str, Callable[[Work, Column, Any, Context], tuple[Any, str]]] = {
    "text": _parse_text, "code": _parse_code, "number": _parse_number, "integer": _parse_number,
    "boolean": _parse_boolean, "choice": _parse_choice, "date": _parse_time, "time": _parse_time,
    "several": _parse_several, "directions": _parse_directions,
}  # fmt: skip
