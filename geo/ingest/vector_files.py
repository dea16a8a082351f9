"""Vector files: GeoJSON, GeoPackage, Shapefile (also zipped), GeoParquet.

GDAL opens a file by its content. `geo.confinement.reading_process` calls this where only the driver of the
file's own format is left, and nothing but the file can be reached.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from geo.confinement.signatures import FORMATS, require_signature
from geo.errors import CrsError, ReadError
from geo.ingest import archives, raw_table
from geo.ingest.geojson import require_geojson
from geo.ingest.raw_table import RawTable, require_columns, require_rows, unique_names

_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NAMES = {".zip": "Shapefile"}
_COLLECTION = 7
MAX_LEVELS = 10
"""Of geometry collections in each other."""
_UNPACKED = "unpacked"
_VIRTUAL_TABLES = ("rtree", "fts3", "fts4", "fts5")


def read_vector(path: Path, suffix: str, crs: pyproj.CRS | None) -> RawTable:
    """Read a file of features."""
    try:
        frame = _read(path, suffix)
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
    if len(frame) == 0:
        raise ReadError(f"{path.name} has no features; nothing to import")
    require_columns(path.name, len(frame.columns))
    require_rows(path.name, len(frame), len(frame.columns))
    found = crs or frame.crs
    if found is None:
        raise CrsError(f"{path.name} names no CRS; say it with --crs, for instance --crs EPSG:4490")
    _require_small_shapes(path.name, frame)
    geometry = gpd.GeoSeries(_flat(path.name, np.asarray(frame.geometry.values)))
    geometry = geometry.set_crs(found, allow_override=True)
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    cells.columns = pd.Index(unique_names([str(c) for c in cells.columns]))
    lines = np.arange(1, len(cells) + 1, dtype=np.int64)
    return RawTable(cells.astype(object), lines, None, geometry, pyproj.CRS(found))


def _read(path: Path, suffix: str) -> gpd.GeoDataFrame:
    if suffix in (".parquet", ".geoparquet"):
        _require_small_parquet(path)
        return gpd.read_parquet(path)
    if suffix == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            return _read_shapefile(_unzip(path, Path(folder)))
    if suffix == ".shp":
        return _read_shapefile(path)
    if suffix == ".gpkg":
        _require_plain_geopackage(path)
        return pyogrio.read_dataframe(path, IMMUTABLE="YES")
    require_geojson(path)
    return pyogrio.read_dataframe(path)


def _unzip(path: Path, folder: Path) -> Path:
    """Unpack the one Shapefile of an archive under names of ours, whatever paths it names."""
    with archives.opened(path, "zip file") as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        named = [(Path(archives.base_name(info)), info) for info in members]
        shapes = [(name, info) for name, info in named if name.suffix.lower() == ".shp"]
        if len(shapes) != 1:
            raise ReadError(f"{path.name} holds {len(shapes)} Shapefiles; pack exactly one")
        stem = shapes[0][0].stem.casefold()
        for name, info in named:
            part = name.suffix.lower()
            if part in _SHAPEFILE_PARTS and name.stem.casefold() == stem:
                archives.read_member(archive, info, folder / f"{_UNPACKED}{part}")
    shape = folder / f"{_UNPACKED}.shp"
    try:
        require_signature(shape, ".shp")
    except ReadError as error:
        raise ReadError(
            f"{path.name} cannot be read: what it holds is no Shapefile; pack it anew"
        ) from error
    return shape


def _read_shapefile(path: Path) -> gpd.GeoDataFrame:
    """Read a Shapefile; where no .cpg names its encoding, find it from the text of the .dbf."""
    named = path.with_suffix(".cpg").exists() or path.with_suffix(".CPG").exists()
    if named:
        return pyogrio.read_dataframe(path)
    table = path.with_suffix(".dbf")
    encoding = "utf-8"
    if table.exists():
        data = table.read_bytes()
        header = int.from_bytes(data[8:10], "little") if len(data) > 10 else 0
        body = data[32:header] + data[header:]
        try:
            body.replace(b"\x00", b" ").decode("utf-8")
        except UnicodeDecodeError:
            encoding = "gb18030"
    return pyogrio.read_dataframe(path, encoding=encoding)


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
