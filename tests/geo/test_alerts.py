"""Tests of `seasonal_expectation` and `cusum`: expected counts of a grid, and alerts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

import geo
from geo.errors import ColumnError


def weeks(number: int, start: str = "2024-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=number, freq="7D")


def test_seasonal_expectation_equals_poisson_regression() -> None:
    rng = np.random.default_rng(1)
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    level = np.array([4.0, 9.0, 30.0])
    shape = 1.0 + 0.5 * np.sin(np.arange(12) / 12 * 2 * np.pi)
    cube = pd.DataFrame(rng.poisson(np.outer(level, np.tile(shape, 2))), columns=months)
    expected = geo.seasonal_expectation(cube).to_numpy()
    observed, season = cube.to_numpy(float), np.tile(np.arange(12), 2)

    def loss(theta: np.ndarray) -> float:
        log = theta[:3, None] + np.concatenate([[0.0], theta[3:]])[season][None, :]
        return float((np.exp(log) - observed * log).sum())

    best = optimize.minimize(loss, np.full(14, 1.0), method="BFGS", options={"gtol": 1e-9})
    log = best.x[:3, None] + np.concatenate([[0.0], best.x[3:]])[season][None, :]
    np.testing.assert_allclose(expected, np.exp(log), rtol=2e-4)
    np.testing.assert_allclose(expected.sum(axis=1), observed.sum(axis=1))


def test_seasonal_expectation_uses_full_years_of_the_past() -> None:
    days = weeks(130)
    shape = np.where(days.month == 7, 3.0, 1.0)
    cube = pd.DataFrame(np.outer([10.0, 20.0], shape).round(), columns=days)
    changed = cube.copy()
    changed.iloc[:, 117:] = 500
    expected = geo.seasonal_expectation(cube, learn=117)
    expected_of_changed = geo.seasonal_expectation(changed, learn=117)
    pd.testing.assert_frame_equal(expected, expected_of_changed)
    assert expected.loc[0, expected.columns.month == 1].mean() == pytest.approx(10, rel=0.05)
    july = (expected.columns + pd.Timedelta(days=3.5)).month == 7
    assert expected.loc[0, july].mean() == pytest.approx(30, rel=0.15)
    weekday = pd.DataFrame(
        [[5, 1, 1, 1, 1, 8, 9] * 4 + [5]], columns=pd.date_range("2026-03-02", periods=29)
    )
    by_weekday = geo.seasonal_expectation(weekday, by="weekday")
    assert by_weekday.iloc[0, :7].round(6).tolist() == [5, 1, 1, 1, 1, 8, 9]
    with pytest.raises(ColumnError, match="whole year"):
        geo.seasonal_expectation(cube.iloc[:, :40])
    with pytest.raises(ColumnError, match="first days"):
        geo.seasonal_expectation(pd.DataFrame([[1, 2, 3]]))


def test_cusum_score_equals_hand_calculation() -> None:
    cube = pd.DataFrame([[2, 2, 2, 2, 4, 0, 3, 9]], columns=weeks(8))
    row = geo.cusum(cube, watch=4, quiet_spans=100).iloc[0]
    mean, log = 8.5 / 4, np.log(2)
    s1 = 4 * log - mean
    s2 = max(s1 - mean, 0.0)
    s3 = max(s2 + 3 * log - mean, 0.0)
    s4 = s3 + 9 * log - mean
    assert s2 == 0.0
    assert s3 == 0.0
    assert row["score"] == pytest.approx(s4)
    assert row["threshold"] == pytest.approx(np.log(100))
    assert bool(row["alert"]) is bool(s4 >= np.log(100))
    assert row["since"] == cube.columns[7]
    assert (row["observed"], row["expected"]) == (9, pytest.approx(mean))


def test_cusum_false_alerts_are_rare_and_changes_detected() -> None:
    rng = np.random.default_rng(2)
    rate = rng.uniform(0.2, 8.0, 4000)
    cube = pd.DataFrame(rng.poisson(rate[:, None], (4000, 400)))
    exact = pd.DataFrame(np.repeat(rate[:, None], 400, axis=1))
    stable = geo.cusum(cube, expected=exact, watch=50, quiet_spans=20)
    # At most one false alert in 20 spans of a grid, hence at most 2.5 in 50; the bound is loose.
    assert 0.1 < stable["alerts"].mean() < 2.5
    # The rate is estimated from a year of each grid's own history.
    long = pd.DataFrame(rng.poisson(rate[:, None], (4000, 104)))
    from_history = geo.cusum(long, watch=52, quiet_spans=520)
    assert from_history["alerts"].mean() < 0.1
    doubled = rng.poisson(rate[:, None], (4000, 104))
    doubled[:, -8:] = rng.poisson(2 * rate[:, None], (4000, 8))
    increase = geo.cusum(pd.DataFrame(doubled), watch=26)
    # After eight weeks at twice the rate, grids with more than four a week raise an alert.
    assert (increase["alerts"] > 0)[rate > 4].mean() > 0.9
    halved = rng.poisson(rate[:, None], (4000, 104))
    halved[:, -20:] = rng.poisson(rate[:, None] / 3, (4000, 20))
    decrease = geo.cusum(pd.DataFrame(halved), watch=26, ratio=0.5)
    assert (decrease["alerts"] > 0)[rate > 4].mean() > 0.9
    assert (geo.cusum(pd.DataFrame(halved), watch=26)["alerts"] > 0)[rate > 4].mean() < 0.05


def test_cusum_with_seasonal_expectation_ignores_yearly_cycle() -> None:
    rng = np.random.default_rng(3)
    days = weeks(156)
    wave = 1.0 + 0.9 * np.sin((days.day_of_year - 90) / 365.25 * 2 * np.pi)
    cube = pd.DataFrame(rng.poisson(np.outer(rng.uniform(3, 9, 300), wave)), columns=days)
    watch = 26
    plain = geo.cusum(cube, watch=watch)
    seasonal = geo.cusum(
        cube, watch=watch, expected=geo.seasonal_expectation(cube, learn=156 - watch)
    )
    assert (plain["alerts"] > 0).mean() > 0.5
    assert (seasonal["alerts"] > 0).mean() < 0.05


def test_cusum_accepts_zero_history_and_rejects_bad_input() -> None:
    counts = pd.DataFrame([[0] * 11 + [1], [0] * 10 + [3, 4]])
    assert geo.cusum(counts, watch=2)["alert"].tolist() == [False, False]
    assert geo.cusum(counts, watch=2, quiet_spans=50)["alert"].tolist() == [False, True]
    for options, message in (
        ({"watch": 12}, "watch"),
        ({"ratio": 1.0}, "ratio"),
        ({"quiet_spans": 1.0}, "quiet_spans"),
        ({"expected": counts.iloc[:, :3]}, "shape"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.cusum(counts, **options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="0 or more"):
        geo.cusum(counts - 1)
