"""What a reading process hands over is what it read; what another hands over is refused."""

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


def through(raw: RawTable) -> RawTable:
    sink = pa.BufferOutputStream()
    transport.write(raw, sink)
    return transport.read(sink.getvalue())


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    return (
        a == b
        or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
        or (a is pd.NaT and b is pd.NaT)
    )


def require_same(got: RawTable, raw: RawTable) -> None:
    assert list(got.cells.columns) == list(raw.cells.columns)
    assert got.cells.dtypes.tolist() == raw.cells.dtypes.tolist()
    for k in range(len(raw.cells.columns)):
        for a, b in zip(got.cells.iloc[:, k], raw.cells.iloc[:, k], strict=True):
            assert same(a, b), (a, b)
    assert got.lines.tolist() == raw.lines.tolist()
    assert (got.delimiter, got.encoding, got.broken) == (raw.delimiter, raw.encoding, raw.broken)
    assert got.crs == raw.crs
    assert (got.geometry is None) == (raw.geometry is None)
    if raw.geometry is not None:
        assert got.geometry is not None
        assert got.geometry.crs == raw.geometry.crs
        assert all(
            (a is None and b is None) or shapely.equals_identical(a, b)
            for a, b in zip(got.geometry, raw.geometry, strict=True)
        )
    for row in range(len(raw.cells)):
        assert got.original(row) == raw.original(row)


@given(st.lists(st.lists(_CELLS, min_size=3, max_size=3), max_size=6))
def test_cells_of_every_kind_arrive_as_they_were(rows: list[list[Any]]) -> None:
    frame = pd.DataFrame(
        {name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate("abc")}
    )
    lines = np.arange(1, len(rows) + 1, dtype=np.int64)
    got = through(RawTable(frame, lines, ",", None, None, [(7, "why", "text")], "utf-8"))
    for k in range(3):
        for a, row in zip(got.cells.iloc[:, k], rows, strict=True):
            assert same(a, row[k]), (a, row[k])
    assert got.broken == [(7, "why", "text")]


def test_shapes_of_every_kind_arrive_as_they_were() -> None:
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
    require_same(through(raw), raw)


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.endswith(".tif")])
def test_a_file_is_the_same_as_parsed_in_this_process(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    suffix = ".csv.gz" if name.endswith(".csv.gz") else path.suffix
    require_same(read_file(path, "cameras"), parse(path, suffix, "cameras", None))


_STREAM = pa.BufferOutputStream()
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
    _STREAM,
)
_SOUND = _STREAM.getvalue().to_pybytes()


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, len(_SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6
    ),
    st.integers(0, len(_SOUND)),
    st.booleans(),
)
def test_an_answer_that_is_not_sound_is_refused(
    changes: list[tuple[int, int]], end: int, short: bool
) -> None:
    data = bytearray(_SOUND)
    for at, value in changes:
        data[at] = value
    with contextlib.suppress(ReadError):
        transport.read(pa.py_buffer(bytes(data[:end] if short else data)))


@given(st.lists(st.sampled_from(["a", "a_2", "b", "a_2_2"]), max_size=30))
def test_names_are_unique_and_in_order(header: list[str]) -> None:
    names = unique_names(header)
    assert len(set(names)) == len(names) == len(header)
    assert all(name.startswith(given_) for name, given_ in zip(names, header, strict=True))


def test_many_equal_names_take_no_time() -> None:
    assert len(set(unique_names(["x"] * 50_000))) == 50_000
