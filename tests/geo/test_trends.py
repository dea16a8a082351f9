"""`space_time_cube`, `hours_of_week` and `mann_kendall`: counts over time and trends."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

import geo
from geo.errors import ColumnError

CRS = "EPSG:32650"


def make_grids() -> gpd.GeoDataFrame:
    cells = [shapely.box(x, 0, x + 100, 100) for x in (0, 100, 200)]
    return gpd.GeoDataFrame(geometry=cells, crs=CRS, index=list("abc"))


def make_incidents(times: list[str], x: list[float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"occurred_at": times}, geometry=[shapely.Point(v, 50) for v in x], crs=CRS
    )


def test_space_time_cube_counts_weeks_back_in_local_time() -> None:
    frame = make_incidents(
        [
            "2026-03-01T15:59:00Z",
            "2026-03-01T16:01:00Z",
            "2026-03-08T10:00:00Z",
            "2026-03-14T17:00:00Z",
            "2026-03-10T00:00:00Z",
        ],
        [50, 50, 150, 150, 950],
    )
    cube = geo.space_time_cube(make_grids(), frame, period=("2026-03-01", "2026-03-16"))
    # Fifteen days contain two weeks: 1 March is left out, and 16:01 UTC is 2 March.
    assert cube.columns.strftime("%m-%d").tolist() == ["03-02", "03-09"]
    assert cube.to_numpy().tolist() == [[1, 0], [1, 1], [0, 0]]
    assert cube.attrs["outside"] == 1
    daily = geo.space_time_cube(make_grids(), frame, days=1)
    assert daily.shape == (3, 15)
    assert daily.to_numpy().sum() == 4
    for options, message in (
        ({"days": 0}, "days"),
        ({"period": ("2026-03-01", "2026-03-05")}, "no span"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.space_time_cube(make_grids(), frame, **options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="no incident has a time"):
        geo.space_time_cube(make_grids(), make_incidents([None], [50]))  # type: ignore[list-item]


@pytest.mark.parametrize("ties", [False, True])
def test_mann_kendall_equals_scipy(ties: bool) -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(0, 4 if ties else 10**9, (60, 15)).astype(float)
    result = geo.mann_kendall(pd.DataFrame(table))
    steps = np.arange(15)
    for row, values in zip(result.itertuples(), table, strict=True):
        signs = np.sign(values[None, :] - values[:, None])
        assert row.s == np.triu(signs, 1).sum()
        assert row.slope == pytest.approx(stats.theilslopes(values, steps).slope)
        exact = stats.kendalltau(steps, values)
        # scipy: exact without ties, normal without the continuity correction with them.
        assert row.p_value == pytest.approx(exact.pvalue, abs=0.012 if not ties else 0.06)


def test_mann_kendall_variance_with_ties() -> None:
    # Ten values with a tie of three and one of two: (10·9·25 − 3·2·11 − 2·1·9) / 18 = 120.33.
    values = [10.0, 22, 21, 30, 22, 30, 40, 22, 35, 41]
    result = geo.mann_kendall(pd.DataFrame([values])).iloc[0]
    expected = sum(np.sign(b - a) for i, a in enumerate(values) for b in values[i + 1 :])
    assert result["s"] == expected
    assert result["z"] == pytest.approx(
        (expected - 1) / np.sqrt((10 * 9 * 25 - 3 * 2 * 11 - 2 * 9) / 18)
    )


def test_mann_kendall_detects_trends_with_few_false_positives() -> None:
    rng = np.random.default_rng(2)
    noise = geo.mann_kendall(pd.DataFrame(rng.poisson(5, (4000, 52))))
    assert (noise["p_value"] <= 0.05).mean() == pytest.approx(0.045, abs=0.015)
    assert (noise["trend"] != "none").sum() <= 2
    rising = rng.poisson(np.linspace(3, 12, 52), (50, 52))
    falling = rng.poisson(np.linspace(12, 3, 52), (50, 52))
    table = geo.mann_kendall(pd.DataFrame(np.vstack([rising, falling, np.full((1, 52), 4)])))
    assert (table["trend"].iloc[:50] == "rising").mean() > 0.9
    assert (table["trend"].iloc[50:100] == "falling").mean() > 0.9
    assert table["slope"].iloc[:50].mean() == pytest.approx(9 / 51, rel=0.15)
    assert (table["trend"].iloc[100], table["p_value"].iloc[100]) == ("none", 1.0)
    with pytest.raises(ColumnError, match="four spans"):
        geo.mann_kendall(table[["s", "z"]])
    with pytest.raises(ColumnError, match="0 where there was none"):
        geo.mann_kendall(pd.DataFrame([[1, 2, np.nan, 4]]))


def test_hours_of_week_uses_local_time() -> None:
    frame = make_incidents(
        ["2026-03-01T15:59:00Z", "2026-03-01T16:01:00Z", "2026-03-02T00:30:00+08:00", None],  # type: ignore[list-item]
        [50] * 4,
    )
    table = geo.hours_of_week(frame)
    assert table.shape == (7, 24)
    assert table.loc[6, 23] == 1  # Sunday 23:59 in Shanghai
    assert table.loc[0, 0] == 2
    assert table.to_numpy().sum() == 3
    assert geo.hours_of_week(frame, timezone="UTC").loc[6, 15] == 1


def test_hours_of_week_aoristic_equals_many_small_parts() -> None:
    rng = np.random.default_rng(4)
    begin = pd.Timestamp("2026-03-02", tz="Asia/Shanghai") + pd.to_timedelta(
        rng.integers(0, 86400 * 60, 40), unit="s"
    )
    end = begin + pd.to_timedelta((rng.exponential(3.0, 40) * 86400).round(), unit="s")
    frame = gpd.GeoDataFrame(
        {"occurred_from": begin, "occurred_to": end, "occurred_at": pd.NaT},
        geometry=gpd.points_from_xy(rng.uniform(0, 300, 40), [50.0] * 40),
        crs=CRS,
    )
    frame["occurred_at"] = pd.Series([*begin[:2], *[pd.NaT] * 38], dtype=begin.dtype)
    frame.loc[2, "occurred_to"] = pd.NaT
    table = geo.hours_of_week(frame, aoristic=True)
    expected = np.zeros(168)
    for k in range(40):
        pieces = 1 if k < 3 else 4000
        length = end[k] - begin[k]
        for part in range(pieces) if k >= 3 else (0,):
            moment = begin[k] + length * ((part + 0.5) / pieces) if k >= 3 else begin[k]
            expected[moment.day_of_week * 24 + moment.hour] += 1 / pieces
    np.testing.assert_allclose(table.to_numpy().ravel(), expected, atol=0.02)
    assert table.to_numpy().sum() == pytest.approx(40)
    # A span of two weeks gives no information about the hour.
    whole_weeks = gpd.GeoDataFrame(
        {"occurred_from": ["2026-03-04T05:00Z"], "occurred_to": ["2026-03-18T05:00Z"]},
        geometry=[shapely.Point(1, 1)],
        crs=CRS,
    )
    np.testing.assert_allclose(geo.hours_of_week(whole_weeks, aoristic=True), 1 / 168)
    cube = geo.space_time_cube(
        make_grids(), frame, days=1, aoristic=True, period=("2026-02-23", "2026-06-01")
    )
    assert cube.to_numpy().sum() == pytest.approx(40)
    plain = geo.space_time_cube(make_grids(), frame, days=1, period=("2026-02-23", "2026-06-01"))
    # A span of 24 hours from noon is half on each day.
    noon = gpd.GeoDataFrame(
        {"occurred_from": ["2026-03-04T12:00+08:00"], "occurred_to": ["2026-03-05T12:00+08:00"]},
        geometry=[shapely.Point(50, 50)],
        crs=CRS,
    )
    halves = geo.space_time_cube(
        make_grids(), noon, days=1, aoristic=True, period=("2026-03-03", "2026-03-07")
    )
    assert halves.loc["a"].tolist() == [0, 0.5, 0.5, 0]
    assert plain.to_numpy().sum() == 40
    with pytest.raises(ColumnError, match="exchange occurred_from"):
        geo.hours_of_week(
            whole_weeks.rename(
                columns={"occurred_from": "occurred_to", "occurred_to": "occurred_from"}
            ),
            aoristic=True,
        )
