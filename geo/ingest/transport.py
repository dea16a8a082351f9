"""Raw tables as Arrow streams, the form in which a confined process returns them.

The reader of the streams does not trust them: they hold text, numbers and well-known binary, no
Python objects, and everything is checked.
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
from geo.import_reasons import ReasonCode
from geo.ingest.raw_table import Note, RawTable

_COLLECTION = 7
"""Geometry collection, as `shapely.get_type_id` numbers it."""
_LONGEST_CRS = 200_000
_METADATA_KEY = b"gridcover"
_MAX_NOTES = 100_000


@dataclass(frozen=True)
class _Metadata:
    """Attributes of a raw table that are no columns."""

    names: list[str]
    kinds: list[str]
    missing: list[str]
    """Value of an empty cell by column: none or nan."""
    delimiter: str | None
    encoding: str
    crs: str | None
    notes: list[list[Any]]
    """Attributes of `Note`."""
    parts: list[list[Any]]


def write(raw: RawTable, sink: pa.NativeFile | pa.BufferOutputStream) -> None:
    """Write a raw table as two streams: cells with lines and geometries, then broken rows.

    Parameters
    ----------
    raw : RawTable
        Table to write.
    sink : pyarrow.NativeFile or pyarrow.BufferOutputStream
        Receives the streams.
    """
    arrays: list[pa.Array] = []
    kinds, missing = [], []
    for index in range(len(raw.cells.columns)):
        kind, missing_value, array = _encode_column(raw.cells.iloc[:, index])
        kinds.append(kind)
        missing.append(missing_value)
        arrays.append(array)
    metadata = _Metadata(
        names=[str(name) for name in raw.cells.columns],
        kinds=kinds,
        missing=missing,
        delimiter=raw.delimiter,
        encoding=raw.encoding,
        crs=None if raw.crs is None else raw.crs.to_wkt(),
        notes=[[_storable(item) for item in astuple(note)] for note in raw.notes[:_MAX_NOTES]],
        parts=[[first, _storable(name)] for first, name in raw.parts],
    )
    fields = [f"c{index}" for index in range(len(arrays))]
    arrays.append(pa.array(raw.lines, pa.int64()))
    fields.append("line")
    if raw.geometry is not None:
        arrays += _encode_shapes(np.asarray(raw.geometry.values))
        fields += ["shape", "parts"]
    table = pa.table(arrays, names=fields).replace_schema_metadata(
        {_METADATA_KEY: json.dumps(asdict(metadata)).encode()}
    )
    lines, reasons, texts = zip(*raw.broken, strict=True) if raw.broken else ((), (), ())
    broken = pa.table(
        {
            "line": pa.array(lines, pa.int64()),
            "reason": pa.array([_storable(text) for text in reasons], pa.large_string()),
            "text": pa.array([_storable(text) for text in texts], pa.large_string()),
        }
    )
    for stream_table in (table, broken):
        with pa.ipc.new_stream(sink, stream_table.schema) as stream:
            stream.write_table(stream_table)


def read(source: pa.NativeFile | pa.Buffer) -> RawTable:
    """Read a raw table that `write` wrote, and refuse anything else.

    Parameters
    ----------
    source : pyarrow.NativeFile or pyarrow.Buffer
        The two streams.

    Returns
    -------
    RawTable
        The table.

    Raises
    ------
    ReadError
        If the source is not what `write` writes.
    """
    try:
        if isinstance(source, pa.Buffer):
            source = pa.BufferReader(source)
        tables = []
        for _ in range(2):
            with pa.ipc.open_stream(source) as stream:
                tables.append(_checked(stream.read_all()))
        return _raw_table(*tables)
    except _FAULTS as error:
        raise ReadError("the process that read the file returned unreadable data") from error


_FAULTS = (
    pa.ArrowException,
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    OSError,
    OverflowError,
    shapely.errors.ShapelyError,
    pyproj.exceptions.CRSError,
)
"""Errors that streams raise which `write` did not write."""
_COLUMN_TYPES = {
    pa.large_string(),
    pa.large_binary(),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.large_list(pa.large_binary()),
}


def _checked(table: pa.Table) -> pa.Table:
    """Return the table; refuse column types that `write` does not use, and invalid values."""
    for field in table.schema:
        if field.type not in _COLUMN_TYPES:
            raise ValueError(str(field.type))
    table.validate(full=True)
    return table


def _raw_table(table: pa.Table, broken: pa.Table) -> RawTable:
    """Return the raw table of the two streams."""
    metadata = _Metadata(**json.loads(table.schema.metadata[_METADATA_KEY]))
    columns = [
        _decode_column(table.column(f"c{index}"), kind, missing)
        for index, (kind, missing) in enumerate(zip(metadata.kinds, metadata.missing, strict=True))
    ]
    names = metadata.names
    cells = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(table)))
    if len(names) != len(columns) or not all(isinstance(name, str) for name in names):
        raise ValueError("names")
    cells.columns = pd.Index(names, dtype=object if not names else None)
    crs = None
    if metadata.crs is not None:
        if len(metadata.crs) > _LONGEST_CRS:
            raise ValueError("crs")
        crs = pyproj.CRS.from_wkt(metadata.crs)
    geometry = None
    if "shape" in table.schema.names:
        shapes = _decode_shapes(table.column("shape"), table.column("parts"))
        geometry = gpd.GeoSeries(shapes, crs=crs)
    broken_rows = zip(*(broken.column(index).to_pylist() for index in range(3)), strict=True)
    return RawTable(
        cells,
        table.column("line").to_numpy().astype(np.int64),
        metadata.delimiter,
        geometry,
        crs,
        list(broken_rows),
        str(metadata.encoding),
        [_note(attributes, len(table)) for attributes in metadata.notes],
        [(int(first), str(name)) for first, name in metadata.parts],
    )


def _note(attributes: list[Any], rows: int) -> Note:
    """Return a note, checked against the number of rows."""
    reason, detail, column, row, line, repaired = attributes
    if not all(isinstance(text, str) for text in (detail, column)):
        raise ValueError("note")
    if not isinstance(repaired, bool) or not (row is None or 0 <= int(row) < rows):
        raise ValueError("note")
    position = None if row is None else int(row)
    return Note(ReasonCode(reason), detail, column, position, int(line), repaired)


_NATIVE_TYPES = {
    "string": pa.large_string(),
    "integer": pa.int64(),
    "floating": pa.float64(),
    "boolean": pa.bool_(),
}
"""Arrow type by the kind that `pandas.api.types.infer_dtype` names."""


def _encode_column(cells: pd.Series) -> tuple[str, str, pa.Array]:
    """Return kind, value of empty cells, and the values of a column."""
    if isinstance(cells.dtype, pd.StringDtype):
        return "str", "nan", pa.array(cells, pa.large_string(), from_pandas=True)
    values = cells.to_numpy(dtype=object)
    is_missing = pd.isna(values) if len(values) else np.zeros(0, bool)
    missing_types = {type(value) for value in values[is_missing].tolist()}
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in _NATIVE_TYPES and (missing_types <= {type(None)} or missing_types == {float}):
        try:
            array = pa.array(values, _NATIVE_TYPES[kind], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
            pass
        else:
            return kind, "none" if missing_types <= {type(None)} else "nan", array
    texts = [_encode_value(value) for value in values.tolist()]
    return "mixed", "none", pa.array(texts, pa.large_string())


def _decode_column(column: pa.ChunkedArray, kind: str, missing: str) -> pd.Series:
    """Return the cells of a column."""
    if kind == "str":
        return column.to_pandas()
    cells = np.empty(len(column), dtype=object)
    if kind == "mixed":
        cells[:] = [_decode_value(text) for text in column.to_pylist()]
        return pd.Series(cells, dtype=object)
    if kind not in _NATIVE_TYPES:
        raise ValueError(kind)
    cells[:] = column.to_pylist()
    if missing == "nan":
        cells[np.asarray(column.is_null())] = math.nan
    return pd.Series(cells, dtype=object)


def _encode_value(value: Any) -> str:
    """Return a value of any type as JSON of its kind and content."""
    if value is None:
        return '["none",null]'
    if value is pd.NaT:  # also an instance of datetime
        return '["nat",null]'
    for kind, codec in _CODECS.items():
        if isinstance(value, codec.types):
            return json.dumps([kind, codec.encode(value)])
    return json.dumps(["text", str(value)])


def _decode_value(text: str) -> Any:
    kind, content = json.loads(text)
    if kind in _CODECS:
        return _CODECS[kind].decode(content)
    return {"none": None, "nat": pd.NaT, "text": content}[kind]


@dataclass(frozen=True)
class _Codec:
    """Conversion of values of a type to JSON and back."""

    types: Any
    """Type or tuple of types."""
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _isoformat(value: Any) -> str:
    return str(value.isoformat())


_CODECS = {
    "str": _Codec(str, lambda value: value, str),
    "bool": _Codec((bool, np.bool_), bool, bool),
    "int": _Codec((int, np.integer), str, int),
    "float": _Codec((float, np.floating), lambda value: repr(float(value)), float),
    "timestamp": _Codec(pd.Timestamp, _isoformat, pd.Timestamp),
    "datetime": _Codec(dt.datetime, _isoformat, dt.datetime.fromisoformat),
    "date": _Codec(dt.date, _isoformat, dt.date.fromisoformat),
    "time": _Codec(dt.time, _isoformat, dt.time.fromisoformat),
    "duration": _Codec(
        dt.timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda item: dt.timedelta(days=item[0], seconds=item[1], microseconds=item[2]),
    ),
    "bytes": _Codec(bytes, lambda value: value.hex(), bytes.fromhex),
    "list": _Codec(
        (list, np.ndarray),
        lambda value: [_encode_value(item) for item in value],
        lambda texts: [_decode_value(text) for text in texts],
    ),
    "dict": _Codec(
        dict,
        lambda value: [[str(name), _encode_value(item)] for name, item in value.items()],
        lambda items: {name: _decode_value(text) for name, text in items},
    ),
}
"""Codec by kind; the first whose types match is used."""


def _encode_shapes(geometry: NDArray[np.object_]) -> tuple[pa.Array, pa.Array]:
    """Return geometries as binary, and the parts of collections, which are not nested."""
    parts: list[list[bytes] | None] = [None] * len(geometry)
    single = geometry.copy()
    for row in np.flatnonzero(shapely.get_type_id(geometry) == _COLLECTION).tolist():
        parts[row] = list(shapely.to_wkb(shapely.get_parts(geometry[row])))
        single[row] = None
    return (
        pa.array(shapely.to_wkb(single), pa.large_binary()),
        pa.array(parts, pa.large_list(pa.large_binary())),
    )


def _decode_shapes(single: pa.ChunkedArray, parts: pa.ChunkedArray) -> NDArray[np.object_]:
    """Return geometries; refuse a nested collection."""
    shapes: NDArray[np.object_] = shapely.from_wkb(single.to_numpy(zero_copy_only=False))
    if parts.null_count < len(parts):
        for row in np.flatnonzero(~np.asarray(parts.is_null())).tolist():
            shapes[row] = shapely.geometrycollections(shapely.from_wkb(parts[row].as_py()))
    if (shapely.get_type_id(shapes) == _COLLECTION).sum() > len(parts) - parts.null_count:
        raise ValueError("collections")
    return shapes


def _storable(value: Any) -> Any:
    """Return text with lone surrogates replaced; other values unchanged."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
