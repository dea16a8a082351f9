"""Reading of vector files: GeoJSON, GeoPackage, Shapefile (also zipped), GeoParquet.

GDAL opens a file by its content. `geo.confinement.reading_process` calls this module in a process
that has only the driver of the file's format and can reach nothing but the file.
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
from geo.import_reasons import ReasonCode
from geo.ingest import raw_table
from geo.ingest.attribute_tables import decode_columns, judged_encoding
from geo.ingest.geojson import plain_geojson
from geo.ingest.layer_choice import FileLayer, choose_layer
from geo.ingest.raw_table import Note, RawTable, require_columns, require_rows, unique_names
from geo.ingest.shapefiles import restored_index, unpack_shapefile, with_index

_NAMES = {".zip": "Shapefile"}
_COLLECTION = 7
MAX_LEVELS = 10
"""Largest depth of nested geometry collections."""
_VIRTUAL_TABLES = ("rtree", "fts3", "fts4", "fts5")
"""Modules of virtual tables that a GeoPackage may have."""

Broken = list[tuple[int, str, str]]
"""Features that cannot be read: number, what is the matter, text."""


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
    path : pathlib.Path
        File to read.
    suffix : str
        Its suffix in lower case.
    crs : pyproj.CRS or None
        CRS that replaces that of the file.
    layer : str, optional
        Register to import into; of several layers the one that fits it is read.
    part : str or None, optional
        Name of the layer of a GeoPackage, or of the Shapefile in a zip file, to read.
    encoding : str or None, optional
        Encoding of the texts of a Shapefile or GeoJSON file; None to detect it.

    Returns
    -------
    RawTable
        Attributes as cells, geometries, and the number of each feature as its line.

    Raises
    ------
    ReadError
        If the file is damaged, empty, too large or has no geometry.
    CrsError
        If the file names no CRS and none is given.
    """
    notes: list[Note] = []
    try:
        frame, used_encoding, broken = _read(path, suffix, layer, part, encoding, notes)
    except (ReadError, CrsError, MemoryError):
        raise
    except Exception as error:
        # The message of a library may quote other files and folders of the server.
        format_name = _NAMES.get(suffix, FORMATS[suffix].name)
        raise ReadError(
            f"{path.name} cannot be read as {format_name}: it is damaged or incomplete; "
            "export it again"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ReadError(f"{path.name} has no geometry; give a layer with geometry")
    if len(frame) == 0 and not broken:
        raise ReadError(f"{path.name} has no features; nothing to import")
    require_columns(path.name, len(frame.columns))
    require_rows(path.name, len(frame), len(frame.columns))
    used_crs = crs or frame.crs
    if used_crs is None:
        raise CrsError(
            f"{path.name} names no CRS; give it with --crs, for instance --crs EPSG:4490"
        )
    lines = np.asarray(frame.index, np.int64) + 1
    _require_small_shapes(path.name, frame)
    geometry = gpd.GeoSeries(_flatten(path.name, np.asarray(frame.geometry.values)))
    geometry = geometry.set_crs(used_crs, allow_override=True)
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    cells.columns = pd.Index(unique_names([str(column) for column in cells.columns]))
    return RawTable(
        cells.astype(object),
        lines,
        geometry=geometry,
        crs=pyproj.CRS(used_crs),
        broken=broken,
        encoding=used_encoding,
        notes=notes,
    )


def _read(
    path: Path, suffix: str, layer: str, part: str | None, encoding: str | None, notes: list[Note]
) -> tuple[gpd.GeoDataFrame, str, Broken]:
    """Return features, the encoding of their texts, and features that cannot be read."""
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
        # GDAL would read a time without an offset as UTC if others in its column have one.
        frame, broken = _read_features(source, notes, DATE_AS_STRING="YES")
        return frame, "", broken


def _read_shapefile(
    path: Path, name: str, folder: Path, given: str | None, notes: list[Note]
) -> tuple[gpd.GeoDataFrame, str, Broken]:
    """Read a Shapefile and decode its texts here, since its .cpg file is often wrong."""
    data, encoding = judged_encoding(path, name, notes, given)
    source = with_index(path, folder, notes)
    with restored_index(source != path):
        # Every byte is one character of Latin-1, so that none is lost.
        frame, broken = _read_features(source, notes, encoding="ISO-8859-1")
    if data:
        decode_columns(frame, encoding)
    return frame, encoding, broken


def _read_features(
    source: Path, notes: list[Note], **options: Any
) -> tuple[gpd.GeoDataFrame, Broken]:
    """Read features and close open rings; features with other faults are returned as broken."""
    try:
        return pyogrio.read_dataframe(source, **options), []
    except shapely.errors.ShapelyError:
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the features concerned are reported one by one
        repaired = pyogrio.read_dataframe(source, on_invalid="fix", **options)
        unrepaired = pyogrio.read_dataframe(source, on_invalid="ignore", **options)
        _, _, shapes, _ = pyogrio.raw.read(source, columns=[], **options)
    has_shape = np.asarray([shape is not None for shape in shapes], bool)
    is_readable = repaired.geometry.notna().to_numpy()
    is_repaired = is_readable & unrepaired.geometry.isna().to_numpy()
    is_broken = has_shape & ~is_readable
    for position, row in enumerate(np.flatnonzero(~is_broken).tolist()):
        if is_repaired[row]:
            notes.append(Note(ReasonCode.RING_CLOSED, "shape", row=position, repaired=True))
    cells = repaired.drop(columns=repaired.geometry.name)
    detail = "its shape is damaged: a line or ring has too few points"
    broken = []
    for row in np.flatnonzero(is_broken).tolist():
        text = json.dumps(cells.iloc[row].to_dict(), ensure_ascii=False, default=str)
        broken.append((row + 1, detail, text))
    return repaired[~is_broken], broken


def _geopackage_layer(path: Path, layer: str, part: str | None, notes: list[Note]) -> str:
    """Return the name of the layer of a GeoPackage to read."""
    available = []
    for name, geometry_type in pyogrio.list_layers(path):
        fields = pyogrio.read_info(path, layer=name, IMMUTABLE="YES")["fields"]
        available.append(
            FileLayer(
                str(name),
                tuple(map(str, fields)),
                None if geometry_type is None else str(geometry_type),
            )
        )
    return choose_layer(path.name, available, layer, part, notes).name


def _require_plain_geopackage(path: Path) -> None:
    """Refuse a GeoPackage with tables computed by programs, or with unfinished changes."""
    for suffix in ("-wal", "-journal"):
        journal = path.with_name(path.name + suffix)
        if journal.exists() and journal.stat().st_size:
            raise ReadError(
                f"{path.name} is open in another program, or was when it stopped: {journal.name} "
                "holds changes that are not in it yet; close it there, then import it"
            )
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        virtual_tables = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        ).fetchall()
    for name, sql in virtual_tables:
        module = str(sql).casefold().partition(" using ")[2].lstrip().partition("(")[0].strip()
        if module not in _VIRTUAL_TABLES:
            raise ReadError(
                f"{path.name} cannot be read: its table {str(name)[:60]} is computed by a program; "
                "export the layer to a new GeoPackage"
            )


def _require_small_parquet(path: Path) -> None:
    """Refuse a Parquet file whose metadata announce too much data, before it is read."""
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        require_columns(path.name, metadata.num_columns)
        require_rows(path.name, metadata.num_rows, metadata.num_columns)
        size = 0
        for group_index in range(metadata.num_row_groups):
            group = metadata.row_group(group_index)
            for column in range(group.num_columns):
                chunk = group.column(column)
                size += max(chunk.total_uncompressed_size, 0)
                if chunk.file_path:
                    raise ReadError(
                        f"{path.name} cannot be read: it refers to another file; write it as one "
                        "file"
                    )
        raw_table.require_small(path, size)


def _flatten(name: str, geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return shapes with nested collections flattened; refuse deeply nested ones."""
    shapes = geometry.copy()
    for row in np.flatnonzero(shapely.get_type_id(geometry) == _COLLECTION).tolist():
        parts = shapely.get_parts(geometry[row])
        level = 1
        while (shapely.get_type_id(parts) == _COLLECTION).any():
            parts = shapely.get_parts(parts)
            level += 1
            if level > MAX_LEVELS:
                raise ReadError(
                    f"{name}: the shape of row {row + 1} is of collections in collections, more "
                    f"than {MAX_LEVELS} levels deep; give polygons, lines or points"
                )
        shapes[row] = shapely.geometrycollections(parts)
    return shapes


def _require_small_shapes(name: str, frame: gpd.GeoDataFrame) -> None:
    """Refuse a geometry with more than `geo.ingest.raw_table.MAX_VERTICES` vertices."""
    counts = shapely.get_num_coordinates(np.asarray(frame.geometry.values))
    largest = int(counts.argmax())
    if counts[largest] > raw_table.MAX_VERTICES:
        raise ReadError(
            f"{name}: the shape of row {largest + 1} has {counts[largest]:,} vertices, and at most "
            f"{raw_table.MAX_VERTICES:,} are read; simplify it"
        )
