"""Files in, clean rows in the store, and a report of everything that was not used as it was."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import shapely
from geopandas import GeoDataFrame

from geo.crs import Datum
from geo.errors import ColumnError, RejectedRows
from geo.ingest.cleaning import Cleaned, clean
from geo.ingest.dates import DateOrder
from geo.ingest.findings import MENDED, NOTED, REJECTED, Finding
from geo.ingest.headers import EXTRA, matching, normalised, read_dictionary
from geo.ingest.hierarchy import link_parents
from geo.ingest.occurrence import KeyRule
from geo.ingest.preview import FilePreview, preview_file, preview_staff
from geo.ingest.readers import read_file
from geo.ingest.staff import STAFF, clean_staff
from geo.ingest.topology import tiling_faults
from geo.schema import LAYERS, Layer
from geo.settings import Settings, get_settings
from geo.store.bulk_copy import RowCounts
from geo.store.connection import Conn
from geo.store.queries.areas import read_area_codes, read_district
from geo.store.queries.cameras import record_status_reports
from geo.store.queries.grids import read_grid_codes
from geo.store.queries.holdings import count_rows
from geo.store.queries.imports import Mapping, read_mapping, record_import, store_mapping
from geo.store.queries.registers import upsert
from geo.store.queries.staff import replace_staff

__all__ = [
    "MENDED",
    "NOTED",
    "REJECTED",
    "Finding",
    "Outcome",
    "import_file",
    "import_staff",
    "spreadsheet_safe",
]


SAMPLE = 100
"""Rows of an import that are shown before it is confirmed."""


@dataclass(frozen=True)
class Outcome:
    """What came of an import."""

    layer: str
    file: str
    read: int
    accepted: int
    mended: int
    rejected: int
    inserted: int
    updated: int
    unchanged: int
    encoding: str
    recognised: dict[str, str]
    kept_as_extra: list[str]
    findings: list[Finding]
    report: Path | None
    dry_run: bool
    sample: GeoDataFrame | None = None
    """The first rows as they would be stored, EPSG:4326."""

    def reasons(self) -> list[tuple[str, str, int]]:
        """Action, reason and number of findings, most serious first."""
        counts = Counter((f.action, f.reason) for f in self.findings)
        order = {REJECTED: 0, MENDED: 1, NOTED: 2}
        return [
            (action, reason, count)
            for (action, reason), count in sorted(
                counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1])
            )
        ]

    def as_dict(self) -> dict[str, Any]:
        """The outcome for machines; findings as counts."""
        return {
            "layer": self.layer, "file": self.file, "read": self.read, "accepted": self.accepted,
            "mended": self.mended, "rejected": self.rejected, "inserted": self.inserted,
            "updated": self.updated, "unchanged": self.unchanged, "encoding": self.encoding,
            "recognised": self.recognised, "kept_as_extra": self.kept_as_extra,
            "reasons": [dict(zip(("action", "reason", "count"), r, strict=True)) for r in self.reasons()],
            "report": str(self.report) if self.report else None, "dry_run": self.dry_run,
        }  # fmt: skip

    def sample_features(self) -> list[dict[str, Any]]:
        """The first rows as GeoJSON features, their shapes to about a metre; without a place a null one."""
        if self.sample is None:
            return []
        plain = pd.DataFrame(self.sample.drop(columns="geometry", errors="ignore"))
        rows = plain.astype(object).where(plain.notna(), None).to_dict("records")
        places = self.sample.geometry if "geometry" in self.sample else [None] * len(rows)
        out = []
        for row, place in zip(rows, places, strict=True):
            shape = None
            if place is not None and not place.is_empty:
                shape = shapely.geometry.mapping(shapely.simplify(place, 1e-5))
            told = {
                str(k): v if isinstance(v, int | float | bool | None) else str(v)
                for k, v in row.items()
            }
            out.append({"type": "Feature", "geometry": shape, "properties": told})
        return out


def write_report(findings: list[Finding], path: Path) -> None:
    """Write findings as CSV (UTF-8 with BOM, which spreadsheets open rightly)."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["line", "action", "reason", "column", "detail", "original"])
        for f in sorted(findings, key=lambda f: (f.line, f.action)):
            writer.writerow(
                [f.line, f.action, f.reason, f.column, f.detail, spreadsheet_safe(f.original)]
            )


def spreadsheet_safe(text: str) -> str:
    """Keep a spreadsheet from running what a row says as a formula.

    A text that has such a mark already gets another, so that reading takes off one (`without_marker`).
    """
    return "'" + text if re.match(r"'?[=+\-@\t\r]", text) else text


def import_file(
    conn: Conn,
    layer_name: str,
    path: Path,
    *,
    crs: str | None = None,
    datum: Datum | None = None,
    rename: dict[str, str] | None = None,
    source: str | None = None,
    key: KeyRule | None = None,
    occurred: str | None = None,
    date_order: DateOrder | None = None,
    mapping: str | None = None,
    save_mapping: str | None = None,
    file_layer: str | None = None,
    encoding: str | None = None,
    accept_rejects: bool = False,
    dry_run: bool = False,
    report: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_read: Callable[[FilePreview], None] | None = None,
    before_commit: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Read, clean and store one file in one transaction; the caller's connection is committed.

    Parameters
    ----------
    conn : an open connection to a migrated database.
    layer_name : one of `geo.schema.LAYERS`.
    path : the file.
    crs : of the coordinates, where the file does not name it.
    datum : Chinese map datum of the coordinates.
    rename : header of the file to column of ours, or to ``extra`` to keep it as it is.
    source : source system of incidents that name none; the file's name unless given.
    key : make the rows' keys: ``number`` or ``digest``, see `geo.ingest.occurrence.make_keys`.
    occurred : time span of incidents without a time, such as ``2025`` or ``2025-01/2025-06``.
    date_order : ``day`` or ``month`` first, in columns of dates that do not show it themselves.
    mapping : name of a saved mapping of the columns; `rename` and other options go first.
    save_mapping : name under which the columns as they were recognised are saved for the next file.
    file_layer : the layer or sheet to read of a file that has several; without it a GeoPackage or zip
        file is read where one layer fits, a workbook with all sheets that fit.
    encoding : of the texts, one of `geo.ingest.encodings.ENCODINGS`; judged by all of them unless given.
    accept_rejects : store the good rows although some were rejected.
    dry_run : do everything but keep nothing.
    report : where the report goes; beside the working folder's other files unless given, and
        only written when there is something to tell.
    on_read : called with what the file holds once it is read, also where it is refused afterwards.
    before_commit : called with the outcome in the transaction that stores the rows.

    Raises
    ------
    ReadError, ColumnError, CrsError : the file as a whole cannot be used.
    RejectedRows : some rows cannot be used and `accept_rejects` is not set; nothing was stored
        and the report is written.
    StoreError : the database refuses the rows; nothing was stored.
    """
    if layer_name not in LAYERS:
        raise ColumnError(f"there is no layer {layer_name}; use one of {', '.join(LAYERS)}")
    settings = settings or get_settings()
    layer = LAYERS[layer_name]
    saved = read_mapping(conn, layer_name, mapping) if mapping else None
    if saved is not None:
        crs, datum = crs or saved.options.get("crs"), datum or saved.options.get("datum")
        key = key or saved.options.get("key")
        date_order = date_order or saved.options.get("date_order")
        encoding = encoding or saved.options.get("encoding")
    progress(f"reading {path.name}")
    words = read_dictionary(settings.dictionary)
    headers = [*(rename or {}), *(() if saved is None else saved.columns)]
    headers += [w for (of, _), told in words.headers.items() if of == layer_name for w in told]
    raw = read_file(
        path, layer_name, crs=crs, headers=headers, part=file_layer, encoding=encoding, settings=settings
    )  # fmt: skip
    absent: list[Finding] = []
    if saved is not None:
        columns, absent = _fitting(saved, [str(header) for header in raw.cells.columns])
        rename = _combined(columns, rename or {})
    district = None if layer_name == "areas" else read_district(conn)
    if layer_name == "grids" and count_rows(conn, LAYERS["areas"]) == 0:
        district = None  # the grids themselves make the district
    if on_read is not None:
        on_read(
            preview_file(
                raw, layer, rename=rename, dictionary=words, key=key, timed=occurred is not None,
                bounds=None if district is None else district.bounds,
            )
        )  # fmt: skip
    progress(f"cleaning {len(raw.cells):,} rows")
    cleaned = clean(
        raw,
        layer,
        zone=settings.zone,
        rename=rename,
        datum=datum,
        district=district,
        source=source or path.name.split(".")[0],
        dictionary=words,
        key=key,
        occurred=occurred,
        date_order=date_order,
    )
    cleaned.findings.extend(absent)
    known = read_area_codes(conn) if layer_name in ("areas", "grids") else set()
    parents = link_parents(cleaned, layer, known)
    findings = [*cleaned.findings, *parents, *_tiling(cleaned, layer_name, settings, district)]
    options = {
        "crs": crs,
        "datum": datum,
        "key": key,
        "date_order": date_order,
        "encoding": encoding,
    }
    kept = _new_mapping(layer_name, save_mapping, rename, cleaned, options)
    return _settle(
        conn, path, layer_name, raw.encoding, cleaned, findings,
        store=lambda: _store(conn, layer, cleaned, kept),
        options={"crs": crs, "datum": datum, "rename": rename, "source": source, "key": key,
                 "occurred": occurred, "date_order": date_order, "mapping": mapping, "file_layer": file_layer,
                 "encoding": encoding, "accept_rejects": accept_rejects},
        accept_rejects=accept_rejects, dry_run=dry_run, report=report, progress=progress,
        before_commit=before_commit,
    )  # fmt: skip


def _new_mapping(
    layer: str, name: str | None, rename: dict[str, str] | None, cleaned: Cleaned, options: dict[str, Any]
) -> Mapping | None:  # fmt: skip
    """The columns as they were recognised, to be saved under a name; None without one."""
    if name is None:
        return None
    aside = {header: EXTRA for header, column in (rename or {}).items() if column == EXTRA}
    columns = aside | {header: column for column, header in cleaned.recognised.items()}
    used = {option: value for option, value in options.items() if value is not None}
    return Mapping(layer, name, columns, used)


def _fitting(saved: Mapping, headers: list[str]) -> tuple[dict[str, str], list[Finding]]:
    """The part of a saved mapping whose headers the file has, and findings of the rest."""
    there = {normalised(header) for header in headers}
    fitting = {h: column for h, column in saved.columns.items() if normalised(h) in there}
    findings = [
        Finding(0, NOTED, "header of the mapping is not in the file", h, f"it is {column}", "")
        for h, column in saved.columns.items()
        if h not in fitting
    ]
    return fitting, findings


def _combined(saved: dict[str, str], rename: dict[str, str]) -> dict[str, str]:
    """A saved mapping with what is renamed now: of two headers for one column the new one is it."""
    again = {matching(header, saved) for header in rename}
    taken = set(rename.values()) - {EXTRA}
    kept = {
        header: column
        for header, column in saved.items()
        if header not in again and column not in taken
    }
    return kept | rename


def _store(conn: Conn, layer: Layer, cleaned: Cleaned, mapping: Mapping | None) -> RowCounts:
    written = upsert(conn, layer, cleaned.frame)
    if layer.name == "cameras":
        record_status_reports(conn, cleaned.frame)
    if mapping is not None:
        store_mapping(conn, mapping)
    return written


def import_staff(
    conn: Conn,
    path: Path,
    *,
    rename: dict[str, str] | None = None,
    mapping: str | None = None,
    save_mapping: str | None = None,
    file_layer: str | None = None,
    encoding: str | None = None,
    accept_rejects: bool = False,
    dry_run: bool = False,
    report: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_read: Callable[[FilePreview], None] | None = None,
    before_commit: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Read and store grid staff (一长四员); the caller's connection is committed.

    The staff of the grids that the file names is replaced, that of others left alone.

    Parameters
    ----------
    conn, path, rename, mapping, save_mapping, file_layer, encoding, accept_rejects, dry_run, report, on_read, before_commit
        : as for `import_file`; the file is a table.

    Raises
    ------
    ReadError, ColumnError, RejectedRows, StoreError : as `import_file`.
    """
    settings = settings or get_settings()
    progress(f"reading {path.name}")
    words = read_dictionary(settings.dictionary)
    saved = read_mapping(conn, STAFF.name, mapping) if mapping else None
    if saved is not None:
        encoding = encoding or saved.options.get("encoding")
    headers = [*(rename or {}), *(() if saved is None else saved.columns)]
    raw = read_file(
        path, STAFF.name, headers=headers, part=file_layer, encoding=encoding, settings=settings
    )
    absent: list[Finding] = []
    if saved is not None:
        columns, absent = _fitting(saved, [str(header) for header in raw.cells.columns])
        rename = _combined(columns, rename or {})
    if on_read is not None:
        on_read(preview_staff(raw, rename=rename, dictionary=words))
    cleaned = clean_staff(raw, read_grid_codes(conn), rename=rename, dictionary=words)
    cleaned.findings.extend(absent)
    kept = _new_mapping(STAFF.name, save_mapping, rename, cleaned, {"encoding": encoding})

    def store() -> RowCounts:
        written = replace_staff(conn, cleaned.frame)
        if kept is not None:
            store_mapping(conn, kept)
        return written

    return _settle(
        conn, path, STAFF.name, raw.encoding, cleaned, cleaned.findings, store=store,
        options={"rename": rename, "mapping": mapping, "file_layer": file_layer, "encoding": encoding,
                 "accept_rejects": accept_rejects},
        accept_rejects=accept_rejects, dry_run=dry_run, report=report, progress=progress,
        before_commit=before_commit,
    )  # fmt: skip


def _settle(
    conn: Conn,
    path: Path,
    layer: str,
    encoding: str,
    cleaned: Cleaned,
    findings: list[Finding],
    *,
    store: Callable[[], RowCounts],
    options: dict[str, Any],
    accept_rejects: bool,
    dry_run: bool,
    report: Path | None,
    progress: Callable[[str], None],
    before_commit: Callable[[Outcome], None],
) -> Outcome:
    """Report what was found, and store the clean rows or refuse all of them."""
    rejected = cleaned.count(REJECTED)
    where = None
    if findings:
        where = report or Path(f"{path.name}.report.csv")
        write_report(findings, where)
    if rejected and not accept_rejects and not dry_run:
        conn.rollback()
        outcome = _outcome(layer, path, encoding, cleaned, findings, rejected, where, True)
        listed = "; ".join(
            f"{n} {reason}" for action, reason, n in outcome.reasons() if action == REJECTED
        )
        raise RejectedRows(
            f"{rejected} of {cleaned.read} rows cannot be used ({listed}); nothing was stored. "
            f"Read {where}, mend the file, or import the good rows with --accept-rejects",
            outcome,
        )
    progress(f"storing {len(cleaned.frame):,} rows")
    try:
        written = store()
        outcome = _outcome(
            layer, path, encoding, cleaned, findings, rejected, where, dry_run, written
        )
        if dry_run:
            conn.rollback()
        else:
            record_import(
                conn, layer=layer, file=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(), rows=cleaned.read,
                inserted=written.inserted, updated=written.updated, unchanged=written.unchanged,
                mended=cleaned.count(MENDED), rejected=rejected, options=options,
            )  # fmt: skip
            before_commit(outcome)
            conn.commit()
    except BaseException:
        conn.rollback()
        raise
    return outcome


def _tiling(cleaned: Cleaned, layer: str, settings: Settings, district: Any) -> list[Finding]:
    options: dict[str, Any] = {
        "overlap_tolerance_m2": settings.overlap_tolerance_m2,
        "gap_tolerance_m2": settings.gap_tolerance_m2,
    }
    if layer == "grids":
        return tiling_faults(cleaned.frame, district=district, **options)
    if layer == "areas":
        return [
            fault
            for _, level in cleaned.frame.groupby("level")
            for fault in tiling_faults(level.reset_index(drop=True), **options)
        ]
    return []


def _outcome(
    layer: str,
    path: Path,
    encoding: str,
    cleaned: Cleaned,
    findings: list[Finding],
    rejected: int,
    report: Path | None,
    dry_run: bool,
    written: RowCounts | None = None,
) -> Outcome:
    written = written or RowCounts(0, 0, 0)
    return Outcome(
        layer, path.name, cleaned.read, len(cleaned.frame), cleaned.count(MENDED), rejected,
        written.inserted, written.updated, written.unchanged, encoding, cleaned.recognised,
        cleaned.kept_as_extra, findings, report, dry_run, cleaned.frame.head(SAMPLE),
    )  # fmt: skip
