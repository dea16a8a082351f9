"""Transport of tables between processes: values are preserved, damaged data refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ReadError
from geo.ingest import transport
from geo.ingest.parsing import parse
from geo.ingest.raw_table import RawTable, unique_names
from geo.ingest.readers import read_file
from tests.support.sample_files import WRITERS

_TEXT = st.text(st.characters(exclude_categories=[]), max_size=8)
_CELLS = st.one_of(
    st.none(),
    _TEXT,
    st.booleans(),
    st.integers(),
    st.floats(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.just(pd.NaT),
    st.datetimes(timezones=st.just(dt.UTC)).map(pd.Timestamp),
)


def write_and_read(raw: RawTable) -> RawTable:
    sink = pa.BufferOutputStream()
    transport.write(raw, sink)
    return transport.read(sink.getvalue())


def is_same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    return (
        a == b
        or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
        or (a is pd.NaT and b is pd.NaT)
    )


def require_same(result: RawTable, raw: RawTable) -> None:
    assert list(result.cells.columns) == list(raw.cells.columns)
    assert result.cells.dtypes.tolist() == raw.cells.dtypes.tolist()
    for k in range(len(raw.cells.columns)):
        for a, b in zip(result.cells.iloc[:, k], raw.cells.iloc[:, k], strict=True):
            assert is_same(a, b), (a, b)
    assert result.lines.tolist() == raw.lines.tolist()
    assert (result.delimiter, result.encoding, result.broken) == (
        raw.delimiter,
        raw.encoding,
        raw.broken,
    )
    assert result.crs == raw.crs
    assert (result.geometry is None) == (raw.geometry is None)
    if raw.geometry is not None:
        assert result.geometry is not None
        assert result.geometry.crs == raw.geometry.crs
        assert all(
            (a is None and b is None) or shapely.equals_identical(a, b)
            for a, b in zip(result.geometry, raw.geometry, strict=True)
        )
    for row in range(len(raw.cells)):
        assert result.original(row) == raw.original(row)


@given(st.lists(st.lists(_CELLS, min_size=3, max_size=3), max_size=6))
def test_transport_preserves_cells_of_every_kind(rows: list[list[Any]]) -> None:
    frame = pd.DataFrame(
        {name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate("abc")}
    )
    lines = np.arange(1, len(rows) + 1, dtype=np.int64)
    result = write_and_read(RawTable(frame, lines, ",", None, None, [(7, "why", "text")], "utf-8"))
    for k in range(3):
        for a, row in zip(result.cells.iloc[:, k], rows, strict=True):
            assert is_same(a, row[k]), (a, row[k])
    assert result.broken == [(7, "why", "text")]


def test_transport_preserves_geometry_of_every_kind() -> None:
    shapes = [
        None,
        shapely.Point(1, 2),
        shapely.Point(),
        shapely.Point(1, 2, 3),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.box(0, 0, 1, 1),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]),
        shapely.MultiPoint([(0, 0)]),
        shapely.GeometryCollection([shapely.Point(1, 2), shapely.box(0, 0, 1, 1)]),
        shapely.GeometryCollection(),
    ]
    cells = pd.DataFrame({"code": [str(k) for k in range(len(shapes))]}, dtype=object)
    crs = pyproj.CRS("EPSG:4490")
    raw = RawTable(cells, np.arange(1, len(shapes) + 1), None, gpd.GeoSeries(shapes, crs=crs), crs)
    require_same(write_and_read(raw), raw)


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.endswith(".tif")])
def test_read_file_equals_parse_in_the_same_process(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    suffix = ".csv.gz" if name.endswith(".csv.gz") else path.suffix
    require_same(read_file(path, "cameras"), parse(path, suffix, "cameras", None))


_VALID_STREAM = pa.BufferOutputStream()
transport.write(
    RawTable(
        pd.DataFrame({"a": ["x", None], "b": [1, 2.5], "c": [1, 2]}, dtype=object),
        np.array([1, 2]),
        None,
        gpd.GeoSeries(
            [shapely.box(0, 0, 1, 1), shapely.GeometryCollection([shapely.Point(1, 1)])], crs=4326
        ),
        pyproj.CRS(4326),
        [(3, "why", "text")],
    ),
    _VALID_STREAM,
)
_VALID = _VALID_STREAM.getvalue().to_pybytes()


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, len(_VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6
    ),
    st.integers(0, len(_VALID)),
    st.booleans(),
)
def test_transport_read_refuses_damaged_data(
    changes: list[tuple[int, int]], end: int, truncated: bool
) -> None:
    data = bytearray(_VALID)
    for offset, value in changes:
        data[offset] = value
    with contextlib.suppress(ReadError):
        transport.read(pa.py_buffer(bytes(data[:end] if truncated else data)))


@given(st.lists(st.sampled_from(["a", "a_2", "b", "a_2_2"]), max_size=30))
def test_unique_names_are_unique_and_in_order(header: list[str]) -> None:
    names = unique_names(header)
    assert len(set(names)) == len(names) == len(header)
    assert all(name.startswith(original) for name, original in zip(names, header, strict=True))


def test_unique_names_handles_many_equal_names() -> None:
    assert len(set(unique_names(["x"] * 50_000))) == 50_000
