"""Decimal mark of a column of numbers, and marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from geo.ingest import values

Decimal = Literal[".", ","]

_UNIT = r"\s*(?:°|度|米|m|M|px|人|%)?"
_SIGN = r"[-+]?"
_ESCAPED = ((".", r"\."), (",", ","))
_DECIMAL = {
    mark: re.compile(
        rf"{_SIGN}(?:\d+{escaped}(?:\d{{1,2}}|\d{{4,}})|\d{{4,}}{escaped}\d+|0{escaped}\d+"
        rf"|\d{{1,3}}(?:{other}\d{{3}})+{escaped}\d+){_UNIT}"
    )
    for mark, escaped, other in ((".", r"\.", "[, ']"), (",", ",", r"[. ']"))
}
"""Texts in which the mark can only be the decimal mark."""
_GROUPED = {
    mark: re.compile(rf"{_SIGN}\d{{1,3}}(?:{escaped}\d{{3}}){{2,}}{_UNIT}")
    for mark, escaped in _ESCAPED
}
"""Texts in which the mark can only separate thousands."""
AMBIGUOUS = {
    mark: re.compile(rf"{_SIGN}[1-9]\d{{0,2}}{escaped}\d{{3}}{_UNIT}") for mark, escaped in _ESCAPED
}
"""One mark followed by three digits, by mark: ``1,200`` is 1200 or 1.2."""


def decimal_mark(cells: Iterable[Any], *, degrees: bool = False) -> Decimal | None:
    """Return the decimal mark that the cells of a column show.

    Parameters
    ----------
    cells : iterable of object
        Cells of one column; only text can show a mark.
    degrees : bool, optional
        Whether they are coordinates in degrees, in which no mark separates thousands.

    Returns
    -------
    {".", ","} or None
        The mark; None if no cell shows one or the cells disagree.

    Examples
    --------
    >>> decimal_mark(["12,5", "3,25"])
    ','
    >>> decimal_mark(["1.200.000", "7"])
    ','
    >>> decimal_mark(["1,200"]) is None
    True
    >>> decimal_mark(["118,306"], degrees=True)
    ','
    """
    marks: set[Decimal] = set()
    for cell in cells:
        if not isinstance(cell, str):
            continue
        text = values.normalise_signs(cell).strip()
        if degrees and (match := re.fullmatch(rf"{_SIGN}\d{{1,3}}([.,])\d+{_UNIT}", text)):
            marks.add("." if match[1] == "." else ",")
            continue
        if _DECIMAL["."].fullmatch(text) or _GROUPED[","].fullmatch(text):
            marks.add(".")
        if _DECIMAL[","].fullmatch(text) or _GROUPED["."].fullmatch(text):
            marks.add(",")
    return marks.pop() if len(marks) == 1 else None
