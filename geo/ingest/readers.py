"""Files of any of the accepted formats to one raw table with line numbers and original text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyogrio
import pyproj
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from geo.errors import CrsError, ReadError
from geo.ingest.headers import recognise

VECTOR = {".geojson", ".json", ".gpkg", ".shp", ".zip", ".parquet", ".geoparquet"}
TABLES = {".csv", ".tsv", ".txt", ".xlsx"}
_MAX_UNPACKED = 2 << 30
"""Bytes that a compressed file may become."""
_BLOCK = 4096
"""Rows turned into Python's own values at a time, where the report tells of them."""


@dataclass
class RawTable:
    """A file as it was read: text or typed cells, where each row stood, and its geometry."""

    cells: pd.DataFrame
    lines: np.ndarray[Any, np.dtype[np.int64]]
    delimiter: str | None = None
    """Between the cells of a line; None where a row is told as JSON."""
    geometry: gpd.GeoSeries | None = None
    crs: pyproj.CRS | None = None
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    """Rows that could not be split into cells: line, reason, text."""
    encoding: str = ""
    _block: tuple[int, list[tuple[Any, ...]]] = (-1, [])

    def original(self, row: int) -> str:
        """A row as the file has it."""
        first = row - row % _BLOCK
        if self._block[0] != first:
            some = self.cells.iloc[first : first + _BLOCK]
            self._block = (first, list(some.itertuples(index=False, name=None)))
        cells = self._block[1][row - first]
        if self.delimiter is None:
            told = dict(zip(self.cells.columns, cells, strict=True))
            return json.dumps(told, ensure_ascii=False, default=str)
        return self.delimiter.join("" if cell is None else str(cell) for cell in cells)


def read_file(path: Path, layer: str, *, crs: str | None = None) -> RawTable:
    """Read a file, finding format, encoding and delimiter by itself.

    Parameters
    ----------
    path : .geojson, .gpkg, .shp, .zip (of a Shapefile), .parquet, .csv, .tsv, .txt or .xlsx;
        text tables may be gzipped (.csv.gz).
    layer : name of the layer, by whose headers the table of a workbook is found.
    crs : the CRS of the coordinates where the file does not name it, or to overrule it.

    Raises
    ------
    ReadError : the file is absent, damaged, empty, or of no known format.
    CrsError : the CRS given is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise ReadError(f"{path} does not exist; give the path of a file")
    given = _parse_crs(crs)
    suffixes = [s.lower() for s in path.suffixes]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".gz" and len(suffixes) > 1:
        try:
            with gzip.open(path) as stream:
                data = stream.read(_MAX_UNPACKED + 1)
        except (OSError, EOFError) as error:
            raise ReadError(f"{path.name} is no whole gzip file ({error}); pack it anew") from error
        _require_small(path, len(data))
        return _read_text(data, path.name, suffixes[-2], given)
    if suffix == ".xlsx":
        return _read_workbook(path, layer, given)
    if suffix in TABLES:
        return _read_text(path.read_bytes(), path.name, suffix, given)
    if suffix in VECTOR:
        return _read_vector(path, suffix, given)
    raise ReadError(
        f"{path.name}: unknown format {suffix or '(no ending)'}; "
        f"use one of {', '.join(sorted(VECTOR | TABLES))}"
    )


def _parse_crs(crs: str | None) -> pyproj.CRS | None:
    if crs is None:
        return None
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CrsError(f"{crs!r} is no known CRS; give one such as EPSG:4326") from error


def decode(data: bytes, name: str = "the file") -> tuple[str, str]:
    """Text and encoding of bytes that are UTF-8, GB18030 or UTF-16, with or without BOM.

    Raises
    ------
    ReadError : the bytes are none of these.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise ReadError(
                    f"{name} is damaged {encoding} text ({error}); save it anew"
                ) from error
    head = data[:4000]
    guesses = ["utf-8", "gb18030"]
    # ASCII delimiters and digits make every second byte of UTF-16 zero.
    if head[1::2].count(0) > len(head) // 8:
        guesses = ["utf-16-le"]
    elif head[0::2].count(0) > len(head) // 8:
        guesses = ["utf-16-be"]
    for encoding in guesses:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise ReadError(f"{name} is neither UTF-8, GB18030 nor UTF-16 text; save it as UTF-8")


def _read_text(data: bytes, name: str, suffix: str, crs: pyproj.CRS | None) -> RawTable:
    text, encoding = decode(data, name)
    if not text.strip():
        raise ReadError(f"{name} is empty; give a file with a header line")
    first = re.search(r"[^\r\n]+", text)
    head = first.group() if first else ""
    counts = {d: head.count(d) for d in (",", "\t", ";", "|")}
    delimiter = "\t" if suffix == ".tsv" else max(counts, key=lambda d: counts[d])
    even = _read_even(text, delimiter)
    if even is None:
        cells, lines, broken = _read_uneven(text, name, delimiter)
    else:
        cells, lines, broken = *even, []
    if cells.empty and not broken:
        raise ReadError(f"{name} has a header but no rows; nothing to import")
    return RawTable(cells, lines, delimiter, None, crs, broken, encoding)


def _read_even(text: str, delimiter: str) -> tuple[pd.DataFrame, NDArray[np.int64]] | None:
    """Cells and lines of a text whose every row is one line of as many cells; None if it is not so."""
    if text.count("\r") != text.count("\r\n"):
        return None
    header = next(
        csv.reader([text[: text.index("\n")] if "\n" in text else text], delimiter=delimiter)
    )
    ended = text.count("\n") + (not text.endswith("\n"))
    if not any(cell.strip() for cell in header) or ended < 2:
        return None
    names = _unique(cell.strip() or f"column_{k + 1}" for k, cell in enumerate(header))
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(text.encode()),
            arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 24),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if len(table) != ended - 1:  # a row over several lines, or an empty line
        return None
    lines = np.arange(2, len(table) + 2, dtype=np.int64)
    cells = table.to_pandas()
    bare = np.ones(len(cells), bool)
    for column in names:
        bare[bare] = (cells.loc[bare, column].str.strip() == "").to_numpy(bool)
        if not bare.any():
            return cells, lines
    return cells[~bare].reset_index(drop=True), lines[~bare]


def _read_uneven(
    text: str, name: str, delimiter: str
) -> tuple[pd.DataFrame, NDArray[np.int64], list[tuple[int, str, str]]]:
    """Cells, lines and broken rows of any delimited text."""
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[tuple[int, str, str]] = []
    begin = 1
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [cell.strip() or f"column_{k + 1}" for k, cell in enumerate(row)]
                continue
            extra = [cell for cell in row[len(header) :] if cell.strip()]
            if extra:
                why = f"{len(row)} cells where the header has {len(header)}"
                broken.append((line, why, delimiter.join(row)))
                continue
            rows.append(row[: len(header)] + [""] * (len(header) - len(row)))
            lines.append(line)
    except csv.Error as error:
        raise ReadError(f"{name}, line {reader.line_num}: {error}; mend the quoting") from error
    cells = pd.DataFrame(rows, columns=_unique(header), dtype="str")
    return cells, np.asarray(lines, np.int64), broken


def _unique(header: Iterable[str]) -> list[str]:
    out: list[str] = []
    for name in header:
        candidate, k = name, 2
        while candidate in out:
            candidate, k = f"{name}_{k}", k + 1
        out.append(candidate)
    return out


def _read_workbook(path: Path, layer: str, crs: pyproj.CRS | None) -> RawTable:
    try:
        with zipfile.ZipFile(path) as archive:
            _require_small(path, sum(info.file_size for info in archive.infolist()))
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except ReadError:
        raise
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise ReadError(
            f"{path.name} is no readable workbook ({error}); save it anew as .xlsx"
        ) from error
    best: tuple[int, list[tuple[Any, ...]], int] | None = None
    try:
        for sheet in book.worksheets:
            values = [tuple(row) for row in sheet.iter_rows(values_only=True)]
            # Templates open with titles and notes: the header is the row we recognise most of.
            for k, row in enumerate(values[:12]):
                found = len(recognise(layer, [str(c) for c in row if c is not None]).columns)
                if best is None or found > best[2]:
                    best = (k, values, found)
    finally:
        book.close()
    if best is None or best[2] == 0:
        raise ReadError(f"{path.name}: no row looks like a header of {layer}; use --rename")
    at, values, _ = best
    header = _unique(
        [str(c).strip() if c is not None else f"column_{k + 1}" for k, c in enumerate(values[at])]
    )
    kept = [
        (k + 1, row)
        for k, row in enumerate(values)
        if k > at and any(c is not None and str(c).strip() for c in row)
    ]
    if not kept:
        raise ReadError(f"{path.name} has a header but no rows; nothing to import")
    cells = pd.DataFrame([[*row] for _, row in kept], columns=header, dtype=object)
    return RawTable(cells, np.asarray([k for k, _ in kept], np.int64), "\t", None, crs)


def _read_vector(path: Path, suffix: str, crs: pyproj.CRS | None) -> RawTable:
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
    cells.columns = pd.Index(_unique([str(c) for c in cells.columns]))
    lines = np.arange(1, len(cells) + 1, dtype=np.int64)
    return RawTable(cells.astype(object), lines, None, geometry, pyproj.CRS(found))


def _require_small(path: Path, size: int) -> None:
    if size > _MAX_UNPACKED:
        raise ReadError(
            f"{path.name} unpacks to more than {_MAX_UNPACKED >> 20} MiB; import its parts"
        )


def _unzip(path: Path, folder: Path) -> Path:
    """Unpack the one Shapefile of an archive, flat, whatever paths it names."""
    try:
        with zipfile.ZipFile(path) as archive:
            _require_small(path, sum(info.file_size for info in archive.infolist()))
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
