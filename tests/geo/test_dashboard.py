"""Dashboard: its figures add up and agree with targets, SQL and the stored registers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.governance import dashboard
from geo.governance.hierarchy import LEVELS
from geo.governance.roll_up import share_within_distance, sum_by_level
from geo.governance.shortfalls import camera_shortfalls, key_place_shortfalls, service_shortfalls
from geo.governance.targets import camera_targets, key_place_targets
from geo.ingest import import_file
from geo.pipeline import refresh, refresh_dashboard
from geo.pipeline.data_quality import read_registers
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.cameras import read_last_status_reports
from geo.store.queries.dashboard import (
    count_data_quality_issues,
    read_data_quality_issues,
    read_figures_of_level,
)

CRS = "EPSG:32650"


@pytest.fixture(scope="module")
def figures(demo_store: str) -> pd.DataFrame:
    with connect(demo_store) as conn:
        rows = conn.execute(
            "SELECT level, code, figure, part, whole, goal FROM area_figures"
        ).fetchall()
    return pd.DataFrame(rows, columns=list(dashboard.COLUMNS))


def test_area_figures_add_up_exactly_at_every_level(figures: pd.DataFrame) -> None:
    sums = figures.fillna({"whole": 0.0}).groupby(["figure", "level"])[["part", "whole"]].sum()
    table = sums.unstack("level")
    assert len(table) > 40
    for name in ("part", "whole"):
        for level in LEVELS:
            assert (table[name][level] == table[name]["district"]).all(), (name, level)
    shares = figures["part"] / figures["whole"]
    assert shares.dropna().between(0, 1).all()


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.floats(0, 1e9)), max_size=30
    )
)
def test_sum_by_level_is_exact_in_any_order(rows: list[tuple[str, str, float]]) -> None:
    frame = pd.DataFrame(rows, columns=["grid", "community", "n"])
    place = frame[["grid", "community"]].assign(subdistrict="s", district="d")
    sums = sum_by_level(place, frame[["n"]])["n"].groupby("level").sum()
    reversed_sums = sum_by_level(place[::-1], frame.loc[::-1, ["n"]])["n"].groupby("level").sum()
    assert sums.nunique() <= 1
    assert sums.equals(reversed_sums)


def test_area_figures_of_cameras_equal_targets_and_sql(
    figures: pd.DataFrame, demo_store: str
) -> None:
    with connect(demo_store) as conn:
        registers = read_registers(conn, Settings())
        sql_counts = conn.execute(
            "SELECT g.community, count(*), count(*) FILTER (WHERE c.network), "
            "count(*) FILTER (WHERE c.status = 'working') FROM cameras c JOIN grids g "
            "ON ST_Intersects(g.geometry, c.geometry) WHERE c.status <> 'retired' GROUP BY 1"
        ).fetchall()
    table = figures.set_index(["level", "code", "figure"]).sort_index()
    for code, cameras, networked, working in sql_counts:
        area_rows = table.loc[("community", code)]
        assert area_rows.loc["cameras", "part"] == cameras
        assert area_rows.loc["networked", "part"] == networked
        assert area_rows.loc["working", "part"] == working
    targets = camera_targets(registers.grids, registers.areas, registers.cameras)
    for (level, code, point_class), row in targets.iterrows():
        suffix = "" if point_class == "all" else f"/{point_class}"
        area_rows = table.loc[(level, code)]
        assert area_rows.loc[f"cameras{suffix}", "part"] == row["cameras"]
        for name in ("networked", "working"):
            figure = area_rows.loc[f"{name}{suffix}"]
            assert figure["part"] == row[name]
            assert figure["whole"] == row[name] + row[f"not_{name}"]
    assert table.loc[("district", "990101", "working/industry"), "goal"] == 0.95
    assert table.loc[("district", "990101", "working"), "goal"] == 0.98


def test_data_quality_issues_are_stored_with_their_place(demo_store: str) -> None:
    with connect(demo_store) as conn:
        rows, total = read_data_quality_issues(conn, 100_000)
        first_rows, not_networked = read_data_quality_issues(
            conn, 5, layer="cameras", finding="not_networked"
        )
        registers = read_registers(conn, Settings())
        area_rows, area_total = read_data_quality_issues(conn, 100_000, area="990101001")
        counts = pd.DataFrame(count_data_quality_issues(conn))
        misplaced = conn.execute(
            "SELECT count(*) FROM register_findings f JOIN grids g ON g.code = f.grid "
            "WHERE NOT ST_Intersects(g.geometry, f.geometry)"
        ).fetchone()
    assert total == len(rows) == counts["rows"].sum()
    shortfalls = camera_shortfalls(registers.cameras)
    assert not_networked == (shortfalls["finding"] == "not_networked").sum() > len(first_rows) == 5
    assert area_total == len(area_rows) < total
    assert set(area_rows["subdistrict"]) == {"990101001"}
    assert misplaced == (0,)
    target_rows = rows[(rows["layer"] == "key-places") & (rows["aspect"] == "target")]
    assert set(target_rows["code"]) == set(key_place_shortfalls(registers.targets)["code"])
    # An issue outside every grid has empty area codes and a geometry.
    outside = rows[rows["finding"] == "outside_every_grid"]
    assert (outside["grid"] == "").all()
    assert outside.geometry.notna().all()


def test_refresh_dashboard_computes_only_after_changes(store: str, tmp_path: Path) -> None:
    settings = Settings()
    with connect(store) as conn:
        envelope = "ST_Multi(ST_MakeEnvelope(118, 30.9, 118.01, 30.91, 4326))"
        conn.execute(
            "INSERT INTO grids (code, name, population, geometry) "
            f"VALUES ('g', 'g', 100, {envelope})"
        )
        conn.execute(
            "INSERT INTO cameras (code, status, network, retired_on, geometry) VALUES "
            "('a', 'working', true, NULL, ST_SetSRID(ST_MakePoint(118.005, 30.905), 4326)), "
            "('b', 'faulty', false, NULL, ST_SetSRID(ST_MakePoint(118.004, 30.905), 4326)), "
            "('c', 'retired', false, '2020-01-01', ST_SetSRID(ST_MakePoint(118.003, 30.905), 4326))"
        )
        conn.commit()
        assert refresh_dashboard(conn, settings) is None
        refresh(conn)
        first = refresh_dashboard(conn, settings)
        assert first is not None
        assert refresh_dashboard(conn, settings) is None
        (row,) = [
            r for r in read_figures_of_level(conn, "grid", None) if r["figure"] == "networked"
        ]
        assert (row["part"], row["whole"], row["goal"]) == (1, 2, 1)
        # Without service points there is no figure; one at a corner serves a quarter of a circle.
        assert not [
            r for r in read_figures_of_level(conn, "grid", None) if "service" in r["figure"]
        ]
        path = tmp_path / "points.csv"
        path.write_text(
            "站点编码,站点名称,站点类型,经度,纬度\n1,党群服务站,party_branch,118.0,30.9\n"
        )
        outcome = import_file(conn, "service-points", path)
        assert outcome.inserted == 1
        assert refresh_dashboard(conn, settings) is not None
        grid_figures = {r["figure"]: r for r in read_figures_of_level(conn, "grid", None)}
        quarter_circle = np.pi * 500**2 / 4
        assert grid_figures["service/party_branch"]["part"] == pytest.approx(
            quarter_circle, rel=0.01
        )
        population = grid_figures["served/party_branch"]
        assert population["part"] / population["whole"] == pytest.approx(
            quarter_circle / grid_figures["area_m2"]["part"], rel=0.01
        )
        issues, total = read_data_quality_issues(conn, 10, aspect="service")
        assert (total, issues["finding"].tolist()) == (
            1,
            ["no_service_within_distance/party_branch"],
        )


def test_quality_figures_count_each_row_once() -> None:
    place = pd.DataFrame({level: ["x", "x", "y"] for level in LEVELS}, index=["a", "b", "c"])
    findings = pd.DataFrame(
        [("a", "complete"), ("a", "complete"), ("a", "in_place"), ("c", "target")],
        columns=["code", "aspect"],
    )
    table = dashboard.quality_figures(
        "cameras", place, pd.Index(["a", "b", "c"]), findings, ["code"]
    )
    table = table.set_index(["level", "code", "figure"])["part"]
    assert table["grid", "x", "quality/cameras/complete"] == 1
    assert table["grid", "x", "quality/cameras/in_place"] == 1
    assert table["grid", "x", "quality/cameras"] == 1
    # A shortfall to a target is not a fault of the register.
    assert table["grid", "y", "quality/cameras"] == 1


def test_shortfalls_name_what_is_missing() -> None:
    cameras = pd.DataFrame(
        {
            "status": ["working", "offline", "retired", "faulty"],
            "network": [False, True, False, None],
            "owner": ["甲", None, "乙", "丙"],
        },
        index=list("abcd"),
    )
    shortfalls = camera_shortfalls(cameras)
    assert list(
        zip(
            shortfalls["code"],
            shortfalls["finding"],
            shortfalls["detail"],
            shortfalls["owner"],
            strict=True,
        )
    ) == [
        ("a", "not_networked", "", "甲"),
        ("b", "not_in_working_order", "offline", ""),
        ("d", "not_in_working_order", "faulty", "丙"),
    ]
    places = pd.DataFrame(
        {"kind": ["school", "market", "hospital"], "required_share": [1.0, 0.8, 1.0]},
        index=["p", "q", "r"],
    )
    share = pd.Series([0.75, 0.9, np.nan], index=places.index)
    place_shortfalls = key_place_shortfalls(key_place_targets(places, share))
    assert place_shortfalls[["code", "detail", "owner"]].to_numpy().tolist() == [
        ["p", "75.0% of 100%", "school"]
    ]
    grids = gpd.GeoDataFrame(
        geometry=[shapely.box(0, 0, 100, 100), shapely.box(900, 0, 999, 99)],
        index=["g", "h"],
        crs=CRS,
    )
    points = gpd.GeoDataFrame(geometry=[shapely.Point(50, 50)], crs=CRS)
    service_gaps = service_shortfalls(
        share_within_distance(grids, points, 300), "volunteers", 300, pd.Series("c", grids.index)
    )
    assert service_gaps[["code", "detail"]].to_numpy().tolist() == [
        ["h", "0% within 300 m, nearest 900 m"]
    ]
    without_points = service_shortfalls(
        share_within_distance(grids, points.iloc[:0], 300),
        "volunteers",
        300,
        pd.Series("c", grids.index),
    )
    assert without_points["detail"].tolist() == ["0% within 300 m, none at all"] * 2


def test_status_reports_of_the_demo_are_recent(demo_store: str) -> None:
    with connect(demo_store) as conn:
        last_reports = read_last_status_reports(conn)
        _, outdated = read_data_quality_issues(conn, 1, finding="status_older_than_days/365")
    assert len(last_reports) == 1500
    assert outdated == 0
    assert (pd.Timestamp(dt.datetime.now(dt.UTC)) - last_reports.max()).total_seconds() < 3600
