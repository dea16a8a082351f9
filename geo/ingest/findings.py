"""What the report of an import tells of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.ingest.headers import BUILT_IN, Dictionary
from geo.ingest.raw_table import RawTable
from geo.schema import Layer

Action = str
REJECTED, MENDED, NOTED = "rejected", "mended", "noted"


@dataclass(frozen=True)
class Finding:
    """One thing the report tells of a row."""

    line: int
    action: Action
    reason: str
    column: str
    detail: str
    original: str


@dataclass
class Work:
    """A table being cleaned: which rows are still in, and what was found so far."""

    layer: Layer
    raw: RawTable
    keep: np.ndarray[Any, np.dtype[np.bool_]]
    findings: list[Finding]
    dictionary: Dictionary = BUILT_IN

    @classmethod
    def of(cls, layer: Layer, raw: RawTable, dictionary: Dictionary) -> Work:
        """All rows of a table, those that could not be split into cells told already."""
        broken = [
            Finding(line, REJECTED, "wrong number of cells", "", reason, text)
            for line, reason, text in raw.broken
        ]
        return cls(
            layer, raw, np.ones(len(raw.cells), bool), [*broken, *_of_reader(raw)], dictionary
        )

    def tell(
        self, row: int, action: Action, reason: str, column: str = "", detail: str = ""
    ) -> None:
        """Note one thing of a row; a rejected row is out."""
        line, part = int(self.raw.lines[row]), self.raw.part_of(row)
        if part:
            detail = f"{detail} (sheet {part})".strip()
        self.findings.append(Finding(line, action, reason, column, detail, self.raw.original(row)))
        if action == REJECTED:
            self.keep[row] = False


def _of_reader(raw: RawTable) -> list[Finding]:
    """Return what the reader reports of the file and its rows."""
    out = []
    for note in raw.notes:
        row = note.row
        line = note.line if row is None else int(raw.lines[row])
        original = "" if row is None else raw.original(row)
        action = MENDED if note.repaired else NOTED
        out.append(Finding(line, action, note.reason, note.column, note.detail, original))
    return out


def rows_where(mask: Any) -> list[int]:
    """Numbers of the rows where a mask is true."""
    return [int(row) for row in np.flatnonzero(mask)]
