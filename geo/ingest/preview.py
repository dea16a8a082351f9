"""Preview of a file before cleaning: headers, the columns they are read as, first rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geo.ingest import values
from geo.ingest.dictionary import Dictionary
from geo.ingest.header_use import use_headers
from geo.ingest.headers import HeaderMatches, find_header, is_secret, match_headers
from geo.ingest.occurrence import KeyRule
from geo.ingest.proposals import Evidence, Proposal
from geo.ingest.raw_table import RawTable
from geo.ingest.required import missing_columns, propose_missing
from geo.ingest.staff import REQUIRED_COLUMNS, STAFF
from geo.schema import Layer

ROWS = 6
"""Rows of the preview."""
LONGEST_CELL = 80
"""Characters of a cell in the preview."""


@dataclass(frozen=True)
class HeaderUse:
    """A header of a file, and the column it is read as."""

    header: str
    column: str | None
    """Column of the layer; None if its cells are stored unchanged beside the columns."""
    how: str
    """given (by the user or a saved mapping), word (of the dictionary), guessed, open or secret."""
    reason: str = ""
    """Reason of a guess."""
    proposed: str | None = None
    """Column that it may be, judged by its cells."""
    evidence: str = ""
    """Evidence for the proposal, in English."""
    evidence_kind: str = ""
    """Kind of the evidence, see `geo.ingest.proposals`."""
    facts: dict[str, Any] | None = None
    """Values of the evidence, for a text in another language."""


@dataclass(frozen=True)
class FilePreview:
    """Content of a file before it is cleaned."""

    headers: list[HeaderUse]
    rows: list[list[str]]
    """First rows, one cell for each header; passwords are blank."""
    missing: list[str]
    """Columns that the layer needs and no header names."""
    located: bool
    """Whether the rows have a geometry, so that no coordinates are needed."""

    def as_dict(self) -> dict[str, Any]:
        """Return the preview as plain values for JSON.

        Returns
        -------
        dict of str to object
            The attributes by name.
        """
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
    """Return the preview of a file for a register.

    Parameters
    ----------
    raw : RawTable
        Table as `geo.ingest.readers.read_file` returns it.
    layer : Layer
        Register to import into.
    rename : dict of str to str or None
        Column by header of the file, from the user and a saved mapping.
    dictionary : Dictionary
        Words of the deployment.
    key : {"number", "digest"} or None
        Rule by which keys of the rows are made; None if the file has keys.
    timed : bool
        Whether an option gives the rows a time span.
    bounds : tuple of float or None
        West, south, east and north of the deployment in degrees.

    Returns
    -------
    FilePreview
        Headers, first rows, missing columns and proposals.
    """
    recognised, _ = use_headers(raw, layer, rename=rename, dictionary=dictionary, key=key)
    missing = missing_columns(layer, recognised.columns, raw, key=key is not None, timed=timed)
    proposals = propose_missing(raw, layer, recognised, bounds)
    if key is not None:
        proposals = [proposal for proposal in proposals if proposal.column != layer.key[-1]]
    return _preview(raw, recognised, rename or {}, proposals, missing)


def preview_staff(
    raw: RawTable, *, rename: dict[str, str] | None, dictionary: Dictionary
) -> FilePreview:
    """Return the preview of a file of grid staff; no columns are proposed.

    Parameters
    ----------
    raw : RawTable
        Table as `geo.ingest.readers.read_file` returns it.
    rename : dict of str to str or None
        Column by header of the file, from the user and a saved mapping.
    dictionary : Dictionary
        Words of the deployment.

    Returns
    -------
    FilePreview
        Headers, first rows and missing columns.
    """
    headers = [str(header) for header in raw.cells.columns]
    recognised = match_headers(STAFF.name, headers, rename, dictionary)
    missing = [name for name in REQUIRED_COLUMNS if name not in recognised.columns]
    return _preview(raw, recognised, rename or {}, [], missing)


def _preview(
    raw: RawTable,
    recognised: HeaderMatches,
    rename: Mapping[str, str],
    proposals: list[Proposal],
    missing: list[str],
) -> FilePreview:
    column_of = {header: column for column, header in recognised.columns.items()}
    proposal_of = {proposal.header: proposal for proposal in proposals}
    names = [str(header) for header in raw.cells.columns]
    given = {find_header(header, names) for header in rename}
    headers = []
    for header in names:
        column, proposal = column_of.get(header), proposal_of.get(header)
        if is_secret(header) and column is None:
            how = "secret"
        elif header in given and (column or header in recognised.set_aside):
            how = "given"
        elif header in recognised.guessed:
            how = "guessed"
        else:
            how = "word" if column else "open"
        if proposal is not None and column is None:
            headers.append(_proposed_use(header, how, proposal))
        else:
            reason = recognised.guessed.get(header, "")
            headers.append(HeaderUse(values.storable(header), column, how, reason))
    # Passwords stay hidden, whatever column they are read as.
    is_hidden = [is_secret(header) for header in names]
    rows = [
        ["" if hidden else _excerpt(cell) for cell, hidden in zip(row, is_hidden, strict=True)]
        for row in raw.cells.iloc[:ROWS].itertuples(index=False, name=None)
    ]
    return FilePreview(headers, rows, missing, raw.geometry is not None)


def _proposed_use(header: str, how: str, proposal: Proposal) -> HeaderUse:
    """Return the use of a header that has a proposal, with text that can be stored."""
    facts = {
        name: values.storable(fact) if isinstance(fact, str) else fact
        for name, fact in proposal.evidence.facts.items()
    }
    evidence = Evidence(proposal.evidence.kind, facts)
    return HeaderUse(
        values.storable(header),
        None,
        how,
        proposed=proposal.column,
        evidence=str(evidence),
        evidence_kind=evidence.kind,
        facts=facts,
    )


def _excerpt(cell: Any) -> str:
    """Return the beginning of a cell as text."""
    if values.is_blank(cell):
        return ""
    text = str(values.storable(values.text_of(cell)))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
