"""Near repeats: whether incidents that are close in space are closer in time than chance has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numba import njit
from scipy.spatial import KDTree

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.incidents.density import incident_moments, point_coordinates

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame

_MOST_PAIRS = 200_000_000


def near_repeats(
    incidents: GeoDataFrame,
    *,
    distances_m: Sequence[float] = (100.0, 200.0, 400.0),
    days: Sequence[float] = (7.0, 14.0, 28.0),
    permutations: int = 999,
    seed: int = 1,
) -> DataFrame:
    """Knox table: pairs of incidents by distance and days apart, against shuffled times.

    Parameters
    ----------
    incidents : points, metric CRS, with times (see `incident_moments`). Those without either are
        left out.
    distances_m : upper ends of the distance bands, rising; the first band begins at 0 (the same
        place included), each other one beyond the end of the one before.
    days : upper ends of the bands of days, likewise.
    permutations : how often the times are dealt anew among the places.
    seed : of the permutations.

    Returns
    -------
    One row a band of distance and of days: `from_m`, `to_m`, `from_days`, `to_days`, `pairs`,
    `expected` (mean over the permutations), `ratio` (NaN where none is expected), `p_value`
    (share of the permutations, the observed one among them, with as many pairs or more).
    ``.attrs["incidents"]`` is how many were used.

    Raises
    ------
    CrsError : the CRS is not metric.
    GeometryError : an incident is no point.
    ColumnError : bands that do not rise, fewer than two incidents, fewer than one permutation, or
        so many pairs that a shorter distance is needed.

    Notes
    -----
    E. G. Knox, Applied Statistics 13 (1964); Monte Carlo p-value as in J. H. Ratcliffe's Near
    Repeat Calculator. Shuffling the times keeps where and when incidents happen, each for itself;
    a hot spot that was hot all the time makes no near repeats. See docs/repeats.md.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> twice = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-01", "2026-01-03", "2026-06-01", "2026-09-01"]},
    ...     geometry=[shapely.Point(x, 0) for x in (0, 50, 5000, 9000)], crs=32650)
    >>> table = geo.near_repeats(twice, distances_m=[100], days=[7], permutations=99)
    >>> int(table["pairs"].iloc[0])
    1
    """
    require_metric(located=incidents)
    space, time = _bands(distances_m, "distances_m"), _bands(days, "days")
    if permutations < 1:
        raise ColumnError("permutations must be at least 1; 999 give a fair p-value")
    xy = np.column_stack(point_coordinates(incidents))
    when = incident_moments(incidents)
    used = np.isfinite(xy).all(axis=1) & when.notna().to_numpy()
    if used.sum() < 2:
        raise ColumnError("near repeats need at least two incidents with a place and a time")
    xy = xy[used]
    moments = (when[used] - when[used].min()) / pd.Timedelta(days=1)
    day = moments.to_numpy(float)
    tree = KDTree(xy)
    many = (int(tree.count_neighbors(tree, space[-1])) - len(xy)) // 2
    if many > _MOST_PAIRS:
        raise ColumnError(f"{many:,} pairs lie within {space[-1]:g} m; give shorter distances_m")
    pairs = tree.query_pairs(space[-1], output_type="ndarray").astype(np.int32)
    apart = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    band = np.searchsorted(space[1:], apart, side="left").astype(np.int64)
    random = np.random.default_rng(seed)
    orders = [np.arange(len(day)), *(random.permutation(len(day)) for _ in range(permutations))]

    def count(order: NDArray[np.int64]) -> NDArray[np.int64]:
        table = np.zeros((len(space) - 1, len(time) - 1), np.int64)
        _count(pairs, band, day[order], time[1:], table)
        return table

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        tables = np.array(list(pool.map(count, orders)))
    seen, drawn = tables[0], tables[1:]
    expected = drawn.mean(axis=0)
    p_value = (1 + (drawn >= seen).sum(axis=0)) / (permutations + 1)
    rows = [
        {
            "from_m": low,
            "to_m": high,
            "from_days": begin,
            "to_days": end,
            "pairs": int(seen[s, t]),
            "expected": float(expected[s, t]),
            "ratio": float(seen[s, t] / expected[s, t]) if expected[s, t] > 0 else np.nan,
            "p_value": float(p_value[s, t]),
        }
        for s, (low, high) in enumerate(pairwise(space.tolist()))
        for t, (begin, end) in enumerate(pairwise(time.tolist()))
    ]
    out = pd.DataFrame(rows)
    out.attrs["incidents"] = int(used.sum())
    return out


def _bands(ends: Sequence[float], name: str) -> NDArray[np.float64]:
    edges = np.concatenate([[0.0], np.asarray(ends, float)])
    if len(edges) < 2 or not (np.diff(edges) > 0).all() or not np.isfinite(edges).all():
        raise ColumnError(f"{name} must be at least one number above 0, and rise")
    return edges


@njit(cache=True, nogil=True)
def _count(pairs, band, day, ends, table):
    """Add each pair to its band of distance and of days."""
    last = ends[-1]
    for k in range(pairs.shape[0]):
        apart = abs(day[pairs[k, 0]] - day[pairs[k, 1]])
        if apart <= last:
            t = 0
            while apart > ends[t]:
                t += 1
            table[band[k], t] += 1
