"""Columns of a camera's directions: bearing, field of view, further directions, text not understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.directions import ALL_ROUND, Direction, to_text
from geo.ingest import values
from geo.ingest.bearings import directions_of
from geo.ingest.columns import distinct
from geo.ingest.findings import MENDED, NOTED, Finding, Work, rows_where
from geo.ingest.headers import Recognised, normalised
from geo.ingest.raw_table import RawTable

NOT_UNDERSTOOD = "direction not understood, camera treated as omnidirectional"
"""Reason in the report; its number is that of the cameras."""

_DEGREE_HEADERS = frozenset(
    normalised(h)
    for h in (
        "bearing_deg", "bearing", "azimuth", "azimut", "heading", "yaw", "orientation",
        "look_direction", "camera:direction", "方位角", "angle", "course",
    )
)  # fmt: skip
_TYPES = {
    "1": 90.0,
    "2": 270.0,
    "3": 180.0,
    "4": 0.0,
    "5": 135.0,
    "6": 45.0,
    "7": 225.0,
    "8": 315.0,
}
"""DirectionType of GB/T 28181: 1 looks east, and so on; 0 is not reported, 9 all round."""
_WIDE_DEG = 180.0


@dataclass(frozen=True)
class Parsed:
    """What a column of directions says, a value a row."""

    bearing_deg: NDArray[np.object_]
    fov_deg: NDArray[np.object_]
    """Width of the sector where the text gives one; 360 for all round."""
    other_directions: NDArray[np.object_]
    not_understood: NDArray[np.object_]
    """Text of the cells that gave no direction, to be stored with the row."""


def parse_directions(work: Work, cells: pd.Series, *, decimal_comma: bool = False) -> Parsed:
    """Read a column of directions, each problem reported to `work`.

    Parameters
    ----------
    work : the table being cleaned.
    cells : the column, named as its header.
    decimal_comma : whether numbers of this file have decimal commas.
    """
    codes, found = distinct(cells)
    types = are_direction_types(str(cells.name), found)
    parts = [
        _types_of(cell) if types else _given(cell, decimal_comma=decimal_comma) for cell in found
    ]
    columns = [np.full(len(found), None, object) for _ in range(4)]
    bearing, fov, others, text = columns
    problems: dict[int, tuple[str, str, str]] = {}
    for slot, (cell, directions) in enumerate(zip(found, parts, strict=True)):
        if directions is None:
            continue
        shown = repr(values.text_of(cell))
        if not directions:
            text[slot] = values.storable(values.text_of(cell))
            problems[slot] = (MENDED, NOT_UNDERSTOOD, f"{shown} is stored with the row")
            continue
        first, *rest = directions
        bearing[slot], problem = _in_domain(first.bearing_deg)
        fov[slot] = first.fov_deg
        if rest:
            others[slot] = to_text(rest)
            problems[slot] = (
                NOTED, "several directions of one camera",
                f"{shown} taken as {to_text([first])} and {others[slot]}",
            )  # fmt: skip
        elif problem:
            shown += "" if bearing[slot] is None else f" taken as {bearing[slot]}"
            problems[slot] = (MENDED, problem, shown)
        elif (first.fov_deg or 0.0) > _WIDE_DEG and first != ALL_ROUND:
            problems[slot] = (
                NOTED, "sector wider than half a turn",
                f"{shown} is read clockwise, from the first bearing to the second",
            )  # fmt: skip
    for row in rows_where(np.isin(codes, list(problems))):
        action, reason, detail = problems[int(codes[row])]
        work.tell(row, action, reason, "bearing_deg", detail)
    return Parsed(*(column[codes] for column in columns))


_ANGLE_HEADERS = frozenset(normalised(h) for h in ("angle", "角度", "winkel", "ángulo", "угол"))


def assign_angle(raw: RawTable, found: Recognised) -> list[Finding]:
    """Decide what a column called angle holds, and report it.

    Beside a column of bearings it is the field of view. Alone it is the bearing where a value is 0
    or above 180 or names a direction, which no usual field of view is; otherwise it is left out.
    """
    header = next((h for h in found.unknown if normalised(h) in _ANGLE_HEADERS), None)
    if header is None:
        return []
    if "bearing_deg" in found.columns:
        if "fov_deg" in found.columns:
            return []
        column, why = "fov_deg", f"{found.columns['bearing_deg']} is the bearing"
    else:
        cells = [c for c in distinct(raw.cells[header])[1] if not values.blank(c)]
        numbers = [values.number_of(cell) for cell in cells]
        if not any(
            not 0 < number <= 180 and directions_of(cell)
            for number, cell in zip(numbers, cells, strict=True)
        ):
            detail = f"say --rename {header}=bearing_deg or --rename {header}=fov_deg"
            return [Finding(0, NOTED, "bearing or field of view, not used", header, detail, "")]
        column, why = "bearing_deg", "it holds values that no field of view has"
    found.columns[column] = header
    found.unknown.remove(header)
    return [Finding(0, NOTED, "header recognised", header, f"{column}: {why}", "")]


def are_direction_types(header: str, cells: Sequence[Any]) -> bool:
    """Return whether a column of directions holds types from 1 to 9 in place of degrees."""
    name = normalised(header)
    if name in _DEGREE_HEADERS:
        return False
    texts = {values.text_of(cell) for cell in cells if not values.blank(cell)}
    single = {text for text in texts if re.fullmatch(r"\d(?:\s*[/、,;；，]\s*\d)*", text)}
    # Other headers are used for both: one that holds nothing else than single digits are types.
    return bool(single) and (name == "directiontype" or single == texts)


def _types_of(cell: Any) -> tuple[Direction, ...] | None:
    text = values.text_of(cell)
    if text in ("", "0"):
        return None
    parts = re.split(r"\s*[/、,;；，]\s*", text)
    if "9" in parts:
        return (ALL_ROUND,)
    if all(part in _TYPES for part in parts):
        return tuple(Direction(_TYPES[part]) for part in dict.fromkeys(parts))
    return directions_of(cell)


def _given(cell: Any, *, decimal_comma: bool) -> tuple[Direction, ...] | None:
    return None if values.blank(cell) else directions_of(cell, decimal_comma=decimal_comma)


def _in_domain(bearing: float | None) -> tuple[float | None, str]:
    if bearing is None or 0 <= bearing <= 360:
        return bearing, ""
    if -360 <= bearing <= 720:
        return bearing % 360, "angle beyond a full turn"
    return None, "impossible value for bearing_deg"
