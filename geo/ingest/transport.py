"""A raw table as Arrow streams, in which a process that parses hostile bytes hands over what it read.

Nothing in them is run when they are read: text, numbers and well-known binary, no Python objects.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray

from geo.errors import ReadError
from geo.ingest.raw_table import Note, RawTable

_COLLECTION = 7
_LONGEST_CRS = 200_000
_ABOUT = b"gridcover"
_MOST_NOTES = 100_000


@dataclass(frozen=True)
class _About:
    """What of a raw table is no column."""

    names: list[str]
    kinds: list[str]
    missing: list[str]
    """What stands where a column has no value: none or nan."""
    delimiter: str | None
    encoding: str
    crs: str | None
    notes: list[list[Any]]
    """Fields of `Note`."""
    parts: list[list[Any]]


def write(raw: RawTable, sink: pa.NativeFile | pa.BufferOutputStream) -> None:
    """Write a raw table: its cells with lines and shapes, then its broken rows."""
    arrays: list[pa.Array] = []
    kinds, missing = [], []
    for k in range(len(raw.cells.columns)):
        kind, empty, array = _column(raw.cells.iloc[:, k])
        kinds.append(kind)
        missing.append(empty)
        arrays.append(array)
    crs = None if raw.crs is None else raw.crs.to_wkt()
    names = [str(name) for name in raw.cells.columns]
    notes = [[_storable_text(v) for v in astuple(note)] for note in raw.notes[:_MOST_NOTES]]
    parts = [[first, _storable_text(name)] for first, name in raw.parts]
    about = _About(names, kinds, missing, raw.delimiter, raw.encoding, crs, notes, parts)
    fields = [f"c{k}" for k in range(len(arrays))]
    arrays.append(pa.array(raw.lines, pa.int64()))
    fields.append("line")
    if raw.geometry is not None:
        shapes, parts = _shapes(np.asarray(raw.geometry.values))
        arrays += [shapes, parts]
        fields += ["shape", "parts"]
    table = pa.table(arrays, names=fields).replace_schema_metadata(
        {_ABOUT: json.dumps(asdict(about)).encode()}
    )
    lines, reasons, texts = zip(*raw.broken, strict=True) if raw.broken else ((), (), ())
    broken = pa.table(
        [pa.array(lines, pa.int64()), pa.array(_storable(reasons), pa.large_string()),
         pa.array(_storable(texts), pa.large_string())],
        names=["line", "reason", "text"],
    )  # fmt: skip
    for one in (table, broken):
        with pa.ipc.new_stream(sink, one.schema) as stream:
            stream.write_table(one)


def read(source: pa.NativeFile | pa.Buffer) -> RawTable:
    """Read what `write` wrote, and check that it is nothing else.

    Raises
    ------
    ReadError : it is not.
    """
    try:
        if isinstance(source, pa.Buffer):
            source = pa.BufferReader(source)
        tables = []
        for _ in range(2):
            with pa.ipc.open_stream(source) as stream:
                tables.append(_plain(stream.read_all()))
        return _raw_table(*tables)
    except (pa.ArrowException, KeyError, TypeError, ValueError, IndexError, AttributeError, OSError,
            shapely.errors.ShapelyError, pyproj.exceptions.CRSError, OverflowError) as error:  # fmt: skip
        raise ReadError("the process that read the file answered what cannot be read") from error


def _plain(table: pa.Table) -> pa.Table:
    """Refuse columns of types that `write` does not write, and values that are not what they say."""
    for field in table.schema:
        if field.type not in _PLAIN_TYPES:
            raise ValueError(str(field.type))
    table.validate(full=True)
    return table


_PLAIN_TYPES = {
    pa.large_string(), pa.large_binary(), pa.int64(), pa.float64(), pa.bool_(), pa.large_list(pa.large_binary()),
}  # fmt: skip


def _raw_table(table: pa.Table, broken: pa.Table) -> RawTable:
    about = _About(**json.loads(table.schema.metadata[_ABOUT]))
    columns = [
        _cells(table.column(f"c{k}"), kind, empty)
        for k, (kind, empty) in enumerate(zip(about.kinds, about.missing, strict=True))
    ]
    cells = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(table)))
    if len(about.names) != len(columns) or not all(isinstance(n, str) for n in about.names):
        raise ValueError("names")
    cells.columns = pd.Index(about.names, dtype=object if not about.names else None)
    crs = None
    if about.crs is not None:
        if len(about.crs) > _LONGEST_CRS:
            raise ValueError("crs")
        crs = pyproj.CRS.from_wkt(about.crs)
    geometry = None
    if "shape" in table.schema.names:
        geometry = gpd.GeoSeries(_geometries(table.column("shape"), table.column("parts")), crs=crs)
    rows = zip(*(broken.column(k).to_pylist() for k in range(3)), strict=True)
    notes = [_note(told, len(table)) for told in about.notes]
    parts = [(int(first), str(name)) for first, name in about.parts]
    return RawTable(
        cells, table.column("line").to_numpy().astype(np.int64), about.delimiter, geometry, crs, list(rows),
        str(about.encoding), notes, parts,
    )  # fmt: skip


def _note(told: list[Any], rows: int) -> Note:
    reason, detail, column, row, line, repaired = told
    if not (all(isinstance(text, str) for text in (reason, detail, column))
            and isinstance(repaired, bool) and (row is None or 0 <= int(row) < rows)):  # fmt: skip
        raise ValueError("note")
    return Note(reason, detail, column, None if row is None else int(row), int(line), repaired)


def _column(cells: pd.Series) -> tuple[str, str, pa.Array]:
    """Return kind, what stands for no value, and the values of a column."""
    if isinstance(cells.dtype, pd.StringDtype):
        return "str", "nan", pa.array(cells, pa.large_string(), from_pandas=True)
    values = cells.to_numpy(dtype=object)
    empty = pd.isna(values) if len(values) else np.zeros(0, bool)
    what = {type(v) for v in values[empty].tolist()}
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in _NATIVE and (what <= {type(None)} or what == {float}):
        try:
            array = pa.array(values, _NATIVE[kind], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
            pass
        else:
            return kind, "none" if what <= {type(None)} else "nan", array
    return "mixed", "none", pa.array([_told(v) for v in values.tolist()], pa.large_string())


_NATIVE = {
    "string": pa.large_string(), "integer": pa.int64(), "floating": pa.float64(), "boolean": pa.bool_(),
}  # fmt: skip


def _cells(column: pa.ChunkedArray, kind: str, empty: str) -> pd.Series:
    if kind == "str":
        return column.to_pandas()
    out = np.empty(len(column), dtype=object)
    if kind == "mixed":
        out[:] = [_value(text) for text in column.to_pylist()]
        return pd.Series(out, dtype=object)
    if kind not in _NATIVE:
        raise ValueError(kind)
    out[:] = column.to_pylist()
    if empty == "nan":
        out[np.asarray(column.is_null())] = math.nan
    return pd.Series(out, dtype=object)


def _told(value: Any) -> str:
    """Return a value of any kind as JSON of its kind and text."""
    if value is None:
        return '["none",null]'
    if value is pd.NaT:  # which also passes for a datetime
        return '["nat",null]'
    for kind, (of, write_it, _) in _KINDS.items():
        if isinstance(value, of):
            return json.dumps([kind, write_it(value)])
    return json.dumps(["text", str(value)])


def _value(text: str) -> Any:
    kind, told = json.loads(text)
    if kind in _KINDS:
        return _KINDS[kind][2](told)
    return {"none": None, "nat": pd.NaT, "text": told}[kind]


def _same(value: Any) -> Any:
    return value


def _moment(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


_KINDS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "str": (str, _same, str),
    "bool": ((bool, np.bool_), bool, bool),
    "int": ((int, np.integer), str, int),
    "float": ((float, np.floating), lambda v: repr(float(v)), float),
    "timestamp": (pd.Timestamp, lambda v: v.isoformat(), _moment),
    "datetime": (dt.datetime, lambda v: v.isoformat(), dt.datetime.fromisoformat),
    "date": (dt.date, lambda v: v.isoformat(), dt.date.fromisoformat),
    "time": (dt.time, lambda v: v.isoformat(), dt.time.fromisoformat),
    "duration": (
        dt.timedelta, lambda v: [v.days, v.seconds, v.microseconds],
        lambda told: dt.timedelta(days=told[0], seconds=told[1], microseconds=told[2]),
    ),
    "bytes": (bytes, lambda v: v.hex(), bytes.fromhex),
    "list": ((list, np.ndarray), lambda v: [_told(one) for one in v], lambda told: [_value(t) for t in told]),
    "dict": (
        dict, lambda v: [[str(name), _told(one)] for name, one in v.items()],
        lambda told: {name: _value(t) for name, t in told},
    ),
}  # fmt: skip


def _shapes(geometry: NDArray[np.object_]) -> tuple[pa.Array, pa.Array]:
    """Return shapes as binary, and of collections the parts: they are flat."""
    kinds = shapely.get_type_id(geometry)
    parts: list[list[bytes] | None] = [None] * len(geometry)
    plain = geometry.copy()
    for row in np.flatnonzero(kinds == _COLLECTION).tolist():
        parts[row] = list(shapely.to_wkb(shapely.get_parts(geometry[row])))
        plain[row] = None
    return (
        pa.array(shapely.to_wkb(plain), pa.large_binary()),
        pa.array(parts, pa.large_list(pa.large_binary())),
    )


def _geometries(shapes: pa.ChunkedArray, parts: pa.ChunkedArray) -> NDArray[np.object_]:
    out: NDArray[np.object_] = shapely.from_wkb(shapes.to_numpy(zero_copy_only=False))
    if parts.null_count < len(parts):
        for row in np.flatnonzero(~np.asarray(parts.is_null())).tolist():
            out[row] = shapely.geometrycollections(shapely.from_wkb(parts[row].as_py()))
    if (shapely.get_type_id(out) == _COLLECTION).sum() > len(parts) - parts.null_count:
        raise ValueError("collections")
    return out


def _storable_text(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _storable(texts: tuple[str, ...]) -> list[str]:
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
