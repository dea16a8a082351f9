"""Raw rows to clean ones: every row is kept, mended or rejected, and the report says why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import Datum
from geo.errors import ColumnError
from geo.ingest import values
from geo.ingest.cells import Context, parse_column
from geo.ingest.columns import distinct, objects
from geo.ingest.dates import DateOrder
from geo.ingest.directions import assign_angle, parse_directions
from geo.ingest.encodings import REPLACEMENT
from geo.ingest.extras import extra_objects
from geo.ingest.findings import MENDED, NOTED, REJECTED, Action, Finding, Work, rows_where
from geo.ingest.headers import (
    BUILT_IN,
    CATEGORY_LEVELS,
    EXTRA,
    LAT,
    LON,
    OWN_RESULTS,
    WHERE,
    Dictionary,
    Recognised,
    is_secret,
    normalised,
    recognise,
)
from geo.ingest.hierarchy import complete_codes
from geo.ingest.locating import locate
from geo.ingest.notation import Notation, read_notation
from geo.ingest.occurrence import KeyRule, fill_span, make_keys, parse_span
from geo.ingest.raw_table import DAMAGED, RawTable
from geo.ingest.required import require_columns
from geo.schema import Layer


@dataclass
class Cleaned:
    """The rows that can be used, and what was found on the way."""

    frame: gpd.GeoDataFrame
    findings: list[Finding] = field(default_factory=list)
    recognised: dict[str, str] = field(default_factory=dict)
    kept_as_extra: list[str] = field(default_factory=list)
    read: int = 0

    def count(self, action: Action) -> int:
        """Rows with at least one finding of this action."""
        # Rows of several sheets may have the same line.
        return len({(f.line, f.original) for f in self.findings if f.action == action})


def clean(
    raw: RawTable,
    layer: Layer,
    *,
    zone: ZoneInfo,
    rename: dict[str, str] | None = None,
    datum: Datum | None = None,
    district: Any = None,
    margin_m: float = 100.0,
    source: str = "file",
    now: dt.datetime | None = None,
    dictionary: Dictionary = BUILT_IN,
    key: KeyRule | None = None,
    occurred: str | None = None,
    date_order: DateOrder | None = None,
) -> Cleaned:
    """Clean one raw table.

    Parameters
    ----------
    raw : from `read_file`.
    layer : the register it is for.
    zone : time zone of times that name none.
    rename : header of the file to column of ours.
    datum : of the coordinates; WGS 84 unless given.
    district : (multi)polygon in EPSG:4326; rows farther than `margin_m` from it are rejected,
        and it tells swapped coordinates. None: not checked.
    source : the source system of incidents that name none.
    now : the moment after which a date is impossible.
    dictionary : words of the deployment for headers and values.
    key : make the keys of the rows by this rule (`make_keys`), whatever the file has.
    occurred : the time span of incidents without a time (`parse_span`).
    date_order : of day and month, in columns that do not show it themselves.

    Returns
    -------
    Clean rows in EPSG:4326 with a `line` column, and the findings.

    Raises
    ------
    MissingColumnsError : a needed column is not there.
    ColumnError : a renamed column is not one of the layer's, or two headers are renamed to it;
        `occurred` is no span.
    CrsError : a datum was given for coordinates in metres.
    """
    headers = [str(c) for c in raw.cells.columns]
    require_renames(headers, layer, rename or {})
    found, told = use_headers(raw, layer, rename=rename, dictionary=dictionary, key=key)
    work = Work.of(layer, raw, dictionary)
    work.findings += told
    repair_texts(raw, layer, found.columns)
    bounds = None if district is None else district.bounds
    require_columns(
        layer, found, raw, key=key is not None, timed=occurred is not None, bounds=bounds
    )
    projected = raw.crs is not None and raw.crs.is_projected
    notation = read_notation(
        raw.cells, layer, found.columns, date_order=date_order, projected=projected
    )
    work.findings += notation.findings
    context = Context(zone, notation)
    out: dict[str, Any] = {}
    for column in layer.columns:
        named = found.columns.get(column.name)
        cells = raw.cells[named] if named is not None else None
        if column.angle:
            cells = None  # read as a direction below
        out[column.name] = parse_column(work, column, cells, context, source)
    if key is not None:
        prefix = "" if layer.name == "incidents" else f"{source}-"
        out[layer.key[-1]] = make_keys(raw, key, prefix=prefix)
    texts = _directions(work, found, out, notation)
    if "category" in out:
        levels = [header for header in headers if header not in found.set_aside]
        out["category"] = _categories(raw, levels, found.columns, out["category"])
    _complete(work, out, found.columns)
    complete_codes(work, out)
    if layer.name == "cameras":
        _reject_guards(work, found)
    geometry = locate(work, found.columns, datum, district, margin_m, notation)
    now = now or dt.datetime.now(dt.UTC)
    if occurred is not None:
        work.findings += fill_span(out, parse_span(occurred, zone), work.keep, now)
    _check_dates(work, out, now, zone)
    _check_keys(work, out, geometry)
    # Coordinates that stand beside better ones are kept with the row like any other column.
    if raw.geometry is not None:
        spare = [LON, LAT, WHERE]
    else:
        spare = [WHERE] if {LON, LAT} <= set(found.columns) else [LON, LAT]
    unused = [found.columns[name] for name in spare if name in found.columns]
    extra_headers = [h for h in [*found.unknown, *unused] if not is_secret(h)]
    work.findings += [
        Finding(0, NOTED, "passwords are not kept", h, "the column was left out", "")
        for h in found.unknown
        if is_secret(h)
    ]
    results = OWN_RESULTS.get(layer.name, frozenset())
    if results and results <= set(headers):
        detail = "they are computed anew from what is imported"
        work.findings.append(
            Finding(0, NOTED, "results of an export are not imported", "", detail, "")
        )
        extra_headers = [h for h in extra_headers if h not in results]
    out["extra"] = extra_objects(raw, extra_headers, texts)
    out["line"] = raw.lines
    frame = gpd.GeoDataFrame(pd.DataFrame(out), geometry=gpd.GeoSeries(geometry, crs="EPSG:4326"))
    frame = frame[work.keep].reset_index(drop=True)
    return Cleaned(
        frame, work.findings, dict(found.columns), extra_headers, len(raw.cells) + len(raw.broken)
    )


def require_renames(headers: list[str], layer: Layer, rename: dict[str, str]) -> None:
    """Refuse headers that a file has not, and columns that a layer has not or that are named twice.

    Parameters
    ----------
    headers : of the file.
    layer : the register it is for.
    rename : header of the file to column of ours.

    Raises
    ------
    ColumnError : one of these.
    """
    places = () if layer.name == "grid-staff" else (LON, LAT, WHERE)
    known = {*layer.names, *places, EXTRA}
    given: dict[str, str] = {}
    for header, target in rename.items():
        if target not in known:
            raise ColumnError(
                f"--rename {header}={target}: {layer.name} has no column {target}; "
                f"it has {', '.join(layer.names)}"
            )
        if normalised(header) not in {normalised(h) for h in headers}:
            raise ColumnError(f"--rename {header}={target}: the file has {', '.join(headers)}")
        if target != EXTRA and given.setdefault(target, header) != header:
            raise ColumnError(
                f"--rename {header}={target}: {given[target]} is renamed to {target} already; "
                f"rename one of the two to {EXTRA} to keep it as it is"
            )


def repair_texts(raw: RawTable, layer: Layer, columns: dict[str, str]) -> None:
    """Take broken characters, which the reader has reported, from the ends of all cells but codes and keys.

    Parameters
    ----------
    raw : the table, changed in place.
    layer : the register it is for.
    columns : column of the layer to header of the file.
    """
    codes = {c.name for c in layer.columns if c.kind == "code"} | set(layer.key)
    exact = {header for column, header in columns.items() if column in codes}
    for note in raw.notes:
        if note.reason == DAMAGED and note.row is not None and note.column not in exact:
            cell = str(raw.cells[note.column].iloc[note.row])
            raw.cells.loc[raw.cells.index[note.row], note.column] = cell.strip(REPLACEMENT + " ")


def _reject_guards(work: Work, found: Recognised) -> None:
    """Reject what OpenStreetMap maps as surveillance by people."""
    header = found.columns.get("functions")
    if header is None or normalised(header) != normalised("surveillance:type"):
        return
    for row, cell in enumerate(work.raw.cells[header]):
        if isinstance(cell, str) and cell.strip().casefold() == "guard":
            work.tell(row, REJECTED, "no camera", header, "a guard")


def use_headers(
    raw: RawTable,
    layer: Layer,
    *,
    rename: dict[str, str] | None,
    dictionary: Dictionary,
    key: KeyRule | None,
) -> tuple[Recognised, list[Finding]]:
    """Return which header is which column of the layer, and findings of those that are no words."""
    headers = [str(header) for header in raw.cells.columns]
    found = recognise(layer.name, headers, rename, dictionary)
    findings = assign_angle(raw, found) if layer.name == "cameras" else []
    if key is not None:
        findings += _release_key(found, layer, key)
    return found, findings + _explain_guesses(found)


def _release_key(found: Recognised, layer: Layer, rule: KeyRule) -> list[Finding]:
    """Let keys be made in place of a column that was taken for them, and report it."""
    column = layer.key[-1]
    how = "the row's number" if rule == "number" else "a digest of the row"
    header = found.columns.pop(column, None)
    if header is not None:
        found.unknown.append(header)
        how += f"; the column {header} is stored beside it"
    return [Finding(0, NOTED, "keys made", column, how, "")]


def _explain_guesses(found: Recognised) -> list[Finding]:
    """Findings of headers that are no words of the dictionary."""
    column_of = {header: column for column, header in found.columns.items()}
    taken = [
        Finding(0, NOTED, "header recognised", header, f"{column_of[header]}: {reason}", "")
        for header, reason in found.guessed.items()
        if header in column_of
    ]
    return taken + [
        Finding(0, NOTED, "header not used", header, f"it was cut and may be {' or '.join(fits)}; "
                f"say --rename {header}=COLUMN", "")
        for header, fits in found.unclear.items()
    ]  # fmt: skip


def _directions(
    work: Work, found: Recognised, out: dict[str, Any], notation: Notation
) -> dict[str, pd.Series]:
    """Fill what the column of directions says; text in it that says none, by header."""
    header = found.columns.get("bearing_deg")
    if header is None:
        return {}
    cells = work.raw.cells[header]
    for other in found.alternatives.get("bearing_deg", []):
        cells = cells.where(~cells.map(values.blank), work.raw.cells[other])
    decimal_comma = notation.decimal.get("bearing_deg") == ","
    parsed = parse_directions(work, cells.rename(header), decimal_comma=decimal_comma)
    out["bearing_deg"] = parsed.bearing_deg
    given, width = out["fov_deg"], parsed.fov_deg
    out["fov_deg"] = np.where(given == None, width, given)  # noqa: E711  (element by element)
    others = out["other_directions"]
    out["other_directions"] = np.where(others == None, parsed.other_directions, others)  # noqa: E711
    return {header: pd.Series(parsed.not_understood, dtype=object)}


def _categories(
    raw: RawTable, headers: list[str], columns: dict[str, str], told: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Categories as paths: from the columns of their levels where the file keeps them apart."""
    parts: list[NDArray[np.object_]] = []
    for words in CATEGORY_LEVELS:
        known = {normalised(word) for word in words.split()}
        header = next((h for h in headers if normalised(h) in known), None)
        if header is None:
            break
        codes, found = distinct(raw.cells[header])
        parts.append(objects([values.text_of(cell) for cell in found])[codes])
    told = _paths(told)
    if not parts or (len(parts) == 1 and "category" in columns):
        return told
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    paths = _paths(joined)
    return np.where(paths != "", paths, told)


def _paths(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    codes, found = distinct(pd.Series(texts, dtype="str"))
    return objects([values.category_of(text) for text in found])[codes]


def _complete(work: Work, out: dict[str, Any], columns: dict[str, str]) -> None:
    """Fill a missing name from the key."""
    if "name" in out and work.layer.column("name").needed:
        key = work.layer.key[0]
        unnamed = [row for row, name in enumerate(out["name"]) if not name]
        for row in unnamed:
            out["name"][row] = out[key][row]
            if "name" in columns:
                work.tell(row, MENDED, "no name", "name", "named by its code")


_MAY_COME = ("retired_on", "due_at")


def _check_dates(work: Work, out: dict[str, Any], now: dt.datetime, zone: ZoneInfo) -> None:
    limit = now + dt.timedelta(days=1)
    for column in work.layer.columns:
        if column.name in _MAY_COME:
            continue
        if column.kind == "time":
            late = out[column.name] > limit
            for row in rows_where(late):
                moment = out[column.name][row].astimezone(zone)
                work.tell(row, MENDED, "date in the future", column.name, f"{moment} dropped")
            out[column.name] = out[column.name].mask(late)
        elif column.kind == "date":
            for row, day in enumerate(out[column.name]):
                if day is not None and day > limit.date():
                    work.tell(row, MENDED, "date in the future", column.name, f"{day} dropped")
                    out[column.name][row] = None
    if "retired_on" in out:
        for row, (start, end) in enumerate(
            zip(out["installed_on"], out["retired_on"], strict=True)
        ):
            if start is not None and end is not None and end < start:
                work.tell(row, MENDED, "retired before installed", "retired_on", f"{end} dropped")
                out["retired_on"][row] = None
    if work.layer.name != "incidents":
        return
    start, end = out["occurred_from"].copy(), out["occurred_to"].copy()
    turned = (end < start) & work.keep
    for row in rows_where(turned):
        work.tell(row, MENDED, "end before start", "occurred_to", "the two were exchanged")
    out["occurred_from"] = start.mask(turned, end)
    out["occurred_to"] = end.mask(turned, start)
    timeless = np.all(
        [out[c].isna() for c in ("occurred_at", "occurred_from", "reported_at")], axis=0
    )
    for row in rows_where(timeless & work.keep):
        work.tell(row, REJECTED, "no usable time", "occurred_at",
                  "--occurred 2025 gives such rows a time span")  # fmt: skip


def _check_keys(work: Work, out: dict[str, Any], geometry: NDArray[np.object_]) -> None:
    kept = np.flatnonzero(work.keep)
    keys = pd.DataFrame({k: out[k][kept] for k in work.layer.key}, index=kept)
    seen: dict[tuple[Any, ...], int] = {}
    for row in kept[keys.duplicated(keep=False)].tolist():
        key = tuple(out[k][row] for k in work.layer.key)
        if key not in seen:
            seen[key] = row
            continue
        first = seen[key]
        line = int(work.raw.lines[first])
        named = "/".join(str(k) for k in key)
        same = work.raw.original(row) == work.raw.original(first) and (
            geometry[row] == geometry[first]
        )
        work.tell(row, REJECTED, "repeated row" if same else "repeated key", work.layer.key[-1],
                  f"{named} is on line {line} already")  # fmt: skip
    if work.layer.name == "incidents":
        bare = shapely.is_missing(geometry) & ~np.isin(
            out["precision"].astype(str), ("grid", "none")
        )
        out["precision"][bare & work.keep] = "grid"
