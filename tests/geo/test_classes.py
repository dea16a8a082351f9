"""Breaks of a map's classes: the exact optimum of natural breaks, and numbers that are easily read."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo.maps.classes import NUMBERS, class_breaks, natural_class_starts, roundest_number

SHARES = st.lists(st.floats(0, 1).map(lambda v: round(v, 4)), min_size=1, max_size=120)


def spread(values: np.ndarray[Any, Any], cuts: list[float]) -> float:
    """Sum of squares about the means of the classes."""
    kinds = np.searchsorted(cuts, values, side="right")
    return float(
        sum(((c := values[kinds == k]) - c.mean()) @ (c - c.mean()) for k in np.unique(kinds))
    )


@given(SHARES, st.sampled_from(NUMBERS))
def test_natural_breaks_are_as_good_as_those_of_mapclassify(
    values: list[float], number: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapclassify = pytest.importorskip("mapclassify")
    ordered = np.sort(np.array(values))
    if len(np.unique(ordered)) <= number:
        return
    theirs = mapclassify.FisherJenks(ordered, k=number).bins
    kinds = np.searchsorted(theirs, ordered, side="left")
    sums = sum(((c := ordered[kinds == k]) - c.mean()) @ (c - c.mean()) for k in np.unique(kinds))
    assert spread(ordered, natural_class_starts(ordered, number)[number]) == pytest.approx(
        sums, abs=1e-9
    )


@given(SHARES, st.sampled_from(["natural", "quantile"]), st.sampled_from(NUMBERS))
def test_breaks_part_what_differs(values: list[float], how: str, number: int) -> None:
    cuts = class_breaks([None, *values, math.nan])[how][str(number)]
    assert cuts == sorted(set(cuts))
    assert len(cuts) <= number - 1
    if len(set(values)) == 1:
        assert cuts == []
    elif how == "natural":
        assert cuts
        # A map whose figures differ has more than one colour, wherever they lie.
        assert len({int(np.searchsorted(cuts, v, side="right")) for v in values}) > 1
    assert all(min(values) < cut <= max(values) for cut in cuts)


@given(SHARES)
@example([0.0, 0.625, 0.4922, 0.125, 0.1875])
def test_rounding_costs_little(values: list[float]) -> None:
    ordered = np.sort(np.array(values))
    exact = natural_class_starts(ordered, 5).get(5)
    if exact is None:
        return
    cuts = class_breaks(values)["natural"]["5"]
    whole = spread(ordered, [])
    assert spread(ordered, cuts) <= spread(ordered, exact) + 0.15 * whole


def test_low_coverage_is_no_single_colour() -> None:
    """All below a fifth: steps of a fifth of the whole would paint one colour."""
    values = np.random.default_rng(1).uniform(0, 0.2, 72)
    cuts = class_breaks(values)["natural"]["5"]
    counts = np.bincount(np.searchsorted(cuts, values, side="right"), minlength=5)
    assert len(cuts) == 4
    assert counts.min() >= 5
    # Numbers of two digits, as a legend shows them.
    assert all(round(cut, 3) == cut for cut in cuts)


@pytest.mark.parametrize(
    ("low", "high", "near", "expected"),
    [
        (0.118, 0.131, 0.124, 0.12),
        (37.2, 41.9, 39, 40),
        (0.9, 1.2, 1.1, 1),
        (0, 0.004, 0.002, 0.002),
        (118, 122, 120, 120),
        (0.5, 0.5, 0.5, 0.5),
        (1999, 2001, 2000, 2000),
    ],
)
def test_roundest(low: float, high: float, near: float, expected: float) -> None:
    assert roundest_number(low, high, near) == pytest.approx(expected)


@given(st.floats(1e-3, 1e6), st.floats(1e-6, 1e5))
def test_a_round_number_stays_between(low: float, more: float) -> None:
    high = low + more
    assert low < roundest_number(low, high, (low + high) / 2) <= high


def test_many_values_take_no_longer_than_a_thousand() -> None:
    """Quantiles stand for them: the breaks are those of the distribution."""
    values = np.random.default_rng(2).uniform(0, 1, 200_000)
    assert class_breaks(values)["natural"]["4"] == pytest.approx([0.25, 0.5, 0.75], abs=0.03)
