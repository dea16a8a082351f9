"""Conditional permutations: how often chance puts as much beside a place as stands there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from geo.kernel_cache import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.incidents.weights import Weights


@kernel
def _draw(count, draws, most, seed):
    """Of each draw, `most` different positions among `count`."""
    np.random.seed(seed)
    out = np.empty((draws, most), np.int64)
    for p in range(draws):
        for k in range(most):
            while True:
                r = np.random.randint(0, count)
                new = True
                for j in range(k):
                    if out[p, j] == r:
                        new = False
                        break
                if new:
                    out[p, k] = r
                    break
    return out


@kernel
def _count_equal(values, observed, degree, drawn, lo, hi, larger):
    """Draws whose sum is no less than the one observed, for places whose weights are all equal.

    One set of draws serves all places: it numbers the others, so that what place i draws differs
    from what place i - 1 draws only where the draw names one of the two.
    """
    draws, most = drawn.shape
    sums = np.empty(most + 1)
    order = np.empty(most, np.int64)
    for p in range(draws):
        for k in range(most):
            r = drawn[p, k]
            j = k - 1
            while j >= 0 and order[j] > r:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = r
        at = 0
        while at < most and order[at] < lo:
            at += 1
        fresh = True
        for i in range(lo, hi):
            if at < most and order[at] == i - 1 and i > lo:
                at += 1
                fresh = True
            if fresh:
                sums[0] = 0.0
                for k in range(most):
                    r = drawn[p, k]
                    sums[k + 1] = sums[k] + values[r if r < i else r + 1]
                fresh = False
            if sums[degree[i]] >= observed[i]:
                larger[i] += 1


@kernel
def _count_general(values, observed, offsets, weights, drawn, lo, hi, larger):
    """The same for weights of any kind."""
    for p in range(drawn.shape[0]):
        for i in range(lo, hi):
            total = 0.0
            for k in range(offsets[i + 1] - offsets[i]):
                r = drawn[p, k]
                total += weights[offsets[i] + k] * values[r if r < i else r + 1]
            if total >= observed[i]:
                larger[i] += 1


def permuted_p(
    values: NDArray[np.float64], weights: Weights, draws: int, seed: int
) -> NDArray[np.float64]:
    """Two-sided pseudo p-value of the weighted sum over each place's neighbours.

    The value of the place itself is held, its neighbours' are drawn from all others without
    replacement (Anselin 1995). 2 · (min(larger, smaller) + 1) / (draws + 1), at most 1; NaN for a
    place without neighbours.
    """
    count = weights.count
    degree = np.diff(weights.offsets)
    most = int(degree.max(initial=0))
    larger = np.zeros(count, np.int64)
    if most:
        drawn = _draw(count - 1, draws, most, seed)
        first = weights.values[np.minimum(weights.offsets[:-1], len(weights.values) - 1)]
        equal = bool(np.all(weights.values == np.repeat(first, degree)))
        # Where all neighbours weigh the same their plain sums stand in the same order.
        near = values[weights.neighbours]
        observed = weights.row_sums(near if equal else weights.values * near)
        workers = os.cpu_count() or 1
        bounds = np.linspace(0, count, workers + 1).astype(int)

        def work(part: int) -> None:
            lo, hi = int(bounds[part]), int(bounds[part + 1])
            if equal:
                _count_equal(values, observed, degree, drawn, lo, hi, larger)
            else:
                _count_general(
                    values, observed, weights.offsets, weights.values, drawn, lo, hi, larger
                )

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    folded = np.minimum(larger, draws - larger)
    return np.where(degree > 0, np.minimum(2.0 * (folded + 1) / (draws + 1), 1.0), np.nan)
