"""Columns that a file must have, and the error if it lacks them."""

from __future__ import annotations

from geo.errors import MissingColumnsError
from geo.ingest.cells import DERIVED_COLUMNS
from geo.ingest.header_vocabulary import LAT, LON, WHERE
from geo.ingest.headers import HeaderMatches, is_secret
from geo.ingest.proposals import Bounds, Proposal, propose_columns
from geo.ingest.raw_table import RawTable
from geo.schema import Layer


def missing_columns(
    layer: Layer, columns: dict[str, str], raw: RawTable, *, key: bool, timed: bool
) -> list[str]:
    """Return the columns that the layer needs and no header names.

    Parameters
    ----------
    layer : Layer
        Register to import into.
    columns : dict of str to str
        Header by column of those that are recognised.
    raw : RawTable
        Rows as they were read.
    key : bool
        Whether an option makes keys of the rows.
    timed : bool
        Whether an option gives the rows a time span.

    Returns
    -------
    list of str
        Names of columns; longitude and latitude for rows without any place.
    """
    located = raw.geometry is not None or WHERE in columns or {LON, LAT} <= set(columns)
    missing = [LON, LAT] if layer.geometry_needed and not located else []
    # Name and level follow from the code, the source from an option; the rest must be in the file.
    missing += [
        column.name
        for column in layer.columns
        if column.needed
        and column.name not in columns
        and column.name not in DERIVED_COLUMNS
        and not (key and column.name == layer.key[-1])
    ]
    times = {"occurred_at", "occurred_from", "reported_at"}
    if layer.name == "incidents" and not timed and not times & set(columns):
        missing.append("occurred_at")
    return missing


def propose_missing(
    raw: RawTable,
    layer: Layer,
    recognised: HeaderMatches,
    bounds: Bounds | None,
) -> list[Proposal]:
    """Return proposals for the unrecognised headers except passwords and those set aside.

    Parameters
    ----------
    raw : RawTable
        Rows as they were read.
    layer : Layer
        Register to import into.
    recognised : HeaderMatches
        Headers that the dictionary or the user names.
    bounds : tuple of float or None
        West, south, east and north of the deployment in degrees.

    Returns
    -------
    list of Proposal
        As `geo.ingest.proposals.propose_columns` returns them.
    """
    open_headers = [
        header
        for header in raw.cells.columns
        if not is_secret(str(header)) and str(header) not in recognised.set_aside
    ]
    return propose_columns(
        raw.cells[open_headers],
        layer,
        recognised.columns,
        bounds=bounds,
        located=raw.geometry is not None,
    )


def require_columns(
    layer: Layer,
    recognised: HeaderMatches,
    raw: RawTable,
    *,
    key: bool,
    timed: bool,
    bounds: Bounds | None,
) -> None:
    """Refuse a file that lacks columns of its layer, with proposals for them.

    Parameters
    ----------
    layer : Layer
        Register to import into.
    recognised : HeaderMatches
        Headers that the dictionary or the user names.
    raw : RawTable
        Rows as they were read.
    key : bool
        Whether an option makes keys of the rows.
    timed : bool
        Whether an option gives the rows a time span.
    bounds : tuple of float or None
        West, south, east and north of the district in degrees; None if it is not known.

    Raises
    ------
    MissingColumnsError
        If columns are missing; it holds the headers, the missing columns and the proposals.
    """
    columns = recognised.columns
    missing = missing_columns(layer, columns, raw, key=key, timed=timed)
    if not missing:
        return
    headers = [str(header) for header in raw.cells.columns]
    wanted = [
        "coordinates (lon and lat, or where)" if name == LON else name
        for name in missing
        if name != LAT
    ]
    known = ", ".join(f"{header} is {column}" for column, header in columns.items())
    message = (
        f"{layer.name} needs {', '.join(wanted)}, which no header says; the file has "
        f"{', '.join(headers) or 'no columns'}" + (f" ({known})" if known else "")
    )
    proposals = propose_missing(raw, layer, recognised, bounds)
    if proposals:
        listed = "; ".join(f"{proposal.option} ({proposal.evidence})" for proposal in proposals)
        message += f". By what the columns hold: {listed}. Confirm or correct that"
    else:
        message += f". Name them with --rename HEADER={'lon' if LON in missing else missing[0]}"
    if layer.key[-1] in missing:
        message += "; if no column is a key, --key number or --key digest makes one"
    if "occurred_at" in missing:
        message += "; if no column is a time, --occurred 2025 gives all rows that span"
    raise MissingColumnsError(message, headers, missing, proposals)
