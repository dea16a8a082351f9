"""Tests of the codes of areas, grids and devices, and of their use in an import."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.errors import RejectedRows
from geo.ingest import ImportOutcome, import_file
from geo.store.connection import connect
from geo.store.queries.registers import read_layer


@pytest.mark.parametrize(
    ("code", "level", "parent", "problem"),
    [
        ("110105", "district", "", ""),
        ("110105012", "subdistrict", "110105", ""),
        ("110105012003", "community", "110105012", ""),
        ("110105012003001", "grid", "110105012003", ""),
        ("110105000000", "district", "", ""),
        ("110105012000", "subdistrict", "110105", ""),
        ("110100", "district", "", "a city, not a district"),
        ("110105400", "subdistrict", "110105", "sub-district 400 is not from 001 to 399"),
        ("110105012003000", "grid", "110105012003", "grids count from 001"),
        ("990101001", "subdistrict", "990101", "99 is no province"),
    ],
)
def test_area_code_gives_level_parent_and_problem(
    code: str, level: str, parent: str, problem: str
) -> None:
    area = geo.area_code(code)
    assert area is not None
    assert (area.level, area.parent, area.problem) == (level, parent, problem)


@pytest.mark.parametrize(
    "code", ["", "A-7", "1101", "11010501", "1.10105E+14", "１１０１０５", "11010501200300101"]
)
def test_area_code_ignores_other_schemes(code: str) -> None:
    assert geo.area_code(code) is None
    assert geo.parent_codes(code) == {}


@given(
    st.integers(11, 65),
    st.integers(1, 9999),
    st.integers(1, 399),
    st.integers(1, 399),
    st.integers(1, 999),
)
def test_parent_codes_agree_with_area_code(a: int, b: int, c: int, d: int, e: int) -> None:
    grid = f"{a:02d}{b:04d}{c:03d}{d:03d}{e:03d}"
    codes_by_level = geo.parent_codes(grid)
    assert list(codes_by_level) == ["district", "subdistrict", "community", "grid"]
    codes = list(codes_by_level.values())
    assert codes[-1] == grid
    for upper, lower in pairwise(codes):
        area = geo.area_code(lower)
        assert area is not None
        assert area.parent == upper


def test_device_number_gives_parts_and_problem() -> None:
    number = geo.device_number("11010500001325000123")
    assert number is not None
    assert (
        number.centre,
        number.district,
        number.industry,
        number.type,
        number.network,
        number.serial,
    ) == (
        "11010500",
        "110105",
        "00",
        "132",
        "5",
        "000123",
    )
    assert number.problem == ""
    invalid = geo.device_number("99010500001185000123")
    assert invalid is not None
    assert invalid.problem == "99 is no province; type 118 is no camera (131 or 132)"
    assert geo.device_number("01512345678901234567") is None
    assert geo.device_number("1101050000132500012") is None


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def import_layer(store: str, layer: str, name: str) -> ImportOutcome:
    with connect(store) as conn:
        return import_file(conn, layer, Path(name))


def box(x: float, width: float) -> shapely.Polygon:
    return shapely.box(116.0 + x, 40.0, 116.0 + x + width, 40.1)


def test_import_derives_levels_and_parents_from_codes(store: str) -> None:
    codes = ["110105", "110105012", "110105012003", "110105012004"]
    shapes = [box(0, 0.2), box(0, 0.2), box(0, 0.1), box(0.1, 0.1)]
    gpd.GeoDataFrame(
        {"区划代码": codes, "名称": list("甲乙丙丁")}, geometry=shapes, crs=4326
    ).to_file("areas.geojson")
    outcome = import_layer(store, "areas", "areas.geojson")
    assert (outcome.inserted, outcome.findings) == (4, [])
    with connect(store) as conn:
        areas = read_layer(conn, "areas")
    assert areas["level"].tolist() == ["district", "subdistrict", "community", "community"]
    assert areas["parent"].tolist()[1:] == ["110105", "110105012", "110105012"]
    assert areas["parent"].isna().iloc[0]
    grids = gpd.GeoDataFrame(
        {
            "网格编码": ["110105012003001", "110105012003000", "110105012004001", "X1"],
            "网格名称": list("一二三四"),
            "社区编码": [None, None, "110105012003", None],
        },
        geometry=[box(0.05 * k, 0.05) for k in range(4)],
        crs=4326,
    )
    grids.to_file("grids.geojson")
    outcome = import_layer(store, "grids", "grids.geojson")
    details = {(f.reason, f.column): f.detail for f in outcome.findings if f.column != "geometry"}
    assert details == {
        ("area_code_invalid", "code"): "grids count from 001",
        ("parent_contradicts_code", "community"): (
            "110105012003 is kept; the code says 110105012004"
        ),
    }
    with connect(store) as conn:
        stored = read_layer(conn, "grids")
        levels = geo.assign_admin_units(stored, read_layer(conn, "areas"))
    assert stored["community"].tolist()[:3] == ["110105012003"] * 3
    assert stored["community"].isna().iloc[3]
    assert levels.loc["110105012003001"].tolist() == [
        "110105012003001",
        "110105012003",
        "110105012",
        "110105",
    ]
    assert levels.loc["X1"].tolist() == ["X1", "", "", ""]


def test_import_areas_links_padded_codes_and_rejects_unknown_level(store: str) -> None:
    frame = gpd.GeoDataFrame(
        {"code": ["110105000000", "110105012000", "110105012003"], "name": list("abc")},
        geometry=[box(0, 0.1)] * 3,
        crs=4326,
    )
    frame.to_file("areas.geojson")
    assert import_layer(store, "areas", "areas.geojson").inserted == 3
    with connect(store) as conn:
        areas = read_layer(conn, "areas")
    assert areas["parent"].tolist()[1:] == ["110105000000", "110105012000"]
    assert areas["level"].tolist() == ["district", "subdistrict", "community"]
    gpd.GeoDataFrame({"code": ["Q"], "name": ["q"]}, geometry=[box(0, 0.1)], crs=4326).to_file(
        "q.geojson"
    )
    with pytest.raises(RejectedRows, match="1 level unknown"):
        import_layer(store, "areas", "q.geojson")


def test_import_accepts_future_due_times_and_notes_device_types(store: str) -> None:
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=[box(0, 0.2)], crs=4326).to_file(
        "grids.geojson"
    )
    import_layer(store, "grids", "grids.geojson")
    Path("appeals.csv").write_text(
        "工单编号,诉求类型,诉求时间,应办结时间,办结时间,经度,纬度\n"
        "1,纠纷 > 邻里,2026-03-02 08:00,2099-01-01 00:00,2026-03-03 08:00,116.05,40.05\n",
        encoding="utf-8",
    )
    outcome = import_layer(store, "incidents", "appeals.csv")
    assert outcome.findings == []
    with connect(store) as conn:
        row = read_layer(conn, "incidents").iloc[0]
    assert row["due_at"].year == 2098  # local midnight in Shanghai
    assert row["category"] == "纠纷/邻里"
    Path("cameras.csv").write_text(
        "设备编码,经度,纬度\n11010500001325000123,116.05,40.05\n11010500001185000124,116.06,40.05\n"
        "01512345678901234567,116.07,40.05\n",
        encoding="utf-8",
    )
    outcome = import_layer(store, "cameras", "cameras.csv")
    notes = [f for f in outcome.findings if f.column == "code"]
    assert [f.detail for f in notes] == ["type 118 is no camera (131 or 132)"]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("监视方位", ["1", "4", "8", "9", "0"], [90, 0, 315, None, None]),
        ("DirectionType", ["2", "东北", "120", "3", ""], [270, 45, 120, 180, None]),
        ("监控方位", ["1", "4", "8", "200", ""], [1, 4, 8, 200, None]),
        ("方位角", ["1", "4", "8", "9", "0"], [1, 4, 8, 9, 0]),
    ],
)
def test_import_cameras_reads_direction_types_or_degrees(
    store: str, header: str, cells: list[str], expected: list[float | None]
) -> None:
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=[box(0, 0.2)], crs=4326).to_file(
        "grids.geojson"
    )
    import_layer(store, "grids", "grids.geojson")
    lines = [f"c{k},{cell},116.0{k + 1},40.05" for k, cell in enumerate(cells)]
    Path("cameras.csv").write_text(
        "\n".join([f"设备编码,{header},经度,纬度", *lines]), encoding="utf-8"
    )
    import_layer(store, "cameras", "cameras.csv")
    with connect(store) as conn:
        bearing = read_layer(conn, "cameras")["bearing_deg"]
    assert [None if b != b else b for b in bearing] == expected


def test_import_incidents_reads_split_categories_and_word_ratings(store: str) -> None:
    gpd.GeoDataFrame({"code": ["g"], "name": ["g"]}, geometry=[box(0, 0.2)], crs=4326).to_file(
        "grids.geojson"
    )
    import_layer(store, "grids", "grids.geojson")
    Path("hotline.csv").write_text(
        "工单编号,诉求一级分类,诉求二级分类,诉求时间,满意度,所属网格\n"
        "1,市容,占道经营,2026-03-02,非常满意,g\n2,市容,,2026-03-02,基本满意,g\n3,,,2026-03-02,不满意,g\n"
        "4,噪声,施工,2026-03-02,95%,g\n5,噪声,施工,2026-03-02,还行,g\n",
        encoding="utf-8",
    )
    outcome = import_layer(store, "incidents", "hotline.csv")
    with connect(store) as conn:
        rows = read_layer(conn, "incidents")
    assert rows["category"].tolist() == ["市容/占道经营", "市容", "other", "噪声/施工", "噪声/施工"]
    assert rows["satisfaction"].tolist()[:4] == [100, 50, 25, 95]
    assert rows["satisfaction"].isna().iloc[4]
    assert [(f.line, f.reason) for f in outcome.findings] == [(6, "not_a_number")]
    assert (rows["precision"] == "grid").all()
