"""Files that try to read other files, to connect to a network, or to exhaust memory and time."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

CANARY = "CANARY-7f3a9c"


@dataclass(frozen=True)
class Hostile:
    """A file and the expected refusal."""

    name: str
    content: bytes
    words: str
    """Regular expression of the refusal's message; empty where the file may also be read."""


def _vrt(source: str) -> bytes:
    return (
        '<OGRVRTDataSource><OGRVRTLayer name="canary">'
        f'<SrcDataSource relativeToVRT="0">{source}</SrcDataSource>'
        "<GeometryType>wkbPoint</GeometryType><LayerSRS>EPSG:4326</LayerSRS>"
        '<GeometryField encoding="PointFromColumns" x="lon" y="lat"/>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    ).encode()


def _raster_vrt(source: str) -> bytes:
    return (
        '<VRTDataset rasterXSize="9" rasterYSize="9">'
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    ).encode()


def _zip(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _many_members(count: int) -> bytes:
    entry = (
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
        + b"a"
    )
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    end = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        count & 0xFFFF,
        count & 0xFFFF,
        count * len(entry),
        len(local),
        0,
    )
    return local + entry * count + end


def _overlapping() -> bytes:
    """Return a zip file whose members all refer to the same bytes."""
    single = _zip(("a.shp", b"\0" * 100_000))
    directory_start = single.index(b"PK\x01\x02")
    directory_end = single.index(b"PK\x05\x06")
    entry = single[directory_start:directory_end]
    return (
        single[:directory_start]
        + entry * 50
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, len(entry) * 50, directory_start, 0)
    )


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def _workbook(change: Callable[[openpyxl.worksheet.worksheet.Worksheet], None]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["设备编码", "设备名称", "经度", "纬度"])
    sheet.append(["1", "东门", 118.05, 30.95])
    change(sheet)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _workbook_with_cell(cell: str) -> bytes:
    return _workbook(lambda sheet: sheet.__setitem__(cell, "x"))


def _patched(part: str, old: bytes, new: bytes) -> bytes:
    """Return a workbook in which bytes of a part are replaced."""
    original = zipfile.ZipFile(io.BytesIO(_workbook(lambda _: None)))
    assert old in original.read(part)
    return _zip(
        *(
            (n, original.read(n).replace(old, new, 1) if n == part else original.read(n))
            for n in original.namelist()
        )
    )


_SHEET = "xl/worksheets/sheet1.xml"


def _bomb() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 12)
    )
    return f"<!DOCTYPE x [{entities}]>".encode()


def _geopackage(path: Path, *statements: str) -> bytes:
    frame = gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(118.05, 30.95)], crs=4326)
    path.unlink(missing_ok=True)
    frame.to_file(path, layer="real", SPATIAL_INDEX="NO")
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    content = path.read_bytes()
    path.unlink()
    return content


def _view(select: str) -> tuple[str, ...]:
    """Return statements that replace the layer's table by a view."""
    return (
        f"CREATE VIEW cameras AS {select}",
        "UPDATE gpkg_contents SET table_name = 'cameras', identifier = 'cameras'",
        "UPDATE gpkg_geometry_columns SET table_name = 'cameras'",
        "DROP TABLE gpkg_ogr_contents",
    )


def _ring(corners: int) -> dict[str, object]:
    """Return a star of many corners whose edges cross each other."""
    points = [
        [
            118.05 + 0.01 * ((k * 7919) % corners) / corners,
            30.95 + 0.01 * ((k * 104729) % corners) / corners,
        ]
        for k in range(corners)
    ]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def _feature(geometry: object) -> bytes:
    feature = {"type": "Feature", "properties": {"code": "1", "name": "x"}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def _nested_wkb(depth: int) -> bytes:
    return struct.pack("<BII", 1, 7, 1) * depth + struct.pack("<BIdd", 1, 1, 118.05, 30.95)


def _parquet(path: Path, cells: dict[str, object], wkb: bytes) -> bytes:
    frame = gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.Point(1, 2)], crs=4326)
    frame.to_parquet(path)
    metadata = pq.read_schema(path).metadata
    number = max((len(v) for v in cells.values()), default=1)  # type: ignore[arg-type]
    table = pa.table({"code": [str(k) for k in range(number)], **cells, "geometry": [wkb] * number})
    pq.write_table(table.replace_schema_metadata({b"geo": metadata[b"geo"]}), path)
    content = path.read_bytes()
    path.unlink()
    return content


def corpus(folder: Path, canary: Path, address: str) -> list[Hostile]:
    """Return every hostile file.

    Parameters
    ----------
    folder
        Folder for temporary files.
    canary
        A file with `CANARY` in it that must not be read.
    address
        Address of a listening server that must receive no connection.
    """
    sources = {
        "file": str(canary),
        "passwd": "/etc/passwd",
        "curl": f"/vsicurl/{address}/canary.csv",
        "url": f"{address}/c.csv",
    }
    files: list[Hostile] = []
    for source_name, source in sources.items():
        refusal = r"cannot be read|no readable|holds no Shapefile"
        files += [
            Hostile(f"vrt-{source_name}{ending}", _vrt(source), refusal)
            for ending in (".gpkg", ".shp", ".geojson", ".json", ".zip", ".parquet", ".xlsx")
        ]
        files += [
            Hostile(f"vrt-in-{source_name}.zip", _zip(("layer.shp", _vrt(source))), refusal),
            Hostile(f"vrt-named-{source_name}.zip", _zip(("layer.vrt", _vrt(source))), refusal),
            Hostile(
                f"gdalg-{source_name}.geojson",
                json.dumps(
                    {
                        "type": "gdal_streamed_alg",
                        "command_line": f"gdal vector pipeline ! read {source}",
                    }
                ).encode(),
                "a GDAL command",
            ),
            Hostile(
                f"link-{source_name}.zip",
                _zip((_link("layer.shp"), source.encode())),
                "no Shapefile",
            ),
            Hostile(
                f"external-{source_name}.xlsx",
                _patched(
                    _SHEET,
                    b"<worksheet",
                    f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{source}">]><worksheet'.encode(),
                ),
                "XML entities",
            ),
        ]
    scratch = folder / "scratch.gpkg"
    files += [
        Hostile(
            "esri.geojson", b'{"geometryType": "esriGeometryPoint", "features": []}', "Esri JSON"
        ),
        Hostile("topology.json", b'{"type": "Topology", "objects": {}, "arcs": []}', "TopoJSON"),
        Hostile("array.geojson", b'["FeatureCollection"]', "cannot be read"),
        Hostile(
            "arrays.geojson",
            b'{"type": "FeatureCollection", "features": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "levels deep",
        ),
        Hostile("objects.geojson", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "levels deep"),
        Hostile(
            "collections.geojson",
            _feature(None).replace(
                b"null",
                (
                    b'{"type": "GeometryCollection", "geometries": [' * 10_000
                    + b'{"type": "Point", "coordinates": [118, 31]}'
                    + b"]}" * 10_000
                ),
            ),
            "levels deep",
        ),
        Hostile(
            "digits.geojson",
            _feature({"type": "Point", "coordinates": [1, 2]}).replace(
                b"[1,", b"[" + b"1" * 1_000_000 + b","
            ),
            "thousands of digits",
        ),
        Hostile(
            "fraction.geojson",
            _feature({"type": "Point", "coordinates": [1, 2]}).replace(
                b"[1,", b"[1." + b"1" * 1_000_000 + b","
            ),
            "",
        ),
        Hostile(
            "open.geojson",
            b'{"type": "FeatureCollection", "features": [' + b" " * 1_000_000,
            "no valid JSON",
        ),
        Hostile("star.geojson", _feature(_ring(200_000)), ""),
        Hostile(
            "plugin.gpkg",
            _geopackage(
                scratch, *_view("SELECT fid, load_extension('/tmp/x') AS code, geom FROM real")
            ),
            "",
        ),
        Hostile(
            "readfile.gpkg",
            _geopackage(
                scratch, *_view(f"SELECT fid, readfile('{canary}') AS code, geom FROM real")
            ),
            "",
        ),
        Hostile(
            "pixel.gpkg",
            _geopackage(
                scratch,
                *_view(
                    f"SELECT fid, gdal_get_pixel_value('{canary}', 1, 'pixel', 0, 0) AS code, "
                    "geom FROM real"
                ),
            ),
            "",
        ),
        Hostile(
            "virtual.gpkg",
            _geopackage(
                scratch,
                "PRAGMA writable_schema = ON",
                "INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, "
                f"'CREATE VIRTUAL TABLE v USING VirtualOGR(''{canary}'')')",
            ),
            "computed by a program",
        ),
        Hostile("far.xlsx", _workbook_with_cell("XFD1048576"), "columns"),
        Hostile("wide.xlsx", _workbook_with_cell("XFD2"), "columns"),
        Hostile("long.xlsx", _workbook_with_cell("A1048576"), ""),
        Hostile(
            "row.xlsx", _patched(_SHEET, b'<row r="2"', b'<row r="99999999999"'), "rows|damaged"
        ),
        Hostile("dimension.xlsx", _patched(_SHEET, b'ref="A1:D2"', b'ref="A1:XFD1048576"'), ""),
        Hostile(
            "bomb.xlsx", _patched(_SHEET, b"<worksheet", _bomb() + b"<worksheet"), "XML entities"
        ),
        Hostile(
            "number.xlsx",
            _patched(_SHEET, b"<v>118.05</v>", b"<v>" + b"1" * 100_000 + b"</v>"),
            "damaged",
        ),
        Hostile("empty.xlsx", _zip(("xl/workbook.xml", b"")), "no readable workbook"),
        Hostile("zeros.xlsx", _zip(("xl/workbook.xml", b"0" * (100 << 20))), "times its size"),
        Hostile("zeros.csv.gz", gzip.compress(b"\0" * (100 << 20), 1), "times its size|neither"),
        Hostile(
            "rows.csv.gz",
            gzip.compress(b"code,lon,lat\n" + b"1,1,1\n" * (25 << 20), 6),
            "times its size|more than",
        ),
        Hostile("rows.csv", b"a,b\n" + b"1,2\n" * 4_000_000, "rows"),
        Hostile("line.csv", b"code,lon,lat\n" + b"1," * (20 << 20), "characters"),
        Hostile("field.csv", b'code,lon,lat\n"' + b"1" * (20 << 20), "characters"),
        Hostile("cell.csv", b'code,lon,lat\n"' + b"1\n" * (9 << 20), "rows|quoting|larger"),
        Hostile("header.csv", b"a," * (20 << 20), "characters|columns"),
        Hostile(
            "columns.csv",
            b",".join(b"c%d" % k for k in range(10_000)) + b"\n" + b"," * 9_999,
            "columns",
        ),
        Hostile("same.csv", b",".join([b"code"] * 2_000) + b"\n" + b",".join([b"1"] * 2_000), ""),
        Hostile("wkt.csv", b'code,where\n1,"' + b"GEOMETRYCOLLECTION(" * 100_000 + b'"\n', ""),
        Hostile("zip.zip", _zip(("layer.zip", _zip(("layer.shp", b"x")))), "holds no Shapefile"),
        Hostile(
            "dots.zip", _zip(("..", b"x"), ("../..", b"x"), ("../layer.shp", b"x")), "no Shapefile"
        ),
        Hostile("root.zip", _zip(("/etc/cron.d/layer.shp", b"x")), "no Shapefile"),
        Hostile("members.zip", _many_members(200_000), "more than 10,000 files"),
        Hostile("members.xlsx", _many_members(200_000), "more than 10,000 files"),
        Hostile("overlap.zip", _overlapping(), "overlap"),
        Hostile("zeros.zip", _zip(("layer.shp", b"\0" * (100 << 20))), "times its size"),
        Hostile(
            "projection.zip",
            _zip(("layer.shp", b"\0\0\x27\x0a" + b"\0" * 96), ("layer.prj", b"PROJCS[" * 100_000)),
            "cannot be read",
        ),
        Hostile(
            "nested.parquet",
            _parquet(folder / "s.parquet", {}, _nested_wkb(1_000_000)),
            "cannot be read",
        ),
        Hostile(
            "deep.parquet", _parquet(folder / "s.parquet", {}, _nested_wkb(10_000)), "collections"
        ),
        Hostile(
            "repeats.parquet",
            _parquet(
                folder / "s.parquet",
                {"name": pa.DictionaryArray.from_arrays([0] * 2_000, ["x" * 3_000_000])},
                _nested_wkb(1),
            ),
            "memory|cannot be read",
        ),
        Hostile(
            "many.parquet",
            _parquet(folder / "s.parquet", {f"c{k}": ["1"] for k in range(3_000)}, _nested_wkb(1)),
            "columns",
        ),
        Hostile("magic.shp", b"\0\0\x27\x0a" + b"\xff" * 200, "cannot be read"),
        Hostile("magic.gpkg", b"SQLite format 3\0" + b"\xff" * 4_000, "cannot be read"),
        Hostile("magic.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1", "cannot be read"),
    ]
    return files


def endless(folder: Path) -> Hostile:
    """Return a file that takes endless time to read."""
    rows = (
        "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) "
        "SELECT k AS fid, 'x' AS code, NULL AS geom FROM n WHERE k < 0"
    )
    content = _geopackage(folder / "scratch.gpkg", *_view(rows))
    return Hostile("endless.gpkg", content, "takes more than|took more than")


def rasters(folder: Path, canary: Path, address: str) -> list[Hostile]:
    """Return hostile files for the elevation raster."""
    return [
        Hostile("vrt.tif", _raster_vrt(str(canary)), "GeoTIFF"),
        Hostile("vrt.vrt", _raster_vrt(f"/vsicurl/{address}/x.tif"), "GeoTIFF"),
        Hostile(
            "grid.asc", b"ncols 1\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n1\n", "GeoTIFF"
        ),
        Hostile("magic.tif", b"II*\0" + b"\xff" * 400, "cannot be read"),
        Hostile("empty.tif", b"", "GeoTIFF"),
    ]
