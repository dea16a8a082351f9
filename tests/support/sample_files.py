"""A small valid file of every format that imports read."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import rasterio
import shapely

FRAME = gpd.GeoDataFrame(
    {
        "code": ["001", "002", None],
        "name": ["东街", "西街", ""],
        "number": [1, 2, 3],
        "share": [0.5, np.nan, 1.0],
        "on": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
    },
    geometry=[
        shapely.box(118, 30.9, 118.1, 31),
        shapely.MultiPolygon([shapely.box(118.1, 30.9, 118.2, 31)]),
        None,
    ],
    crs=4326,
)
TEXT = '设备编码,设备名称,经度,纬度\n001,东门,118.05,30.95\n002,"西\n门",118.06,30.95\n'


def _vector(suffix: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        (FRAME.to_parquet if suffix == ".parquet" else FRAME.to_file)(path)

    return write


def _shapefile_zip(path: Path) -> None:
    FRAME.drop(columns="on").to_file(path.with_name("part.shp"), encoding="GB18030")
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("shp", "shx", "dbf", "prj", "cpg"):
            archive.write(path.with_name(f"part.{part}"), f"part.{part}")


def _workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["设备编码", "设备名称", "经度", "纬度"],
        ["001", "东门", 118.05, 30.95],
        ["002", None, 118.06, 30.95],
    ):
        book.active.append(row)
    book.save(path)


def _elevation(path: Path) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=20,
        height=20,
        count=1,
        dtype="float32",
        crs="EPSG:32650",
        transform=rasterio.transform.from_origin(500_000, 4_000_000, 10, 10),
    ) as out:
        out.write(np.ones((20, 20), "float32"), 1)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: path.write_text(TEXT, encoding="utf-8"),
    "a.tsv": lambda path: path.write_text(TEXT.replace(",", "\t"), encoding="gb18030"),
    "a.txt": lambda path: path.write_text(TEXT, encoding="utf-16"),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(TEXT.encode())),
    "a.xlsx": _workbook,
    "a.geojson": _vector(".geojson"),
    "a.gpkg": _vector(".gpkg"),
    "a.shp": lambda path: FRAME.drop(columns="on").to_file(path),
    "a.zip": _shapefile_zip,
    "a.parquet": _vector(".parquet"),
    "a.tif": _elevation,
}
