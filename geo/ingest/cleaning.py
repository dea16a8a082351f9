"""Cleaning of a raw table: each row is accepted, repaired or rejected, and findings say why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd

from geo.crs import Datum
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.categories import category_paths
from geo.ingest.cells import CellContext, parse_column
from geo.ingest.dates import DateOrder
from geo.ingest.dictionary import BUILT_IN, Dictionary
from geo.ingest.directions import fill_directions
from geo.ingest.encodings import REPLACEMENT
from geo.ingest.extras import extra_objects
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.header_use import require_renames, select_extra_headers, use_headers
from geo.ingest.headers import HeaderMatches
from geo.ingest.hierarchy import complete_codes
from geo.ingest.locating import locate
from geo.ingest.notation import read_notation
from geo.ingest.occurrence import KeyRule, fill_span, make_keys, parse_span
from geo.ingest.raw_table import RawTable
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
    extra_headers = select_extra_headers(work, recognised)
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
