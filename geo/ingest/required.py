"""The columns that a file must have, and what is said where it has not."""

from __future__ import annotations

from geo.errors import MissingColumnsError
from geo.ingest.cells import SPARED
from geo.ingest.headers import LAT, LON, WHERE, Recognised, is_secret
from geo.ingest.proposals import Proposal, propose_columns
from geo.ingest.raw_table import RawTable
from geo.schema import Layer


def missing_columns(
    layer: Layer, columns: dict[str, str], raw: RawTable, *, key: bool, timed: bool
) -> list[str]:
    """Return the columns that the layer needs and no header says.

    Parameters
    ----------
    layer : the register.
    columns : column to header of those that are recognised.
    raw : the rows as they were read.
    key, timed : whether the rows are given a key, a time, by an option.
    """
    located = raw.geometry is not None or WHERE in columns or {LON, LAT} <= set(columns)
    missing = [LON, LAT] if layer.geometry_needed and not located else []
    # A name and a level can be told from the code, a source from the option; the rest must be there.
    missing += [
        column.name
        for column in layer.columns
        if column.needed
        and column.name not in columns
        and column.name not in SPARED
        and not (key and column.name == layer.key[-1])
    ]
    times = {"occurred_at", "occurred_from", "reported_at"}
    if layer.name == "incidents" and not timed and not times & set(columns):
        missing.append("occurred_at")
    return missing


def propose(
    raw: RawTable,
    layer: Layer,
    found: Recognised,
    bounds: tuple[float, float, float, float] | None,
) -> list[Proposal]:
    """Return what the headers may be that are not recognised, passwords and those set aside left out."""
    open_headers = [
        header
        for header in raw.cells.columns
        if not is_secret(str(header)) and str(header) not in found.set_aside
    ]
    return propose_columns(
        raw.cells[open_headers],
        layer,
        found.columns,
        bounds=bounds,
        located=raw.geometry is not None,
    )


def require_columns(
    layer: Layer,
    found: Recognised,
    raw: RawTable,
    *,
    key: bool,
    timed: bool,
    bounds: tuple[float, float, float, float] | None,
) -> None:
    """Refuse a file without the columns its layer needs, and propose them by what others hold.

    Parameters
    ----------
    layer : the register.
    found : the headers as they are recognised.
    raw : the rows as they were read.
    key, timed : whether the rows are given a key, a time, by an option.
    bounds : of the district, where it is known.

    Raises
    ------
    MissingColumnsError : with headers, what is missing, and proposals.
    """
    columns = found.columns
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
    proposals = propose(raw, layer, found, bounds)
    if proposals:
        listed = "; ".join(f"{one.option} ({one.evidence})" for one in proposals)
        message += f". By what the columns hold: {listed}. Confirm or correct that"
    else:
        message += f". Name them with --rename HEADER={'lon' if LON in missing else missing[0]}"
    if layer.key[-1] in missing:
        message += "; where no column is a key, --key number or --key digest makes one"
    if "occurred_at" in missing:
        message += "; where no column is a time, --occurred 2025 gives all rows that span"
    raise MissingColumnsError(message, headers, missing, proposals)
