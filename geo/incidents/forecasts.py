"""Forecasts of the next month by simple models, none offered that did not beat the last month."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.frames import local_times
from geo.geometry.shapes import shapes_of
from geo.incidents._frame import Frame
from geo.incidents.density import grid_of, incident_moments, local_day, point_coordinates
from geo.incidents.surface import density_surface

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

BASELINE = "last_period"
SHARES = (0.01, 0.05, 0.10)
_HALF_LIFE_DAYS = 14.0
"""In the near-repeat model an incident weighs half after so many days."""


@dataclass(frozen=True)
class Forecast:
    """Expected incidents of the next month by grid, and how the models did on months before."""

    month: pd.Timestamp
    """First day of the month foretold."""
    risk: DataFrame
    """Expected incidents, one row a grid, one column a model that is offered for any share of the
    area; the last period's always first."""
    backtest: DataFrame
    """Indexed by `model` and `area_share`: `hits`, `incidents`, `hit_rate`, `pai`, `pei`,
    `months` held out, `months_won` (more hits than the last period), `offered`."""
    best: Series
    """By share of the area, the offered model with most hits."""


def prediction_accuracy(
    risk: ArrayLike, counts: ArrayLike, area_m2: ArrayLike, *, shares: Sequence[float] = SHARES
) -> DataFrame:
    """How well a ranking of grids foretold where incidents happened.

    Parameters
    ----------
    risk : what was foretold, one figure a grid (incidents, not density), 0 or more.
    counts : what happened there.
    area_m2 : of the grids, above 0.
    shares : of the whole area that is watched, above 0 to 1.

    Returns
    -------
    One row a share (index `area_share`): `hits` (incidents in the watched area), `hit_rate`
    (share of all), `pai` (hit rate over share of the area), `pei` (hits over the most that an
    area of that size could have had). The last two and the rate are NaN without incidents.

    Raises
    ------
    ColumnError : lengths differ, a figure is missing or negative, or a share is out of range.

    Notes
    -----
    Grids are watched from the highest foretold density down; of the last one only the part that
    fills the share, with that part of its incidents. PAI: S. Chainey, L. Tompson and S. Uhlig,
    Security Journal 21 (2008); PEI: J. M. Hunt, dissertation (2016).

    Examples
    --------
    >>> import geo
    >>> table = geo.prediction_accuracy([5, 1, 0, 0], [6, 2, 2, 0], [1, 1, 1, 1], shares=[0.25])
    >>> table[["hit_rate", "pai", "pei"]].iloc[0].round(2).tolist()
    [0.6, 2.4, 1.0]
    """
    foretold, seen, area = (np.asarray(a, float) for a in (risk, counts, area_m2))
    if not foretold.shape == seen.shape == area.shape or foretold.ndim != 1:
        raise ColumnError("risk, counts and area_m2 must be one figure a grid each")
    figures = np.concatenate([foretold, seen, area])
    if not (np.isfinite(figures).all() and (figures >= 0).all() and (area > 0).all()):
        raise ColumnError("risk and counts must be 0 or more, areas above 0, for every grid")
    for share in shares:
        if not 0 < share <= 1:
            raise ColumnError(f"a share of the area must be above 0 and at most 1, not {share}")
    total, whole = seen.sum(), area.sum()
    rows = []
    for share in shares:
        hits = _inside(foretold / area, seen, area, share * whole)
        most = _inside(seen / area, seen, area, share * whole)
        rate = hits / total if total else np.nan
        rows.append(
            {
                "area_share": share,
                "hits": hits,
                "hit_rate": rate,
                "pai": rate / share,
                "pei": hits / most if most else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("area_share")


def forecast(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    *,
    month: pd.Timestamp | str | None = None,
    held_out: int = 6,
    cell_m: float | None = None,
    bandwidth_m: float = 200.0,
    timezone: str = "Asia/Shanghai",
) -> Forecast:
    """Expected incidents of the next month by grid, with the back-test of each model.

    Parameters
    ----------
    grids : polygons, metric CRS.
    incidents : points, same CRS, with times (see `incident_moments`).
    month : a day of the month to foretell; the month after the last one that the incidents fill
        (they reach its last day) unless given. Incidents from its first day on are not looked at.
    held_out : how many months before it each model has to foretell from those before alone.
    cell_m : of the surfaces; a fifth of the bandwidth unless given.
    bandwidth_m : radius of their quartic kernel.
    timezone : in which a month begins.

    Returns
    -------
    A `Forecast`. The models: ``last_period``, the counts of the last month; ``average_3``,
    ``average_6`` and ``average_12``, the mean of so many months, as far as they are there
    throughout; ``kde``, a density surface of the last six months; ``near_repeat``, one whose
    incidents weigh half as much every 14 days. A model is offered for a share of the area (1, 5 or
    10 %) where it had more hits than the last period over the held-out months together, and in
    more than half of them.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    ColumnError : held_out below 1, too few months, or no incident with a time.

    Notes
    -----
    Prospective surfaces: K. J. Bowers, S. D. Johnson and K. Pease, British Journal of Criminology
    44 (2004). Held-out months follow one another, each foretold as it would have been on its
    first day. See docs/forecasts.md.
    """
    require_metric(grids, located=incidents)
    if held_out < 1:
        raise ColumnError("held_out must be at least 1 month; six tell more")
    local = local_times(incident_moments(incidents), timezone)
    known = local.dropna()
    if known.empty:
        raise ColumnError("no incident has a time; give occurred_at or reported_at")
    if month is None:
        target = (known.max().normalize() + pd.Timedelta(days=1)).to_period("M")
    else:
        target = local_day(month, timezone).to_period("M")
    first = known.min().to_period("M")
    if known.min() >= first.start_time + pd.Timedelta(days=1):
        first += 1
    there = (target - first).n
    if there < held_out + 1:
        raise ColumnError(
            f"{there} whole months lie before {target}; {held_out + 1} are needed to hold out "
            f"{held_out}: give fewer, or incidents of a longer time"
        )
    position = grid_of(grids, incidents)
    number = _months(local, first)
    inside = (position >= 0) & (number >= 0) & (number < there)
    counts = np.zeros((len(grids), there))
    np.add.at(counts, (position[inside], number[inside]), 1.0)
    models = _models(
        counts, _Points.of(grids, incidents, local, first, cell_m, bandwidth_m), held_out
    )
    area = shapely.area(shapes_of(grids, "grids"))
    tests: dict[str, list[DataFrame]] = {name: [] for name in models}
    for at in range(there - held_out, there):
        for name, model in models.items():
            tests[name].append(prediction_accuracy(model(at), counts[:, at], area))
    backtest = _judged(tests, counts[:, there - held_out :].sum())
    offers = backtest[backtest["offered"]]
    offered = [name for name in models if name in offers.index.get_level_values("model")]
    hits = offers["hits"].unstack("model")
    return Forecast(
        month=target.start_time,
        risk=pd.DataFrame({name: models[name](there) for name in offered}, index=grids.index),
        backtest=backtest,
        best=hits.idxmax(axis=1).rename("model"),
    )


def _inside(
    density: NDArray[np.float64], seen: NDArray[np.float64], area: NDArray[np.float64], room: float
) -> float:
    """Incidents in the densest grids that fill so much area, of the last one its part."""
    order = np.argsort(-density, kind="stable")
    filled = np.cumsum(area[order])
    part = np.clip((room - (filled - area[order])) / area[order], 0.0, 1.0)
    return float((part * seen[order]).sum())


def _months(local: Series, first: pd.Period) -> NDArray[np.int64]:
    """Number of the month of each moment, 0 for `first`; -1 without one and before."""
    months = local.dt.year * 12 + local.dt.month - (first.year * 12 + first.month)
    number: NDArray[np.int64] = months.fillna(-1).to_numpy().astype(np.int64)
    return np.maximum(number, -1)


@dataclass(frozen=True)
class _Points:
    """Incidents with a place, and the surfaces made of them, measured by grid."""

    grids: GeoDataFrame
    points: GeoDataFrame
    day: NDArray[np.float64]
    starts: NDArray[np.float64]
    """First day of each month, counted as `day` is."""
    cell_m: float
    bandwidth_m: float

    @classmethod
    def of(
        cls,
        grids: GeoDataFrame,
        incidents: GeoDataFrame,
        local: Series,
        first: pd.Period,
        cell_m: float | None,
        bandwidth_m: float,
    ) -> _Points:
        x, _ = point_coordinates(incidents)
        placed = np.isfinite(x) & local.notna().to_numpy()
        day = (
            np.asarray((local[placed] - pd.Timestamp(0)).dt.total_seconds(), np.float64) / 86_400.0
        )
        span = pd.period_range(first, periods=1200, freq="M").start_time
        starts = np.array([s.timestamp() / 86_400.0 for s in span], np.float64)
        size = bandwidth_m / 5.0 if cell_m is None else cell_m
        points = incidents[placed][[incidents.geometry.name]]
        return cls(grids, points, day, starts, size, bandwidth_m)

    @cached_property
    def area(self) -> NDArray[np.float64]:
        """Of the grids, m²."""
        return np.asarray(shapely.area(shapes_of(self.grids, "grids")), np.float64)

    def surface(
        self, since: float, until: float, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Share of the surface's mass in each grid."""
        used = (self.day >= since) & (self.day < until)
        share = None if weights is None else weights[used]
        made = density_surface(
            self.points[used], self.grids, self.cell_m, self.bandwidth_m, weights=share
        )
        values = np.nan_to_num(made.values).ravel()
        owner, own = self.cells
        number = np.bincount(owner[owner >= 0], minlength=len(self.grids))
        mass = np.bincount(owner[owner >= 0], weights=values[owner >= 0], minlength=len(self.grids))
        # A grid too small to hold the centre of a cell takes the density where it lies.
        density = np.where(number > 0, mass / np.maximum(number, 1), values[own])
        risk = density * self.area
        return risk / risk.sum() if risk.sum() > 0 else risk

    @cached_property
    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Grid that each cell of the raster lies in, and the cell of each grid's own point."""
        shapes = tuple(shapely.to_wkb(shapes_of(self.grids, "grids")).tolist())
        return _cells(shapes, str(self.grids.crs), self.cell_m)


@lru_cache(maxsize=2)  # the same grids are asked for again and again, by category
def _cells(
    shapes: tuple[bytes, ...], crs: str, cell_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    grids = gpd.GeoDataFrame(geometry=shapely.from_wkb(np.array(shapes, object)), crs=crs)
    frame = Frame.over(grids, cell_m)
    west, north, (rows, cols) = frame.west, frame.north, frame.mask.shape
    x = west + (np.arange(cols) + 0.5) * cell_m
    y = north - (np.arange(rows) + 0.5) * cell_m
    centres = gpd.points_from_xy(np.tile(x, rows), np.repeat(y, cols))
    owner = grid_of(grids, gpd.GeoDataFrame(geometry=centres, crs=grids.crs))
    inside = shapely.get_coordinates(shapely.point_on_surface(np.asarray(grids.geometry.values)))
    col = np.clip(((inside[:, 0] - west) / cell_m).astype(int), 0, cols - 1)
    row = np.clip(((north - inside[:, 1]) / cell_m).astype(int), 0, rows - 1)
    own = row * cols + col
    for known in (owner, own):
        known.flags.writeable = False
    return owner, own


def _models(
    counts: NDArray[np.float64], points: _Points, held_out: int
) -> dict[str, Callable[[int], NDArray[np.float64]]]:
    """By name, what tells the expected incidents of a month from those before it."""
    there = counts.shape[1]

    def average(months: int) -> Callable[[int], NDArray[np.float64]]:
        return lambda at: np.asarray(counts[:, at - months : at].mean(axis=1))

    def recent(at: int) -> float:
        return float(counts[:, max(at - 3, 0) : at].sum() / min(at, 3))

    def surface(half_life: float | None) -> Callable[[int], NDArray[np.float64]]:
        def model(at: int) -> NDArray[np.float64]:
            until = points.starts[at]
            weights = None
            if half_life is not None:
                weights = 0.5 ** (np.maximum(until - points.day, 0.0) / half_life)
            return points.surface(points.starts[max(at - 6, 0)], until, weights) * recent(at)

        return model

    models = {BASELINE: average(1)}
    for months in (3, 6, 12):
        if there - held_out >= months:
            models[f"average_{months}"] = average(months)
    return models | {"kde": surface(None), "near_repeat": surface(_HALF_LIFE_DAYS)}


def _judged(tests: dict[str, list[DataFrame]], total: float) -> DataFrame:
    rows = []
    hits_of = {
        name: np.array([t["hits"].to_numpy(float) for t in months])
        for name, months in tests.items()
    }
    base = hits_of[BASELINE]
    for name, months in tests.items():
        by_month = hits_of[name]
        hits = by_month.sum(axis=0)
        efficiency = np.array([t["pei"].to_numpy(float) for t in months])
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without an incident in a month none can be hit: it adds nothing to the most.
            most = np.nansum(by_month / efficiency, axis=0)
        won = (by_month > base).sum(axis=0)
        beat = (hits > base.sum(axis=0)) & (2 * won > len(months))
        for k, share in enumerate(months[0].index.astype(float)):
            rate = hits[k] / total if total else np.nan
            rows.append(
                {
                    "model": name,
                    "area_share": share,
                    "hits": hits[k],
                    "incidents": int(total),
                    "hit_rate": rate,
                    "pai": rate / share,
                    "pei": hits[k] / most[k] if most[k] else np.nan,
                    "months": len(months),
                    "months_won": int(won[k]),
                    "offered": name == BASELINE or bool(beat[k]),
                }
            )
    return pd.DataFrame(rows).set_index(["model", "area_share"])
