"""Tests of vectorised column parsing against parsing cell by cell."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import ReadError
from geo.ingest.cells import CellContext, parse_column
from geo.ingest.columns import distinct, json_objects, plain_codes, plain_numbers
from geo.ingest.dictionary import BUILT_IN
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.header_rows import HeaderRows
from geo.ingest.raw_table import RawTable
from geo.ingest.text_tables import _Layout, _read_even, _read_uneven
from geo.ingest.values import number_of
from geo.schema import LAYERS

ZONES = [ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")]
moments = st.datetimes(dt.datetime(1940, 1, 1), dt.datetime(2030, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
times = st.one_of(
    moments.map(str),
    moments.map(lambda m: m.isoformat()),
    moments.map(lambda m: m.strftime("%Y-%m-%d %H:%M")),
    moments.map(lambda m: m.strftime("%Y/%m/%d %H:%M")),
    st.sampled_from(
        [
            "",
            "无",
            "2021-02-30 10:00:00",
            "2021-13-01 00:00",
            "44321.5",
            "soon",
            # Clocks set forward and back in China (1988, 1990) and New York.
            "1988-04-17 02:30:00",
            "1990-09-16 01:30:00",
            "2021-03-14 02:30:00",
            "2021-11-07 01:30:00",
            "2021-03-05T10:00:00+08:00",
            "0001-01-01 00:00:00",
        ]
    ),
)
codes = st.one_of(
    st.integers(0, 10**20).map(str),
    st.text("0123456789eE.+-_abz /编号\x00", max_size=12),
    st.sampled_from(["6.2E+19", "1e12", "NaN", "null", "-", "--", "1-1", "12345.0", " 7 "]),
)


def parse(
    layer: str, name: str, cells: pd.Series, zone: ZoneInfo
) -> tuple[list[object], list[Finding]]:
    raw = RawTable(cells.to_frame("c"), np.arange(len(cells)) + 2, ",")
    table = CleaningTable.of(LAYERS[layer], raw, BUILT_IN)
    values = parse_column(
        table, LAYERS[layer].column(name), raw.cells["c"], CellContext(zone), "file"
    )
    return [None if pd.isna(value) else value for value in values], table.findings


@pytest.mark.parametrize("zone", ZONES, ids=str)
@given(st.lists(times, min_size=1, max_size=12))
def test_parse_column_of_times_equals_cell_by_cell(zone: ZoneInfo, cells: list[str]) -> None:
    vectorised = parse("incidents", "occurred_at", pd.Series(cells, dtype="str"), zone)
    by_cell = parse("incidents", "occurred_at", pd.Series(cells, dtype=object), zone)
    assert vectorised == by_cell


@given(st.lists(codes, min_size=1, max_size=12))
def test_parse_column_of_codes_equals_cell_by_cell(cells: list[str]) -> None:
    vectorised = parse("cameras", "code", pd.Series(cells, dtype="str"), ZONES[0])
    by_cell = parse("cameras", "code", pd.Series(cells, dtype=object), ZONES[0])
    assert vectorised == by_cell


def test_plain_codes_accepts_usual_codes() -> None:
    _, cells = distinct(
        pd.Series(["34020000001310000001", "GD-0001", "1e12", "null", "a b"], dtype="str")
    )
    assert plain_codes(cells).tolist() == [True, True, False, False, False]


@given(
    st.lists(st.one_of(st.floats(-1e9, 1e9).map(repr), st.text("0123456789.-+e,° ", max_size=8)))
)
def test_plain_numbers_equal_number_of(cells: list[str]) -> None:
    numbers = plain_numbers(pd.Series(cells, dtype="str"))
    for cell, number in zip(cells, numbers, strict=True):
        assert np.isnan(number) or number == number_of(cell)


def test_distinct_separates_types() -> None:
    positions, values = distinct(pd.Series([1, 1.0, True, "1", 1, [1], [1]], dtype=object))
    assert positions.tolist() == [0, 1, 2, 3, 0, 4, 4]
    assert list(values) == [1, 1.0, True, "1", "[1]"]


def test_json_objects_omit_missing_values() -> None:
    parts = {'"a": ': pd.Series(["1", None, None]), '"b": ': pd.Series([None, '"x, y"', None])}
    assert json_objects(parts).tolist() == ['{"a": 1}', '{"b": "x, y"}', "{}"]


pieces = st.text('ab"\n\r,;1 中', max_size=5)


def _layout(*names: str) -> _Layout:
    return _Layout(",", HeaderRows(0, 0, list(names), 0), 1, [])


@given(
    st.lists(st.lists(pieces, min_size=2, max_size=3), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)
def test_read_even_equals_read_uneven(rows: list[list[str]], end: str) -> None:
    text = "k,l" + end + end.join(",".join(row) for row in rows)
    layout, names = _layout("k", "l"), ["k", "l"]
    even = _read_even(text, layout, names)
    try:
        cells, lines, broken = _read_uneven(text, "t", layout, names, 0)
    except ReadError:
        assert even is None
        return
    if even is not None:
        assert broken == []
        assert even[1].tolist() == lines.tolist()
        assert even[0].to_numpy(object).tolist() == cells.to_numpy(object).tolist()


def test_read_even_reads_plain_tables_only() -> None:
    layout, names = _layout("code", "name"), ["code", "name"]
    even = _read_even('code,name\n1,"a, ""b"""\n,\n2,c\n', layout, names)
    assert even is not None
    assert even[0].to_numpy(object).tolist() == [["1", 'a, "b"'], ["2", "c"]]
    assert even[1].tolist() == [2, 4]
    assert _read_even("code,name\n1\n", layout, names) is None
    assert _read_even("code,name\n\n1,2\n", layout, names) is None
