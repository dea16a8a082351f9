"""Tests of irregular files: encodings, quotes, titles, sheets, layers, zip files, broken shapes."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import pipeline
from geo.errors import ReadError
from geo.ingest.encodings import detect_encoding
from geo.ingest.raw_table import RawTable
from geo.ingest.readers import read_file
from geo.ingest.text_tables import read_text
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def note_reasons(raw: RawTable) -> list[str]:
    return [note.reason for note in raw.notes]


def read_csv_text(content: str, encoding: str = "utf-8", layer: str = "cameras") -> RawTable:
    return read_text(content.encode(encoding), "t.csv", ".csv", None, layer=layer)


# fmt: off
IMPORTED_FILES = [
    (
        "02b_gbk_cpg_says_utf8/grids.shp", "grids", [], 2,
        {"encoding_differs_from_cpg"},
    ),
    ("02f_utf8_cut_nocpg/grids.shp", "grids", [], 2, {"damaged_character"}),
    ("02h_noshx/grids.shp", "grids", [], 2, {"shx_missing"}),
    ("02j_cpg_empty/grids.shp", "grids", [], 2, {"encoding_differs_from_cpg"}),
    ("02m_utf8_headers_cut/grids.shp", "grids", [], 2, set()),
    ("05a_sep_line.csv", "cameras", [], 2, {"delimiter_named_in_first_line"}),
    ("05c_title_line.csv", "cameras", [], 1, {"line_above_header_not_read"}),
    ("08a_sheet_per_street.xlsx", "cameras", [], 7, {"several_sheets_read"}),
    ("08b_two_row_header.xlsx", "cameras", [], 3, {"header_of_two_rows"}),
    ("09_layers.gpkg", "cameras", [], 1, {"layer_not_read"}),
    ("09_layers.gpkg", "grids", ["--layer", "grids_2024"], 2, {"layer_not_read"}),
    ("11_mac.zip", "grids", [], 3, {"macos_files_not_read"}),
    ("12i_ndjson.geojson", "grids", [], 3, set()),
    ("16b_tz_naive_mixed.geojson", "incidents", [], 3, set()),
    ("18_incidents_ogc.csv", "incidents", [], 4, set()),
    ("19c_big5.csv", "cameras", [], 2, {"unusual_encoding"}),
    ("20_wkt_polygons.csv", "grids", [], 2, set()),
]
# fmt: on


@pytest.mark.parametrize(("name", "layer", "options", "accepted", "reasons"), IMPORTED_FILES)
def test_import_command_reads_irregular_files(
    run: Callable[..., Any],
    odd_files: Path,
    name: str,
    layer: str,
    options: list[str],
    accepted: int,
    reasons: set[str],
) -> None:
    result = run("import", layer, str(odd_files / name), "--json", *options)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["inserted"] == accepted
    assert reasons <= {reason["reason"] for reason in summary["reasons"]}
    for word in ("Warning", "Traceback", "pyogrio", "GDAL", "openpyxl"):
        assert word not in result.stderr


@pytest.mark.parametrize(
    ("name", "layer", "expected_words"),
    [
        ("04a_stray_quotes_two.csv", "cameras", ["line 3", "quotation mark"]),
        ("09_layers.gpkg", "grids", ["grids_2024, grids_2026, cameras", "--layer"]),
        ("other_language.xlsx", "cameras", ["STT", "Toạ độ", "--rename"]),
    ],
)
def test_import_command_refuses_ambiguous_files(
    run: Callable[..., Any],
    store: str,
    odd_files: Path,
    name: str,
    layer: str,
    expected_words: list[str],
) -> None:
    result = run("import", layer, str(odd_files / name))
    assert result.returncode == 1
    assert all(word in result.stderr for word in expected_words), result.stderr
    with connect(store) as conn:
        assert len(read_layer(conn, layer)) == 0


def test_import_command_renames_headers_of_another_language(
    run: Callable[..., Any], store: str, odd_files: Path
) -> None:
    renames = ["STT=code", "Toạ độ=where", "Hướng=bearing_deg", "Điểm lắp đặt=name"]
    options = [part for pair in renames for part in ("--rename", pair)]
    result = run("import", "cameras", str(odd_files / "other_language.xlsx"), *options)
    assert result.returncode == 0, result.stderr
    with connect(store) as conn:
        cameras_frame = read_layer(conn, "cameras")
    assert cameras_frame["name"].tolist() == ["Bến A", "Bến B", "Bến C"]
    assert [None if pd.isna(v) else v for v in cameras_frame["bearing_deg"]] == [259, None, 307]
    assert cameras_frame.geometry.iloc[0].equals_exact(shapely.Point(118.501, 31.301), 1e-9)


def test_import_command_closes_or_rejects_damaged_shapes(
    run: Callable[..., Any], odd_files: Path
) -> None:
    result = run(
        "import", "grids", str(odd_files / "13_geometries.geojson"), "--json", "--accept-rejects"
    )
    summary = json.loads(result.stdout)
    reasons = {(reason["action"], reason["reason"]) for reason in summary["reasons"]}
    assert ("repaired", "ring_closed") in reasons
    assert summary["accepted"] >= 8
    assert summary["accepted"] + summary["rejected"] == summary["read"] == 13
    report = Path(summary["report"]).read_text(encoding="utf-8-sig")
    for code in ("unclosed", "null", "empty", "nullc", "line"):
        assert f'""{code}""' in report


@pytest.mark.parametrize("layout", ["sequence", "lines", "pretty", "one"])
def test_read_file_reads_geojson_sequences(layout: str) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"code": str(number), "name": "东}{"},
            "geometry": {"type": "Point", "coordinates": [118.5, 31.3]},
        }
        for number in range(3)
    ]
    if layout == "one":
        features = features[:1]
    indent = 2 if layout == "pretty" else None
    prefix = "\x1e" if layout == "sequence" else ""
    Path("f.geojson").write_text(
        "".join(prefix + json.dumps(f, ensure_ascii=False, indent=indent) + "\n" for f in features),
        encoding="utf-8",
    )
    raw = read_file(Path("f.geojson"), "cameras")
    assert raw.cells["code"].tolist() == [f["properties"]["code"] for f in features]  # type: ignore[index]


def test_read_file_names_a_bad_line_of_a_geojson_sequence() -> None:
    line = '{"type": "Feature", "properties": {}, "geometry": null}\n'
    Path("f.geojson").write_text(line * 2 + line[:20] + "\n")
    with pytest.raises(ReadError, match="line 3"):
        read_file(Path("f.geojson"), "cameras")
    Path("f.geojson").write_text(line + '{"type": "FeatureCollection", "features": []}\n')
    with pytest.raises(ReadError, match=r"line 2.*no feature"):
        read_file(Path("f.geojson"), "cameras")


def test_read_file_reads_geojson_in_gb18030() -> None:
    content = (
        '{"type": "Feature", "properties": {"code": "1", "name": "平安里第一网格"}, '
        '"geometry": null}'
    )
    Path("f.geojson").write_bytes(content.encode("gb18030"))
    assert read_file(Path("f.geojson"), "cameras").cells["name"].tolist() == ["平安里第一网格"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('code,name,lon,lat,note\n1,a,118,31,"x\n2,b,118,31,y\n3,c,118,31,z\n', 2),
        ('code,name,lon,lat,note\n1,a,118,31,"x\n2,b,118,31,"\n3,c,118,31,z\n', 2),
        ('code,name,lon,lat\n1,a,118,31\n2,"East" gate,118,31\n', 3),
        ('code,name,lon,lat\n1,a,118,31\n2,""East"" gate,118,31\n', 3),
        ('code,name,lon,lat\n1,"a,118,31\n2,b,118,31\n3,",118,31\n', 2),
        ('sep=,\ncode,name,lon,lat\n1,"a,118,31\n2,b,118,31\n', 3),
    ],
)
def test_read_text_refuses_open_quotes(content: str, line: int) -> None:
    with pytest.raises(ReadError, match=rf"line {line}: a quotation mark"):
        read_csv_text(content)


def test_read_text_keeps_quotes_in_cells() -> None:
    raw = read_csv_text(
        'code,name,lon,lat\n1,Gate 3" pipe,118,31\n2,"a ""b"", c",118,31\n'
        '3,"two\nlines",118,31\n4,x",118,31\n'
    )
    assert raw.cells["name"].tolist() == ['Gate 3" pipe', 'a "b", c', "two\nlines", 'x"']
    assert raw.lines.tolist() == [2, 3, 4, 6]


def test_read_text_finds_header_below_titles_and_in_two_rows() -> None:
    raw = read_csv_text(
        "某区台账,,,\n单位：米,,,\n设备编码,位置,,朝向\n,经度,纬度,\n1,118.5,31.3,东\n"
    )
    assert raw.cells.columns.tolist() == ["设备编码", "经度", "纬度", "朝向"]
    assert raw.lines.tolist() == [5]
    assert note_reasons(raw).count("line_above_header_not_read") == 2
    raw = read_csv_text("title without cells\ncode;lon;lat\n1;118,5;31,3\n")
    assert (raw.delimiter, raw.lines.tolist()) == (";", [3])


@pytest.mark.parametrize(
    ("words", "encoding", "expected"),
    [
        ("平安里第一网格,翠湖花园", "gb18030", "gb18030"),
        ("平安里第一网格,翠湖花园", "utf-8", "utf-8"),
        ("東區里民活動中心,中正路東門", "big5", "big5"),
        ("Müller Straße,Größe", "cp1252", None),
        ("Москва,улица Ленина", "cp1251", None),
        ("東京都新宿区,カメラ", "shift-jis", None),
        ("平", "gb18030", "gb18030"),
        ("Điểm lắp đặt", "utf-8", "utf-8"),
    ],
)
def test_detect_encoding_of_texts(words: str, encoding: str, expected: str | None) -> None:
    decoded = detect_encoding(words.encode(encoding))
    assert (None if decoded is None else decoded.encoding) == expected
    assert decoded is None or decoded.text == words


def test_read_text_repairs_one_damaged_cell() -> None:
    rows = "".join(f"{k},平安里第{k}网格,118.5,31.3\n" for k in range(40))
    data = ("编码,名称,lon,lat\n" + rows).encode()
    position = data.index("第7".encode())
    raw = read_text(data[:position] + data[position + 1 :], "t.csv", ".csv", None, layer="cameras")
    assert raw.encoding == "utf-8"
    assert [(n.reason, n.row, n.repaired) for n in raw.notes] == [("damaged_character", 7, True)]
    assert raw.cells["名称"].drop(7).tolist() == [f"平安里第{k}网格" for k in range(40) if k != 7]


def _book(**sheets: list[list[Any]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def test_read_file_reads_matching_sheets_and_names_others() -> None:
    book = _book(
        a=[["编码", "经度", "纬度"], ["1", 118.5, 31.3]],
        b=[["title"], ["lon", "lat", "code", "owner"], [118.6, 31.4, "2", "x"]],
        legend=[["编码", "meaning"], ["1", "y"]],
        old=[["编码", "经度", "纬度"], ["9", 118.5, 31.3]],
        empty=[],
    )
    book["old"].sheet_state = "hidden"
    book.save("b.xlsx")
    raw = read_file(Path("b.xlsx"), "cameras")
    assert raw.cells["编码"].tolist() == ["1", "2"]
    assert raw.cells["经度"].tolist() == [118.5, 118.6]
    assert raw.lines.tolist() == [2, 3]
    unread = [note.detail.split(":")[0] for note in raw.notes if note.reason == "sheet_not_read"]
    assert unread == ["legend", "old"]
    assert read_file(Path("b.xlsx"), "cameras", part="old").cells["编码"].tolist() == ["9"]
    with pytest.raises(ReadError, match=r"no sheet c; it has a, b, legend, old"):
        read_file(Path("b.xlsx"), "cameras", part="c")


def test_import_command_names_the_sheet_of_a_repeated_key(run: Callable[..., Any]) -> None:
    rows = [["编码", "经度", "纬度"], ["1", 118.5, 31.3]]
    _book(东=rows, 西=rows).save("b.xlsx")
    result = run("import", "cameras", "b.xlsx", "--json")
    assert result.returncode == 1
    assert "sheet 西" in Path("b.xlsx.report.csv").read_text(encoding="utf-8-sig")


def _shapefile(folder: Path, code: str) -> None:
    folder.mkdir(parents=True)
    frame = gpd.GeoDataFrame(
        {"gridcode": [code]}, geometry=[shapely.box(118, 31, 118.1, 31.1)], crs=4326
    )
    frame.to_file(folder / "grids.shp")


def test_read_file_separates_shapefiles_of_the_same_name() -> None:
    for name in ("a", "b"):
        _shapefile(Path("src") / name, name)
    Path("src/readme.txt").write_text("x")
    shutil.make_archive("two", "zip", "src")
    with pytest.raises(ReadError, match=r"a/grids, b/grids.*--layer"):
        read_file(Path("two.zip"), "grids")
    raw = read_file(Path("two.zip"), "grids", part="b/grids")
    assert raw.cells["gridcode"].tolist() == ["b"]
    unread = ("zip_member_not_read", "macos_files_not_read")
    assert {note.detail for note in raw.notes if note.reason in unread} == {"readme.txt"}
    with zipfile.ZipFile("no.zip", "w") as archive:
        archive.writestr("x/points.csv", "a,b")
    with pytest.raises(ReadError, match=r"no Shapefile but x/points\.csv"):
        read_file(Path("no.zip"), "grids")


def test_read_file_refuses_a_layer_for_csv() -> None:
    Path("c.csv").write_text("code,lon,lat\n1,118,31\n")
    with pytest.raises(ReadError, match="no layers"):
        read_file(Path("c.csv"), "cameras", part="x")


def test_read_file_converts_library_warnings_to_notes(recwarn: pytest.WarningsRecorder) -> None:
    ring = [[118, 31], [118.1, 31], [118.1, 31.1], [118, 31.1]]
    feature = {
        "type": "Feature",
        "properties": {"gridcode": "a"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    Path("g.geojson").write_text(json.dumps(feature))
    raw = read_file(Path("g.geojson"), "grids")
    assert note_reasons(raw) == ["ring_closed"]
    assert not recwarn.list


def test_refresh_all_names_an_unusable_row_and_continues(
    run: Callable[..., Any], store: str
) -> None:
    frame = gpd.GeoDataFrame(
        {"code": ["g"], "name": ["g"]}, geometry=[shapely.box(118.4, 31.2, 118.6, 31.4)], crs=4326
    )
    frame.to_file("g.geojson")
    Path("c.csv").write_text("code,range_m,lon,lat\ngood,40,118.5,31.3\nbad,40,118.51,31.31\n")
    assert run("import", "grids", "g.geojson").returncode == 0
    assert run("import", "cameras", "c.csv").returncode == 0
    with connect(store) as conn:
        conn.execute(
            "UPDATE cameras SET geometry = ST_SetSRID(ST_MakePoint(30, 5), 4326) WHERE code = 'bad'"
        )
        conn.commit()
        steps: list[str] = []
        coverage = pipeline.refresh_all(conn, get_settings(), progress=steps.append).coverage
    assert coverage.views == 1
    assert any("left out" in step and "bad" in step for step in steps), steps


NAMES = st.lists(
    st.sampled_from("东南西北门中路平安里第一小区公园学校商场网格A1 -,;\"'"), min_size=1, max_size=8
).map("".join)
CAMERAS = st.lists(
    st.tuples(NAMES, st.integers(118_000_000, 118_999_999), st.integers(31_000_000, 31_999_999)),
    min_size=1,
    max_size=5,
)
HEADERS = {
    "en": ["code", "name", "lon", "lat", "installed_on"],
    "zh": ["设备编码", "设备名称", "经度", "纬度", "安装时间"],
}


@given(
    CAMERAS,
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["en", "zh"]),
    st.booleans(),
)
def test_read_text_round_trip_of_any_layout(
    cameras: list[tuple[str, int, int]],
    encoding: str,
    delimiter: str,
    quote_all: bool,
    newline: str,
    language: str,
    title: bool,
) -> None:
    rows = [HEADERS[language]]
    for k, (name, x, y) in enumerate(cameras):
        rows.append([f"C{k}", name, f"{x / 1e6:.6f}", f"{y / 1e6:.6f}", "2024-05-01"])
    lines = ["台账"] if title else []
    for row in rows:
        cells = [
            '"' + cell.replace('"', '""') + '"'
            if quote_all or delimiter in cell or '"' in cell
            else cell
            for cell in row
        ]
        lines.append(delimiter.join(cells))
    data = (newline.join(lines) + newline).encode(encoding)
    try:
        raw = read_text(data, "t.csv", ".csv", None, layer="cameras")
    except ReadError:
        return
    assert raw.cells.columns.tolist() == HEADERS[language]
    assert raw.cells.to_numpy(object).tolist() == rows[1:]


@pytest.mark.parametrize("file_format", ["geojson", "gpkg", "shp-zip", "xlsx", "tsv"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_read_file_round_trip_of_every_format(file_format: str, language: str) -> None:
    names = ['东门,"甲"', "平安里第一网格", "x;y", "'=1"]
    codes = [f"{k:03d}" for k in range(len(names))]
    code, name = HEADERS[language][:2]
    points = [shapely.Point(118.5 + k / 100, 31.3) for k in range(len(names))]
    frame = gpd.GeoDataFrame({code: codes, name: names}, geometry=points, crs=4326)
    path = Path(f"t.{file_format}")
    if file_format == "shp-zip":
        Path("s").mkdir()
        frame.to_file("s/t.shp", encoding="gb18030" if language == "zh" else "utf-8")
        path = Path(shutil.make_archive("t", "zip", "s"))
    elif file_format in ("xlsx", "tsv"):
        table = pd.DataFrame(frame.drop(columns="geometry")).assign(
            经度=frame.geometry.x, 纬度=31.3
        )
        if file_format == "xlsx":
            table.to_excel(path, index=False)
        else:
            table.to_csv(path, index=False, sep="\t")
    else:
        frame.to_file(path)
    raw = read_file(path, "cameras")
    assert raw.cells.iloc[:, 0].tolist() == codes
    assert raw.cells.iloc[:, 1].tolist() == names
