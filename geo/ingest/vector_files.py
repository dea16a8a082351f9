"""Vector files: GeoJSON, GeoPackage, Shapefile (also zipped), GeoParquet.

GDAL opens a file by its content. `geo.confinement.reading_process` calls this where only the driver of the
file's own format is left, and nothing but the file can be reached.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from geo.confinement.signatures import FORMATS
from geo.errors import CrsError, ReadError
from geo.ingest import raw_table
from geo.ingest.geojson import plain_geojson
from geo.ingest.layer_choice import FileLayer, choose_layer
from geo.ingest.raw_table import Note, RawTable, require_columns, require_rows, unique_names
from geo.ingest.shapefiles import (
    decode_columns,
    judged_encoding,
    restored_index,
    unpack_shapefile,
    with_index,
)

_NAMES = {".zip": "Shapefile"}
_COLLECTION = 7
MAX_LEVELS = 10
"""Of geometry collections in each other."""
_VIRTUAL_TABLES = ("rtree", "fts3", "fts4", "fts5")


def read_vector(
    path: Path,
    suffix: str,
    crs: pyproj.CRS | None,
    *,
    layer: str = "",
    part: str | None = None,
    encoding: str | None = None,
) -> RawTable:
    """Read a file of features.

    Parameters
    ----------
    path, suffix : the file and its ending.
    crs : overrules the file's.
    layer : the register it is for; of a file of several layers the one that fits it is read.
    part : name of the layer to read, of a GeoPackage or of a zip file of several Shapefiles.
    encoding : of the texts of a Shapefile or GeoJSON file, where the user named it.
    """
    notes: list[Note] = []
    try:
        frame, used, broken = _read(path, suffix, layer, part, encoding, notes)
    except (ReadError, CrsError, MemoryError):
        raise
    except Exception as error:
        # What a library says of a file may quote other files and our own folders.
        raise ReadError(
            f"{path.name} cannot be read as {_NAMES.get(suffix, FORMATS[suffix].name)}: it is damaged or incomplete; "
            "export it anew"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ReadError(f"{path.name} has no geometry; give a layer with geometry")
    if len(frame) == 0 and not broken:
        raise ReadError(f"{path.name} has no features; nothing to import")
    require_columns(path.name, len(frame.columns))
    require_rows(path.name, len(frame), len(frame.columns))
    found = crs or frame.crs
    if found is None:
        raise CrsError(f"{path.name} names no CRS; say it with --crs, for instance --crs EPSG:4490")
    lines = np.asarray(frame.index, np.int64) + 1
    _require_small_shapes(path.name, frame)
    geometry = gpd.GeoSeries(_flat(path.name, np.asarray(frame.geometry.values)))
    geometry = geometry.set_crs(found, allow_override=True)
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    cells.columns = pd.Index(unique_names([str(c) for c in cells.columns]))
    return RawTable(
        cells.astype(object), lines, None, geometry, pyproj.CRS(found), broken, used, notes
    )


Broken = list[tuple[int, str, str]]
"""Features that cannot be read: number, reason, text."""


def _read(
    path: Path, suffix: str, layer: str, part: str | None, encoding: str | None, notes: list[Note]
) -> tuple[gpd.GeoDataFrame, str, Broken]:
    """Return features, the encoding of their texts, and those that cannot be read."""
    if part is not None and suffix not in (".gpkg", ".zip"):
        raise ReadError(f"{path.name} has no layers to choose from; leave out --layer")
    if suffix in (".parquet", ".geoparquet"):
        _require_small_parquet(path)
        return gpd.read_parquet(path).reset_index(drop=True), "", []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if suffix == ".zip":
            shape = unpack_shapefile(path, folder, layer, part, notes)
            return _read_shapefile(shape, path.name, folder, encoding, notes)
        if suffix == ".shp":
            return _read_shapefile(path, path.name, folder, encoding, notes)
        if suffix == ".gpkg":
            _require_plain_geopackage(path)
            chosen = _geopackage_layer(path, layer, part, notes)
            frame, broken = _read_features(path, notes, layer=chosen, IMMUTABLE="YES")
            return frame, "", broken
        source = plain_geojson(path, folder, notes, encoding)
        # As text a time without an offset stays one: GDAL would take it as UTC beside others.
        frame, broken = _read_features(source, notes, DATE_AS_STRING="YES")
        return frame, "", broken


def _read_shapefile(
    path: Path, name: str, folder: Path, given: str | None, notes: list[Note]
) -> tuple[gpd.GeoDataFrame, str, Broken]:
    """Read a Shapefile, whose texts are decoded here: what names their encoding is often wrong."""
    data, encoding = judged_encoding(path, name, notes, given)
    source = with_index(path, folder, notes)
    with restored_index(source != path):
        # In this encoding every byte is one character, so that none is lost.
        frame, broken = _read_features(source, notes, encoding="ISO-8859-1")
    if data:
        decode_columns(frame, encoding)
    return frame, encoding, broken


def _read_features(
    source: Path, notes: list[Note], **options: Any
) -> tuple[gpd.GeoDataFrame, Broken]:
    """Read features; rings left open are closed, and features whose shape is beyond that are broken."""
    try:
        return pyogrio.read_dataframe(source, **options), []
    except shapely.errors.ShapelyError:
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the features concerned are reported one by one
        frame = pyogrio.read_dataframe(source, on_invalid="fix", **options)
        plain = pyogrio.read_dataframe(source, on_invalid="ignore", **options)
        _, _, shapes, _ = pyogrio.raw.read(source, columns=[], **options)
    given = np.asarray([shape is not None for shape in shapes], bool)
    fixed = frame.geometry.notna().to_numpy()
    changed = fixed & plain.geometry.isna().to_numpy()
    lost = given & ~fixed
    kept = np.flatnonzero(~lost)
    for position, row in enumerate(kept.tolist()):
        if changed[row]:
            notes.append(Note("ring left open, closed", "shape", row=position, repaired=True))
    cells = frame.drop(columns=frame.geometry.name)
    broken = [
        (row + 1, "its shape is damaged: a line or ring has too few points",
         json.dumps(cells.iloc[row].to_dict(), ensure_ascii=False, default=str))
        for row in np.flatnonzero(lost).tolist()
    ]  # fmt: skip
    return frame[~lost], broken


def _geopackage_layer(path: Path, layer: str, part: str | None, notes: list[Note]) -> str:
    layers = []
    for name, kind in pyogrio.list_layers(path):
        about = pyogrio.read_info(path, layer=name, IMMUTABLE="YES")
        layers.append(FileLayer(str(name), tuple(map(str, about["fields"])), None if kind is None else str(kind)))  # fmt: skip
    return choose_layer(path.name, layers, layer, part, notes).name


def _require_plain_geopackage(path: Path) -> None:
    """Refuse a database with tables that are programs, and one that is being written to."""
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size:
            raise ReadError(
                f"{path.name} is open in another program, or was when it stopped: {beside.name} holds "
                "changes that are not in it yet; close it there, and import it then"
            )
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        virtual = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        ).fetchall()
    for name, sql in virtual:
        module = str(sql).casefold().partition(" using ")[2].lstrip().partition("(")[0].strip()
        if module not in _VIRTUAL_TABLES:
            raise ReadError(
                f"{path.name} cannot be read: its table {str(name)[:60]} is computed by a program; "
                "export the layer to a GeoPackage of its own"
            )


def _require_small_parquet(path: Path) -> None:
    """Refuse by the file's own description what would be too much, before it is read."""
    with pq.ParquetFile(path) as file:
        about = file.metadata
        require_columns(path.name, about.num_columns)
        require_rows(path.name, about.num_rows, about.num_columns)
        size = 0
        for k in range(about.num_row_groups):
            group = about.row_group(k)
            for column in range(group.num_columns):
                chunk = group.column(column)
                size += max(chunk.total_uncompressed_size, 0)
                if chunk.file_path:
                    raise ReadError(
                        f"{path.name} cannot be read: it refers to another file; write it as one file"
                    )
        raw_table.require_small(path, size)


def _flat(name: str, geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the shapes with collections in collections made one, which refuses deep ones."""
    out = geometry.copy()
    for row in np.flatnonzero(shapely.get_type_id(geometry) == _COLLECTION).tolist():
        parts = shapely.get_parts(geometry[row])
        level = 1
        while (shapely.get_type_id(parts) == _COLLECTION).any():
            parts = shapely.get_parts(parts)
            level += 1
            if level > MAX_LEVELS:
                raise ReadError(
                    f"{name}: the shape of row {row + 1} is of collections in collections, more than "
                    f"{MAX_LEVELS} levels deep; give polygons, lines or points"
                )
        out[row] = shapely.geometrycollections(parts)
    return out


def _require_small_shapes(name: str, frame: gpd.GeoDataFrame) -> None:
    counts = shapely.get_num_coordinates(np.asarray(frame.geometry.values))
    largest = int(counts.argmax())
    if counts[largest] > raw_table.MAX_VERTICES:
        raise ReadError(
            f"{name}: the shape of row {largest + 1} has {counts[largest]:,} vertices, and "
            f"{raw_table.MAX_VERTICES:,} are the most; simplify it"
        )
