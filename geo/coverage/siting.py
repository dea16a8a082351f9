"""Where the next cameras do most good: choosing sites that together cover the most."""

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
    """Chosen sites, and how good they are at the least."""

    chosen: pd.DataFrame
    """On the labels of the candidates, in the order of choice: `gain` (what each adds), `total`, `cost`."""
    gain: float
    """What all chosen see together: the sum of weights."""
    upper_bound: float
    """No choice of as many sites (or of that budget) sees more."""
    gap: float
    """Share of the bound that may be missing: 0 is proved best."""


def choose_sites(
    candidates: GeoDataFrame,
    demand: GeoDataFrame,
    number: int | None = None,
    budget: float | None = None,
    *,
    exact_s: float = 0.0,
) -> SitePlan:
    """Choose candidates that together see the most demand.

    The greedy choice with lazy evaluation, by gain or, under a budget, by gain a cost (and the best
    single one where that is better); then single sites are exchanged as long as that helps. Where
    `exact_s` is given, the integer programme is handed to HiGHS for that long, and the better of the
    two plans is told.

    Parameters
    ----------
    candidates : what a camera at each site would see, polygons, metric CRS; `cost` where not all
        cost 1; each label once.
    demand : points to be seen, same CRS; `weight` (at least 0; 1 unless given), such as the square
        metres that a point stands for.
    number, budget : how many sites at most, or what they may cost together; one of the two.
    exact_s : seconds for the exact solver; 0 for none.

    Returns
    -------
    The plan. Sites that add nothing are not chosen. `gap` follows from the bound: the smaller of
    the greedy's own (current gain and the best remaining marginal gains, which submodularity
    makes an upper bound) and the solver's.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a demand is no point, or a candidate no valid polygon.
    ColumnError : a weight or cost is missing or out of its range, a label is there twice, or not exactly
        one of `number` and `budget` is given.

    Notes
    -----
    Maximal covering location problem: Church and ReVelle (1974). The greedy choice of k sites reaches
    at least 1 - 1/e of the best: Nemhauser, Wolsey and Fisher (1978); lazy evaluation: Minoux (1978);
    gain a cost: Khuller, Moss and Naor (1999).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> sites = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 30, 10), shapely.box(20, 0, 60, 10),
    ...     shapely.box(0, 0, 20, 10)], index=["a", "b", "c"], crs="EPSG:32650")
    >>> ground = gpd.GeoDataFrame(geometry=[shapely.Point(x, 5) for x in range(5, 60, 10)], crs="EPSG:32650")
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
        twice = candidates.index[candidates.index.duplicated()]
        raise ColumnError(f"each candidate needs a label of its own; mend {name_rows(twice)}")
    points = points_of(demand, "demand")
    weight = _column(demand, "weight", low=0.0)
    cost = (
        np.ones(len(candidates)) if number is not None else _column(candidates, "cost", low=1e-12)
    )
    tree = shapely.STRtree(points)
    site, point = tree.query(sites, predicate="intersects")
    sees = scipy.sparse.csr_array(
        (np.ones(len(site)), (site, point)), shape=(len(candidates), len(points))
    )
    order = _greedy(sees, weight, cost, limit)
    order = _exchanged(sees, weight, cost, limit, order)
    bound = _bound(sees, weight, cost, limit, order)
    if exact_s > 0 and len(candidates) and len(points):
        better, proved = _exact(sees, weight, cost, limit, exact_s)
        bound = min(bound, proved)
        if better is not None and _seen(sees, weight, better) > _seen(sees, weight, order):
            order = better
    return _plan(candidates, sees, weight, cost, order, bound)


def _column(frame: GeoDataFrame, name: str, *, low: float) -> NDArray[np.float64]:
    if column_of(frame, name) is None:
        return np.ones(len(frame))
    values = numbers_of(frame, name)
    bad = ~(values >= low) | ~np.isfinite(values)
    if bad.any():
        raise ColumnError(
            f"{name} is missing or out of its range in {name_rows(frame.index[bad])}; mend it"
        )
    return values


def _row(sees: Any, k: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = sees.indices[sees.indptr[k] : sees.indptr[k + 1]]
    return found


def _seen(sees: Any, weight: NDArray[np.float64], chosen: list[int]) -> float:
    if not chosen:
        return 0.0
    points = np.unique(np.concatenate([_row(sees, k) for k in chosen]))
    return float(weight[points].sum())


def _greedy(
    sees: Any, weight: NDArray[np.float64], cost: NDArray[np.float64], limit: float
) -> list[int]:
    left = weight.copy()
    gains = sees @ weight
    # Gains only shrink: the head of the queue is the best as soon as its gain is up to date.
    queue = [(-gain / cost[k], k) for k, gain in enumerate(gains) if gain > 0 and cost[k] <= limit]
    heapq.heapify(queue)
    chosen: list[int] = []
    spent = 0.0
    while queue:
        _, k = heapq.heappop(queue)
        if spent + cost[k] > limit * (1 + 1e-12):
            continue
        rate = -left[_row(sees, k)].sum() / cost[k]
        if queue and rate > queue[0][0]:
            heapq.heappush(queue, (rate, k))
            continue
        if rate >= 0:
            break
        chosen.append(k)
        spent += cost[k]
        left[_row(sees, k)] = 0.0
    affordable = np.flatnonzero(cost <= limit)
    if len(affordable):
        best = int(affordable[np.argmax(gains[affordable])])
        if gains[best] > _seen(sees, weight, chosen):
            return [best]
    return chosen


def _exchanged(
    sees: Any,
    weight: NDArray[np.float64],
    cost: NDArray[np.float64],
    limit: float,
    chosen: list[int],
) -> list[int]:
    chosen = list(chosen)
    for _ in range(20):
        counts = np.zeros(sees.shape[1], dtype=np.int64)
        for k in chosen:
            counts[_row(sees, k)] += 1
        better = False
        for place, k in enumerate(chosen):
            mine = _row(sees, k)
            alone = mine[counts[mine] == 1]
            left = np.where(counts == 0, weight, 0.0)
            left[alone] = weight[alone]
            gains = sees @ left
            room = limit - cost[chosen].sum() + cost[k]
            gains[(cost > room * (1 + 1e-12))] = -1.0
            other = int(np.argmax(gains))
            if gains[other] > weight[alone].sum() * (1 + 1e-9) + 1e-12 and other not in chosen:
                counts[mine] -= 1
                counts[_row(sees, other)] += 1
                chosen[place] = other
                better = True
        if not better:
            break
    return chosen


def _bound(
    sees: Any,
    weight: NDArray[np.float64],
    cost: NDArray[np.float64],
    limit: float,
    chosen: list[int],
) -> float:
    """By submodularity no plan sees more than any set does plus the best marginal gains within the limit."""
    best = float(weight[np.unique(sees.indices)].sum()) if sees.nnz else 0.0
    for k in range(len(chosen) + 1):
        left = weight.copy()
        for other in chosen[:k]:
            left[_row(sees, other)] = 0.0
        gains = sees @ left
        order = np.argsort(-gains / cost)
        spent = np.cumsum(cost[order])
        whole = spent <= limit * (1 + 1e-12)
        more = gains[order][whole].sum()
        if not whole.all():
            first = int(np.argmin(whole))
            room = limit - (spent[first - 1] if first else 0.0)
            more += gains[order][first] * room / cost[order][first]
        best = min(best, float(weight.sum() - left.sum() + more))
    return best


def _exact(
    sees: Any, weight: NDArray[np.float64], cost: NDArray[np.float64], limit: float, seconds: float
) -> tuple[list[int] | None, float]:
    """Sites x and seen points y: y of a point is at most the number of chosen sites that see it."""
    sites, points = sees.shape
    objective = np.concatenate([np.zeros(sites), -weight])
    covering = scipy.sparse.hstack([-sees.T, scipy.sparse.eye_array(points)], format="csr")
    spending = scipy.sparse.csr_array(np.concatenate([cost, np.zeros(points)])[None])
    result = scipy.optimize.milp(
        objective,
        constraints=[
            scipy.optimize.LinearConstraint(covering, -np.inf, 0.0),
            scipy.optimize.LinearConstraint(spending, -np.inf, limit),
        ],
        integrality=np.concatenate([np.ones(sites), np.zeros(points)]),
        bounds=scipy.optimize.Bounds(0.0, 1.0),
        options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )
    proved = -float(result.mip_dual_bound) if result.mip_dual_bound is not None else np.inf
    if result.x is None:
        return None, proved
    return [int(k) for k in np.flatnonzero(result.x[:sites] > 0.5)], proved


def _plan(
    candidates: GeoDataFrame, sees: Any, weight: NDArray[np.float64], cost: NDArray[np.float64],
    chosen: list[int], bound: float,
) -> SitePlan:  # fmt: skip
    left, rows, waiting = weight.copy(), [], list(chosen)
    while waiting:
        gains = [float(left[_row(sees, k)].sum()) for k in waiting]
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        k = waiting.pop(best)
        left[_row(sees, k)] = 0.0
        rows.append((k, gains[best]))
    index = candidates.index[[k for k, _ in rows]]
    gains_ = np.array([gain for _, gain in rows], dtype=float)
    table = pd.DataFrame(
        {"gain": gains_, "total": np.cumsum(gains_), "cost": cost[[k for k, _ in rows]]},
        index=index,
    )
    gain = float(gains_.sum())
    bound = max(bound, gain)
    return SitePlan(table, gain, bound, (bound - gain) / bound if bound > 0 else 0.0)
