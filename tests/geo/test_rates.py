"""Smoothed rates, ranks and comparisons of periods against esda, scipy and simulation."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

import geo
from geo.errors import ColumnError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from esda.smoothing import Empirical_Bayes
    from libpysal.examples import get_path

CRS = "EPSG:32650"


def test_empirical_bayes_equals_esda() -> None:
    sids = gpd.read_file(get_path("sids2.shp"))
    for deaths, births in (("SID74", "BIR74"), ("SID79", "BIR79")):
        counts, base = sids[deaths], sids[births].to_numpy(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            esda_rates = np.ravel(Empirical_Bayes(counts.to_numpy(float), base).r)
        assert np.allclose(geo.empirical_bayes(counts, base), esda_rates, atol=1e-12, rtol=0)


def test_empirical_bayes_shrinks_small_grids() -> None:
    counts = pd.Series([3, 0, 500, 300, 2], index=list("abcde"))
    people = [10, 12, 10_000, 9_000, 0]
    smoothed = geo.empirical_bayes(counts, people)
    overall = counts.sum() / sum(people)
    assert smoothed["a"] < 0.3 / 2
    assert smoothed["b"] > 0
    assert smoothed["c"] == pytest.approx(0.05, rel=0.1)
    assert smoothed["e"] == pytest.approx(overall)
    with pytest.raises(ColumnError, match="population"):
        geo.empirical_bayes(counts, [1, 2, 3, 4, np.nan])
    with pytest.raises(ColumnError, match="nobody"):
        geo.empirical_bayes(counts, [0] * 5)
    with pytest.raises(ColumnError, match="whole numbers"):
        geo.empirical_bayes(counts - 1, people)


def test_empirical_bayes_reduces_the_error() -> None:
    rng = np.random.default_rng(1)
    raw_error = eb_error = 0.0
    for _ in range(50):
        people = rng.integers(20, 3000, 300).astype(float)
        truth = rng.gamma(4.0, 0.01 / 4.0, 300)
        counts = pd.Series(rng.poisson(truth * people))
        raw_error += float(((counts / people - truth) ** 2).mean())
        eb_error += float(((geo.empirical_bayes(counts, people) - truth) ** 2).mean())
    assert eb_error < 0.5 * raw_error


def test_rank_intervals_contain_the_true_rank() -> None:
    rng = np.random.default_rng(2)
    contained = []
    for _ in range(40):
        people = rng.integers(200, 3000, 60).astype(float)
        truth = rng.gamma(4.0, 0.02 / 4.0, 60)
        table = geo.rank_intervals(pd.Series(rng.poisson(truth * people)), people, draws=500)
        true_rank = stats.rankdata(-truth)
        contained.append((true_rank >= table["rank_p05"]) & (true_rank <= table["rank_p95"]))
    assert 0.85 < np.mean(contained) < 0.97
    fixed = geo.rank_intervals(pd.Series([5, 50, 50, 1]), [100, 100, 100, 0])
    assert fixed["rank"].tolist()[:3] == [3.0, 1.0, 1.0]
    assert fixed.iloc[3].isna().all()
    assert fixed.equals(geo.rank_intervals(pd.Series([5, 50, 50, 1]), [100, 100, 100, 0]))


def test_compare_periods_equals_the_exact_test() -> None:
    current, previous = pd.Series([30, 5, 0, 0, 7]), pd.Series([12, 6, 0, 9, 0])
    table = geo.compare_periods(current, previous, days_now=30, days_before=90)
    for row, current_count, previous_count in zip(
        table.itertuples(), current, previous, strict=True
    ):
        if current_count + previous_count:
            exact = stats.binomtest(int(current_count), int(current_count + previous_count), 0.25)
            assert row.p_value == pytest.approx(exact.pvalue, abs=1e-12)
            interval = exact.proportion_ci(method="exact")
            low, high = (p / (1 - p) * 3 if p < 1 else np.inf for p in interval)
            assert row.ratio_low == pytest.approx(low)
            assert row.ratio_high == pytest.approx(high)
    assert table["ratio"].tolist()[:2] == pytest.approx([7.5, 2.5])
    assert np.isnan(table["ratio"].iloc[2])
    assert table["p_value"].iloc[2] == 1.0
    with pytest.raises(ColumnError, match="same grids"):
        geo.compare_periods(current, previous.iloc[:3], days_now=1, days_before=1)
    with pytest.raises(ColumnError, match="0 days"):
        geo.compare_periods(current, previous, days_now=0, days_before=1)


def test_compare_periods_has_few_false_positives() -> None:
    rng = np.random.default_rng(3)
    table = geo.compare_periods(
        pd.Series(rng.poisson(8, 5000)),
        pd.Series(rng.poisson(24, 5000)),
        days_now=30,
        days_before=90,
    )
    assert (table["p_value"] <= 0.05).mean() <= 0.055
    assert (table["q_value"] <= 0.05).mean() <= 0.001


def test_compare_with_past_by_months_and_by_days() -> None:
    grids = gpd.GeoDataFrame(
        geometry=[shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)], index=["a", "b"], crs=CRS
    )
    incidents_by_time = {
        "2025-01-31T23:00+08:00": (5, 1),
        "2025-02-28T23:59+08:00": (5, 6),
        "2026-01-01T00:00+08:00": (5, 4),
        "2026-01-31T23:59+08:00": (15, 2),
        "2026-02-01T00:00+08:00": (5, 20),
        "2026-02-28T12:00+08:00": (15, 3),
        "2026-02-10T12:00+08:00": (99, 2),
        "2026-03-01T00:00+08:00": (5, 50),
    }
    incidents = gpd.GeoDataFrame(
        {"occurred_at": [t for t, (_, n) in incidents_by_time.items() for _ in range(n)]},
        geometry=[shapely.Point(x, 5) for x, n in incidents_by_time.values() for _ in range(n)],
        crs=CRS,
    )
    table = geo.compare_with_past(grids, incidents, ("2026-02-01", "2026-03-01"))
    assert table["count"].tolist() == [20, 3]
    assert table["previous"].tolist() == [4, 2]
    assert table["year_before"].tolist() == [6, 0]
    assert table.attrs["outside"] == 2
    direct = geo.compare_periods(
        table["count"], table["previous"].astype(int), days_now=28, days_before=31
    )
    assert table["previous_p_value"].tolist() == direct["p_value"].tolist()
    assert table["previous_ratio"].iloc[0] == pytest.approx(20 / 28 / (4 / 31))
    assert table["year_before_ratio"].iloc[0] == pytest.approx(20 / 6)
    assert np.isnan(table["year_before_ratio"].iloc[1])
    # Half a month is compared with as many days before it; months without records are unknown.
    half_month = geo.compare_with_past(grids, incidents, ("2026-02-01", "2026-02-15"))
    assert half_month.attrs["periods"]["previous"] == ["2026-01-18", "2026-02-01"]
    first_month = geo.compare_with_past(grids, incidents, ("2026-01-01", "2026-02-01"))
    assert first_month["previous"].tolist() == [0, 0]
    assert first_month["year_before"].isna().all()
    assert first_month["year_before_q_value"].isna().all()
    with pytest.raises(ColumnError, match="is empty"):
        geo.compare_with_past(grids, incidents, ("2026-03-01", "2026-02-01"))
    with pytest.raises(ColumnError, match="no incident has a time"):
        geo.compare_with_past(
            grids, incidents.drop(columns="occurred_at"), ("2026-02-01", "2026-03-01")
        )
