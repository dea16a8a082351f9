"""Patterns: what `gridcover refresh` stores is what the functions say, with its run."""

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


def stored(conn: Conn, table: str, category: str = "") -> pd.DataFrame:
    return pd.DataFrame(read_statistics(conn, table, category))


@pytest.fixture(scope="module")
def demo(demo_store: str) -> dict[str, gpd.GeoDataFrame]:
    with connect(demo_store) as conn:
        layers = {n: read_layer(conn, n) for n in ("grids", "areas", "incidents", "streets")}
    crs = geo.metric_crs(layers["grids"])
    return {n: layer if n == "areas" else layer.to_crs(crs) for n, layer in layers.items()}


def year_of(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    times = incidents["occurred_at"].fillna(incidents["occurred_from"])
    return incidents[times > times.max() - YEAR]


@pytest.mark.parametrize("category", ["", "theft"])
def test_stored_figures_are_those_of_the_functions(
    demo_store: str, demo: dict[str, gpd.GeoDataFrame], category: str
) -> None:
    grids, incidents = demo["grids"], demo["incidents"]
    if category:
        incidents = incidents[geo.in_category(incidents["category"], category)]
    year = year_of(incidents)
    with connect(demo_store) as conn:
        rows = stored(conn, "grid_patterns", category).set_index("grid").reindex(grids.index)
        ground = read_open_ground(conn).reindex(grids.index)
        run = read_latest_run(conn)
        hours = stored(conn, "incident_hours", category)
        tests = stored(conn, "forecast_tests", category)
        risk = stored(conn, "forecasts", category)
        repeats = stored(conn, "near_repeats", category)
        bands = read_contours(conn, category, "density")
    assert run is not None
    for table in (rows, hours, tests, risk, repeats, bands):
        assert len(table)
        assert (table["run"] == run.id).all()
    rates = geo.density_by_grid(grids, year, open_m2=ground, streets=demo["streets"])
    for name in ("per_open_km2", "per_street_km"):
        np.testing.assert_allclose(rows[name].astype(float), rates[name])
    smoothed = geo.empirical_bayes(rates["count"], grids["population"]) * 1000
    np.testing.assert_allclose(rows["eb_per_1000"], smoothed)
    past = geo.compare_with_past(grids, incidents, ("2026-10-01", "2026-11-01"))
    np.testing.assert_array_equal(rows["count"], past["count"])
    np.testing.assert_array_equal(rows["year_before"], past["year_before"])
    np.testing.assert_allclose(rows["previous_q_value"], past["previous_q_value"])
    spots = geo.hot_spots(grids, year, permutations=PERMUTATIONS)
    assert rows["hot_spot"].tolist() == spots["class"].tolist()
    np.testing.assert_allclose(rows["gi_star"], spots["gi_star"])
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
    made = geo.forecast(grids, incidents)
    for model, part in risk.groupby("model"):
        np.testing.assert_allclose(
            part.set_index("grid")["expected"].reindex(grids.index), made.risk[model]
        )
    assert set(risk["model"]) == set(made.risk.columns)
    assert set(tests.loc[tests["best"], "model"]) == set(made.best)
    assert bands.geometry.is_valid.all()
    assert np.isinf(bands["high"].iloc[-1])


def test_appeals_are_stored_by_level(demo_store: str, demo: dict[str, gpd.GeoDataFrame]) -> None:
    table = geo.service_quality(demo["grids"], demo["areas"], demo["incidents"])
    month = pd.Timestamp("2026-10-01")
    with connect(demo_store) as conn:
        rows = read_service_quality(conn, "subdistrict", month, month + pd.DateOffset(months=1))
    wanted = table.loc["subdistrict"].xs(month, level="month")
    assert len(rows) == len(wanted) == 7
    for row in rows:
        figures = wanted.loc[row["code"]]
        assert row["received"] == figures["received"]
        assert row["in_time_share"] == pytest.approx(figures["in_time_share"])
        assert row["median_hours"] == pytest.approx(figures["median_hours"])
    assert {row["name_en"] for row in rows if row["code"]} >= {"Gucheng Sub-district"}


def district(rng: np.random.Generator, incidents: int) -> dict[str, gpd.GeoDataFrame]:
    """A lattice of 25 grids with people, and incidents over 70 days."""
    step = 0.003
    cells = [
        shapely.box(116 + x * step, 40 + y * step, 116 + (x + 1) * step, 40 + (y + 1) * step)
        for y in range(5)
        for x in range(5)
    ]
    grids = gpd.GeoDataFrame(
        {"code": [f"g{k:02d}" for k in range(25)], "name": "grid", "population": 100},
        geometry=cells,
        crs=4326,
    )
    when = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        rng.integers(0, 70 * 86_400, incidents), unit="s"
    )
    points = gpd.points_from_xy(
        rng.uniform(116, 116.0149, incidents), rng.uniform(40, 40.0149, incidents)
    )
    frame = gpd.GeoDataFrame(
        {
            "source": "t",
            "source_id": [str(k) for k in range(incidents)],
            "occurred_at": when,
            "category": ["a/b", "c"] * (incidents // 2),
        },
        geometry=points,
        crs=4326,
    )
    return {"grids": grids, "incidents": frame}


def put(conn: Conn, layers: dict[str, gpd.GeoDataFrame]) -> None:
    for name, frame in layers.items():
        out = frame.copy()
        for column in LAYERS[name].columns:
            if column.name not in out:
                out[column.name] = column.default
            out[column.name] = out[column.name].astype(object).where(out[column.name].notna(), None)
        out["extra"] = "{}"
        upsert(conn, LAYERS[name], out)
    conn.commit()


def test_what_so_few_incidents_cannot_tell_is_left_out_and_said(store: str) -> None:
    settings = get_settings()
    rng = np.random.default_rng(1)
    with connect(store) as conn:
        assert refresh_statistics(conn, settings) is None  # nothing yet
        put(conn, district(rng, 400))
        run = refresh(conn).run
        figures = refresh_statistics(conn, settings)
        assert figures is not None
        left = figures["patterns_left_out"]
        assert "whole months" in left["forecast"]
        assert "weeks are too few" in left["alerts"]
        assert "hot_spots" not in left
        rows = stored(conn, "grid_patterns")
        assert len(rows) == 25
        assert rows["alert"].isna().all()
        assert rows["previous"].notna().all()
        assert rows["year_before"].isna().all()
        assert len(stored(conn, "grid_patterns", "a")) == 25
        assert stored(conn, "forecasts").empty
        latest = read_latest_run(conn)
        assert latest is not None
        assert latest.id == run
        assert latest.summary["hot_spots"] == figures["hot_spots"]
        # Up to date; then an incident comes, and only then they are worked out anew.
        assert refresh_statistics(conn, settings) is None
        conn.execute("UPDATE incidents SET category = 'd' WHERE category = 'c'")
        conn.commit()
        again = refresh(conn)
        assert refresh_statistics(conn, settings) is not None
        assert stored(conn, "grid_patterns", "c").empty
        assert (stored(conn, "grid_patterns", "d")["run"] == again.run).all()
        # A camera changes nothing about incidents: their figures stay with the newer run.
        conn.execute(
            "INSERT INTO cameras (code, geometry) VALUES ('x', ST_SetSRID(ST_Point(116.001, 40.001), 4326))"
        )
        conn.commit()
        newer = refresh(conn)
        assert newer.run > again.run
        assert refresh_statistics(conn, settings) is None
        latest = read_latest_run(conn)
        assert latest is not None
        assert (
            latest.summary["hot_spots"]
            == stored(conn, "grid_patterns")["hot_spot"].isin(["hot_99", "hot_95"]).sum()
        )


def test_without_incidents_there_are_no_patterns_and_without_people_no_risk(store: str) -> None:
    settings = get_settings()
    layers = district(np.random.default_rng(2), 300)
    layers["grids"]["population"] = None
    with connect(store) as conn:
        put(conn, {"grids": layers["grids"]})
        refresh(conn)
        assert refresh_statistics(conn, settings) is None
        put(conn, {"incidents": layers["incidents"]})
        refresh(conn)
        figures = refresh_statistics(conn, settings)
        assert figures is not None
        assert "nobody lives" in figures["patterns_left_out"]["risk"]
        assert read_contours(conn, "", "risk").empty
        assert len(read_contours(conn, "", "density"))
