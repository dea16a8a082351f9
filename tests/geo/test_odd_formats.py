"""Property tests of registers in any encoding, delimiter, date order, language and format."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from geo.errors import GridcoverError
from geo.ingest import ImportOptions, import_file
from geo.ingest.cleaning import CleanedTable, clean_table
from geo.ingest.parsing import parse
from geo.schema import LAYERS
from geo.store.connection import connect
from geo.store.queries.registers import read_layer

ZONE = ZoneInfo("Asia/Shanghai")
HEADERS = {
    ("cameras", "en"): ["code", "name", "bearing", "installed_on"],
    ("cameras", "zh"): ["设备编码", "设备名称", "监控方位", "安装时间"],
    ("incidents", "en"): ["id", "category", "occurred_at", "reported_at"],
    ("incidents", "zh"): ["案件编号", "案件类别", "发生时间", "上报时间"],
    ("grids", "en"): ["code", "name", "population", "kind"],
    ("grids", "zh"): ["网格编码", "网格名称", "人口", "网格类型"],
}
COLUMNS = {
    "cameras": ["code", "name", "bearing_deg", "installed_on"],
    "incidents": ["source_id", "category", "occurred_at", "reported_at"],
    "grids": ["code", "name", "population", "kind"],
}
# fmt: off
ALPHABETS = {
    "utf-8": "东门平安里第一网格ñü门カ1a ,;|\"'", "utf-8-sig": "东门平安里第一网格ñü门カ1a ,;|\"'",
    "utf-16": "东门平安ñ门1a ,;\"'", "gb18030": "东门平安里第一网格路街小区1a ,;|\"'",
    "big5": "東門中正路翠湖花園1a ,;|\"'", "cp1252": "éüßäñoá1a ,;\"'",
    "cp949": "동문서울시청역1a ,;\"'", "cp932": "東門駅前カメラ1a ,;\"'",
}
# fmt: on
NAMED = {"cp1252": "windows-1252", "cp949": "euc-kr", "cp932": "shift-jis"}
DATES = ["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y"]
TEXT_FORMS, VECTOR_FORMS = ["csv", "tsv", "txt"], ["geojson", "gpkg", "zip"]


@dataclass(frozen=True)
class Style:
    """Format of a file."""

    layer: str
    form: str
    encoding: str
    named: bool
    """Whether the encoding is an option of the import."""
    delimiter: str
    language: str
    date: str
    quoting: Any
    titles: tuple[str, ...]
    newline: str
    typed: bool
    """Whether a workbook has cells of type date and number."""


@dataclass(frozen=True)
class Row:
    """Meaning of one row of a register."""

    text: str
    number: int
    moment: dt.datetime
    x: float
    y: float


def styles(layers: list[str]) -> st.SearchStrategy[Style]:
    def is_valid(style: Style) -> bool:
        is_unicode = style.encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030")
        if style.date == DATES[2] and not is_unicode:
            return False
        if style.form in ("xlsx", "gpkg"):
            return style.encoding == "utf-8" and not style.named
        if style.form == "geojson":
            return style.encoding != "utf-16" and (is_unicode or style.language == "en")
        if style.form == "zip":
            return style.encoding in ("utf-8", "gb18030") and not style.named
        return (is_unicode or style.language == "en") and (
            style.language == "zh" or style.date != DATES[2]
        )

    return st.builds(
        Style,
        layer=st.sampled_from(layers),
        form=st.sampled_from([*TEXT_FORMS, "xlsx", *VECTOR_FORMS]),
        encoding=st.sampled_from(sorted(ALPHABETS)),
        named=st.booleans(),
        delimiter=st.sampled_from([",", ";", "\t", "|"]),
        language=st.sampled_from(["en", "zh"]),
        date=st.sampled_from(DATES),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        titles=st.sampled_from([(), ("Register 2026",), ("Register 2026", "Office A")]),
        newline=st.sampled_from(["\n", "\r\n"]),
        typed=st.booleans(),
    ).filter(is_valid)


def row_lists(style: Style) -> st.SearchStrategy[list[Row]]:
    # A bar separates the levels of a category.
    letters = ALPHABETS[style.encoding].replace("|", "" if style.layer == "incidents" else "|")
    text = st.text(letters, max_size=8).map(lambda t: f"x{' '.join(t.split())}y")
    minutes = st.integers(0, 13_000_000)
    moments = minutes.map(
        lambda n: (dt.datetime(2001, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=n)).replace(
            tzinfo=None
        )
    )
    row = st.builds(
        Row,
        text=text,
        number=st.integers(10, 359),
        moment=moments,
        x=st.integers(118_000_000, 118_900_000).map(lambda k: k / 1e6),
        y=st.integers(31_000_000, 31_900_000).map(lambda k: k / 1e6),
    )
    return st.lists(row, min_size=1, max_size=5)


registers = styles(list(COLUMNS)).flatmap(lambda style: st.tuples(st.just(style), row_lists(style)))


def make_shape(layer: str, row: Row) -> Any:
    if layer == "grids":
        return shapely.box(row.x, row.y, round(row.x + 0.01, 6), round(row.y + 0.01, 6))
    return shapely.Point(row.x, row.y)


def make_cells(style: Style, row: Row, number: int) -> list[Any]:
    """The cells of a row as text, or as typed values of a workbook."""
    code, day = f"K{number:02d}", row.moment.strftime(style.date)
    if style.layer == "grids":
        return [code, row.text, row.number if style.typed else str(row.number), "special"]
    if style.layer == "cameras":
        if style.form == "xlsx" and style.typed:
            return [code, row.text, row.number, row.moment.date()]
        return [code, row.text, str(row.number), day]
    if style.form == "xlsx" and style.typed:
        return [code, row.text, row.moment, row.moment]
    return [code, row.text, f"{day} {row.moment:%H:%M}", f"{day} {row.moment:%H:%M}"]


def write_register(style: Style, rows: list[Row], folder: Path) -> Path:
    """Write a register in the given style."""
    header = HEADERS[style.layer, style.language]
    table = [make_cells(style, row, number) for number, row in enumerate(rows)]
    shapes = [make_shape(style.layer, row) for row in rows]
    if style.form in VECTOR_FORMS:
        frame = gpd.GeoDataFrame(pd.DataFrame(table, columns=header), geometry=shapes, crs=4326)
        path = folder / f"t.{style.form}"
        if style.form == "geojson":
            path.write_bytes(frame.to_json(ensure_ascii=False).encode(style.encoding))
        elif style.form == "gpkg":
            frame.to_file(path, driver="GPKG")
        else:
            (folder / "s").mkdir()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # cut headers are part of the test
                frame.to_file(folder / "s" / "t.shp", encoding=style.encoding)
            shutil.make_archive(str(folder / "t"), "zip", folder / "s")
        return path
    if style.layer == "grids":
        header = [*header, "wkt"]
        table = [[*cells, shape.wkt] for cells, shape in zip(table, shapes, strict=True)]
    else:
        header = [*header, *(("经度", "纬度") if style.language == "zh" else ("lon", "lat"))]
        table = [
            [*cells, f"{row.x:.6f}", f"{row.y:.6f}"] for cells, row in zip(table, rows, strict=True)
        ]
    path = folder / f"t.{style.form}"
    if style.form == "xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for line in [*([title] for title in style.titles), header, *table]:
            sheet.append(line)
        book.save(path)
        return path
    text = io.StringIO(newline="")
    delimiter = "\t" if style.form == "tsv" else style.delimiter
    writer = csv.writer(
        text, delimiter=delimiter, quoting=style.quoting, lineterminator=style.newline
    )
    writer.writerows([*([title] for title in style.titles), header, *table])
    path.write_bytes(text.getvalue().encode(style.encoding))
    return path


def expected_values(style: Style, row: Row, number: int) -> list[Any]:
    moment = pd.Timestamp(row.moment, tz=ZONE)
    if style.layer == "grids":
        return [f"K{number:02d}", row.text, row.number, "special"]
    if style.layer == "cameras":
        return [f"K{number:02d}", row.text, float(row.number), row.moment.date()]
    return [f"K{number:02d}", row.text, moment, moment]


def named_encoding(style: Style) -> str | None:
    return NAMED.get(style.encoding, style.encoding.removesuffix("-sig")) if style.named else None


def assert_equal_or_reported(
    style: Style, rows: list[Row], frame: pd.DataFrame, findings: list[Any]
) -> None:
    """Assert that each value is equal or reported, and each row is present or rejected."""
    columns = COLUMNS[style.layer]
    uncertain = any(f.reason == "unusual_encoding" for f in findings)
    rejected = sum(f.action == "rejected" for f in findings)
    reported = {f.column for f in findings}
    # Cut to ten bytes, 发生时间 may also start a span: this is reported for the header.
    header_cut = any(f.reason == "header_not_used" for f in findings)
    rows_by_code = {row[columns[0]]: row for row in frame.to_dict("records")}
    assert len(rows_by_code) + rejected == len(rows), findings
    for number, row in enumerate(rows):
        expected = expected_values(style, row, number)
        actual = rows_by_code.get(expected[0])
        if actual is None:
            continue
        for column, value in zip(columns, expected, strict=True):
            if pd.isna(actual[column]):
                assert column in reported or header_cut, (column, value, style)
            elif isinstance(value, str):
                assert actual[column] == value or uncertain, (column, value, actual[column], style)
            else:
                assert actual[column] == value, (column, value, actual[column], style)
        shape = make_shape(style.layer, row)
        part = shapely.get_parts(actual["geometry"])[0]
        assert part.normalize().equals_exact(shape.normalize(), 1e-9), (part, shape, style)


def assert_round_trip(style: Style, rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = write_register(style, rows, Path(name))
        try:
            raw = parse(path, f".{style.form}", style.layer, None, encoding=named_encoding(style))
            cleaned: CleanedTable = clean_table(
                raw, LAYERS[style.layer], zone=ZONE, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
            )
        except GridcoverError as error:
            event(f"refused: {type(error).__name__}")
            if not may_be_refused(style, rows):
                raise AssertionError(style) from error
            return
    event(f"read: {style.form}")
    assert_equal_or_reported(style, rows, cleaned.frame, cleaned.findings)


def may_be_refused(style: Style, rows: list[Row]) -> bool:
    """Whether an import may refuse a style; all others must be read."""
    marks = any(mark in row.text for row in rows for mark in "\"'")
    return style.encoding in ("big5", *NAMED) or (marks and style.form in TEXT_FORMS)


@given(registers)
@settings(max_examples=50)
def test_clean_table_round_trip_of_any_file(register: tuple[Style, list[Row]]) -> None:
    assert_round_trip(*register)


@pytest.mark.deep
@given(registers)
@settings(max_examples=3_000)
def test_clean_table_round_trip_of_many_files(register: tuple[Style, list[Row]]) -> None:
    assert_round_trip(*register)


@pytest.mark.parametrize("layer", COLUMNS)
def test_import_file_round_trip_of_any_file(
    layer: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    @given(styles([layer]).flatmap(lambda style: st.tuples(st.just(style), row_lists(style))))
    @settings(max_examples=4, suppress_health_check=list(HealthCheck))
    def round_trip(register: tuple[Style, list[Row]]) -> None:
        style, rows = register
        with tempfile.TemporaryDirectory() as name, connect(store) as conn:
            conn.execute(f"DELETE FROM {layer}".encode())
            conn.commit()
            path = write_register(style, rows, Path(name))
            try:
                outcome = import_file(
                    conn,
                    layer,
                    path,
                    ImportOptions(encoding=named_encoding(style), accept_rejects=True),
                )
            except GridcoverError as error:
                if not may_be_refused(style, rows):
                    raise AssertionError(style) from error
                return
            frame = read_layer(conn, layer).reset_index(drop=True)
        if layer != "incidents":
            frame = frame.rename(columns={"index": "code"})
        assert_equal_or_reported(style, rows, frame, outcome.findings)

    round_trip()
