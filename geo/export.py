"""Layers as files for other programs: GeoPackage, GeoJSON, CSV, XLSX, GeoParquet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import shapely
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import WorkbookAlreadySaved
from pyogrio.errors import DataLayerError, DataSourceError

from geo.errors import ReadError, WriteError
from geo.ingest import spreadsheet_safe
from geo.schema import FORMATS, LAYERS, RESULTS
from geo.store.queries.exports import EXPORT_SHAPES

MAX_SHEET_ROWS = 1_048_575
"""Largest number of rows of a sheet of a workbook, without the header."""


def decimals_of(layer: str) -> int | None:
    """Return the decimals of a layer's degrees in text formats.

    Parameters
    ----------
    layer : str
        A register or a result.

    Returns
    -------
    int or None
        7 (a centimetre) for results; None (all decimals) for registers, so that they can be
        imported again unchanged.
    """
    return 7 if layer in RESULTS and layer not in LAYERS else None


def csv_parts(
    pieces: Iterable[gpd.GeoDataFrame], zone: ZoneInfo, *, digits: int | None = None
) -> Iterator[bytes]:
    """Return a layer as CSV that spreadsheets open correctly: UTF-8 with BOM, no text as a formula.

    Parameters
    ----------
    pieces : iterable of geopandas.GeoDataFrame
        Rows of one layer.
    zone : zoneinfo.ZoneInfo
        Time zone of the times.
    digits : int, optional
        Decimals of the coordinates in WKT; None for all.

    Yields
    ------
    bytes
        A part of the file. Points are columns `lon` and `lat`, other geometries a column
        `wkt`.
    """
    is_first = True
    for piece in pieces:
        text = io.StringIO()
        writer = csv.writer(text)
        columns, rows = _table(piece, zone, digits)
        if is_first:
            text.write("\ufeff")
            writer.writerow(columns)
            is_first = False
        writer.writerows(
            [spreadsheet_safe(cell) if isinstance(cell, str) else cell for cell in row]
            for row in rows
        )
        yield text.getvalue().encode()


def geojson_parts(
    pieces: Iterable[gpd.GeoDataFrame], zone: ZoneInfo, *, digits: int | None = None
) -> Iterator[bytes]:
    """Return a layer as a GeoJSON feature collection (RFC 7946).

    Parameters
    ----------
    pieces : iterable of geopandas.GeoDataFrame
        Rows of one layer in EPSG:4326.
    zone : zoneinfo.ZoneInfo
        Time zone of the times.
    digits : int, optional
        Decimals of the coordinates; None for all.

    Yields
    ------
    bytes
        A part of the file.
    """
    yield b'{"type":"FeatureCollection","features":['
    separator = ""
    for piece in pieces:
        lines = features(piece, digits=digits, zone=zone)
        if lines:
            yield (separator + ",\n".join(lines)).encode()
            separator = ",\n"
    yield b"]}"


def features(frame: gpd.GeoDataFrame, *, digits: int | None, zone: ZoneInfo) -> list[str]:
    """Return rows as GeoJSON features.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
        Rows in EPSG:4326.
    digits : int or None
        Decimals of the coordinates; None for all.
    zone : zoneinfo.ZoneInfo
        Time zone of the times.

    Returns
    -------
    list of str
        A JSON object per row; missing values and geometries are null.
    """
    shapes = np.asarray(frame.geometry.values)
    if digits is not None:
        shapes = shapely.set_precision(shapes, 10.0**-digits, mode="pointwise")
    return [
        f'{{"type":"Feature","properties":{json.dumps(row, ensure_ascii=False)},'
        f'"geometry":{shape or "null"}}}'
        for row, shape in zip(_plain(frame, zone), shapely.to_geojson(shapes), strict=True)
    ]


def write_file(
    pieces: Iterable[gpd.GeoDataFrame], path: Path, layer: str, form: str, zone: ZoneInfo
) -> int:
    """Write a layer to a file.

    Parameters
    ----------
    pieces : iterable of geopandas.GeoDataFrame
        Rows of one layer, from `geo.store.queries.exports.read_pieces`.
    path : pathlib.Path
        The file, which must not exist.
    layer : str
        Name of the layer inside a GeoPackage or workbook. In a GeoPackage lines and polygons are
        multilines and multipolygons, as one layer has one type.
    form : str
        One of `FORMATS`.
    zone : zoneinfo.ZoneInfo
        Time zone of the times in text formats.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ReadError
        If the format is unknown, or a workbook cannot hold as many rows.
    WriteError
        If the file cannot be written.
    """
    if form not in FORMATS:
        raise ReadError(f"there is no format {form}; use one of {', '.join(FORMATS)}")
    counted_pieces = _CountedPieces(pieces)
    try:
        if form == "csv":
            _write_bytes(path, csv_parts(counted_pieces, zone, digits=decimals_of(layer)))
        elif form == "geojson":
            _write_bytes(path, geojson_parts(counted_pieces, zone, digits=decimals_of(layer)))
        elif form == "xlsx":
            _write_workbook(counted_pieces, path, layer, zone)
        elif form == "parquet":
            pd.concat(list(counted_pieces), ignore_index=True).to_parquet(path)
        else:
            _write_geopackage(counted_pieces, path, layer)
    except (OSError, DataSourceError, DataLayerError) as error:
        raise WriteError(f"{path} cannot be written: {error}") from error
    return counted_pieces.rows


def _write_geopackage(pieces: Iterable[gpd.GeoDataFrame], path: Path, layer: str) -> None:
    kinds = {"point": "Point", "line": "MultiLineString", "polygon": "MultiPolygon"}
    for number, piece in enumerate(pieces):
        points = (shapely.get_type_id(np.asarray(piece.geometry.values)) <= 0).all()
        kind = kinds[EXPORT_SHAPES.get(layer, "point" if points else "polygon")]
        pyogrio.write_dataframe(
            piece,
            path,
            layer=layer,
            driver="GPKG",
            append=number > 0,
            geometry_type=kind,
            promote_to_multi=kind != "Point",
        )


class _CountedPieces:
    """Pieces whose rows are counted as they are read."""

    def __init__(self, pieces: Iterable[gpd.GeoDataFrame]) -> None:
        self.pieces, self.rows = pieces, 0

    def __iter__(self) -> Iterator[gpd.GeoDataFrame]:
        for piece in self.pieces:
            self.rows += len(piece)
            yield piece


def _write_bytes(path: Path, parts: Iterator[bytes]) -> None:
    with path.open("wb") as handle:
        handle.writelines(parts)


def _write_workbook(
    pieces: Iterable[gpd.GeoDataFrame], path: Path, layer: str, zone: ZoneInfo
) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(layer[:31])
    try:
        _write_sheet(pieces, sheet, layer, zone)
        book.save(path)
    except BaseException:
        # The writer of a sheet is a generator, which warns if it is not closed.
        with contextlib.suppress(WorkbookAlreadySaved):
            sheet.close()
        raise


def _write_sheet(
    pieces: Iterable[gpd.GeoDataFrame], sheet: Any, layer: str, zone: ZoneInfo
) -> None:
    number = 0
    for piece in pieces:
        columns, rows = _table(piece, zone, decimals_of(layer))
        if number == 0:
            sheet.append(columns)
        number += len(piece)
        if number > MAX_SHEET_ROWS:
            raise ReadError(f"a workbook holds {MAX_SHEET_ROWS:,} rows; export as csv or gpkg")
        for row in rows:
            cells = []
            for value in row:
                # openpyxl itself writes 16 digits of a number, and some need 17.
                is_float = type(value) is float
                cell = WriteOnlyCell(sheet, repr(value) if is_float else value)
                if is_float:
                    cell.data_type = "n"
                elif isinstance(value, str):
                    cell.data_type = "s"  # text, even if it begins like a formula
                cells.append(cell)
            sheet.append(cells)


def _plain(piece: gpd.GeoDataFrame, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Return rows without geometry, with values that JSON has; times are text in the zone."""
    table = pd.DataFrame(piece.drop(columns=piece.geometry.name))
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            local = column.dt.tz_convert(zone)
            table[name] = [None if pd.isna(t) else t.isoformat() for t in local]
        elif column.dtype == object:
            table[name] = [
                v.isoformat() if hasattr(v, "isoformat") and not pd.isna(v) else v for v in column
            ]
    table = table.astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def _table(
    piece: gpd.GeoDataFrame, zone: ZoneInfo, digits: int | None
) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of a table, geometry as `lon` and `lat` or as `wkt`."""
    shapes = np.asarray(piece.geometry.values)
    names = [str(c) for c in piece.columns if c != piece.geometry.name]
    rows = [list(row.values()) for row in _plain(piece, zone)]
    kinds = shapely.get_type_id(shapes)
    if ((kinds == 0) | (kinds == -1)).all():
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
        for row, lon, lat in zip(rows, x.tolist(), y.tolist(), strict=True):
            row += [None, None] if np.isnan(lon) else [lon, lat]
        return [*names, "lon", "lat"], rows
    rounding = -1 if digits is None else digits
    for row, wkt in zip(rows, shapely.to_wkt(shapes, rounding_precision=rounding), strict=True):
        row.append(wkt)
    return [*names, "wkt"], rows
