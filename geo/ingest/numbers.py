"""How a column writes its numbers: decimal point or comma, and marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from geo.ingest import values

Decimal = Literal[".", ","]

_UNIT = r"\s*(?:°|度|米|m|M|px|人|%)?"
_SIGN = r"[-+]?"
_DECIMAL = {
    mark: re.compile(
        rf"{_SIGN}(?:\d+{m}(?:\d{{1,2}}|\d{{4,}})|\d{{4,}}{m}\d+|0{m}\d+|\d{{1,3}}(?:{o}\d{{3}})+{m}\d+){_UNIT}"
    )
    for mark, m, o in ((".", r"\.", "[, ']"), (",", ",", r"[. ']"))
}
"""Texts in which the mark can only be the decimal's."""
_GROUPED = {
    mark: re.compile(rf"{_SIGN}\d{{1,3}}(?:{m}\d{{3}}){{2,}}{_UNIT}")
    for mark, m in ((".", r"\."), (",", ","))
}
"""Texts in which the mark can only part thousands."""
AMBIGUOUS = {
    mark: re.compile(rf"{_SIGN}[1-9]\d{{0,2}}{m}\d{{3}}{_UNIT}")
    for mark, m in ((".", r"\."), (",", ","))
}
"""One mark with three digits behind it: ``1,200`` is 1200 or 1.2."""


def decimal_mark(cells: Iterable[Any], *, degrees: bool = False) -> Decimal | None:
    """Return the decimal mark that the cells of a column show; None where none or both do.

    Parameters
    ----------
    cells : of one column; typed numbers show nothing.
    degrees : whether they are coordinates in degrees, where no mark parts thousands.
    """
    shown: set[Decimal] = set()
    for cell in cells:
        if not isinstance(cell, str):
            continue
        text = values.plain_signs(cell).strip()
        if degrees and (found := re.fullmatch(rf"{_SIGN}\d{{1,3}}([.,])\d+{_UNIT}", text)):
            shown.add("." if found[1] == "." else ",")
            continue
        if _DECIMAL["."].fullmatch(text) or _GROUPED[","].fullmatch(text):
            shown.add(".")
        if _DECIMAL[","].fullmatch(text) or _GROUPED["."].fullmatch(text):
            shown.add(",")
    return shown.pop() if len(shown) == 1 else None
