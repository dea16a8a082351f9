"""What a file holds before it is cleaned: its headers, what they are taken for, and its first rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geo.ingest import values
from geo.ingest.cleaning import use_headers
from geo.ingest.headers import Dictionary, Recognised, is_secret, matching, recognise
from geo.ingest.occurrence import KeyRule
from geo.ingest.proposals import Evidence, Proposal
from geo.ingest.raw_table import RawTable
from geo.ingest.required import missing_columns, propose
from geo.ingest.staff import NEEDED, STAFF
from geo.schema import Layer

ROWS = 6
"""Rows that are shown."""
LONGEST_CELL = 80
"""Characters of a cell that are shown."""


@dataclass(frozen=True)
class HeaderUse:
    """One header of a file, and what it is taken for."""

    header: str
    column: str | None
    """The column of the layer; None where it is kept with the row as it is."""
    how: str
    """given (by the user or a saved mapping), word (of the dictionary), guessed, open or secret."""
    reason: str = ""
    """Why it is guessed."""
    proposed: str | None = None
    """The column that it may be by what its cells hold."""
    evidence: str = ""
    """What speaks for the proposal, in English."""
    evidence_kind: str = ""
    facts: dict[str, Any] | None = None
    """What the evidence names, for a text in another language."""


@dataclass(frozen=True)
class FilePreview:
    """What a file holds, before it is cleaned."""

    headers: list[HeaderUse]
    rows: list[list[str]]
    """The first rows, a cell for each header; no password is among them."""
    missing: list[str]
    """Columns that the layer needs and no header says."""
    located: bool
    """Whether the rows have a geometry, so that no coordinates are needed."""

    def as_dict(self) -> dict[str, Any]:
        """Return the preview for machines."""
        return asdict(self)


def preview_file(
    raw: RawTable,
    layer: Layer,
    *,
    rename: dict[str, str] | None,
    dictionary: Dictionary,
    key: KeyRule | None,
    timed: bool,
    bounds: tuple[float, float, float, float] | None,
) -> FilePreview:
    """Return what a file holds.

    Parameters
    ----------
    raw : from `read_file`.
    layer : the register it is for.
    rename : header of the file to column, by the user and a saved mapping.
    dictionary : words of the deployment.
    key : rule by which the rows' keys are made.
    timed : whether the rows are given a time span.
    bounds : west, south, east, north of the deployment in degrees.
    """
    found, _ = use_headers(raw, layer, rename=rename, dictionary=dictionary, key=key)
    missing = missing_columns(layer, found.columns, raw, key=key is not None, timed=timed)
    proposals = propose(raw, layer, found, bounds)
    if key is not None:
        proposals = [one for one in proposals if one.column != layer.key[-1]]
    return _preview(raw, found, rename or {}, proposals, missing)


def preview_staff(
    raw: RawTable, *, rename: dict[str, str] | None, dictionary: Dictionary
) -> FilePreview:
    """Return what a file of grid staff holds; nothing is proposed by its cells."""
    found = recognise(STAFF.name, [str(h) for h in raw.cells.columns], rename, dictionary)
    missing = [name for name in NEEDED if name not in found.columns]
    return _preview(raw, found, rename or {}, [], missing)


def _preview(
    raw: RawTable,
    found: Recognised,
    rename: Mapping[str, str],
    proposals: list[Proposal],
    missing: list[str],
) -> FilePreview:
    column_of = {header: column for column, header in found.columns.items()}
    proposal_of = {one.header: one for one in proposals}
    names = [str(header) for header in raw.cells.columns]
    given = {matching(header, names) for header in rename}
    headers = []
    for header in names:
        column, proposal = column_of.get(header), proposal_of.get(header)
        if is_secret(header) and column is None:
            how = "secret"
        elif header in given and (column or header in found.set_aside):
            how = "given"
        elif header in found.guessed:
            how = "guessed"
        else:
            how = "word" if column else "open"
        shown = values.storable(header)
        use = HeaderUse(shown, column, how, found.guessed.get(header, ""))
        if proposal is not None and column is None:
            facts = {
                name: values.storable(fact) if isinstance(fact, str) else fact
                for name, fact in proposal.evidence.facts.items()
            }
            evidence = Evidence(proposal.evidence.kind, facts)
            use = HeaderUse(
                shown, None, how, "", proposal.column, str(evidence), evidence.kind, facts
            )
        headers.append(use)
    # A password is not shown, whatever column it is taken for.
    secret = [is_secret(header) for header in names]
    rows = [
        ["" if hide else _shown(cell) for cell, hide in zip(row, secret, strict=True)]
        for row in raw.cells.iloc[:ROWS].itertuples(index=False, name=None)
    ]
    return FilePreview(headers, rows, missing, raw.geometry is not None)


def _shown(cell: Any) -> str:
    if values.blank(cell):
        return ""
    text = str(values.storable(values.text_of(cell)))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
