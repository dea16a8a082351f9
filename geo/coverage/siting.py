"""Siting: candidate sites that together cover the most demand."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.sparse
import shapely

from geo.crs import require_metric
from geo.errors import ColumnError, name_rows
from geo.frames import column_of, numbers_of
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import points_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SitePlan:
    """Chosen sites, and how near to the optimum they are proved to be.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> crs = "EPSG:32650"
    >>> areas = [shapely.box(0, 0, 2, 1), shapely.box(2, 0, 3, 1)]
    >>> points = gpd.points_from_xy([0.5, 1.5, 2.5], [0.5] * 3)
    >>> demand = gpd.GeoDataFrame({"weight": [1.0, 1.0, 1.0]}, geometry=points, crs=crs)
    >>> plan = geo.choose_sites(gpd.GeoSeries(areas, crs=crs), demand, number=1)
    >>> plan.gain, plan.gap
    (2.0, 0.0)
    """

    chosen: pd.DataFrame
    """On the labels of the candidates, in the order of choice: `gain` (what each adds to those
    before it), `total` (running sum of the gains), `cost`."""
    gain: float
    """Weight of the demand that the chosen sites cover together."""
    upper_bound: float
    """No plan of as many sites (or of that budget) covers more."""
    gap: float
    """(upper_bound - gain) / upper_bound; 0 for a plan that is proved optimal."""


def choose_sites(
    candidates: GeoDataFrame,
    demand: GeoDataFrame,
    number: int | None = None,
    budget: float | None = None,
    *,
    time_limit_s: float = 0.0,
) -> SitePlan:
    """Return the candidate sites that together cover the most demand.

    Parameters
    ----------
    candidates : geopandas.GeoDataFrame
        What a camera at each site would see, polygons, metric CRS, on unique labels; `cost` where
        not all cost 1.
    demand : geopandas.GeoDataFrame
        Points to be covered, same CRS; `weight` (0 or more, 1 unless given), such as the square
        metres that a point represents.
    number : int, optional
        Number of sites at most. Give either `number` or `budget`.
    budget : float, optional
        What the sites may cost together, in the unit of `cost`.
    time_limit_s : float, default 0
        Time limit of the exact solver, seconds; 0 for the heuristic only.

    Returns
    -------
    SitePlan
        The better of the plans of heuristic and solver. Sites that add nothing are not chosen.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a demand is not a point, or a candidate is not a valid polygon.
    ColumnError
        If a weight or cost is missing or out of its range, a label is repeated, or not exactly one
        of `number` and `budget` is given.

    Notes
    -----
    Maximal covering location problem [1]_. The heuristic is the greedy choice with lazy evaluation
    [2]_, by gain or, under a budget, by gain per cost or the best single site [3]_, improved by
    exchanging single sites as long as that helps. The greedy choice reaches at least 1 - 1/e of the
    optimum [4]_. With `time_limit_s` the integer programme is solved by HiGHS. The bound is the
    smaller of the solver's and that of submodularity: current gain and the best remaining marginal
    gains.

    References
    ----------
    .. [1] R. Church and C. ReVelle, "The maximal covering location problem", Papers of the Regional
       Science Association 32 (1974).
    .. [2] M. Minoux, "Accelerated greedy algorithms for maximizing submodular set functions",
       Optimization Techniques, LNCIS 7 (1978).
    .. [3] S. Khuller, A. Moss and J. Naor, "The budgeted maximum coverage problem", Information
       Processing Letters 70 (1999).
    .. [4] G. L. Nemhauser, L. A. Wolsey and M. L. Fisher, "An analysis of approximations for
       maximizing submodular set functions", Mathematical Programming 14 (1978).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> sites = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 30, 10), shapely.box(20, 0, 60, 10),
    ...     shapely.box(0, 0, 20, 10)], index=["a", "b", "c"], crs="EPSG:32650")
    >>> points = [shapely.Point(x, 5) for x in range(5, 60, 10)]
    >>> ground = gpd.GeoDataFrame(geometry=points, crs="EPSG:32650")
    >>> plan = geo.choose_sites(sites, ground, number=2)
    >>> list(plan.chosen.index), plan.gain, plan.gap
    (['b', 'a'], 6.0, 0.0)
    """
    require_metric(candidates, located=demand)
    if (number is None) == (budget is None):
        raise ColumnError("give either the number of sites or a budget")
    limit = float(number if number is not None else budget or 0.0)
    sites, _ = require_polygons(candidates, "candidates", empty=True)
    if not candidates.index.is_unique:
        repeated = candidates.index[candidates.index.duplicated()]
        raise ColumnError(f"each candidate needs a label of its own; correct {name_rows(repeated)}")
    points = points_of(demand, "demand")
    weight = _column(demand, "weight", low=0.0)
    cost = (
        np.ones(len(candidates)) if number is not None else _column(candidates, "cost", low=1e-12)
    )
    tree = shapely.STRtree(points)
    site, point = tree.query(sites, predicate="intersects")
    covers = scipy.sparse.csr_array(
        (np.ones(len(site)), (site, point)), shape=(len(candidates), len(points))
    )
    problem = _Problem(covers, weight, cost, limit)
    chosen = _exchange(problem, _choose_greedily(problem))
    bound = _submodular_bound(problem, chosen)
    if time_limit_s > 0 and len(candidates) and len(points):
        exact, exact_bound = _solve_exactly(problem, time_limit_s)
        bound = min(bound, exact_bound)
        if exact is not None and problem.covered(exact) > problem.covered(chosen):
            chosen = exact
    return _plan(problem, chosen, bound, candidates.index)


@dataclass(frozen=True)
class _Problem:
    """Which sites cover which points, what these weigh, what sites cost and the limit of cost."""

    covers: Any
    """Sparse matrix in compressed rows, one row per site, one column per point; 1 where covered."""
    weight: NDArray[np.float64]
    cost: NDArray[np.float64]
    limit: float

    def points(self, site: int) -> NDArray[np.int64]:
        """Return the points that a site covers."""
        begin, end = self.covers.indptr[site], self.covers.indptr[site + 1]
        points: NDArray[np.int64] = self.covers.indices[begin:end]
        return points

    def covered(self, sites: list[int]) -> float:
        """Return the weight that sites cover together."""
        if not sites:
            return 0.0
        points = np.unique(np.concatenate([self.points(site) for site in sites]))
        return float(self.weight[points].sum())


def _column(frame: GeoDataFrame, name: str, *, low: float) -> NDArray[np.float64]:
    """Return a column that must be finite and at least `low`; 1 everywhere where it is missing."""
    if column_of(frame, name) is None:
        return np.ones(len(frame))
    values = numbers_of(frame, name)
    bad = ~(values >= low) | ~np.isfinite(values)
    if bad.any():
        raise ColumnError(
            f"{name} is missing or out of its range in {name_rows(frame.index[bad])}; correct it"
        )
    return values


def _choose_greedily(problem: _Problem) -> list[int]:
    """Return the greedy choice by gain per cost, or the best single site where that is better."""
    cost, limit = problem.cost, problem.limit
    uncovered = problem.weight.copy()
    gains = problem.covers @ problem.weight
    # Gains only shrink: the head of the queue is the best as soon as its gain is up to date.
    queue = [
        (-gain / cost[site], site)
        for site, gain in enumerate(gains)
        if gain > 0 and cost[site] <= limit
    ]
    heapq.heapify(queue)
    chosen: list[int] = []
    spent = 0.0
    while queue:
        _, site = heapq.heappop(queue)
        if spent + cost[site] > limit * (1 + 1e-12):
            continue
        rate = -uncovered[problem.points(site)].sum() / cost[site]
        if queue and rate > queue[0][0]:
            heapq.heappush(queue, (rate, site))
            continue
        if rate >= 0:
            break
        chosen.append(site)
        spent += cost[site]
        uncovered[problem.points(site)] = 0.0
    affordable = np.flatnonzero(cost <= limit)
    if len(affordable):
        best = int(affordable[np.argmax(gains[affordable])])
        if gains[best] > problem.covered(chosen):
            return [best]
    return chosen


def _exchange(problem: _Problem, chosen: list[int]) -> list[int]:
    """Return a choice improved by exchanging single sites as long as that helps."""
    weight, cost = problem.weight, problem.cost
    chosen = list(chosen)
    for _ in range(20):
        counts = np.zeros(problem.covers.shape[1], dtype=np.int64)
        for site in chosen:
            counts[problem.points(site)] += 1
        improved = False
        for position, site in enumerate(chosen):
            points = problem.points(site)
            alone = points[counts[points] == 1]
            uncovered = np.where(counts == 0, weight, 0.0)
            uncovered[alone] = weight[alone]
            gains = problem.covers @ uncovered
            affordable = problem.limit - cost[chosen].sum() + cost[site]
            gains[(cost > affordable * (1 + 1e-12))] = -1.0
            other = int(np.argmax(gains))
            if gains[other] > weight[alone].sum() * (1 + 1e-9) + 1e-12 and other not in chosen:
                counts[points] -= 1
                counts[problem.points(other)] += 1
                chosen[position] = other
                improved = True
        if not improved:
            break
    return chosen


def _submodular_bound(problem: _Problem, chosen: list[int]) -> float:
    """Return an upper bound of what any plan covers.

    By submodularity no plan covers more than a set of sites does plus the best marginal gains
    within the limit; the least of that over the first sites chosen.
    """
    weight, cost, limit = problem.weight, problem.cost, problem.limit
    best = float(weight[np.unique(problem.covers.indices)].sum()) if problem.covers.nnz else 0.0
    for count in range(len(chosen) + 1):
        uncovered = weight.copy()
        for site in chosen[:count]:
            uncovered[problem.points(site)] = 0.0
        gains = problem.covers @ uncovered
        order = np.argsort(-gains / cost)
        spent = np.cumsum(cost[order])
        affordable = spent <= limit * (1 + 1e-12)
        more = gains[order][affordable].sum()
        if not affordable.all():
            first = int(np.argmin(affordable))
            rest = limit - (spent[first - 1] if first else 0.0)
            more += gains[order][first] * rest / cost[order][first]
        best = min(best, float(weight.sum() - uncovered.sum() + more))
    return best


def _solve_exactly(problem: _Problem, time_limit_s: float) -> tuple[list[int] | None, float]:
    """Return the solver's choice, None without one, and its upper bound.

    Variables are sites x (integer) and covered points y: y of a point is at most the number of
    chosen sites that cover it.
    """
    sites, points = problem.covers.shape
    objective = np.concatenate([np.zeros(sites), -problem.weight])
    covering = scipy.sparse.hstack(
        [-problem.covers.T, scipy.sparse.eye_array(points)], format="csr"
    )
    spending = scipy.sparse.csr_array(np.concatenate([problem.cost, np.zeros(points)])[None])
    result = scipy.optimize.milp(
        objective,
        constraints=[
            scipy.optimize.LinearConstraint(covering, -np.inf, 0.0),
            scipy.optimize.LinearConstraint(spending, -np.inf, problem.limit),
        ],
        integrality=np.concatenate([np.ones(sites), np.zeros(points)]),
        bounds=scipy.optimize.Bounds(0.0, 1.0),
        options={"time_limit": time_limit_s, "mip_rel_gap": 1e-9},
    )
    bound = -float(result.mip_dual_bound) if result.mip_dual_bound is not None else np.inf
    if result.x is None:
        return None, bound
    return [int(site) for site in np.flatnonzero(result.x[:sites] > 0.5)], bound


def _plan(problem: _Problem, chosen: list[int], bound: float, labels: pd.Index) -> SitePlan:
    """Return the plan of chosen sites, ordered by marginal gain."""
    uncovered, remaining = problem.weight.copy(), list(chosen)
    sites: list[int] = []
    gains: list[float] = []
    while remaining:
        marginal = [float(uncovered[problem.points(site)].sum()) for site in remaining]
        best = int(np.argmax(marginal))
        if marginal[best] <= 0:
            break
        site = remaining.pop(best)
        uncovered[problem.points(site)] = 0.0
        sites.append(site)
        gains.append(marginal[best])
    gain_by_site = np.array(gains, dtype=float)
    table = pd.DataFrame(
        {"gain": gain_by_site, "total": np.cumsum(gain_by_site), "cost": problem.cost[sites]},
        index=labels[sites],
    )
    gain = float(gain_by_site.sum())
    bound = max(bound, gain)
    return SitePlan(table, gain, bound, (bound - gain) / bound if bound > 0 else 0.0)
