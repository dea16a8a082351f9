"""The columns that a file must have, and what is said where it has not."""

from __future__ import annotations

from geo.errors import MissingColumnsError
from geo.ingest.cells import SPARED
from geo.ingest.headers import LAT, LON, WHERE
from geo.ingest.proposals import propose_columns
from geo.ingest.raw_table import RawTable
from geo.schema import Layer


def require_columns(
    layer: Layer,
    columns: dict[str, str],
    raw: RawTable,
    *,
    key: bool,
    timed: bool,
    bounds: tuple[float, float, float, float] | None,
) -> None:
    """Refuse a file without the columns its layer needs, and propose them by what others hold.

    Parameters
    ----------
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
    proposals = propose_columns(
        raw.cells, layer, columns, bounds=bounds, located=raw.geometry is not None
    )
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
