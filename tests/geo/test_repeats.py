"""`near_repeats` against pointpats, brute force and simulated incidents."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError
from geo.incidents import repeats

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from libpysal.examples import get_path
    from pointpats import SpaceTimeEvents, knox

START = pd.Timestamp("2026-01-01", tz="UTC")


def make_events(xy: np.ndarray, day: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"occurred_at": START + pd.to_timedelta(day, unit="D")},
        geometry=gpd.points_from_xy(*xy.T),
        crs=32650,
    )


def test_near_repeats_equals_pointpats() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        burkitt = SpaceTimeEvents(get_path("burkitt.shp"), "T")
    frame = make_events(burkitt.space, burkitt.t.ravel())
    for delta, tau in ((20, 5), (10, 10), (40, 60)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # pointpats shuffles the times in place, so each call is given a copy.
            reference = knox(
                burkitt.space, burkitt.t.copy(), delta=delta, tau=tau, permutations=999
            )
        row = geo.near_repeats(frame, distances_m=[delta], days=[tau]).iloc[0]
        assert row["pairs"] == reference["stat"]
        # pointpats returns the smaller tail.
        p = min(row["p_value"], 1 - row["p_value"])
        assert p == pytest.approx(float(np.ravel(reference["pvalue"])[0]), abs=0.06)
    # The published count for a distance of 20 and 5 days.
    assert geo.near_repeats(frame, distances_m=[20], days=[5])["pairs"].iloc[0] == 13


@pytest.mark.parametrize("seed", range(4))
def test_near_repeats_counts_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy = np.round(rng.uniform(0, 600, (120, 2)), -1)  # many coincide or lie on the end of a band
    day = rng.integers(0, 60, 120).astype(float)
    distances, days = [100.0, 200.0, 300.0], [3.0, 7.0, 30.0]
    table = geo.near_repeats(make_events(xy, day), distances_m=distances, days=days, permutations=9)
    i, j = np.triu_indices(120, 1)
    distance, interval = np.hypot(*(xy[i] - xy[j]).T), np.abs(day[i] - day[j])
    for row in table.itertuples():
        in_distance = (distance <= row.to_m) & ((distance > row.from_m) | (row.from_m == 0))
        in_time = (interval <= row.to_days) & ((interval > row.from_days) | (row.from_days == 0))
        assert row.pairs == (in_distance & in_time).sum()
    assert len(table) == 9
    assert table.attrs["incidents"] == 120


def count_every_pair(
    xy: np.ndarray,
    day: np.ndarray,
    space: list[float],
    time: list[float],
    permutations: int,
    seed: int,
) -> np.ndarray:
    """Count pairs by permutation, distance band and time band, one pair at a time."""
    i, j = np.triu_indices(len(xy), 1)
    band = np.searchsorted(space, np.hypot(*(xy[i] - xy[j]).T), side="left")
    is_near = band < len(space)
    i, j, band = i[is_near], j[is_near], band[is_near]
    random = np.random.default_rng(seed)
    orders = [np.arange(len(xy)), *(random.permutation(len(xy)) for _ in range(permutations))]
    tables = np.zeros((len(orders), len(space), len(time)), np.int64)
    for table, order in zip(tables, orders, strict=True):
        span = np.searchsorted(time, np.abs(day[order][i] - day[order][j]), side="left")
        np.add.at(table, (band[span < len(time)], span[span < len(time)]), 1)
    return tables


@pytest.mark.parametrize("small", [65_535, 3], ids=["16 bits", "32 bits"])
@pytest.mark.parametrize("flush", [60_000, 7], ids=["", "counters emptied often"])
@given(data=st.data())
def test_pair_counts_of_permutations_equal_every_pair(
    small: int, flush: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(2, 70))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    width = data.draw(st.sampled_from([1.0, 90.0, 1000.0, 1e7]))
    xy = random.uniform(-width, width, (number, 2))
    if data.draw(st.booleans()):
        xy = np.round(xy, -1)  # many coincide or lie on the end of a band
    day = random.uniform(0, data.draw(st.sampled_from([1.0, 40.0, 2000.0])), number)
    if data.draw(st.booleans()):
        day = np.round(day * 24) / 24
    space = sorted(data.draw(st.sets(st.sampled_from([5.0, 50.0, 70.0, 100.0, 1e6]), min_size=1)))
    time = sorted(data.draw(st.sets(st.sampled_from([0.5, 1.0, 7.0, 28.0, 5000.0]), min_size=1)))
    permutations, seed = data.draw(st.integers(1, 40)), data.draw(st.integers(0, 99))
    bands = [np.array([0.0, *ends]) for ends in (space, time)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_SMALL", small)
        patch.setattr(repeats, "_FLUSH", flush)
        counts = repeats._pair_counts(xy, day, *bands, permutations, seed)
    assert (counts == count_every_pair(xy, day, space, time, permutations, seed)).all()


def test_near_repeats_table_follows_from_the_counts() -> None:
    random = np.random.default_rng(8)
    xy, day = random.uniform(0, 500, (150, 2)), random.integers(0, 90, 150).astype(float)
    table = geo.near_repeats(
        make_events(xy, day), distances_m=[100, 200], days=[7, 14], permutations=60, seed=5
    )
    tables = count_every_pair(xy, day, [100.0, 200.0], [7.0, 14.0], 60, 5)
    assert table["pairs"].tolist() == tables[0].ravel().tolist()
    assert table["expected"].tolist() == tables[1:].mean(axis=0).ravel().tolist()
    p_value = (1 + (tables[1:] >= tables[0]).sum(axis=0)) / 61
    assert table["p_value"].tolist() == p_value.ravel().tolist()


def test_near_repeats_refuses_too_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_MOST_CHECKS", 1e3)
    frame = make_events(np.zeros((50, 2)), np.arange(50.0))
    with pytest.raises(ColumnError, match="shorter distances_m"):
        geo.near_repeats(frame, permutations=99)


def test_near_repeats_detects_repeats_but_not_chance() -> None:
    rng = np.random.default_rng(3)
    significant = 0
    for _ in range(60):
        # Neither a permanent hot spot nor a season is a near repeat.
        xy = np.vstack([rng.uniform(0, 5000, (250, 2)), rng.normal(2000, 80, (150, 2))])
        day = 365 * rng.beta(2, 5, 400)
        table = geo.near_repeats(make_events(xy, day), distances_m=[200], days=[7], permutations=99)
        significant += bool(table["p_value"].iloc[0] <= 0.05)
    assert significant <= 8  # 3 are expected; more than 8 have a probability of 1 in 250
    # Sixty incidents are followed by another one nearby within five days.
    repeated = rng.choice(250, 60, replace=False)
    xy = np.vstack([xy[:280], xy[repeated] + rng.normal(0, 40, (60, 2))])
    day = np.r_[day[:280], day[repeated] + rng.uniform(0, 5, 60)]
    table = geo.near_repeats(make_events(xy, day), distances_m=[200, 1000], days=[7, 60])
    assert table["p_value"].iloc[0] == 1 / 1000
    assert table["ratio"].iloc[0] > 1.8
    same_table = geo.near_repeats(make_events(xy, day), distances_m=[200, 1000], days=[7, 60])
    assert table.equals(same_table)


def test_near_repeats_leaves_out_incidents_without_place_or_time() -> None:
    frame = make_events(np.zeros((4, 2)), np.arange(4.0))
    frame.loc[0, "occurred_at"] = pd.NaT
    frame = frame.set_geometry([*frame.geometry.iloc[:3], None], crs=32650)
    table = geo.near_repeats(frame, distances_m=[10], days=[10], permutations=9)
    assert (table.attrs["incidents"], table["pairs"].iloc[0]) == (2, 1)
    for options, message in (
        ({"distances_m": []}, "distances_m"),
        ({"days": [7, 7]}, "days"),
        ({"distances_m": [-1]}, "distances_m"),
        ({"permutations": 0}, "permutations"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.near_repeats(frame, **options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="two incidents"):
        geo.near_repeats(frame.iloc[:2])
    line = frame.set_geometry([shapely.LineString([(0, 0), (1, 1)])] * 4, crs=32650)
    with pytest.raises(geo.errors.GeometryError):
        geo.near_repeats(line)
