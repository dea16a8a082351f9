"""Tests of `import_file`: formats, defective rows and files, and the import report."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

from geo.crs import gcj02_from_wgs84
from geo.errors import ColumnError, CrsError, ReadError, RejectedRows, StoreError
from geo.ingest import ImportOptions, ImportOutcome, import_file, raw_table, readers
from geo.store.connection import connect
from geo.store.queries.registers import read_layer

HEADER = "code,name,lon,lat\n"
GOOD = [f"{k},cam {k},118.05{k},30.95{k}\n" for k in range(1, 6)]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def import_layer(store: str, layer: str, path: Path, **options: object) -> ImportOutcome:
    with connect(store) as conn:
        return import_file(conn, layer, path, ImportOptions(**options))  # type: ignore[arg-type]


def read_rows(store: str, layer: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read_layer(conn, layer)


def import_two_grids(store: str) -> None:
    cells = [shapely.box(118.0 + x / 10, 30.9, 118.1 + x / 10, 31.0) for x in range(2)]
    frame = gpd.GeoDataFrame({"code": ["g1", "g2"], "name": ["一", "二"]}, geometry=cells, crs=4326)
    frame.to_file("grids.geojson")
    import_layer(store, "grids", Path("grids.geojson"))


def count_reasons(outcome: ImportOutcome) -> dict[str, int]:
    return {f"{action}: {reason}": count for action, reason, count in outcome.reasons()}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_import_file_detects_encodings(store: str, encoding: str) -> None:
    path = Path("cameras.csv")
    path.write_bytes(
        "设备编码,设备名称,经度,纬度\n00123,人民路口球机,118.05,30.95\n".encode(encoding)
    )
    import_layer(store, "cameras", path)
    stored = read_rows(store, "cameras")
    assert stored.index.tolist() == ["00123"]
    assert stored["name"].iloc[0] == "人民路口球机"


def test_import_file_reads_chinese_headers_and_values(store: str) -> None:
    Path("c.csv").write_text(
        "设备编码（*）;点位 名称;摄像机类型;监控方位;可视距离(米);经度【WGS84】;设备维度;"
        "设备状态;联网属性;安装时间;备注\n"
        "34020000001310000001;东门;1;东南;50米;118°03′00″E;30,95;在用;已联网;2021年3月5日;靠墙\n"
    )
    outcome = import_layer(store, "cameras", Path("c.csv"))
    row = read_rows(store, "cameras").iloc[0]
    assert row["code"] == "34020000001310000001"
    assert (row["kind"], row["bearing_deg"], row["range_m"]) == ("ptz", 135.0, 50.0)
    assert (row["status"], row["network"], str(row["installed_on"])) == (
        "working",
        True,
        "2021-03-05",
    )
    assert row.geometry.equals_exact(shapely.Point(118.05, 30.95), 1e-9)
    assert outcome.extra_headers == ["备注"]


def test_import_file_reports_each_bad_row_and_stores_nothing(store: str) -> None:
    import_two_grids(store)
    lines = [
        HEADER.strip() + ",bearing_deg,installed_on\n",
        "a,good,118.05,30.95,90,2020-01-01\n",
        "b,none,,,90,\n",
        "c,zero,0,0,90,\n",
        "d,swapped,30.95,118.05,90,\n",
        "e,far,121.5,31.2,90,\n",
        "a,again,118.06,30.95,90,\n",
        "f,angle,118.05,30.96,4711,\n",
        "g,turn,118.05,30.96,-90,\n",
        "h,date,118.05,30.96,90,2021-02-30\n",
        "i,text,east,north,90,\n",
        "j,cells,118.05,30.95,90,2020-01-01,surplus\n",
        ",nokey,118.05,30.95,90,\n",
        "6.2E+19,lost,118.05,30.95,90,\n",
        "k,future,118.05,30.95,90,2999-01-01\n",
        "a,good,118.05,30.95,90,2020-01-01\n",
    ]
    Path("bad.csv").write_text("".join(lines))
    with pytest.raises(RejectedRows, match="nothing was stored"):
        import_layer(store, "cameras", Path("bad.csv"))
    assert len(read_rows(store, "cameras")) == 0
    outcome = import_layer(
        store, "cameras", Path("bad.csv"), accept_rejects=True, report=Path("r.csv")
    )
    assert count_reasons(outcome) == {
        "rejected: no_coordinates": 1,
        "rejected: zero_coordinates": 1,
        "rejected: outside_district": 1,
        "rejected: repeated_key": 1,
        "rejected: repeated_row": 1,
        "rejected: unreadable_coordinates": 1,
        "rejected: wrong_number_of_cells": 1,
        "rejected: empty_value": 1,
        "rejected: scientific_notation_of_code": 1,
        "repaired: axes_exchanged": 1,
        "repaired: impossible_value/bearing_deg": 1,
        "repaired: angle_beyond_full_turn": 1,
        "repaired: impossible_date": 1,
        "repaired: date_in_future": 1,
    }
    stored = read_rows(store, "cameras")
    assert sorted(stored.index) == ["a", "d", "f", "g", "h", "k"]
    assert stored.loc["g", "bearing_deg"] == 270.0
    assert pd.isna(stored.loc["f", "bearing_deg"])
    assert outcome.read == 15
    assert outcome.accepted == 6
    assert outcome.rejected == 9
    with Path("r.csv").open(encoding="utf-8-sig") as handle:
        report = list(csv.DictReader(handle))
    outside = next(r for r in report if r["reason"] == "outside the district")
    assert outside["line"] == "6"
    assert outside["original"].startswith("e,far,121.5")
    repeated = next(r for r in report if r["reason"] == "repeated key")
    assert "line 2" in repeated["detail"]


def test_import_file_repeated_and_changed_file(store: str) -> None:
    Path("c.csv").write_text(HEADER + "".join(GOOD))
    first = import_layer(store, "cameras", Path("c.csv"))
    assert (first.inserted, first.updated, first.unchanged) == (5, 0, 0)
    second = import_layer(store, "cameras", Path("c.csv"))
    assert (second.inserted, second.updated, second.unchanged) == (0, 0, 5)
    Path("c.csv").write_text(HEADER + "".join(GOOD[:4]) + "5,new name,118.055,30.955\n")
    changed = import_layer(store, "cameras", Path("c.csv"))
    assert (changed.inserted, changed.updated, changed.unchanged) == (0, 1, 4)


def test_import_file_dry_run_stores_nothing(store: str) -> None:
    Path("c.csv").write_text(HEADER + "".join(GOOD))
    outcome = import_layer(store, "cameras", Path("c.csv"), dry_run=True)
    assert outcome.inserted == 5
    assert len(read_rows(store, "cameras")) == 0
    with connect(store) as conn:
        assert conn.execute("SELECT count(*) FROM imports").fetchone() == (0,)


def test_import_file_reads_text_coordinates(store: str) -> None:
    Path("w.csv").write_text('id,where\n1,"POINT (118.05 30.95)"\n2,"(30.95, 118.06)"\n', "utf-8")
    import_layer(store, "cameras", Path("w.csv"))
    stored = read_rows(store, "cameras")
    assert stored.geometry.x.tolist() == [118.05, 118.06]
    assert stored.geometry.y.tolist() == [30.95, 30.95]


def test_import_file_stores_surplus_coordinates_as_extra(store: str) -> None:
    Path("s.csv").write_text('id,lon,lat,where\n1,118.05,30.95,"(30.9, 118)"\n')
    assert import_layer(store, "cameras", Path("s.csv")).extra_headers == ["where"]
    frame = gpd.GeoDataFrame(
        {"id": ["2"], "lon": [1.5], "lat": [2.5]}, geometry=[shapely.Point(118.05, 30.95)], crs=4326
    )
    frame.to_file("s.geojson")
    import_layer(store, "cameras", Path("s.geojson"))
    with connect(store) as conn:
        extra = dict(conn.execute("SELECT code, extra FROM cameras").fetchall())
    assert extra == {"1": {"where": "(30.9, 118)"}, "2": {"lon": "1.5", "lat": "2.5"}}


def test_import_file_swaps_wkt_with_latitude_first(store: str) -> None:
    import_two_grids(store)
    Path("w.csv").write_text('id,where\n1,"POINT (30.95 118.05)"\n')
    outcome = import_layer(store, "cameras", Path("w.csv"))
    assert count_reasons(outcome) == {"repaired: axes_exchanged": 1}
    assert read_rows(store, "cameras").geometry.x.tolist() == [118.05]


def test_import_file_converts_datum_and_projected_coordinates(store: str) -> None:
    lon, lat = gcj02_from_wgs84([118.05], [30.95])  # type: ignore[arg-type]
    Path("g.csv").write_text(f"id,lon,lat\n1,{lon[0]},{lat[0]}\n")
    import_layer(store, "cameras", Path("g.csv"), datum="gcj02")
    assert (
        read_rows(store, "cameras")
        .geometry.iloc[0]
        .equals_exact(shapely.Point(118.05, 30.95), 1e-8)
    )
    place = gpd.GeoSeries([shapely.Point(118.05, 30.95)], crs=4326).to_crs(4549)
    Path("p.csv").write_text(f"id,x,y\n2,{place.x[0]},{place.y[0]}\n")
    import_layer(store, "cameras", Path("p.csv"), crs="EPSG:4549")
    assert (
        read_rows(store, "cameras")
        .loc["2"]
        .geometry.equals_exact(shapely.Point(118.05, 30.95), 1e-7)
    )
    with pytest.raises(CrsError, match="datum"):
        import_layer(store, "cameras", Path("p.csv"), crs="EPSG:4549", datum="gcj02")
    with pytest.raises(CrsError, match="known CRS"):
        import_layer(store, "cameras", Path("p.csv"), crs="EPSG:0")


def test_read_file_reads_every_shape_of_a_shapefile(tmp_path: Path) -> None:
    # Larger than one buffer of the C library, which is read again after the look-up of the CRS.
    circles = shapely.buffer(
        [shapely.Point(118 + k / 100, 31) for k in range(9)], 0.001, quad_segs=64
    )
    frame = gpd.GeoDataFrame({"code": [f"g{k}" for k in range(9)]}, geometry=circles, crs=4326)
    frame.to_file(tmp_path / "g.shp")
    raw = readers.read_file(tmp_path / "g.shp", "grids")
    assert raw.geometry is not None
    assert shapely.equals(shapely.normalize(raw.geometry.values), shapely.normalize(circles)).all()


@pytest.mark.parametrize("file_format", ["geojson", "gpkg", "shp", "zip", "parquet"])
def test_import_file_reads_vector_formats(store: str, file_format: str) -> None:
    frame = gpd.GeoDataFrame(
        {"GRIDCODE": ["001", "002"], "网格名称": ["东街", "西街"], "常住人口": [120, 80]},
        geometry=[shapely.box(118, 30.9, 118.1, 31), shapely.box(118.1, 30.9, 118.2, 31)],
        crs=4326,
    ).to_crs(4490 if file_format == "gpkg" else 4326)
    path = Path(f"g.{file_format}")
    if file_format == "parquet":
        frame.to_parquet(path)
    elif file_format in ("shp", "zip"):
        frame.to_file("g.shp", encoding="GB18030")
        Path("g.cpg").unlink()
        if file_format == "zip":
            with zipfile.ZipFile("g.zip", "w") as archive:
                for part in ("shp", "shx", "dbf", "prj"):
                    archive.write(f"g.{part}", f"../evil/g.{part}")
    else:
        frame.to_file(path)
    import_layer(store, "grids", path)
    stored = read_rows(store, "grids")
    assert stored["name"].tolist() == ["东街", "西街"]
    assert stored["population"].tolist() == [120.0, 80.0]
    assert stored.geometry.iloc[0].equals_exact(
        shapely.MultiPolygon([shapely.box(118, 30.9, 118.1, 31)]).normalize(), 1e-9
    ) or stored.geometry.iloc[0].area == pytest.approx(0.01)


def test_import_file_reads_a_workbook_with_title_rows(store: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["一机一档登记表"])
    sheet.append(["（单位：米）"])
    sheet.append(["设备编码*", "设备名称", "经度", "纬度", "安装时间"])
    sheet.append(["00420", "甲", 118.05, 30.95, 44197])
    sheet.append([3.402e19, "乙", 118.05, 30.95, None])
    book.save("b.xlsx")
    outcome = import_layer(store, "cameras", Path("b.xlsx"), accept_rejects=True)
    stored = read_rows(store, "cameras")
    assert stored.index.tolist() == ["00420"]
    assert str(stored["installed_on"].iloc[0]) == "2021-01-01"
    assert [f.line for f in outcome.findings if f.action == "rejected"] == [5]
    notes = [f.detail for f in outcome.findings if f.reason == "line_above_header_not_read"]
    assert notes == ["一机一档登记表", "（单位：米）"]


def test_import_grids_repairs_rejects_and_reports_tiling_faults(store: str) -> None:
    shapes = [
        shapely.box(118.0, 30.0, 118.01, 30.01),
        shapely.box(118.009, 30.0, 118.02, 30.01),  # overlaps the first
        shapely.Polygon([(118.03, 30), (118.04, 30.01), (118.04, 30), (118.03, 30.01)]),  # bow-tie
        shapely.Polygon([(118.05, 30), (118.06, 30), (118.05, 30)]),  # flat
        shapely.Point(118, 30),
    ]
    frame = gpd.GeoDataFrame({"code": list("abcde")}, geometry=shapes, crs=4326)
    frame.to_file("g.geojson")
    outcome = import_layer(store, "grids", Path("g.geojson"), accept_rejects=True)
    counts = count_reasons(outcome)
    assert counts["repaired: invalid_polygon"] == 1
    assert counts["rejected: wrong_geometry_type"] == 1
    assert counts["noted: overlap"] == 1
    assert sorted(read_rows(store, "grids").index) == ["a", "b", "c"]
    ring = shapely.box(0, 0, 0.03, 0.03).difference(shapely.box(0.01, 0.01, 0.02, 0.02))
    parts = [
        ring.intersection(shapely.box(0, 0, 0.015, 1)),
        ring.intersection(shapely.box(0.015, 0, 1, 1)),
    ]
    gpd.GeoDataFrame({"code": ["x", "y"]}, geometry=parts, crs=4326).to_file("h.geojson")
    assert count_reasons(import_layer(store, "grids", Path("h.geojson")))["noted: gap"] == 1


def test_import_incidents_keys_times_and_grid_codes(store: str) -> None:
    import_two_grids(store)
    Path("i.csv").write_text(
        "工单编号,诉求类型,发生时间,经度,纬度,网格编码\n"
        "1,噪音,2026-01-02 03:04:05,118.05,30.95,\n"
        "2,噪音,2026/1/2 03:04,,,g1\n"
        "3,噪音,not a date,118.05,30.95,\n"
        "4,噪音,2026-01-02,,,\n"
    )
    outcome = import_layer(
        store,
        "incidents",
        Path("i.csv"),
        accept_rejects=True,
        source="12345",
        rename={"工单编号": "source_id"},
    )
    stored = read_rows(store, "incidents").set_index("source_id")
    assert stored.index.tolist() == ["1", "2"]
    assert stored.loc["1", "occurred_at"] == pd.Timestamp("2026-01-01 19:04:05", tz="UTC")
    assert stored.loc["2", "precision"] == "grid"
    assert set(stored["source"]) == {"12345"}
    assert count_reasons(outcome)["rejected: no_usable_time"] == 1
    assert count_reasons(outcome)["rejected: no_coordinates"] == 1


def test_import_file_rejects_bad_files_and_options(store: str) -> None:
    cases = {
        "none.csv": (None, ReadError, "does not exist"),
        "empty.csv": (b"", ReadError, "empty"),
        "header.csv": (HEADER.encode(), ReadError, "no rows"),
        "noise.csv": (bytes(range(128, 256)) * 3, ReadError, "UTF-8"),
        "x.docx": (b"x", ReadError, "unknown format"),
        "x.geojson": (b'{"type": "FeatureCollection", "features": [', ReadError, "cannot be read"),
        "x.gpkg": (b"not sqlite", ReadError, "cannot be read"),
        "x.shp": (b"\x00\x00", ReadError, "cannot be read"),
        "x.zip": (b"PK", ReadError, "zip"),
        "x.parquet": (b"PAR1", ReadError, "cannot be read"),
        "x.xlsx": (b"PK\x03\x04", ReadError, "workbook"),
        "x.csv.gz": (b"\x1f\x8b\x00", ReadError, "gzip"),
        "cols.csv": (b"a,b\n1,2\n", ColumnError, "coordinates"),
    }
    for name, (data, error, message) in cases.items():
        if data is not None:
            Path(name).write_bytes(data)
        with pytest.raises(error, match=message):
            import_layer(store, "cameras", Path(name))
    Path("g.csv").write_text(HEADER + GOOD[0])
    with pytest.raises(ColumnError, match="no layer"):
        import_layer(store, "lamps", Path("g.csv"))
    with pytest.raises(ColumnError, match="has no column"):
        import_layer(store, "cameras", Path("g.csv"), rename={"name": "colour"})
    with pytest.raises(ColumnError, match="the file has"):
        import_layer(store, "cameras", Path("g.csv"), rename={"nosuch": "owner"})
    assert len(read_rows(store, "cameras")) == 0


def test_import_file_requires_a_crs(store: str) -> None:
    frame = gpd.GeoDataFrame({"code": ["a"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    frame.to_file("n.shp")
    Path("n.prj").unlink()
    with pytest.raises(CrsError, match="--crs"):
        import_layer(store, "grids", Path("n.shp"))


def test_import_file_rejects_an_unknown_parent(store: str) -> None:
    feature = {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(shapely.box(0, 0, 1, 1)),
        "properties": {"code": "1", "name": "x", "community": "999"},
    }
    Path("g.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(StoreError, match="999"):
        import_layer(store, "grids", Path("g.geojson"))
    assert len(read_rows(store, "grids")) == 0


def test_import_cameras_reads_catalogue_codes_and_angles(store: str) -> None:
    import_two_grids(store)
    Path("cameras.csv").write_text(
        "设备编码,经度,纬度,监控点位类型,室内外,俯仰角,竖直视场角\n"
        "1,118.05,30.95,1,1,15,40\n2,118.06,30.95,二类,室内,,0\n3,118.07,30.95,,,95,30\n"
        "4,118.08,30.95,三类视频监控点,2,-5,30\n",
        encoding="gb18030",
    )
    outcome = import_layer(store, "cameras", Path("cameras.csv"), accept_rejects=True)
    stored = read_rows(store, "cameras")
    assert stored["point_class"].tolist() == ["public", "industry", "unknown", "private"]
    assert stored["room"].tolist() == ["outdoor", "indoor", "unknown", "indoor"]
    assert stored["tilt_deg"].fillna(-99).tolist() == [15, -99, -99, -5]
    assert stored["vfov_deg"].fillna(-99).tolist() == [40, -99, 30, 30]
    assert any("tilt_deg" in reason for reason in count_reasons(outcome))
    shape = shapely.box(118.01, 30.91, 118.02, 30.92)
    frame = gpd.GeoDataFrame(
        {"id": ["1"], "height_m": [12], "女儿墙高度": [1.1]}, geometry=[shape], crs=4326
    )
    frame.to_file("buildings.geojson")
    import_layer(store, "buildings", Path("buildings.geojson"))
    assert read_rows(store, "buildings")["parapet_m"].tolist() == [1.1]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.xlsx", "a.zip"])
def test_read_file_refuses_an_archive_that_expands_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(b"code,lon,lat\n" + b"a" * (4 << 20)))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"0" * (4 << 20))
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(raw_table, "MAX_UNPACKED_BYTES", 2 << 20)
    with pytest.raises(ReadError, match="more than 2 MiB"):
        readers.read_file(path, "cameras")
