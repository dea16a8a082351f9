"""Patterns of the incidents: hot spots, change, repeats, forecasts and service, stored with their run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coverage.scenario import areal
from geo.errors import ColumnError
from geo.governance.service_requests import received_at, service_quality
from geo.incidents.alerts import cusum, seasonal_expectation
from geo.incidents.categories import category_path
from geo.incidents.density import density_by_grid, incident_moments, incident_times
from geo.incidents.emerging import emerging_hot_spots
from geo.incidents.forecasts import forecast
from geo.incidents.hot_spots import hot_spots, local_moran
from geo.incidents.rates import compare_with_past, empirical_bayes, ranks
from geo.incidents.repeats import near_repeats
from geo.incidents.surface import bandwidth, density_ratio, density_surface
from geo.incidents.trends import hours_of_week, mann_kendall, space_time_cube
from geo.incidents.weights import Weights, contiguity
from geo.settings import Settings
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.queries.alerts import raise_alerts
from geo.store.queries.coverage import read_open_ground
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import (
    STATISTICS_TABLES,
    add_to_summary,
    read_latest_run,
    refresh_transaction,
)
from geo.store.queries.spatial_statistics import stale_statistics_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame
    from pandas import DataFrame

YEAR = pd.Timedelta(days=364)
"""Patterns are those of the last 52 weeks."""
WATCH_WEEKS = 13
"""Alerts are looked for in the last quarter."""
PERMUTATIONS = 9_999
MOST_CATEGORIES = 12
FEWEST = 100
"""Categories with fewer incidents in the year have no patterns of their own."""
MOST_REPEATS = 10_000
"""Near repeats are counted among so many newest incidents of the year."""


def refresh_statistics(
    conn: Conn, settings: Settings, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any] | None:
    """Work out the patterns anew where the density is newer.

    The caller's connection is committed. Readers see the old figures until the new are whole.

    Returns
    -------
    Their figures, which also stand in the run's summary; None where nothing was to do.
    """
    with refresh_transaction(conn):
        run = stale_statistics_run(conn)
        if run is None:
            return None
        figures = _refresh(conn, settings, run, progress)
        figures["alerts_raised"], figures["alerts_ended"] = raise_alerts(conn, run)
        add_to_summary(conn, run, figures)
        latest = read_latest_run(conn)
        if latest is not None and latest.id != run:
            add_to_summary(conn, latest.id, figures)
        return figures


def _refresh(
    conn: Conn, settings: Settings, run: int, progress: Callable[[str], None]
) -> dict[str, Any]:
    found = read_latest_run(conn)
    assert found is not None  # noqa: S101
    crs = pyproj.CRS(found.metric_crs)
    grids = read_layer(conn, "grids").to_crs(crs)
    areas = read_layer(conn, "areas")
    streets = read_layer(conn, "streets").to_crs(crs)
    incidents = read_layer(conn, "incidents").to_crs(crs)
    ground = read_open_ground(conn).reindex(grids.index).to_numpy(float)
    near = contiguity(grids)
    tables: dict[str, list[DataFrame]] = {name: [] for name in STATISTICS_TABLES}
    left_out: dict[str, str] = {}
    roots = _roots(incidents)
    categories = _categories(roots, incident_times(incidents))
    figures: dict[str, Any] = {}
    for category in ["", *categories]:
        progress(f"patterns of {category or 'all incidents'}")
        some = incidents if not category else incidents[(roots == category).to_numpy()]
        made = _IncidentStatistics(grids, some, near, ground, streets, settings.timezone)
        for name, table in made.tables().items():
            tables[name].append(table.assign(category=category))
        if not category:
            figures = made.figures
            left_out = made.left_out
    appeals = service_quality(
        grids, areas, incidents[_timed(incidents)], timezone=settings.timezone
    ).reset_index()
    tables["service_quality"].append(appeals)
    for name in STATISTICS_TABLES:
        clear_table(conn, name)
        rows = [t for t in tables[name] if len(t)]
        if rows:
            whole = pd.concat(rows, ignore_index=True).assign(run=run)
            shape = "polygon" if name == "incident_contours" else None
            write_table(conn, name, whole, shape=shape)
    due = int(appeals.loc[appeals["level"] == "district", "due"].sum())
    met = int(appeals.loc[appeals["level"] == "district", "closed_in_time"].sum())
    figures["appeals_in_time_share"] = met / due if due else None
    figures["patterns_left_out"] = left_out
    return figures


def _roots(incidents: GeoDataFrame) -> pd.Series:
    names = incidents["category"].fillna("other").astype(str)
    root = {name: (category_path(name) or ("other",))[0] for name in names.unique()}
    return names.map(root)


def _categories(roots: pd.Series, times: pd.Series) -> list[str]:
    recent = roots[(times > times.max() - YEAR).to_numpy()]
    number = recent.value_counts()
    kept = number[number >= FEWEST].sort_index().sort_values(ascending=False, kind="stable")
    return [str(name) for name in kept.index[:MOST_CATEGORIES]] if len(number) > 1 else []


def _timed(incidents: GeoDataFrame) -> Any:
    """Appeals whose times are in order; the others are counted elsewhere but served nowhere."""
    received = received_at(incidents)
    late = (incidents["accepted_at"] < received) | (incidents["closed_at"] < received)
    return (received.notna() & ~late).to_numpy()


class _IncidentStatistics:
    """The patterns of some incidents; what cannot be told of so few is left out with the reason."""

    def __init__(
        self,
        grids: GeoDataFrame,
        incidents: GeoDataFrame,
        near: Weights,
        ground: Any,
        streets: GeoDataFrame,
        timezone: str,
    ) -> None:
        self.grids, self.incidents, self.near = grids, incidents, near
        self.ground, self.streets, self.timezone = ground, streets, timezone
        self.times = incident_times(incidents)
        self.year = incidents[(self.times > self.times.max() - YEAR).to_numpy()]
        # What is known only within a span of more than a week is counted, and in no hour or trend.
        dated = incident_moments(incidents).notna().to_numpy()
        self.dated = incidents[dated]
        self.dated_year = self.dated[self.dated.index.isin(self.year.index)]
        self.left_out: dict[str, str] = {}
        self.figures: dict[str, Any] = {}
        self.grid_table = pd.DataFrame(index=grids.index)

    def tables(self) -> dict[str, DataFrame]:
        out: dict[str, DataFrame] = {}
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
                out |= step()
            except ColumnError as error:
                self.left_out[name] = str(error)
        contours = [out.pop(k) for k in ("density", "risk") if k in out]
        if contours:
            out["incident_contours"] = pd.concat(contours, ignore_index=True)
        out["grid_patterns"] = self.grid_table.rename_axis("grid").reset_index()
        return out

    def _rates(self) -> dict[str, DataFrame]:
        streets = self.streets if len(self.streets) else None
        table = density_by_grid(self.grids, self.year, open_m2=self.ground, streets=streets)
        for name in ("per_open_km2", "per_street_km"):
            if name in table:
                self.grid_table[name] = table[name]
        people = self.grids["population"].to_numpy(float, na_value=np.nan)
        known = np.isfinite(people)
        self.grid_table["eb_per_1000"] = np.nan
        smoothed = empirical_bayes(table.loc[known, "count"], people[known])
        self.grid_table.loc[known, "eb_per_1000"] = smoothed * 1000.0
        self.grid_table["year_count"] = table["count"]
        ranked = ranks(table.loc[known, "count"], people[known])
        for name in ("rank", "rank_p05", "rank_p95"):
            self.grid_table[name] = ranked[name].reindex(self.grids.index).astype("Int64")
        return {}

    def _comparison(self) -> dict[str, DataFrame]:
        last = incident_moments(self.incidents).max()
        if pd.isna(last):
            raise ColumnError("no incident has a time")
        local = last.tz_convert(self.timezone).tz_localize(None) + pd.Timedelta(days=1)
        end = local.to_period("M").start_time
        start = end - pd.DateOffset(months=1)
        table = compare_with_past(self.grids, self.incidents, (start, end), timezone=self.timezone)
        self.grid_table["month"] = start.date()
        self.grid_table["count"] = table["count"]
        for name in ("previous", "year_before"):
            self.grid_table[name] = table[name].astype("Int64")
            for figure in ("ratio", "q_value"):
                self.grid_table[f"{name}_{figure}"] = table[f"{name}_{figure}"]
        more = (table["previous_q_value"] <= 0.05) & (table["previous_ratio"] > 1)
        self.figures["grids_with_more_than_the_month_before"] = int(more.sum())
        return {}

    def _hot_spots(self) -> dict[str, DataFrame]:
        table = hot_spots(self.grids, self.year, weights=self.near, permutations=PERMUTATIONS)
        moran = local_moran(
            self.grids, values=table["value"], weights=self.near, permutations=PERMUTATIONS
        )
        self.grid_table["gi_star"] = table["gi_star"]
        self.grid_table["gi_q_value"] = table["q_value"]
        self.grid_table["hot_spot"] = table["class"]
        self.grid_table["moran"] = moran["class"]
        self.figures["hot_spots"] = int(table["class"].isin(["hot_99", "hot_95"]).sum())
        return {}

    def _change(self) -> dict[str, DataFrame]:
        period = (self._today() - YEAR, self._today())
        # Of weeks alone most grids have too few; four together still tell months apart.
        cube = space_time_cube(
            self.grids,
            self.dated_year,
            days=28,
            period=period,
            aoristic=True,
            timezone=self.timezone,
        )
        emerging = emerging_hot_spots(cube, self.near)
        trend = mann_kendall(cube)
        self.grid_table["trend"] = trend["trend"]
        self.grid_table["slope"] = trend["slope"] / 4.0
        self.grid_table["emerging"] = emerging["class"]
        self.grid_table["emerging_since"] = pd.Series(
            [None if pd.isna(d) else d.date() for d in emerging["since"]], self.grids.index, object
        )
        for name in ("new", "consecutive", "intensifying", "persistent", "diminishing"):
            self.figures[f"hot_spots_{name}"] = int((emerging["class"] == f"{name}_hot").sum())
        return {}

    def _alerts(self) -> dict[str, DataFrame]:
        cube = space_time_cube(self.grids, self.dated, aoristic=True, timezone=self.timezone)
        self.grid_table["weeks_from"] = pd.Timestamp(cube.columns[0]).date()
        rounded = cube.to_numpy(float).round(3).tolist()
        self.grid_table["weeks"] = pd.Series(rounded, index=self.grids.index, dtype=object)
        learn = cube.shape[1] - WATCH_WEEKS
        if learn < WATCH_WEEKS:
            raise ColumnError(f"{cube.shape[1]} weeks are too few to watch {WATCH_WEEKS} of them")
        expected = None
        if learn >= 2 * 52:
            expected = seasonal_expectation(cube, learn=learn)
        table = cusum(cube, expected=expected, watch=WATCH_WEEKS)
        self.grid_table["alert"] = table["alert"]
        self.grid_table["alert_score"] = table["score"]
        self.grid_table["alert_since"] = pd.Series(
            [None if pd.isna(d) else d.date() for d in table["since"]], self.grids.index, object
        )
        self.grid_table["alert_observed"] = table["observed"]
        self.grid_table["alert_expected"] = table["expected"]
        self.figures["alerts"] = int(table["alert"].sum())
        return {}

    def _near_repeats(self) -> dict[str, DataFrame]:
        placed = self.year[self.year["precision"].eq("exact") & self.year.geometry.notna()]
        placed = placed[incident_moments(placed).notna().to_numpy()]
        order = np.argsort(incident_moments(placed).to_numpy(), kind="stable")
        placed = placed.iloc[order[-MOST_REPEATS:]]
        table = near_repeats(placed, permutations=199)
        first = table.iloc[0]
        self.figures["near_repeat_ratio"] = float(first["ratio"])
        self.figures["near_repeat_p_value"] = float(first["p_value"])
        return {"near_repeats": table.assign(incidents=table.attrs["incidents"])}

    def _forecast(self) -> dict[str, DataFrame]:
        made = forecast(self.grids, self.incidents, timezone=self.timezone)
        tests = made.backtest.reset_index().assign(month=made.month.date())
        tests["best"] = tests["model"] == tests["area_share"].map(made.best)
        risk = made.risk.rename_axis("grid").reset_index()
        rows = risk.melt(id_vars="grid", var_name="model", value_name="expected")
        self.figures["forecast_month"] = made.month.strftime("%Y-%m")
        best = tests[tests["best"]].set_index("area_share")
        for share, row in best.iterrows():
            self.figures[f"forecast_{share:.0%}"] = f"{row['model']}, PAI {row['pai']:.2f}"
        return {"forecast_tests": tests, "forecasts": rows}

    def _hours(self) -> dict[str, DataFrame]:
        table = hours_of_week(self.dated_year, aoristic=True, timezone=self.timezone)
        rows = table.reset_index().melt(id_vars="weekday", var_name="hour", value_name="weight")
        return {"incident_hours": rows}

    def _surface(self) -> dict[str, DataFrame]:
        placed = self._placed()
        surface = density_surface(placed, self.grids, self._cell(), bandwidth(placed, self.grids))
        top = float(np.nanmax(surface.values))
        levels = [*(top * np.array([0.1, 0.2, 0.35, 0.5, 0.7])).tolist(), np.inf]
        return {"density": self._contours(surface.contours(levels), "density")}

    def _risk(self) -> dict[str, DataFrame]:
        placed = self._placed()
        people = self.grids["population"].to_numpy(float, na_value=0.0)
        homes = gpd.GeoDataFrame(
            geometry=shapely.point_on_surface(np.asarray(self.grids.geometry.values)),
            crs=self.grids.crs,
        )
        # Narrower than the grids whose people stand at one point, the ratio would tell of them.
        side = float(np.sqrt(np.median(self.grids.area)))
        width = max(bandwidth(placed, self.grids), 2.0 * side)
        made = density_ratio(placed, homes, self.grids, self._cell(), width, people=people)
        values = np.where(made.significant(), made.surface.values, np.nan)
        raised = dataclasses.replace(made.surface, values=values)
        levels = [1.0, 1.5, 2.0, 3.0, 5.0, np.inf]
        return {"risk": self._contours(raised.contours(levels), "risk")}

    def _placed(self) -> GeoDataFrame:
        return self.year[self.year["precision"].isin(["exact", "road"])]

    def _cell(self) -> float:
        west, south, east, north = self.grids.total_bounds
        return max(20.0, float(np.sqrt((east - west) * (north - south) / 250_000)))

    def _contours(self, bands: GeoDataFrame, kind: str) -> DataFrame:
        slim = shapely.simplify(np.asarray(bands.geometry.values), self._cell() / 4.0)
        shapes = gpd.GeoSeries(slim, crs=bands.crs).to_crs("EPSG:4326")
        out = pd.DataFrame({"kind": kind, "low": bands["low"], "high": bands["high"]})
        out["geometry"] = [areal(shape) for shape in shapely.make_valid(np.asarray(shapes))]
        return out[[not shape.is_empty for shape in out["geometry"]]]

    def _today(self) -> pd.Timestamp:
        last = incident_moments(self.incidents).max()
        if pd.isna(last):
            raise ColumnError("no incident is known to a week or better")
        last = last.tz_convert(self.timezone).tz_localize(None)
        return last.normalize() + pd.Timedelta(days=1)
