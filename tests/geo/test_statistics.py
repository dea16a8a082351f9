"""`refresh_statistics` stores what the functions of the library return, with its run."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.pipeline import refresh, refresh_statistics
from geo.pipeline.incident_statistics import PERMUTATIONS, YEAR
from geo.schema import LAYERS
from geo.settings import get_settings
from geo.store.connection import Conn, connect
from geo.store.queries.coverage import read_open_ground
from geo.store.queries.registers import read_layer, upsert
from geo.store.queries.runs import read_latest_run
from geo.store.queries.service_requests import read_service_quality
from geo.store.queries.spatial_statistics import read_contours, read_grid_weeks, read_statistics


def read_table(conn: Conn, table: str, category: str = "") -> pd.DataFrame:
    return pd.DataFrame(read_statistics(conn, table, category))


@pytest.fixture(scope="module")
def demo_layers(demo_store: str) -> dict[str, gpd.GeoDataFrame]:
    with connect(demo_store) as conn:
        layers = {n: read_layer(conn, n) for n in ("grids", "areas", "incidents", "streets")}
    crs = geo.metric_crs(layers["grids"])
    return {n: layer if n == "areas" else layer.to_crs(crs) for n, layer in layers.items()}


def last_year(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    times = incidents["occurred_at"].fillna(incidents["occurred_from"])
    return incidents[times > times.max() - YEAR]


@pytest.mark.parametrize("category", ["", "theft"])
def test_refresh_statistics_equals_the_functions(
    demo_store: str, demo_layers: dict[str, gpd.GeoDataFrame], category: str
) -> None:
    grids, incidents = demo_layers["grids"], demo_layers["incidents"]
    if category:
        incidents = incidents[geo.in_category(incidents["category"], category)]
    year = last_year(incidents)
    with connect(demo_store) as conn:
        rows = read_table(conn, "grid_patterns", category).set_index("grid").reindex(grids.index)
        ground = read_open_ground(conn).reindex(grids.index)
        run = read_latest_run(conn)
        hours = read_table(conn, "incident_hours", category)
        tests = read_table(conn, "forecast_tests", category)
        risk = read_table(conn, "forecasts", category)
        repeats = read_table(conn, "near_repeats", category)
        bands = read_contours(conn, category, "density")
    assert run is not None
    for table in (rows, hours, tests, risk, repeats, bands):
        assert len(table)
        assert (table["run"] == run.id).all()
    rates = geo.density_by_grid(grids, year, open_m2=ground, streets=demo_layers["streets"])
    for name in ("per_open_km2", "per_street_km"):
        np.testing.assert_allclose(rows[name].astype(float), rates[name])
    smoothed = geo.empirical_bayes(rates["count"], grids["population"]) * 1000
    np.testing.assert_allclose(rows["eb_per_1000"], smoothed)
    comparison = geo.compare_with_past(grids, incidents, ("2026-10-01", "2026-11-01"))
    np.testing.assert_array_equal(rows["count"], comparison["count"])
    np.testing.assert_array_equal(rows["year_before"], comparison["year_before"])
    np.testing.assert_allclose(rows["previous_q_value"], comparison["previous_q_value"])
    hot_spots = geo.hot_spots(grids, year, permutations=PERMUTATIONS)
    assert rows["hot_spot"].tolist() == hot_spots["class"].tolist()
    np.testing.assert_allclose(rows["gi_star"], hot_spots["gi_star"])
    cube = geo.space_time_cube(
        grids, year, days=28, period=("2025-11-02", "2026-11-01"), aoristic=True
    )
    assert cube.shape[1] == 13
    emerging = geo.emerging_hot_spots(cube, geo.contiguity_weights(grids))
    assert rows["emerging"].tolist() == emerging["class"].tolist()
    weeks = geo.space_time_cube(grids, incidents, aoristic=True)
    with connect(demo_store) as conn:
        row = read_grid_weeks(conn, category, str(grids.index[7]))
    assert row is not None
    assert row["weeks_from"] == weeks.columns[0].date()
    np.testing.assert_allclose(row["weeks"], weeks.iloc[7], atol=1e-3)
    expected = geo.seasonal_expectation(weeks, learn=weeks.shape[1] - 13)
    alerts = geo.cusum(weeks, expected=expected, watch=13)
    np.testing.assert_allclose(rows["alert_score"].astype(float), alerts["score"])
    assert rows["alert"].tolist() == alerts["alert"].tolist()
    np.testing.assert_allclose(
        hours.pivot_table(index="weekday", columns="hour", values="weight"),
        geo.hours_of_week(year, aoristic=True),
    )
    forecast = geo.forecast(grids, incidents)
    for model, group in risk.groupby("model"):
        np.testing.assert_allclose(
            group.set_index("grid")["expected"].reindex(grids.index), forecast.risk[model]
        )
    assert set(risk["model"]) == set(forecast.risk.columns)
    assert set(tests.loc[tests["best"], "model"]) == set(forecast.best)
    assert bands.geometry.is_valid.all()
    assert np.isinf(bands["high"].iloc[-1])


def test_refresh_stores_service_quality_by_level(
    demo_store: str, demo_layers: dict[str, gpd.GeoDataFrame]
) -> None:
    table = geo.service_quality(
        demo_layers["grids"], demo_layers["areas"], demo_layers["incidents"]
    )
    month = pd.Timestamp("2026-10-01")
    with connect(demo_store) as conn:
        rows = read_service_quality(conn, "subdistrict", month, month + pd.DateOffset(months=1))
    expected = table.loc["subdistrict"].xs(month, level="month")
    assert len(rows) == len(expected) == 7
    for row in rows:
        figures = expected.loc[row["code"]]
        assert row["received"] == figures["received"]
        assert row["in_time_share"] == pytest.approx(figures["in_time_share"])
        assert row["median_hours"] == pytest.approx(figures["median_hours"])
    assert {row["name_en"] for row in rows if row["code"]} >= {"Gucheng Sub-district"}


def make_district(rng: np.random.Generator, incidents: int) -> dict[str, gpd.GeoDataFrame]:
    """Return 25 grids with population, and incidents of 70 days."""
    step = 0.003
    boxes = [
        shapely.box(116 + x * step, 40 + y * step, 116 + (x + 1) * step, 40 + (y + 1) * step)
        for y in range(5)
        for x in range(5)
    ]
    grids = gpd.GeoDataFrame(
        {"code": [f"g{k:02d}" for k in range(25)], "name": "grid", "population": 100},
        geometry=boxes,
        crs=4326,
    )
    times = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        rng.integers(0, 70 * 86_400, incidents), unit="s"
    )
    points = gpd.points_from_xy(
        rng.uniform(116, 116.0149, incidents), rng.uniform(40, 40.0149, incidents)
    )
    frame = gpd.GeoDataFrame(
        {
            "source": "t",
            "source_id": [str(k) for k in range(incidents)],
            "occurred_at": times,
            "category": ["a/b", "c"] * (incidents // 2),
        },
        geometry=points,
        crs=4326,
    )
    return {"grids": grids, "incidents": frame}


def store_layers(conn: Conn, layers: dict[str, gpd.GeoDataFrame]) -> None:
    for name, frame in layers.items():
        columns_of_layer = frame.copy()
        for column in LAYERS[name].columns:
            if column.name not in columns_of_layer:
                columns_of_layer[column.name] = column.default
            columns_of_layer[column.name] = (
                columns_of_layer[column.name]
                .astype(object)
                .where(columns_of_layer[column.name].notna(), None)
            )
        columns_of_layer["extra"] = "{}"
        upsert(conn, LAYERS[name], columns_of_layer)
    conn.commit()


def test_refresh_statistics_reports_what_it_leaves_out(store: str) -> None:
    settings = get_settings()
    rng = np.random.default_rng(1)
    with connect(store) as conn:
        assert refresh_statistics(conn, settings) is None  # the store is empty
        store_layers(conn, make_district(rng, 400))
        run = refresh(conn).run
        figures = refresh_statistics(conn, settings)
        assert figures is not None
        left_out = figures["patterns_left_out"]
        assert "whole months" in left_out["forecast"]
        assert "weeks are too few" in left_out["alerts"]
        assert "hot_spots" not in left_out
        rows = read_table(conn, "grid_patterns")
        assert len(rows) == 25
        assert rows["alert"].isna().all()
        assert rows["previous"].notna().all()
        assert rows["year_before"].isna().all()
        assert len(read_table(conn, "grid_patterns", "a")) == 25
        assert read_table(conn, "forecasts").empty
        latest = read_latest_run(conn)
        assert latest is not None
        assert latest.id == run
        assert latest.summary["hot_spots"] == figures["hot_spots"]
        # Nothing to do while up to date; changed incidents are computed again.
        assert refresh_statistics(conn, settings) is None
        conn.execute("UPDATE incidents SET category = 'd' WHERE category = 'c'")
        conn.commit()
        second_run = refresh(conn)
        assert refresh_statistics(conn, settings) is not None
        assert read_table(conn, "grid_patterns", "c").empty
        assert (read_table(conn, "grid_patterns", "d")["run"] == second_run.run).all()
        # A new camera does not change incidents: their figures are taken over by the new run.
        conn.execute(
            "INSERT INTO cameras (code, geometry) "
            "VALUES ('x', ST_SetSRID(ST_Point(116.001, 40.001), 4326))"
        )
        conn.commit()
        third_run = refresh(conn)
        assert third_run.run > second_run.run
        assert refresh_statistics(conn, settings) is None
        latest = read_latest_run(conn)
        assert latest is not None
        assert (
            latest.summary["hot_spots"]
            == read_table(conn, "grid_patterns")["hot_spot"].isin(["hot_99", "hot_95"]).sum()
        )


def test_refresh_statistics_without_incidents_or_population(store: str) -> None:
    settings = get_settings()
    layers = make_district(np.random.default_rng(2), 300)
    layers["grids"]["population"] = None
    with connect(store) as conn:
        store_layers(conn, {"grids": layers["grids"]})
        refresh(conn)
        assert refresh_statistics(conn, settings) is None
        store_layers(conn, {"incidents": layers["incidents"]})
        refresh(conn)
        figures = refresh_statistics(conn, settings)
        assert figures is not None
        assert "nobody lives" in figures["patterns_left_out"]["risk"]
        assert read_contours(conn, "", "risk").empty
        assert len(read_contours(conn, "", "density"))
