"""Cells to values of a column's contract, each problem told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from geo.ingest import values
from geo.ingest.findings import MENDED, REJECTED, Work
from geo.ingest.headers import DIRECTIONS, FALSE_WORDS, TRUE_WORDS, normalised, value_of
from geo.schema import Column, Layer

SPARED = ("name", "source", "level")
"""Needed columns that can be told otherwise."""


def parse_column(
    work: Work, column: Column, cells: pd.Series | None, zone: ZoneInfo, source: str
) -> list[Any]:
    """Values of one column, default where empty, each problem told to `work`."""
    count = len(work.raw.cells)
    if cells is None:
        return [source if column.name == "source" else column.default] * count
    parse = _PARSERS[column.kind]
    out: list[Any] = []
    memo: dict[Any, tuple[Any, str]] = {}
    for row, cell in enumerate(cells):
        if values.blank(cell):
            if column.needed and column.name not in SPARED:
                work.tell(row, REJECTED, "empty value", column.name, "this column is needed")
            out.append(source if column.name == "source" else column.default)
            continue
        # Registers repeat their values: parse each distinct one once.
        slot = (type(cell), cell)
        if slot not in memo:
            memo[slot] = parse(work.layer, column, cell, zone)
        value, problem = memo[slot]
        if problem:
            fatal = value is None and column.needed
            work.tell(row, REJECTED if fatal else MENDED, problem, column.name, f"{values.text_of(cell)!r}"
                      + ("" if value is None else f" taken as {value}"))  # fmt: skip
        out.append(column.default if value is None else value)
    return out


def _parse_text(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    return values.text_of(cell).replace("\x00", ""), ""


def _parse_code(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = values.text_of(cell).replace("\x00", "")
    digits = text.replace(".", "").replace("+", "").casefold()
    if (isinstance(cell, float) and abs(cell) >= 1e15) or (
        "e" in digits[1:-1] and values.number_of(text) >= 1e11
    ):
        return None, "code in scientific notation: digits are lost, store it as text"
    return text, ""


def _parse_number(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    if column.name == "pixels_wide":
        number = values.pixels_of(cell)
    elif column.angle:
        named = DIRECTIONS.get(normalised(str(cell)))
        number = named if named is not None else values.degrees_of(cell)
    else:
        number = values.number_of(cell)
    if math.isnan(number) or math.isinf(number):
        return None, "not a number"
    problem = ""
    if column.angle and not 0 <= number <= 360 and -360 <= number <= 720:
        number, problem = number % 360, "angle beyond a full turn"
    low = column.low if column.low is not None else -math.inf
    high = column.high if column.high is not None else math.inf
    if number < low or number > high or (column.open_low and number == low):
        # Registers write 0 for "not reported".
        silent = column.open_low and number == 0
        return None, "" if silent else f"impossible value for {column.name}"
    return (round(number) if column.kind == "integer" else number), problem


def _parse_boolean(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = normalised(values.text_of(cell))
    if text in TRUE_WORDS:
        return True, ""
    if text in FALSE_WORDS:
        return False, ""
    return None, "neither yes nor no"


def _parse_choice(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = values.text_of(cell)
    if text in column.choices:
        return text, ""
    found = value_of(layer.name, column.name, text)
    return (found, "") if found else (None, f"unknown {column.name}")


def _parse_time(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    moment = values.time_of(cell, zone)
    if moment is None or moment < values.EARLIEST:
        return None, "impossible date"
    return (moment.date() if column.kind == "date" else moment), ""


_PARSERS: dict[str, Callable[[Layer, Column, Any, ZoneInfo], tuple[Any, str]]] = {
    "text": _parse_text, "code": _parse_code, "number": _parse_number, "integer": _parse_number,
    "boolean": _parse_boolean, "choice": _parse_choice, "date": _parse_time, "time": _parse_time,
}  # fmt: skip
