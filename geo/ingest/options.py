"""Options of an import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geo.crs import Datum
from geo.ingest.dates import DateOrder
from geo.ingest.occurrence import KeyRule


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read, and what becomes of its rows.

    Grid staff has no coordinates, times or keys of its own: its import reads neither `crs`,
    `datum`, `source`, `key`, `occurred` nor `date_order`.
    """

    crs: str | None = None
    """CRS of the coordinates, where the file does not name it."""
    datum: Datum | None = None
    """Chinese map datum of the coordinates; None for WGS 84."""
    rename: dict[str, str] | None = None
    """Header of the file to column of the layer, or to ``extra`` to keep it as it is."""
    source: str | None = None
    """Source system of incidents that name none; the name of the file where None."""
    key: KeyRule | None = None
    """Make the keys of the rows: ``number`` or ``digest`` (`geo.ingest.occurrence.make_keys`)."""
    occurred: str | None = None
    """Time span of incidents without a time, such as ``2025`` or ``2025-01/2025-06``."""
    date_order: DateOrder | None = None
    """``day`` or ``month`` first, in columns of dates that do not show it themselves."""
    mapping: str | None = None
    """Name of a saved mapping of the columns; `rename` and the other options overrule it."""
    save_mapping: str | None = None
    """Name under which the recognised columns are saved for the next file."""
    file_layer: str | None = None
    """Layer or sheet to read of a file that has several. Where None, a GeoPackage or zip file is
    read where exactly one layer fits, a workbook with all sheets that fit."""
    encoding: str | None = None
    """Encoding of the texts, one of `geo.ingest.encodings.ENCODINGS`; detected where None."""
    accept_rejects: bool = False
    """Store the rows that can be used although others are rejected."""
    dry_run: bool = False
    """Do everything, then roll back."""
    report: Path | None = None
    """Where the report is written; in the working folder where None. Without findings none is."""
