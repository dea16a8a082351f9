"""`camera_targets`, `key_place_targets` and `cameras_by_year` against counts and SQL."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import ColumnError
from geo.ingest import import_file
from geo.store.connection import connect
from geo.store.queries.registers import read_layer


def test_camera_targets_of_the_demo_equal_sql(demo_store: str) -> None:
    with connect(demo_store) as conn:
        grids, areas, cameras = (read_layer(conn, n) for n in ("grids", "areas", "cameras"))
        sql_counts = conn.execute(
            "SELECT a.parent, count(*), count(*) FILTER (WHERE c.network), "
            "count(*) FILTER (WHERE c.status = 'working') FROM cameras c "
            "JOIN grids g ON ST_Intersects(g.geometry, c.geometry) "
            "JOIN areas a ON a.code = g.community "
            "WHERE c.status <> 'retired' AND c.point_class = 'public' GROUP BY a.parent"
        ).fetchall()
    crs = geo.metric_crs(grids)
    table = geo.camera_targets(grids.to_crs(crs), areas, cameras.to_crs(crs))
    public = table.xs("public", level="point_class").loc["subdistrict"]
    for code, count, networked, working in sql_counts:
        row = public.loc[code]
        # SQL counts a camera on a border in two grids.
        assert abs(row["cameras"] - count) <= 2
        assert row["networked_share"] == pytest.approx(networked / count, abs=0.01)
        assert row["working_share"] == pytest.approx(working / count, abs=0.01)
    sums = table.groupby(level=["level", "point_class"])[["cameras", "networked", "working"]].sum()
    for level in ("community", "subdistrict", "district"):
        pd.testing.assert_frame_equal(sums.loc[level], sums.loc["grid"])
    assert sums.loc[("district", "all"), "cameras"] == 1500
    assert not table.loc[("district", "990101", "all"), "networked_met"]


def make_layers() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    grids = gpd.GeoDataFrame(
        {"community": ["c"]}, geometry=[shapely.box(0, 0, 100, 100)], index=["g"], crs=32650
    )
    areas = gpd.GeoDataFrame(
        {"level": ["community"], "parent": [None]}, geometry=[None], index=["c"]
    )
    return grids, areas


def test_camera_targets_with_unknown_status_and_by_point_class() -> None:
    grids, areas = make_layers()
    cameras = gpd.GeoDataFrame(
        {
            "status": ["working"] * 19 + ["faulty"] + ["unknown", "retired"],
            "network": [True] * 20 + [None, False],
            "point_class": ["industry"] * 20 + ["private", "public"],
        },
        geometry=[shapely.Point(5, 5)] * 22,
        crs=32650,
    )
    table = geo.camera_targets(grids, areas, cameras).loc[("grid", "g")]
    assert table.loc["all", "cameras"] == 21
    assert table.loc["industry", "working_share"] == 0.95
    assert bool(table.loc["industry", "working_met"]) is True
    assert bool(table.loc["all", "working_met"]) is False  # 19 of 20, below the target of 98 %
    assert table.loc["all", "networked_share"] == 1.0
    assert table.loc["all", "network_unknown"] == 1
    assert table.loc["all", "status_unknown"] == 1
    assert "public" not in table.index  # the only public camera is retired
    unknown = cameras.assign(network=None)
    row = geo.camera_targets(grids, areas, unknown).loc[("grid", "g", "all")]
    assert np.isnan(row["networked_share"])
    assert row["networked_met"] is pd.NA
    with pytest.raises(ColumnError, match="network"):
        geo.camera_targets(grids, areas, cameras.drop(columns="network"))


def test_key_place_targets_and_key_place_kinds() -> None:
    places = pd.DataFrame(
        {"kind": ["school", "school", "market"], "required_share": [1.0, 0.5, 1.0]},
        index=list("abc"),
    )
    share = pd.Series([1.0 - 1e-9, 0.4, np.nan], index=list("abc"))
    table = geo.key_place_targets(places, share)
    assert table["met"].tolist() == [True, False, pd.NA]
    assert table["gap"].round(6).tolist()[:2] == [0, 0.1]
    kinds = geo.key_place_kinds(table)
    assert kinds.loc["school", ["places", "met", "met_share"]].tolist() == [2, 1, 0.5]
    assert kinds.loc["market", "met"] == 0
    assert np.isnan(kinds.loc["market", "met_share"])
    with pytest.raises(ColumnError, match="index"):
        geo.key_place_targets(places, share.reset_index(drop=True))
    with pytest.raises(ColumnError, match="required_share"):
        geo.key_place_targets(places[["kind"]], share)


def test_cameras_by_year_counts_by_calendar_year() -> None:
    date = dt.date
    cameras = pd.DataFrame(
        {
            "installed_on": [date(2021, 1, 1), date(2021, 6, 1), date(2023, 1, 1), None],
            "upgraded_on": [date(2022, 3, 1), None, None, None],
            "retired_on": [None, date(2022, 12, 31), None, date(2024, 1, 1)],
            "platform": ["A", "B", "A", "C"],
        }
    )
    table = geo.cameras_by_year(cameras)
    assert table.index.tolist() == [2021, 2022, 2023, 2024]
    assert table["installed"].tolist() == [2, 0, 1, 0]
    assert table["upgraded"].tolist() == [0, 1, 0, 0]
    assert table["retired"].tolist() == [0, 1, 0, 1]
    assert table["in_service"].tolist() == [2, 1, 2, 2]
    assert table["platforms"].tolist() == [2, 1, 1, 1]
    assert table.attrs["undated"] == 1
    assert geo.cameras_by_year(cameras.iloc[:0]).empty


def test_import_file_converts_codes_of_the_register_to_words(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text(
        "设备编码,经度,纬度,*摄像机位置类型,摄像机功能类型,补光属性,重点部位,所属社区,改造时间\n"
        "A,116.1,40.1,4/8,5,2,第一小学,和平社区,2024-05-01\nB,116.2,40.1,学校后门、10,1/99,0,,,\n"
        "C,116.3,40.1,0,,7,,,\n",
        encoding="utf-8",
    )
    with connect(store) as conn:
        outcome = import_file(conn, "cameras", Path("c.csv"))
        rows = read_layer(conn, "cameras")
    a, b, c = (rows.loc[k] for k in "ABC")
    assert (a["place_kinds"], a["functions"], a["supplement_light"]) == (
        "square/school",
        "ordinary",
        "infrared",
    )
    assert (a["key_place"], a["community"], a["upgraded_on"]) == (
        "第一小学",
        "和平社区",
        dt.date(2024, 5, 1),
    )
    assert (b["place_kinds"], b["functions"]) == ("学校后门/road", "vehicle_checkpoint/other")
    assert pd.isna(b["supplement_light"])
    assert pd.isna(c["place_kinds"])
    findings = [(f.line, f.column) for f in outcome.findings]
    assert findings == [(4, "supplement_light")]
