"""Tests of the class breaks of maps: optimal natural breaks and round numbers."""

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


def spread(values: np.ndarray[Any, Any], breaks: list[float]) -> float:
    """Sum of squares about the means of the classes."""
    classes = np.searchsorted(breaks, values, side="right")
    return float(
        sum(((c := values[classes == k]) - c.mean()) @ (c - c.mean()) for k in np.unique(classes))
    )


@given(SHARES, st.sampled_from(NUMBERS))
def test_natural_class_starts_equal_mapclassify_optimum(values: list[float], number: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mapclassify = pytest.importorskip("mapclassify")
    ordered = np.sort(np.array(values))
    if len(np.unique(ordered)) <= number:
        return
    bins = mapclassify.FisherJenks(ordered, k=number).bins
    classes = np.searchsorted(bins, ordered, side="left")
    expected = sum(
        ((c := ordered[classes == k]) - c.mean()) @ (c - c.mean()) for k in np.unique(classes)
    )
    assert spread(ordered, natural_class_starts(ordered, number)[number]) == pytest.approx(
        expected, abs=1e-9
    )


@given(SHARES, st.sampled_from(["natural", "quantile"]), st.sampled_from(NUMBERS))
def test_class_breaks_separate_different_values(
    values: list[float], method: str, number: int
) -> None:
    breaks = class_breaks([None, *values, math.nan])[method][str(number)]
    assert breaks == sorted(set(breaks))
    assert len(breaks) <= number - 1
    if len(set(values)) == 1:
        assert breaks == []
    elif method == "natural":
        assert breaks
        # Different values fall into more than one class.
        assert len({int(np.searchsorted(breaks, v, side="right")) for v in values}) > 1
    assert all(min(values) < cut <= max(values) for cut in breaks)


@given(SHARES)
@example([0.0, 0.625, 0.4922, 0.125, 0.1875])
def test_class_breaks_rounding_adds_little_variance(values: list[float]) -> None:
    ordered = np.sort(np.array(values))
    exact = natural_class_starts(ordered, 5).get(5)
    if exact is None:
        return
    breaks = class_breaks(values)["natural"]["5"]
    total = spread(ordered, [])
    assert spread(ordered, breaks) <= spread(ordered, exact) + 0.15 * total


def test_class_breaks_divide_low_shares() -> None:
    """All values are below 0.2: equal steps of 0.2 would give one class."""
    values = np.random.default_rng(1).uniform(0, 0.2, 72)
    breaks = class_breaks(values)["natural"]["5"]
    counts = np.bincount(np.searchsorted(breaks, values, side="right"), minlength=5)
    assert len(breaks) == 4
    assert counts.min() >= 5
    # Breaks have at most three decimals, as the legend shows them.
    assert all(round(cut, 3) == cut for cut in breaks)


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
def test_roundest_number_of_an_interval(
    low: float, high: float, near: float, expected: float
) -> None:
    assert roundest_number(low, high, near) == pytest.approx(expected)


@given(st.floats(1e-3, 1e6), st.floats(1e-6, 1e5))
def test_roundest_number_lies_within_the_interval(low: float, width: float) -> None:
    high = low + width
    assert low < roundest_number(low, high, (low + high) / 2) <= high


def test_class_breaks_of_many_values_use_quantiles() -> None:
    """Quantiles represent the values: the breaks are those of the distribution."""
    values = np.random.default_rng(2).uniform(0, 1, 200_000)
    assert class_breaks(values)["natural"]["4"] == pytest.approx([0.25, 0.5, 0.75], abs=0.03)
