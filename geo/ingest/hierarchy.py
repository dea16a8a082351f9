"""Levels and parents of areas and grids: inferred from their codes where the file gives none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.governance.codes import area_code, device_number
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.findings import CleaningTable, Finding, rows_where

if TYPE_CHECKING:
    from geo.ingest.cleaning import CleanedTable
    from geo.schema import Layer

_PARENT_COLUMN = {"areas": "parent", "grids": "community"}


def complete_codes(work: CleaningTable, columns: dict[str, Any]) -> None:
    """Fill the levels of areas from their codes, and report codes that break the standards.

    Parameters
    ----------
    work : CleaningTable
        The table being cleaned; it gets the findings.
    columns : dict of str to pandas.Series or numpy.ndarray
        Parsed values by column of the layer; ``level`` is changed in place.

    References
    ----------
    GB/T 2260 and GB/T 10114 (areas), GB/T 28181 (devices).
    """
    if work.layer.name == "areas":
        _fill_levels(work, columns)
    if work.layer.name == "cameras":
        for row in rows_where(work.accepted):
            number = device_number(columns["code"][row])
            if number is not None and number.problem:
                work.report(
                    row, RowAction.NOTED, ReasonCode.DEVICE_NUMBER_INVALID, "code", number.problem
                )
    if work.layer.name not in _PARENT_COLUMN:
        return
    for row in rows_where(work.accepted):
        code = area_code(columns["code"][row])
        # Codes that begin with no province's number are not made by the standard.
        if code is not None and code.problem and code.has_known_province:
            work.report(row, RowAction.NOTED, ReasonCode.AREA_CODE_INVALID, "code", code.problem)


def _fill_levels(work: CleaningTable, columns: dict[str, Any]) -> None:
    for row in rows_where(work.accepted):
        code = area_code(columns["code"][row])
        level_of_code = code.level if code is not None and code.level != "grid" else None
        level = columns["level"][row]
        if level is None:
            columns["level"][row] = level_of_code
            if level_of_code is None:
                detail = "neither a level nor a code that shows it"
                work.report(row, RowAction.REJECTED, ReasonCode.LEVEL_UNKNOWN, "level", detail)
        elif level_of_code is not None and level_of_code != level:
            detail = f"{level}, but the code is a {level_of_code}'s"
            work.report(row, RowAction.NOTED, ReasonCode.LEVEL_CONTRADICTS_CODE, "level", detail)


def link_parents(cleaned: CleanedTable, layer: Layer, known: set[str]) -> list[Finding]:
    """Fill missing parents from the codes, where the store or the file has such an area.

    Parameters
    ----------
    cleaned : CleanedTable
        The cleaned file; its frame is changed in place.
    layer : Layer
        Areas or grids; the frames of other layers stay as they are.
    known : set of str
        Codes of the areas in the store.

    Returns
    -------
    list of Finding
        A note for each row whose parent is not the one that its code says.
    """
    column = _PARENT_COLUMN.get(layer.name)
    frame = cleaned.frame
    if column is None or frame.empty:
        return []
    if layer.name == "areas":
        known = known | set(frame["code"])
    # A register may fill codes with zeros: they name the same areas without them.
    registered = {code.code: text for text in known if (code := area_code(text)) is not None}
    parents, findings = [], []
    for text, parent, line in zip(frame["code"], frame[column], frame["line"], strict=True):
        code = area_code(text)
        parent_of_code = registered.get(code.parent) if code is not None else None
        missing = parent is None or parent != parent or parent == ""
        parents.append(parent_of_code if missing else parent)
        if not missing and parent_of_code is not None and parent != parent_of_code:
            detail = f"{parent} is kept; the code says {parent_of_code}"
            findings.append(
                Finding(
                    int(line),
                    RowAction.NOTED,
                    ReasonCode.PARENT_CONTRADICTS_CODE,
                    column,
                    detail,
                    text,
                )
            )
    frame[column] = parents
    return findings
