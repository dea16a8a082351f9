"""Cleaning of a raw table: each row is accepted, repaired or rejected, and findings say why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd

from geo.crs import Datum
from geo.errors import ColumnError
from geo.ingest.categories import category_paths
from geo.ingest.cells import CellContext, parse_column
from geo.ingest.dates import DateOrder
from geo.ingest.dictionary import BUILT_IN, Dictionary, normalise_word
from geo.ingest.directions import assign_angle, fill_directions
from geo.ingest.encodings import REPLACEMENT
from geo.ingest.extras import extra_objects
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.header_vocabulary import EXTRA, LAT, LON, OWN_RESULTS, WHERE
from geo.ingest.headers import HeaderMatches, is_secret, match_headers
from geo.ingest.hierarchy import complete_codes
from geo.ingest.locating import locate
from geo.ingest.notation import read_notation
from geo.ingest.occurrence import KeyRule, fill_span, make_keys, parse_span
from geo.ingest.raw_table import RawTable
from geo.ingest.reasons import ReasonCode, RowAction
from geo.ingest.required import require_columns
from geo.ingest.row_checks import assign_grid_precision, check_dates, check_keys, reject_guards
from geo.schema import Layer


@dataclass
class CleanedTable:
    """The rows of a file that can be used, and the findings of all its rows."""

    frame: gpd.GeoDataFrame
    """The usable rows in EPSG:4326, with their line in the file in column ``line``."""
    findings: list[Finding] = field(default_factory=list)
    """What the report says of the file and its rows."""
    recognised: dict[str, str] = field(default_factory=dict)
    """Column of the layer to the header of the file."""
    extra_headers: list[str] = field(default_factory=list)
    """Headers of the columns that are stored in ``extra``."""
    read: int = 0
    """Rows in the file, including those that could not be split into cells."""

    def count(self, action: RowAction) -> int:
        """Return the number of rows with at least one finding of an action.

        Parameters
        ----------
        action : RowAction
            The action.

        Returns
        -------
        int
            Number of rows. Findings of the file as a whole count as one row.
        """
        # Rows of several sheets may have the same line.
        return len({(f.line, f.original) for f in self.findings if f.action == action})


def clean_table(
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
) -> CleanedTable:
    """Clean one raw table.

    Parameters
    ----------
    raw : RawTable
        The table, from `read_file`; broken characters in it are repaired in place.
    layer : Layer
        The layer that its rows belong to.
    zone : zoneinfo.ZoneInfo
        Time zone of times that name none.
    rename : dict of str to str, optional
        Header of the file to column of the layer, or to ``extra``.
    datum : {'gcj02', 'bd09', 'cgcs2000', 'wgs84'}, optional
        Datum of the coordinates; WGS 84 unless given.
    district : shapely.Polygon or shapely.MultiPolygon, optional
        District in EPSG:4326. Rows farther than `margin_m` from it are rejected, and swapped
        coordinates are recognised by it; without it neither is checked.
    margin_m : float, default 100
        Distance from the district, in metres, up to which rows are accepted.
    source : str, default "file"
        Source system of incidents that name none.
    now : datetime.datetime, optional
        The current time, with a zone; later dates are impossible. The clock's unless given.
    dictionary : Dictionary, optional
        Words of the deployment for headers and values.
    key : {'number', 'digest'}, optional
        Rule by which the keys of the rows are made, whatever the file has
        (`geo.ingest.occurrence.make_keys`).
    occurred : str, optional
        Time span of incidents without a time (`geo.ingest.occurrence.parse_span`).
    date_order : {'day', 'month'}, optional
        Part that comes first, in columns of dates that do not show it themselves.

    Returns
    -------
    CleanedTable
        The rows that can be used, and the findings.

    Raises
    ------
    MissingColumnsError
        If the file lacks a needed column.
    ColumnError
        If a column that a header is renamed to is not one of the layer's, two headers are renamed
        to one column, or `occurred` is no time span.
    CrsError
        If a datum is given for coordinates in metres.
    """
    require_renames([str(header) for header in raw.cells.columns], layer, rename or {})
    recognised, findings = use_headers(raw, layer, rename=rename, dictionary=dictionary, key=key)
    work = CleaningTable.of(layer, raw, dictionary)
    work.findings += findings
    repair_texts(raw, layer, recognised.columns)
    require_columns(
        layer,
        recognised,
        raw,
        key=key is not None,
        timed=occurred is not None,
        bounds=None if district is None else district.bounds,
    )
    projected = raw.crs is not None and raw.crs.is_projected
    notation = read_notation(
        raw.cells, layer, recognised.columns, date_order=date_order, projected=projected
    )
    work.findings += notation.findings
    columns, unread_directions = _parse_columns(
        work, recognised, CellContext(zone, notation), source=source, key=key
    )
    geometry = locate(work, recognised.columns, datum, district, margin_m, notation)
    now = now or dt.datetime.now(dt.UTC)
    if occurred is not None:
        work.findings += fill_span(columns, parse_span(occurred, zone), work.accepted, now)
    check_dates(work, columns, now, zone)
    check_keys(work, columns, geometry)
    if layer.name == "incidents":
        assign_grid_precision(work, columns, geometry)
    extra_headers = _extra_headers(work, recognised)
    columns["extra"] = extra_objects(raw, extra_headers, unread_directions)
    columns["line"] = raw.lines
    frame = gpd.GeoDataFrame(
        pd.DataFrame(columns), geometry=gpd.GeoSeries(geometry, crs="EPSG:4326")
    )
    return CleanedTable(
        frame[work.accepted].reset_index(drop=True),
        work.findings,
        dict(recognised.columns),
        extra_headers,
        len(raw.cells) + len(raw.broken),
    )


def _parse_columns(
    work: CleaningTable,
    recognised: HeaderMatches,
    context: CellContext,
    *,
    source: str,
    key: KeyRule | None,
) -> tuple[dict[str, Any], dict[str, pd.Series]]:
    """Return the values of each column, and by header the directions not understood."""
    layer, raw = work.layer, work.raw
    columns: dict[str, Any] = {}
    for column in layer.columns:
        header = recognised.columns.get(column.name)
        # An angle is parsed as a direction below.
        cells = None if header is None or column.angle else raw.cells[header]
        columns[column.name] = parse_column(work, column, cells, context, source)
    if key is not None:
        prefix = "" if layer.name == "incidents" else f"{source}-"
        columns[layer.key[-1]] = make_keys(raw, key, prefix=prefix)
    decimal_comma = context.notation.decimal.get("bearing_deg") == ","
    unread_directions = fill_directions(work, recognised, columns, decimal_comma=decimal_comma)
    if "category" in columns:
        headers = [h for h in map(str, raw.cells.columns) if h not in recognised.set_aside]
        columns["category"] = category_paths(raw, headers, recognised.columns, columns["category"])
    _fill_names(work, columns, recognised.columns)
    complete_codes(work, columns)
    if layer.name == "cameras":
        reject_guards(work, recognised)
    return columns, unread_directions


def _extra_headers(work: CleaningTable, recognised: HeaderMatches) -> list[str]:
    """Return the headers whose cells are stored in ``extra``, and report those that are not."""
    used, layer = recognised.columns, work.layer
    # Coordinates beside better ones are stored with the row like any other column.
    if work.raw.geometry is not None:
        unused_coordinates = [LON, LAT, WHERE]
    else:
        unused_coordinates = [WHERE] if {LON, LAT} <= set(used) else [LON, LAT]
    headers = [
        *recognised.unknown,
        *(used[name] for name in unused_coordinates if name in used),
    ]
    work.findings += [
        Finding(
            0,
            RowAction.NOTED,
            ReasonCode.PASSWORDS_NOT_STORED,
            header,
            "the column was left out",
            "",
        )
        for header in recognised.unknown
        if is_secret(header)
    ]
    headers = [header for header in headers if not is_secret(header)]
    results = OWN_RESULTS.get(layer.name, frozenset())
    if results and results <= set(map(str, work.raw.cells.columns)):
        detail = "they are computed again from what is imported"
        work.findings.append(
            Finding(0, RowAction.NOTED, ReasonCode.EXPORTED_RESULTS_NOT_IMPORTED, "", detail, "")
        )
        headers = [header for header in headers if header not in results]
    return headers


def require_renames(headers: list[str], layer: Layer, rename: dict[str, str]) -> None:
    """Refuse to rename headers that a file lacks, or to columns that a layer lacks or twice to one.

    Parameters
    ----------
    headers : list of str
        Headers of the file.
    layer : Layer
        The layer that its rows belong to.
    rename : dict of str to str
        Header of the file to column of the layer, or to ``extra``.

    Raises
    ------
    ColumnError
        If a header or column is unknown, or two headers are renamed to one column.
    """
    coordinates = () if layer.name == "grid-staff" else (LON, LAT, WHERE)
    columns = {*layer.names, *coordinates, EXTRA}
    known_headers = {normalise_word(header) for header in headers}
    header_of: dict[str, str] = {}
    for header, column in rename.items():
        if column not in columns:
            raise ColumnError(
                f"--rename {header}={column}: {layer.name} has no column {column}; "
                f"it has {', '.join(layer.names)}"
            )
        if normalise_word(header) not in known_headers:
            raise ColumnError(f"--rename {header}={column}: the file has {', '.join(headers)}")
        if column != EXTRA and header_of.setdefault(column, header) != header:
            raise ColumnError(
                f"--rename {header}={column}: {header_of[column]} is renamed to {column} already; "
                f"rename one of the two to {EXTRA} to keep it as it is"
            )


def repair_texts(raw: RawTable, layer: Layer, columns: dict[str, str]) -> None:
    """Remove broken characters from the ends of cells; the reader has reported them.

    Parameters
    ----------
    raw : RawTable
        The table, changed in place.
    layer : Layer
        The layer that its rows belong to. Its codes and keys stay as they are.
    columns : dict of str to str
        Column of the layer to header of the file.
    """
    codes = {c.name for c in layer.columns if c.kind == "code"} | set(layer.key)
    code_headers = {header for column, header in columns.items() if column in codes}
    for note in raw.notes:
        is_damaged = note.reason is ReasonCode.DAMAGED_CHARACTER
        if is_damaged and note.row is not None and note.column not in code_headers:
            cell = str(raw.cells[note.column].iloc[note.row])
            raw.cells.loc[raw.cells.index[note.row], note.column] = cell.strip(REPLACEMENT + " ")


def use_headers(
    raw: RawTable,
    layer: Layer,
    *,
    rename: dict[str, str] | None,
    dictionary: Dictionary,
    key: KeyRule | None,
) -> tuple[HeaderMatches, list[Finding]]:
    """Recognise the headers of a table.

    Parameters
    ----------
    raw : RawTable
        The table.
    layer : Layer
        The layer that its rows belong to.
    rename : dict of str to str or None
        Header of the file to column of the layer, or to ``extra``.
    dictionary : Dictionary
        Words of the deployment.
    key : {'number', 'digest'} or None
        Rule by which keys are made in place of those of the file.

    Returns
    -------
    recognised : HeaderMatches
        Which header is which column.
    findings : list of Finding
        Notes of the headers that match no word exactly, and of the keys that are made.
    """
    headers = [str(header) for header in raw.cells.columns]
    recognised = match_headers(layer.name, headers, rename, dictionary)
    findings = assign_angle(raw, recognised) if layer.name == "cameras" else []
    if key is not None:
        findings += _release_key(recognised, layer, key)
    return recognised, findings + _explain_guesses(recognised)


def _release_key(recognised: HeaderMatches, layer: Layer, rule: KeyRule) -> list[Finding]:
    """Make the column that was recognised as the key an unknown one, and report the keys made."""
    column = layer.key[-1]
    detail = "the row's number" if rule == "number" else "a digest of the row"
    header = recognised.columns.pop(column, None)
    if header is not None:
        recognised.unknown.append(header)
        detail += f"; the column {header} is stored beside it"
    return [Finding(0, RowAction.NOTED, ReasonCode.KEYS_MADE, column, detail, "")]


def _explain_guesses(recognised: HeaderMatches) -> list[Finding]:
    """Return notes of the headers that match no word of the dictionary exactly."""
    column_of = {header: column for column, header in recognised.columns.items()}
    guessed = [
        Finding(
            0,
            RowAction.NOTED,
            ReasonCode.HEADER_RECOGNISED,
            header,
            f"{column_of[header]}: {reason}",
            "",
        )
        for header, reason in recognised.guessed.items()
        if header in column_of
    ]
    unclear = []
    for header, columns in recognised.unclear.items():
        detail = f"it was cut and may be {' or '.join(columns)}; say --rename {header}=COLUMN"
        unclear.append(Finding(0, RowAction.NOTED, ReasonCode.HEADER_NOT_USED, header, detail, ""))
    return guessed + unclear


def _fill_names(work: CleaningTable, columns: dict[str, Any], used: dict[str, str]) -> None:
    """Fill missing names, where the layer needs them, with the key."""
    if "name" not in columns or not work.layer.column("name").needed:
        return
    key = work.layer.key[0]
    unnamed = [row for row, name in enumerate(columns["name"]) if not name]
    for row in unnamed:
        columns["name"][row] = columns[key][row]
        if "name" in used:
            work.report(
                row, RowAction.REPAIRED, ReasonCode.NAME_MISSING, "name", "named by its code"
            )
