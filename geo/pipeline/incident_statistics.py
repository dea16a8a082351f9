"""Statistics of the incidents of one category by grid: rates, hot spots, trends, forecasts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage.scenario import areal
from geo.errors import ColumnError
from geo.incidents.alerts import cusum, seasonal_expectation
from geo.incidents.comparisons import compare_with_past
from geo.incidents.density import density_by_grid
from geo.incidents.emerging import emerging_hot_spots
from geo.incidents.forecasts import forecast
from geo.incidents.hot_spots import hot_spots, local_moran
from geo.incidents.kernel_density import density_surface, select_bandwidth
from geo.incidents.rates import empirical_bayes, rank_intervals
from geo.incidents.relative_risk import relative_risk_surface
from geo.incidents.repeats import near_repeats
from geo.incidents.times import incident_moments, incident_times
from geo.incidents.trends import hours_of_week, mann_kendall, space_time_cube
from geo.incidents.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame

YEAR = pd.Timedelta(days=364)
"""Statistics are those of the last 52 weeks."""
WATCH_WEEKS = 13
"""Number of weeks, the last quarter, in which alerts are raised."""
PERMUTATIONS = 9_999
"""Number of permutations of hot spots and local Moran's I."""
REPEAT_PERMUTATIONS = 199
"""Number of permutations of near repeats."""
MOST_REPEATS = 10_000
"""Near repeats are counted among so many newest incidents of the year."""
_TREND_DAYS = 28
_MIN_CELL_M, _MOST_CELLS = 20.0, 250_000
_DENSITY_LEVELS = np.array([0.1, 0.2, 0.35, 0.5, 0.7])
"""Levels of the contours of density, as shares of its maximum."""
_RISK_LEVELS = [1.0, 1.5, 2.0, 3.0, 5.0, np.inf]


@dataclass(frozen=True)
class StatisticsInputs:
    """Inputs that the statistics of all categories share."""

    grids: GeoDataFrame
    """Grids in a metric CRS, with `population`."""
    neighbours: Weights
    """Neighbours of the grids by contiguity."""
    open_m2: NDArray[np.float64]
    """Open ground of each grid; NaN where unknown."""
    streets: GeoDataFrame
    """Streets in the same CRS; may be empty."""
    timezone: str
    """Timezone of days, weeks and months."""


class IncidentStatistics:
    """Statistics of the incidents of one category.

    Parameters
    ----------
    inputs : StatisticsInputs
        Inputs shared by all categories.
    incidents : geopandas.GeoDataFrame
        Incidents of the category, in the metric CRS of the grids.

    Attributes
    ----------
    figures : dict
        Figures for the summary of the run, filled by `tables`.
    left_out : dict of str to str
        Reason by statistic of those that these incidents are too few for, filled by `tables`.
    """

    def __init__(self, inputs: StatisticsInputs, incidents: GeoDataFrame) -> None:
        self._inputs, self._incidents = inputs, incidents
        self._grids, self._timezone = inputs.grids, inputs.timezone
        times = incident_times(incidents)
        self._year = incidents[(times > times.max() - YEAR).to_numpy()]
        # What is known only within a span of more than a week is counted, and in no hour or trend.
        dated = incident_moments(incidents).notna().to_numpy()
        self._dated = incidents[dated]
        self._dated_year = self._dated[self._dated.index.isin(self._year.index)]
        self._grid_table = pd.DataFrame(index=inputs.grids.index)
        self.left_out: dict[str, str] = {}
        self.figures: dict[str, Any] = {}

    def tables(self) -> dict[str, DataFrame]:
        """Compute all statistics.

        Returns
        -------
        dict of str to pandas.DataFrame
            Rows by name of the result table; statistics for which there are too few incidents are
            left out (`left_out`).
        """
        tables: dict[str, DataFrame] = {}
        steps: dict[str, Callable[[], dict[str, DataFrame]]] = {
            "rates": self._rates,
            "comparison": self._comparison,
            "hot_spots": self._hot_spots,
            "change": self._change,
            "alerts": self._alerts,
            "near_repeats": self._near_repeats,
            "forecast": self._forecast,
            "hours": self._hours,
            "surface": self._surface,
            "risk": self._risk,
        }
        for name, step in steps.items():
            try:
                tables |= step()
            except ColumnError as error:
                self.left_out[name] = str(error)
        contours = [tables.pop(kind) for kind in ("density", "risk") if kind in tables]
        if contours:
            tables["incident_contours"] = pd.concat(contours, ignore_index=True)
        tables["grid_patterns"] = self._grid_table.rename_axis("grid").reset_index()
        return tables

    def _rates(self) -> dict[str, DataFrame]:
        streets = self._inputs.streets if len(self._inputs.streets) else None
        table = density_by_grid(
            self._grids, self._year, open_m2=self._inputs.open_m2, streets=streets
        )
        for name in ("per_open_km2", "per_street_km"):
            if name in table:
                self._grid_table[name] = table[name]
        population = self._grids["population"].to_numpy(float, na_value=np.nan)
        known = np.isfinite(population)
        self._grid_table["eb_per_1000"] = np.nan
        smoothed = empirical_bayes(table.loc[known, "count"], population[known])
        self._grid_table.loc[known, "eb_per_1000"] = smoothed * 1000.0
        self._grid_table["year_count"] = table["count"]
        ranked = rank_intervals(table.loc[known, "count"], population[known])
        for name in ("rank", "rank_p05", "rank_p95"):
            self._grid_table[name] = ranked[name].reindex(self._grids.index).astype("Int64")
        return {}

    def _comparison(self) -> dict[str, DataFrame]:
        last = incident_moments(self._incidents).max()
        if pd.isna(last):
            raise ColumnError("no incident has a time")
        local = last.tz_convert(self._timezone).tz_localize(None) + pd.Timedelta(days=1)
        end = local.to_period("M").start_time
        start = end - pd.DateOffset(months=1)
        table = compare_with_past(
            self._grids, self._incidents, (start, end), timezone=self._timezone
        )
        self._grid_table["month"] = start.date()
        self._grid_table["count"] = table["count"]
        for name in ("previous", "year_before"):
            self._grid_table[name] = table[name].astype("Int64")
            for figure in ("ratio", "q_value"):
                self._grid_table[f"{name}_{figure}"] = table[f"{name}_{figure}"]
        more = (table["previous_q_value"] <= 0.05) & (table["previous_ratio"] > 1)
        self.figures["grids_with_more_than_the_month_before"] = int(more.sum())
        return {}

    def _hot_spots(self) -> dict[str, DataFrame]:
        table = hot_spots(
            self._grids, self._year, weights=self._inputs.neighbours, permutations=PERMUTATIONS
        )
        moran = local_moran(
            self._grids,
            values=table["value"],
            weights=self._inputs.neighbours,
            permutations=PERMUTATIONS,
        )
        self._grid_table["gi_star"] = table["gi_star"]
        self._grid_table["gi_q_value"] = table["q_value"]
        self._grid_table["hot_spot"] = table["class"]
        self._grid_table["moran"] = moran["class"]
        self.figures["hot_spots"] = int(table["class"].isin(["hot_99", "hot_95"]).sum())
        return {}

    def _change(self) -> dict[str, DataFrame]:
        period = (self._end() - YEAR, self._end())
        # Of weeks alone most grids have too few; four together still tell months apart.
        cube = space_time_cube(
            self._grids,
            self._dated_year,
            days=_TREND_DAYS,
            period=period,
            aoristic=True,
            timezone=self._timezone,
        )
        emerging = emerging_hot_spots(cube, self._inputs.neighbours)
        trend = mann_kendall(cube)
        self._grid_table["trend"] = trend["trend"]
        self._grid_table["slope"] = trend["slope"] / 4.0
        self._grid_table["emerging"] = emerging["class"]
        self._grid_table["emerging_since"] = pd.Series(
            _dates(emerging["since"]), self._grids.index, object
        )
        for name in ("new", "consecutive", "intensifying", "persistent", "diminishing"):
            self.figures[f"hot_spots_{name}"] = int((emerging["class"] == f"{name}_hot").sum())
        return {}

    def _alerts(self) -> dict[str, DataFrame]:
        cube = space_time_cube(self._grids, self._dated, aoristic=True, timezone=self._timezone)
        self._grid_table["weeks_from"] = pd.Timestamp(cube.columns[0]).date()
        rounded = cube.to_numpy(float).round(3).tolist()
        self._grid_table["weeks"] = pd.Series(rounded, index=self._grids.index, dtype=object)
        learn = cube.shape[1] - WATCH_WEEKS
        if learn < WATCH_WEEKS:
            raise ColumnError(f"{cube.shape[1]} weeks are too few to watch {WATCH_WEEKS} of them")
        expected = None
        if learn >= 2 * 52:
            expected = seasonal_expectation(cube, learn=learn)
        table = cusum(cube, expected=expected, watch=WATCH_WEEKS)
        self._grid_table["alert"] = table["alert"]
        self._grid_table["alert_score"] = table["score"]
        self._grid_table["alert_since"] = pd.Series(
            _dates(table["since"]), self._grids.index, object
        )
        self._grid_table["alert_observed"] = table["observed"]
        self._grid_table["alert_expected"] = table["expected"]
        self.figures["alerts"] = int(table["alert"].sum())
        return {}

    def _near_repeats(self) -> dict[str, DataFrame]:
        located = self._year[self._year["precision"].eq("exact") & self._year.geometry.notna()]
        located = located[incident_moments(located).notna().to_numpy()]
        order = np.argsort(incident_moments(located).to_numpy(), kind="stable")
        located = located.iloc[order[-MOST_REPEATS:]]
        table = near_repeats(located, permutations=REPEAT_PERMUTATIONS)
        first = table.iloc[0]
        self.figures["near_repeat_ratio"] = float(first["ratio"])
        self.figures["near_repeat_p_value"] = float(first["p_value"])
        return {"near_repeats": table.assign(incidents=table.attrs["incidents"])}

    def _forecast(self) -> dict[str, DataFrame]:
        result = forecast(self._grids, self._incidents, timezone=self._timezone)
        tests = result.backtest.reset_index().assign(month=result.month.date())
        tests["best"] = tests["model"] == tests["area_share"].map(result.best)
        risk = result.risk.rename_axis("grid").reset_index()
        rows = risk.melt(id_vars="grid", var_name="model", value_name="expected")
        self.figures["forecast_month"] = result.month.strftime("%Y-%m")
        best = tests[tests["best"]].set_index("area_share")
        for share, row in best.iterrows():
            self.figures[f"forecast_{share:.0%}"] = f"{row['model']}, PAI {row['pai']:.2f}"
        return {"forecast_tests": tests, "forecasts": rows}

    def _hours(self) -> dict[str, DataFrame]:
        table = hours_of_week(self._dated_year, aoristic=True, timezone=self._timezone)
        rows = table.reset_index().melt(id_vars="weekday", var_name="hour", value_name="weight")
        return {"incident_hours": rows}

    def _surface(self) -> dict[str, DataFrame]:
        located = self._located()
        surface = density_surface(
            located, self._grids, self._cell(), select_bandwidth(located, self._grids)
        )
        top = float(np.nanmax(surface.values))
        levels = [*(top * _DENSITY_LEVELS).tolist(), np.inf]
        return {"density": self._contours(surface.contours(levels), "density")}

    def _risk(self) -> dict[str, DataFrame]:
        located = self._located()
        population = self._grids["population"].to_numpy(float, na_value=0.0)
        homes = gpd.GeoDataFrame(
            geometry=shapely.point_on_surface(np.asarray(self._grids.geometry.values)),
            crs=self._grids.crs,
        )
        # A grid's population stands at one point: a narrower bandwidth would show the grids.
        side = float(np.sqrt(np.median(self._grids.area)))
        width = max(select_bandwidth(located, self._grids), 2.0 * side)
        ratio = relative_risk_surface(
            located, homes, self._grids, self._cell(), width, people=population
        )
        values = np.where(ratio.significant(), ratio.surface.values, np.nan)
        raised = dataclasses.replace(ratio.surface, values=values)
        return {"risk": self._contours(raised.contours(_RISK_LEVELS), "risk")}

    def _located(self) -> GeoDataFrame:
        return self._year[self._year["precision"].isin(["exact", "road"])]

    def _cell(self) -> float:
        west, south, east, north = self._grids.total_bounds
        return max(_MIN_CELL_M, float(np.sqrt((east - west) * (north - south) / _MOST_CELLS)))

    def _contours(self, bands: GeoDataFrame, kind: str) -> DataFrame:
        simplified = shapely.simplify(np.asarray(bands.geometry.values), self._cell() / 4.0)
        shapes = gpd.GeoSeries(simplified, crs=bands.crs).to_crs("EPSG:4326")
        rows = pd.DataFrame({"kind": kind, "low": bands["low"], "high": bands["high"]})
        rows["geometry"] = [areal(shape) for shape in shapely.make_valid(np.asarray(shapes))]
        return rows[[not shape.is_empty for shape in rows["geometry"]]]

    def _end(self) -> pd.Timestamp:
        """Return the midnight after the last incident, in local time without a timezone."""
        last = incident_moments(self._incidents).max()
        if pd.isna(last):
            raise ColumnError("no incident is known to a week or better")
        last = last.tz_convert(self._timezone).tz_localize(None)
        return last.normalize() + pd.Timedelta(days=1)


def _dates(times: pd.Series) -> list[dt.date | None]:
    return [None if pd.isna(time) else time.date() for time in times]
