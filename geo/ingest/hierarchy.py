"""Levels and parents of areas and grids: told from their codes where the file does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.governance.codes import area_code, device_number
from geo.ingest.findings import NOTED, REJECTED, Finding, Work, rows_where

if TYPE_CHECKING:
    from geo.ingest.cleaning import Cleaned
    from geo.schema import Layer

_PARENT = {"areas": "parent", "grids": "community"}


def complete_codes(work: Work, out: dict[str, Any]) -> None:
    """Fill levels from codes, and tell what the standards would not have."""
    if work.layer.name == "areas":
        _levels(work, out)
    if work.layer.name == "cameras":
        for row in rows_where(work.keep):
            number = device_number(out["code"][row])
            if number is not None and number.problem:
                work.tell(row, NOTED, "device number against GB/T 28181", "code", number.problem)
    if work.layer.name not in _PARENT:
        return
    for row in rows_where(work.keep):
        found = area_code(out["code"][row])
        # A district that uses no province's number has made its codes up: nothing to hold it to.
        if found is not None and found.problem and found.has_known_province:
            work.tell(row, NOTED, "code against the standard", "code", found.problem)


def _levels(work: Work, out: dict[str, Any]) -> None:
    for row in rows_where(work.keep):
        found = area_code(out["code"][row])
        told = found.level if found is not None and found.level != "grid" else None
        if out["level"][row] is None:
            out["level"][row] = told
            if told is None:
                work.tell(row, REJECTED, "level not known", "level",
                          "neither a level nor a code that tells it")  # fmt: skip
        elif told is not None and told != out["level"][row]:
            work.tell(row, NOTED, "level and code disagree", "level",
                      f"{out['level'][row]}, but the code is a {told}'s")  # fmt: skip


def link_parents(cleaned: Cleaned, layer: Layer, known: set[str]) -> list[Finding]:
    """Fill parents that are not given from the codes, where such an area is known.

    Parameters
    ----------
    cleaned : its frame is filled in place.
    layer : areas or grids; others are left alone.
    known : codes of the areas in the store.

    Returns
    -------
    A finding for each row whose given parent is another than its code says.
    """
    column = _PARENT.get(layer.name)
    frame = cleaned.frame
    if column is None or frame.empty:
        return []
    if layer.name == "areas":
        known = known | set(frame["code"])
    # A register may fill codes with zeros: the parent is the area that is meant.
    called = {found.code: code for code in known if (found := area_code(code)) is not None}
    filled, findings = [], []
    for code, parent, line in zip(frame["code"], frame[column], frame["line"], strict=True):
        own = area_code(code)
        told = called.get(own.parent) if own is not None else None
        missing = parent is None or parent != parent or parent == ""
        filled.append(told if missing else parent)
        if not missing and told is not None and parent != told:
            detail = f"{parent} is kept; the code says {told}"
            findings.append(
                Finding(int(line), NOTED, "parent and code disagree", column, detail, code)
            )
    frame[column] = filled
    return findings
