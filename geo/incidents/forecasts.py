"""Forecasts of the next month, offered only where they beat the counts of the last month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.frames import local_times
from geo.incidents._forecast_models import BASELINE, IncidentSurfaces, forecast_models
from geo.incidents.locations import grid_positions
from geo.incidents.prediction_accuracy import prediction_accuracy
from geo.incidents.times import incident_moments, local_day

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame, Series


@dataclass(frozen=True)
class Forecast:
    """Expected incidents of the next month by grid, and the back-test of the models.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely, geo
    >>> cells = [shapely.box(x, 0, x + 500, 500) for x in (0, 500)]
    >>> days = pd.date_range("2026-01-01", "2026-04-30", tz="Asia/Shanghai")
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": days}, geometry=[shapely.Point(250, 250)] * len(days), crs=32650)
    >>> result = geo.forecast(gpd.GeoDataFrame(geometry=cells, crs=32650), points, held_out=2)
    >>> result.backtest.index.names
    FrozenList(['model', 'area_share'])
    """

    month: pd.Timestamp
    """First day of the forecast month, without a zone."""
    risk: DataFrame
    """Expected incidents, one row per grid, one column per model that is offered for any share of
    the area; the last period's is always first."""
    backtest: DataFrame
    """Indexed by `model` and `area_share`: `hits`, `incidents`, `hit_rate`, `pai`, `pei` (see
    `prediction_accuracy`), `months` held out, `months_won` (more hits than the last period),
    `offered`."""
    best: Series
    """By share of the area, the offered model with the most hits."""


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
    """Return the expected incidents of the next month by grid, with a back-test of each model.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    incidents : geopandas.GeoDataFrame
        Points, same CRS, with times. Those known only within a span of more than a week do not
        count.
    month : pandas.Timestamp or str, optional
        A day of the month to forecast; the month after the last one that the incidents fill (they
        reach its last day) unless given. Incidents from its first day on are not used.
    held_out : int, default 6
        Number of months before it that each model forecasts from earlier months alone.
    cell_m : float, optional
        Side of a cell of the surfaces, metres; a fifth of the bandwidth unless given.
    bandwidth_m : float, default 200
        Radius of their quartic kernel, metres.
    timezone : str, default "Asia/Shanghai"
        IANA name of the zone in which months begin.

    Returns
    -------
    Forecast
        Expected incidents, back-test and the best model by share of the area.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If `held_out` is below 1, there are too few months, or no incident has a time.

    Notes
    -----
    The models: ``last_period``, the counts of the last month; ``average_3``, ``average_6`` and
    ``average_12``, the mean of as many months, where that many lie before all held-out months;
    ``kde``, a density surface of the last six months [1]_; ``near_repeat``, one whose incidents
    weigh half as much every 14 days (prospective hot-spotting [2]_).

    Each held-out month is forecast as it would have been on its first day. A model is offered for a
    share of the area (1, 5 or 10 %) where it had more hits than ``last_period`` over the held-out
    months together, and in more than half of them. See docs/forecasts.md.

    References
    ----------
    .. [1] S. Chainey, L. Tompson and S. Uhlig, "The utility of hotspot mapping for predicting
       spatial patterns of crime", Security Journal 21 (2008).
    .. [2] K. J. Bowers, S. D. Johnson and K. Pease, "Prospective hot-spotting: the future of crime
       mapping?", British Journal of Criminology 44 (2004).

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely, geo
    >>> cells = [shapely.box(x, 0, x + 500, 500) for x in (0, 500)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> days = pd.date_range("2026-01-01", "2026-04-30", tz="Asia/Shanghai")
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": days}, geometry=[shapely.Point(250, 250)] * len(days), crs=32650)
    >>> result = geo.forecast(grids, points, held_out=2)
    >>> f"{result.month:%Y-%m}", result.risk["last_period"].tolist()
    ('2026-05', [30.0, 0.0])
    """
    require_metric(grids, located=incidents)
    if held_out < 1:
        raise ColumnError("held_out must be at least 1 month; six tell more")
    local = local_times(incident_moments(incidents), timezone)
    first, target = _month_range(local.dropna(), month, timezone)
    number_of_months = (target - first).n
    if number_of_months < held_out + 1:
        raise ColumnError(
            f"{number_of_months} whole months lie before {target}; {held_out + 1} are needed to "
            f"hold out {held_out}: give fewer, or incidents of a longer time"
        )
    position = grid_positions(grids, incidents)
    number = _month_numbers(local, first)
    inside = (position >= 0) & (number >= 0) & (number < number_of_months)
    counts = np.zeros((len(grids), number_of_months))
    np.add.at(counts, (position[inside], number[inside]), 1.0)
    surfaces = IncidentSurfaces.of(grids, incidents, local, first, cell_m, bandwidth_m)
    models = forecast_models(counts, surfaces, held_out)
    tests: dict[str, list[DataFrame]] = {name: [] for name in models}
    for at in range(number_of_months - held_out, number_of_months):
        for name, model in models.items():
            tests[name].append(prediction_accuracy(model(at), counts[:, at], surfaces.area_m2))
    total = counts[:, number_of_months - held_out :].sum()
    backtest = _backtest(tests, total)
    offers = backtest[backtest["offered"]]
    offered = [name for name in models if name in offers.index.get_level_values("model")]
    risk = {name: models[name](number_of_months) for name in offered}
    return Forecast(
        month=target.start_time,
        risk=pd.DataFrame(risk, index=grids.index),
        backtest=backtest,
        best=offers["hits"].unstack("model").idxmax(axis=1).rename("model"),
    )


def _month_range(
    known: Series, month: pd.Timestamp | str | None, timezone: str
) -> tuple[pd.Period, pd.Period]:
    """Return the first month that is full from its first day, and the month to forecast."""
    if known.empty:
        raise ColumnError("no incident has a time; give occurred_at or reported_at")
    if month is None:
        target = (known.max().normalize() + pd.Timedelta(days=1)).to_period("M")
    else:
        target = local_day(month, timezone).to_period("M")
    first = known.min().to_period("M")
    if known.min() >= first.start_time + pd.Timedelta(days=1):
        first += 1
    return first, target


def _month_numbers(local: Series, first: pd.Period) -> NDArray[np.int64]:
    """Return the number of each time's month, 0 for `first`; -1 without a time and before."""
    months = local.dt.year * 12 + local.dt.month - (first.year * 12 + first.month)
    number: NDArray[np.int64] = months.fillna(-1).to_numpy().astype(np.int64)
    return np.maximum(number, -1)


def _backtest(tests: dict[str, list[DataFrame]], total: float) -> DataFrame:
    """Return `Forecast.backtest` of tables of `prediction_accuracy`, one per model and month."""
    rows = []
    hits_of = {
        name: np.array([table["hits"].to_numpy(float) for table in tables])
        for name, tables in tests.items()
    }
    baseline_hits = hits_of[BASELINE]
    for name, tables in tests.items():
        hits_by_month = hits_of[name]
        hits = hits_by_month.sum(axis=0)
        efficiency = np.array([table["pei"].to_numpy(float) for table in tables])
        with np.errstate(divide="ignore", invalid="ignore"):
            # In a month without incidents none can be hit: it adds nothing to the possible hits.
            possible = np.nansum(hits_by_month / efficiency, axis=0)
        won = (hits_by_month > baseline_hits).sum(axis=0)
        better = (hits > baseline_hits.sum(axis=0)) & (2 * won > len(tables))
        for k, share in enumerate(tables[0].index.astype(float)):
            rate = hits[k] / total if total else np.nan
            rows.append(
                {
                    "model": name,
                    "area_share": share,
                    "hits": hits[k],
                    "incidents": int(total),
                    "hit_rate": rate,
                    "pai": rate / share,
                    "pei": hits[k] / possible[k] if possible[k] else np.nan,
                    "months": len(tables),
                    "months_won": int(won[k]),
                    "offered": name == BASELINE or bool(better[k]),
                }
            )
    return pd.DataFrame(rows).set_index(["model", "area_share"])
