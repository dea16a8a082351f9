"""Findings of an import: what its report says about each row, and the table being cleaned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.import_reasons import BY_COLUMN, ReasonCode, RowAction, reason_of
from geo.ingest.dictionary import BUILT_IN, Dictionary
from geo.ingest.raw_table import RawTable
from geo.schema import Layer


@dataclass(frozen=True)
class Finding:
    """One finding of an import report, about a row or the file."""

    line: int
    """Line of the file; 0 for the file as a whole."""
    action: RowAction
    """What was done."""
    reason: ReasonCode
    """What is the matter, the same code for all rows."""
    column: str
    """Column of the layer, or header of the file; empty where none is concerned."""
    detail: str
    """The value in question, or what became of it."""
    original: str
    """The row as it stands in the file."""
    parameter: str = ""
    """Parameter of the reason, if it has one."""

    @property
    def code(self) -> str:
        """Return the reason as it is reported.

        Returns
        -------
        str
            As `geo.import_reasons.reason_of` returns it.
        """
        return reason_of(self.reason, self.parameter)


@dataclass
class CleaningTable:
    """A table being cleaned: the rows that are accepted so far, and the findings."""

    layer: Layer
    """The layer that the rows belong to."""
    raw: RawTable
    """The table as it was read."""
    accepted: np.ndarray[Any, np.dtype[np.bool_]]
    """Whether each row is accepted so far."""
    findings: list[Finding]
    """Findings so far."""
    dictionary: Dictionary = BUILT_IN
    """Words of the deployment."""

    @classmethod
    def of(cls, layer: Layer, raw: RawTable, dictionary: Dictionary) -> CleaningTable:
        """Return a table with all its rows, and the findings of its reader.

        Parameters
        ----------
        layer : Layer
            The layer that the rows belong to.
        raw : RawTable
            The table as it was read.
        dictionary : Dictionary
            Words of the deployment.

        Returns
        -------
        CleaningTable
            The table. Rows that the reader could not read are reported as rejected.
        """
        # Of a file with geometries, only features with a damaged one are broken.
        is_table = raw.geometry is None
        reason = ReasonCode.WRONG_NUMBER_OF_CELLS if is_table else ReasonCode.UNREADABLE_GEOMETRY
        broken = [
            Finding(line, RowAction.REJECTED, reason, "", detail, text)
            for line, detail, text in raw.broken
        ]
        keep = np.ones(len(raw.cells), bool)
        return cls(layer, raw, keep, [*broken, *_of_reader(raw)], dictionary)

    def report(
        self,
        row: int,
        action: RowAction,
        reason: ReasonCode,
        column: str = "",
        detail: str = "",
    ) -> None:
        """Report one finding of a row; a rejected row is not kept.

        Parameters
        ----------
        row : int
            Position of the row in the table.
        action : RowAction
            What was done.
        reason : ReasonCode
            What is the matter, the same code for all rows.
        column : str, optional
            Column of the layer, or header of the file.
        detail : str, optional
            The value in question, or what became of it; the sheet of the row is added.
        """
        line, part = int(self.raw.lines[row]), self.raw.sheet_of(row)
        if part:
            detail = f"{detail} (sheet {part})".strip()
        parameter = column if reason in BY_COLUMN else ""
        original = self.raw.original(row)
        self.findings.append(Finding(line, action, reason, column, detail, original, parameter))
        if action == RowAction.REJECTED:
            self.accepted[row] = False


def _of_reader(raw: RawTable) -> list[Finding]:
    """Return what the reader reports of the file and its rows."""
    findings = []
    for note in raw.notes:
        row = note.row
        line = note.line if row is None else int(raw.lines[row])
        original = "" if row is None else raw.original(row)
        action = RowAction.REPAIRED if note.repaired else RowAction.NOTED
        findings.append(Finding(line, action, note.reason, note.column, note.detail, original))
    return findings


def rows_where(mask: Any) -> list[int]:
    """Return the positions where a mask is true.

    Parameters
    ----------
    mask : array_like of bool
        A value a row.

    Returns
    -------
    list of int
        Positions in ascending order.
    """
    return [int(row) for row in np.flatnonzero(mask)]
