"""Columns of a camera's directions: bearing, field of view, further directions, unread text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.directions import ALL_ROUND, Direction, directions_to_text
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.bearings import directions_of
from geo.ingest.columns import distinct
from geo.ingest.dictionary import normalise_word
from geo.ingest.findings import CleaningTable, Finding, rows_where
from geo.ingest.headers import HeaderMatches
from geo.ingest.raw_table import RawTable

_DEGREE_HEADERS = frozenset(
    normalise_word(header)
    for header in (
        "bearing_deg",
        "bearing",
        "azimuth",
        "azimut",
        "heading",
        "yaw",
        "orientation",
        "look_direction",
        "camera:direction",
        "方位角",
        "angle",
        "course",
    )
)
_BEARING_OF_TYPE = {
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
class ParsedDirections:
    """The parsed column of directions, a value a row; None where there is none."""

    bearing_deg: NDArray[np.object_]
    """Bearing of the first direction, clockwise from true north."""
    fov_deg: NDArray[np.object_]
    """Width of the sector where the text gives one; 360 for all round."""
    other_directions: NDArray[np.object_]
    """Further directions as text (`geo.directions.directions_to_text`)."""
    not_understood: NDArray[np.object_]
    """Text of the cells that give no direction, to be stored with the row."""


def fill_directions(
    work: CleaningTable, recognised: HeaderMatches, columns: dict[str, Any], *, decimal_comma: bool
) -> dict[str, pd.Series]:
    """Fill bearings, fields of view and further directions from the column of directions.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    recognised : HeaderMatches
        Its columns. Where a cell is blank, other columns of bearings are read.
    columns : dict of str to numpy.ndarray
        ParsedDirections values by column of the layer, changed in place. A field of view or further
        directions in columns of their own precede those in the text of directions.
    decimal_comma : bool
        Whether numbers of this column have decimal commas.

    Returns
    -------
    dict of str to pandas.Series
        Texts that give no direction, by header; empty without a column of directions.
    """
    header = recognised.columns.get("bearing_deg")
    if header is None:
        return {}
    cells = work.raw.cells[header]
    for other in recognised.alternatives.get("bearing_deg", []):
        cells = cells.where(~cells.map(values.is_blank), work.raw.cells[other])
    parsed = parse_directions(work, cells.rename(header), decimal_comma=decimal_comma)
    columns["bearing_deg"] = parsed.bearing_deg
    for name, from_text in (
        ("fov_deg", parsed.fov_deg),
        ("other_directions", parsed.other_directions),
    ):
        missing = columns[name] == None  # noqa: E711  (element by element)
        columns[name] = np.where(missing, from_text, columns[name])
    return {header: pd.Series(parsed.not_understood, dtype=object)}


def parse_directions(
    work: CleaningTable, cells: pd.Series, *, decimal_comma: bool = False
) -> ParsedDirections:
    """Parse a column of directions, and report each problem.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    cells : pandas.Series
        The column, named like its header.
    decimal_comma : bool, default False
        Whether numbers of this column have decimal commas.

    Returns
    -------
    ParsedDirections
        A value a row.
    """
    codes, distinct_cells = distinct(cells)
    by_type = are_direction_types(str(cells.name), distinct_cells)
    columns = [np.full(len(distinct_cells), None, object) for _ in range(4)]
    bearing, fov, others, unread = columns
    problems: dict[int, tuple[RowAction, ReasonCode, str]] = {}
    for i, cell in enumerate(distinct_cells):
        directions = (
            _types_of(cell) if by_type else _directions_in(cell, decimal_comma=decimal_comma)
        )
        if directions is None:
            continue
        if not directions:
            unread[i] = values.storable(values.text_of(cell))
        else:
            first, *rest = directions
            bearing[i], _ = _in_domain(first.bearing_deg)
            fov[i] = first.fov_deg
            others[i] = directions_to_text(rest) if rest else None
        problem = _problem_of(repr(values.text_of(cell)), directions)
        if problem is not None:
            problems[i] = problem
    for row in rows_where(np.isin(codes, list(problems))):
        action, reason, detail = problems[int(codes[row])]
        work.report(row, action, reason, "bearing_deg", detail)
    return ParsedDirections(*(column[codes] for column in columns))


def _problem_of(
    text: str, directions: tuple[Direction, ...]
) -> tuple[RowAction, ReasonCode, str] | None:
    """Return action, reason and detail of the finding for a cell; None where it is plain."""
    if not directions:
        return (
            RowAction.REPAIRED,
            ReasonCode.DIRECTION_NOT_UNDERSTOOD,
            f"{text} is stored with the row",
        )
    first, *rest = directions
    if rest:
        detail = f"{text} taken as {directions_to_text([first])} and {directions_to_text(rest)}"
        return RowAction.NOTED, ReasonCode.SEVERAL_DIRECTIONS, detail
    bearing, problem = _in_domain(first.bearing_deg)
    if problem is not None:
        return (
            RowAction.REPAIRED,
            problem,
            text if bearing is None else f"{text} taken as {bearing}",
        )
    if (first.fov_deg or 0.0) > _WIDE_DEG and first != ALL_ROUND:
        detail = f"{text} is read clockwise, from the first bearing to the second"
        return RowAction.NOTED, ReasonCode.SECTOR_ABOVE_HALF_TURN, detail
    return None


_ANGLE_HEADERS = frozenset(normalise_word(h) for h in ("angle", "角度", "winkel", "ángulo", "угол"))


def assign_angle(raw: RawTable, recognised: HeaderMatches) -> list[Finding]:
    """Decide what a column called angle holds.

    Parameters
    ----------
    raw : RawTable
        The table of cameras.
    recognised : HeaderMatches
        Its columns, changed in place.

    Returns
    -------
    list of Finding
        A note of the decision; empty without such a column, or where bearing and field of view
        are known without it.

    Notes
    -----
    Beside a column of bearings it is the field of view. Alone it is the bearing where a value is 0
    or above 180, which no usual field of view is, or names a direction; otherwise it is left out.
    """
    header = next((h for h in recognised.unknown if normalise_word(h) in _ANGLE_HEADERS), None)
    if header is None:
        return []
    if "bearing_deg" in recognised.columns:
        if "fov_deg" in recognised.columns:
            return []
        column, reason = "fov_deg", f"{recognised.columns['bearing_deg']} is the bearing"
    elif _has_bearings(raw.cells[header]):
        column, reason = "bearing_deg", "it holds values that no field of view has"
    else:
        detail = f"say --rename {header}=bearing_deg or --rename {header}=fov_deg"
        return [Finding(0, RowAction.NOTED, ReasonCode.ANGLE_COLUMN_NOT_USED, header, detail, "")]
    recognised.columns[column] = header
    recognised.unknown.remove(header)
    return [
        Finding(0, RowAction.NOTED, ReasonCode.HEADER_RECOGNISED, header, f"{column}: {reason}", "")
    ]


def _has_bearings(cells: pd.Series) -> bool:
    """Return whether a value is a direction that no usual field of view is."""
    return any(
        not 0 < values.number_of(cell) <= 180 and directions_of(cell)
        for cell in distinct(cells)[1]
        if not values.is_blank(cell)
    )


def are_direction_types(header: str, cells: Sequence[Any]) -> bool:
    """Return whether a column of directions holds types from 1 to 9 in place of degrees.

    Parameters
    ----------
    header : str
        Header of the column.
    cells : sequence
        Its distinct cells.

    Returns
    -------
    bool
        True where the header is that of types and a cell is one, or where the header says neither
        and all cells are single digits.

    References
    ----------
    GB/T 28181, DirectionType.

    Examples
    --------
    >>> are_direction_types("监视方位", ["1", "3/4"]), are_direction_types("方位角", ["1", "3"])
    (True, False)
    """
    name = normalise_word(header)
    if name in _DEGREE_HEADERS:
        return False
    texts = {values.text_of(cell) for cell in cells if not values.is_blank(cell)}
    types = {text for text in texts if re.fullmatch(r"\d(?:\s*[/、,;；，]\s*\d)*", text)}
    return bool(types) and (name == "directiontype" or types == texts)


def _types_of(cell: Any) -> tuple[Direction, ...] | None:
    """Return the directions of a cell of types; None where it is not reported."""
    text = values.text_of(cell)
    if text in ("", "0"):
        return None
    types = re.split(r"\s*[/、,;；，]\s*", text)
    if "9" in types:
        return (ALL_ROUND,)
    if all(one in _BEARING_OF_TYPE for one in types):
        return tuple(Direction(_BEARING_OF_TYPE[one]) for one in dict.fromkeys(types))
    return directions_of(cell)


def _directions_in(cell: Any, *, decimal_comma: bool) -> tuple[Direction, ...] | None:
    """Return the directions of a cell; None where it is blank."""
    return None if values.is_blank(cell) else directions_of(cell, decimal_comma=decimal_comma)


def _in_domain(bearing: float | None) -> tuple[float | None, ReasonCode | None]:
    """Return a bearing within the full circle, None where it is impossible, and the problem."""
    if bearing is None or 0 <= bearing <= 360:
        return bearing, None
    if -360 <= bearing <= 720:
        return bearing % 360, ReasonCode.ANGLE_BEYOND_FULL_TURN
    return None, ReasonCode.IMPOSSIBLE_VALUE
