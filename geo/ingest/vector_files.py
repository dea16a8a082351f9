"""Vector files: GeoJSON, GeoPackage, Shapefile (also zipped), GeoParquet."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj

from geo.errors import CrsError, ReadError
from geo.ingest.raw_table import RawTable, require_small, unique_names
from geo.ingest.text_tables import decode


def read_vector(path: Path, suffix: str, crs: pyproj.CRS | None) -> RawTable:
    """Read a file of features."""
    try:
        if suffix in (".parquet", ".geoparquet"):
            frame = gpd.read_parquet(path)
        elif suffix == ".zip":
            with tempfile.TemporaryDirectory() as folder:
                frame = _read_shapefile(_unzip(path, Path(folder)))
        elif suffix == ".shp":
            frame = _read_shapefile(path)
        else:
            if suffix in (".geojson", ".json"):
                json.loads(decode(path.read_bytes(), path.name)[0])
            frame = pyogrio.read_dataframe(path)
    except (ReadError, CrsError):
        raise
    except Exception as error:
        raise ReadError(
            f"{path.name} cannot be read ({str(error).strip()}); export it anew"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ReadError(f"{path.name} has no geometry; give a layer with geometry")
    if len(frame) == 0:
        raise ReadError(f"{path.name} has no features; nothing to import")
    found = crs or frame.crs
    if found is None:
        raise CrsError(f"{path.name} names no CRS; say it with --crs, for instance --crs EPSG:4490")
    geometry = gpd.GeoSeries(frame.geometry.values).reset_index(drop=True)
    geometry = geometry.set_crs(found, allow_override=True)
    cells = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    cells.columns = pd.Index(unique_names([str(c) for c in cells.columns]))
    lines = np.arange(1, len(cells) + 1, dtype=np.int64)
    return RawTable(cells.astype(object), lines, None, geometry, pyproj.CRS(found))


def _unzip(path: Path, folder: Path) -> Path:
    """Unpack the one Shapefile of an archive, flat, whatever paths it names."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_small(path, sum(info.file_size for info in archive.infolist()))
            for info in archive.infolist():
                name = Path(info.filename.replace("\\", "/")).name
                if name and not info.is_dir():
                    (folder / name).write_bytes(archive.read(info))
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise ReadError(f"{path.name} is no readable zip file ({error})") from error
    shapes = sorted(folder.glob("*.[sS][hH][pP]"))
    if len(shapes) != 1:
        raise ReadError(f"{path.name} holds {len(shapes)} Shapefiles; pack exactly one")
    return shapes[0]


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
