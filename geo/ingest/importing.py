"""Import of a file: read, clean, report and store it in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geo.errors import ColumnError
from geo.ingest.cleaning import CleanedTable, clean_table
from geo.ingest.dictionary import Dictionary, read_dictionary
from geo.ingest.findings import Finding
from geo.ingest.hierarchy import link_parents
from geo.ingest.options import ImportOptions
from geo.ingest.outcome import ImportOutcome
from geo.ingest.preview import FilePreview, preview_file, preview_staff
from geo.ingest.raw_table import RawTable
from geo.ingest.readers import read_file
from geo.ingest.saved_mappings import combine_renames, fit_to_headers, new_mapping
from geo.ingest.staff import STAFF, clean_staff
from geo.ingest.storing import CleanedFile, store_or_refuse
from geo.ingest.topology import find_tiling_faults
from geo.schema import LAYERS, Layer
from geo.settings import Settings, get_settings
from geo.store.bulk_copy import RowCounts
from geo.store.connection import Conn
from geo.store.queries.areas import read_area_codes, read_district
from geo.store.queries.cameras import record_status_reports
from geo.store.queries.grids import read_grid_codes
from geo.store.queries.holdings import count_rows
from geo.store.queries.imports import SavedMapping, read_mapping, store_mapping
from geo.store.queries.registers import upsert
from geo.store.queries.staff import replace_staff

_SAVED = ("crs", "datum", "key", "date_order", "encoding")
"""Options that a saved mapping holds beside the columns."""
_RECORDED = (
    *_SAVED,
    "rename",
    "source",
    "occurred",
    "mapping",
    "file_layer",
    "accept_rejects",
)
"""Options that the record of an import holds."""
_SAVED_STAFF = ("encoding",)
_RECORDED_STAFF = (*_SAVED_STAFF, "rename", "mapping", "file_layer", "accept_rejects")


def import_file(
    conn: Conn,
    layer_name: str,
    path: Path,
    options: ImportOptions | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_read: Callable[[FilePreview], None] | None = None,
    before_commit: Callable[[ImportOutcome], None] = lambda _: None,
) -> ImportOutcome:
    """Read, clean and store one file in one transaction; the connection is committed.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    layer_name : str
        One of `geo.schema.LAYERS`.
    path : pathlib.Path
        The file.
    options : ImportOptions, optional
        How the file is read and stored.
    settings : Settings, optional
        Settings of the deployment; those of the environment unless given.
    progress : callable, optional
        Called with a line of text at each step.
    on_read : callable, optional
        Called with the preview once the file is read, also where it is refused afterwards.
    before_commit : callable, optional
        Called with the outcome in the transaction that stores the rows.

    Returns
    -------
    ImportOutcome
        Counts of rows, recognised columns and findings.

    Raises
    ------
    ReadError, ColumnError, CrsError
        If the file as a whole cannot be used.
    RejectedRows
        If rows cannot be used and `ImportOptions.accept_rejects` is not set; nothing was stored
        and the report is written.
    StoreError
        If the database refuses the rows; nothing was stored.
    """
    if layer_name not in LAYERS:
        raise ColumnError(f"there is no layer {layer_name}; use one of {', '.join(LAYERS)}")
    settings = settings or get_settings()
    layer = LAYERS[layer_name]
    source = _read(conn, layer_name, path, options or ImportOptions(), _SAVED, settings, progress)
    options, raw = source.options, source.raw
    district = None if layer_name == "areas" else read_district(conn)
    if layer_name == "grids" and count_rows(conn, LAYERS["areas"]) == 0:
        district = None  # without areas the grids themselves make the district
    if on_read is not None:
        preview = preview_file(
            raw,
            layer,
            rename=options.rename,
            dictionary=source.dictionary,
            key=options.key,
            timed=options.occurred is not None,
            bounds=None if district is None else district.bounds,
        )
        on_read(preview)
    progress(f"cleaning {len(raw.cells):,} rows")
    cleaned = clean_table(
        raw,
        layer,
        zone=settings.zone,
        rename=options.rename,
        datum=options.datum,
        district=district,
        source=options.source or path.name.split(".")[0],
        dictionary=source.dictionary,
        key=options.key,
        occurred=options.occurred,
        date_order=options.date_order,
    )
    cleaned.findings.extend(source.findings)
    known = read_area_codes(conn) if layer_name in ("areas", "grids") else set()
    parents = link_parents(cleaned, layer, known)
    tiling = _tiling_findings(cleaned, layer_name, settings, district)
    mapping = _mapping_to_save(layer_name, options, cleaned, _SAVED)
    cleaned_file = CleanedFile(
        layer_name, path, raw.encoding, cleaned, [*cleaned.findings, *parents, *tiling]
    )
    return store_or_refuse(
        conn,
        cleaned_file,
        options,
        recorded=_RECORDED,
        store=lambda: _store_layer(conn, layer, cleaned, mapping),
        progress=progress,
        before_commit=before_commit,
    )


def import_staff(
    conn: Conn,
    path: Path,
    options: ImportOptions | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_read: Callable[[FilePreview], None] | None = None,
    before_commit: Callable[[ImportOutcome], None] = lambda _: None,
) -> ImportOutcome:
    """Read and store grid staff (一长四员); the connection is committed.

    The staff of the grids that the file names is replaced; that of other grids stays.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    path : pathlib.Path
        The file: a text table or a workbook.
    options : ImportOptions, optional
        How the file is read and stored; see there what does not apply to staff.
    settings : Settings, optional
        Settings of the deployment; those of the environment unless given.
    progress : callable, optional
        Called with a line of text at each step.
    on_read : callable, optional
        Called with the preview once the file is read, also where it is refused afterwards.
    before_commit : callable, optional
        Called with the outcome in the transaction that stores the rows.

    Returns
    -------
    ImportOutcome
        Counts of rows, recognised columns and findings.

    Raises
    ------
    ReadError, ColumnError
        If the file as a whole cannot be used.
    RejectedRows
        If rows cannot be used and `ImportOptions.accept_rejects` is not set; nothing was stored
        and the report is written.
    StoreError
        If the database refuses the rows; nothing was stored.
    """
    settings = settings or get_settings()
    options = replace(options or ImportOptions(), crs=None)
    source = _read(conn, STAFF.name, path, options, _SAVED_STAFF, settings, progress)
    options, raw, dictionary = source.options, source.raw, source.dictionary
    if on_read is not None:
        on_read(preview_staff(raw, rename=options.rename, dictionary=dictionary))
    grids = read_grid_codes(conn)
    cleaned = clean_staff(raw, grids, rename=options.rename, dictionary=dictionary)
    cleaned.findings.extend(source.findings)
    mapping = _mapping_to_save(STAFF.name, options, cleaned, _SAVED_STAFF)
    return store_or_refuse(
        conn,
        CleanedFile(STAFF.name, path, raw.encoding, cleaned, cleaned.findings),
        options,
        recorded=_RECORDED_STAFF,
        store=lambda: _store_staff(conn, cleaned, mapping),
        progress=progress,
        before_commit=before_commit,
    )


@dataclass(frozen=True)
class _SourceFile:
    """A file as it was read, and the words and options by which it is cleaned."""

    raw: RawTable
    dictionary: Dictionary
    options: ImportOptions
    """The options given, completed from the saved mapping; `rename` includes its columns."""
    findings: list[Finding]
    """Notes of headers in the saved mapping that the file does not have."""


def _read(
    conn: Conn,
    layer_name: str,
    path: Path,
    options: ImportOptions,
    saved_options: tuple[str, ...],
    settings: Settings,
    progress: Callable[[str], None],
) -> _SourceFile:
    """Read a file with the options given and those of the saved mapping."""
    mapping = read_mapping(conn, layer_name, options.mapping) if options.mapping else None
    if mapping is not None:
        completed: dict[str, Any] = {
            name: getattr(options, name) or mapping.options.get(name) for name in saved_options
        }
        options = replace(options, **completed)
    progress(f"reading {path.name}")
    dictionary = read_dictionary(settings.dictionary)
    headers = [*(options.rename or {}), *(() if mapping is None else mapping.columns)]
    for (of_layer, _), words in dictionary.headers.items():
        if of_layer == layer_name:
            headers.extend(words)
    raw = read_file(
        path,
        layer_name,
        crs=options.crs,
        headers=headers,
        part=options.file_layer,
        encoding=options.encoding,
        settings=settings,
    )
    findings: list[Finding] = []
    if mapping is not None:
        columns, findings = fit_to_headers(mapping, [str(header) for header in raw.cells.columns])
        options = replace(options, rename=combine_renames(columns, options.rename or {}))
    return _SourceFile(raw, dictionary, options, findings)


def _mapping_to_save(
    layer_name: str, options: ImportOptions, cleaned: CleanedTable, saved_options: tuple[str, ...]
) -> SavedMapping | None:
    values = {name: getattr(options, name) for name in saved_options}
    return new_mapping(layer_name, options.save_mapping, options.rename, cleaned, values)


def _store_layer(
    conn: Conn, layer: Layer, cleaned: CleanedTable, mapping: SavedMapping | None
) -> RowCounts:
    counts = upsert(conn, layer, cleaned.frame)
    if layer.name == "cameras":
        record_status_reports(conn, cleaned.frame)
    if mapping is not None:
        store_mapping(conn, mapping)
    return counts


def _store_staff(conn: Conn, cleaned: CleanedTable, mapping: SavedMapping | None) -> RowCounts:
    counts = replace_staff(conn, cleaned.frame)
    if mapping is not None:
        store_mapping(conn, mapping)
    return counts


def _tiling_findings(
    cleaned: CleanedTable, layer_name: str, settings: Settings, district: Any
) -> list[Finding]:
    """Return overlaps and gaps of grids, or of the areas of each level."""
    tolerances: dict[str, Any] = {
        "overlap_tolerance_m2": settings.overlap_tolerance_m2,
        "gap_tolerance_m2": settings.gap_tolerance_m2,
    }
    if layer_name == "grids":
        return find_tiling_faults(cleaned.frame, district=district, **tolerances)
    if layer_name == "areas":
        return [
            finding
            for _, areas in cleaned.frame.groupby("level")
            for finding in find_tiling_faults(areas.reset_index(drop=True), **tolerances)
        ]
    return []
