"""Tests of `forecast`: accuracy measures by hand; methods must beat the last month."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError

CRS = "EPSG:32650"


def lattice(side: int, metres: float = 250.0) -> gpd.GeoDataFrame:
    cells = [
        shapely.box(x * metres, y * metres, (x + 1) * metres, (y + 1) * metres)
        for y in range(side)
        for x in range(side)
    ]
    return gpd.GeoDataFrame(geometry=cells, crs=CRS)


def simulate_incidents(
    rates: np.ndarray, grids: gpd.GeoDataFrame, rng: np.random.Generator, start: str = "2025-01-01"
) -> gpd.GeoDataFrame:
    """Incidents of a Poisson process with a rate by grid (rows) and month (columns)."""
    times, points = [], []
    months = pd.date_range(start, periods=rates.shape[1], freq="MS")
    bounds = grids.bounds.to_numpy()
    for k, month in enumerate(months):
        number = rng.poisson(rates[:, k])
        cell = np.repeat(np.arange(len(grids)), number)
        length = month.days_in_month * 86_400 - 2
        moment = month + pd.to_timedelta(rng.integers(1, length, len(cell)), unit="s")
        times.append(moment.tz_localize("Asia/Shanghai"))
        low, high = bounds[cell, :2], bounds[cell, 2:]
        points.append(rng.uniform(low, high))
    # The first and the last second define the recorded months.
    times.append(pd.DatetimeIndex([months[0]]).tz_localize("Asia/Shanghai"))
    last = months[-1] + pd.offsets.MonthBegin(1) - pd.Timedelta(seconds=1)
    times.append(pd.DatetimeIndex([last]).tz_localize("Asia/Shanghai"))
    points.append(np.full((2, 2), 10.0))
    moments = times[0].append(times[1:])
    return gpd.GeoDataFrame(
        {"occurred_at": moments}, geometry=gpd.points_from_xy(*np.vstack(points).T), crs=CRS
    )


def test_prediction_accuracy_equals_hand_calculation() -> None:
    # Four grids of unequal size; selected are all of b (1 of 10 km²) and half of a.
    table = geo.prediction_accuracy(
        [4, 3, 2, 1], [8, 2, 5, 5], [2e6, 1e6, 3e6, 4e6], shares=[0.2, 1.0]
    )
    assert table.loc[0.2, "hits"] == 2 + 0.5 * 8
    assert table.loc[0.2, "hit_rate"] == pytest.approx(6 / 20)
    assert table.loc[0.2, "pai"] == pytest.approx(1.5)
    # The most that 2 km² can contain is a: 8.
    assert table.loc[0.2, "pei"] == pytest.approx(6 / 8)
    assert table.loc[1.0, ["hit_rate", "pai", "pei"]].tolist() == [1, 1, 1]
    empty = geo.prediction_accuracy([1, 2], [0, 0], [1, 1])
    assert empty[["hit_rate", "pai", "pei"]].isna().all(axis=None)
    for arguments, message in (
        (([1], [1, 2], [1, 1]), "one figure a grid"),
        (([1, -1], [1, 2], [1, 1]), "0 or more"),
        (([1, 1], [1, 2], [1, 0]), "above 0"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.prediction_accuracy(*arguments)
    with pytest.raises(ColumnError, match="share of the area"):
        geo.prediction_accuracy([1], [1], [1], shares=[0])


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0.1, 9)), min_size=1, max_size=12
    ),
    st.floats(0.01, 1),
)
def test_prediction_accuracy_never_beats_the_oracle(
    rows: list[tuple[int, int, float]], share: float
) -> None:
    risk, counts, area = (np.array(c, float) for c in zip(*rows, strict=True))
    table = geo.prediction_accuracy(risk, counts, area, shares=[share])
    if counts.sum():
        assert 0 <= table["pei"].iloc[0] <= 1 + 1e-9
        oracle = geo.prediction_accuracy(counts, counts, area, shares=[share])
        assert oracle["pei"].iloc[0] == pytest.approx(1)
        assert table["hits"].iloc[0] <= oracle["hits"].iloc[0] + 1e-9


def test_forecast_prefers_long_mean_when_rates_are_stable() -> None:
    grids, rng = lattice(14), np.random.default_rng(1)
    steady = np.repeat(rng.gamma(0.3, 4.0, 196)[:, None], 20, axis=1)
    forecast = geo.forecast(grids, simulate_incidents(steady, grids, rng))
    assert forecast.month == pd.Timestamp("2026-09-01")
    assert forecast.best[0.10] in ("average_6", "average_12")
    assert forecast.backtest.loc["average_12", "offered"].any()
    assert forecast.risk["average_12"].sum() == pytest.approx(steady.sum() / 20, rel=0.1)
    assert np.corrcoef(forecast.risk["average_12"], steady[:, 0])[0, 1] > 0.97
    # The hot places change every month: counts older than a month mislead.
    drifting = np.full((196, 20), 0.2)
    for month in range(20):
        drifting[rng.choice(196, 12, replace=False), month] = 40.0
        if month:
            drifting[:, month] = 0.85 * drifting[:, month - 1] + 0.15 * drifting[:, month]
    drift_forecast = geo.forecast(grids, simulate_incidents(drifting, grids, rng))
    assert "average_12" not in drift_forecast.risk.columns
    assert not drift_forecast.backtest.loc["average_12", "offered"].any()


def test_forecast_offers_only_methods_that_beat_the_last_period() -> None:
    grids, rng = lattice(10), np.random.default_rng(2)
    forecast = geo.forecast(
        grids, simulate_incidents(np.full((100, 16), 1.0), grids, rng), held_out=5
    )
    table = forecast.backtest
    base = table.loc["last_period"]
    for (name, share), row in table.iterrows():
        is_better = row["hits"] > base.loc[share, "hits"] and 2 * row["months_won"] > row["months"]
        assert row["offered"] == (name == "last_period" or is_better)
        assert row["pai"] == pytest.approx(row["hit_rate"] / share)
    assert set(forecast.risk.columns) == {n for (n, _), r in table.iterrows() if r["offered"]}
    assert forecast.risk.columns[0] == "last_period"
    assert (forecast.best.map(lambda n: n in forecast.risk.columns)).all()


def test_forecast_ignores_held_out_months_and_uses_full_months() -> None:
    grids, rng = lattice(6), np.random.default_rng(3)
    frame = simulate_incidents(np.full((36, 14), 3.0), grids, rng)
    forecast = geo.forecast(grids, frame, month="2026-01-15")
    assert forecast.month == pd.Timestamp("2026-01-01")
    before = frame[frame["occurred_at"] < pd.Timestamp("2026-01-01", tz="Asia/Shanghai")]
    forecast_before = geo.forecast(grids, before)
    pd.testing.assert_frame_equal(forecast.risk, forecast_before.risk)
    pd.testing.assert_frame_equal(forecast.backtest, forecast_before.backtest)
    # An incomplete month at either end is ignored.
    partial = frame[frame["occurred_at"] > pd.Timestamp("2025-01-10", tz="Asia/Shanghai")]
    partial = partial[partial["occurred_at"] < pd.Timestamp("2026-02-11", tz="Asia/Shanghai")]
    assert geo.forecast(grids, partial).month == pd.Timestamp("2026-02-01")
    assert "average_6" not in geo.forecast(
        grids, partial, held_out=7
    ).backtest.index.get_level_values(0)
    with pytest.raises(ColumnError, match="whole months"):
        geo.forecast(grids, partial, held_out=12)
    with pytest.raises(ColumnError, match="held_out"):
        geo.forecast(grids, partial, held_out=0)
    with pytest.raises(ColumnError, match="no incident has a time"):
        geo.forecast(grids, partial.drop(columns="occurred_at"))


def test_forecast_baltimore_year_mean_beats_last_month(baltimore: Path) -> None:
    grids = gpd.read_file(baltimore / "neighborhoods_2248.gpkg").to_crs(26918)
    rows = pd.read_csv(baltimore / "arrests_2017_on.csv.gz", low_memory=False)
    rows = rows[rows["Latitude"].notna()]
    frame = gpd.GeoDataFrame(
        {"occurred_at": pd.to_datetime(rows["ArrestDate"], format="%m/%d/%Y")},
        geometry=gpd.points_from_xy(rows["Longitude"], rows["Latitude"]),
        crs=4326,
    ).to_crs(26918)
    forecast = geo.forecast(grids, frame, timezone="America/New_York")
    table = forecast.backtest
    assert table.loc[("average_12", 0.10), "offered"]
    assert table.loc[("average_12", 0.10), "pai"] > table.loc[("last_period", 0.10), "pai"]
    assert (table["pei"] <= 1).all()
