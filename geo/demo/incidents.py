"""Incidents of the demo district: three years with hot spots, hours, weekdays and seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.demo.plan import CATEGORIES, CRS, DUE_HOURS, FIRST, KINDS, LAST, SEED

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_NUMBER = 60_000
_HOT_SPOTS = 16
_DAYS = (LAST - FIRST).days + 1
_HOUR_WEIGHTS = {
    "theft": (2, 2, 2, 2, 1, 1, 1, 2, 3, 4, 5, 5, 4, 4, 5, 6, 7, 8, 9, 9, 8, 7, 5, 3),
    "dispute": (2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 6, 5, 4, 4, 5, 5, 6, 7, 9, 10, 9, 7, 5, 3),
    "traffic": (1, 1, 1, 1, 1, 2, 4, 9, 10, 6, 5, 5, 5, 5, 5, 6, 8, 10, 9, 5, 4, 3, 2, 1),
    "noise": (8, 5, 3, 2, 1, 2, 3, 3, 3, 3, 3, 3, 5, 4, 3, 3, 3, 4, 6, 9, 11, 13, 13, 11),
    "appearance": (1, 1, 1, 1, 1, 2, 5, 8, 10, 9, 8, 6, 4, 5, 7, 8, 8, 8, 8, 7, 5, 3, 2, 1),
    "hazard": (1, 1, 1, 1, 1, 2, 3, 5, 8, 9, 9, 8, 5, 6, 8, 8, 7, 5, 4, 3, 2, 2, 1, 1),
}
"""Relative frequency of each category by hour of the day."""
_MONTH_WEIGHTS = {
    "theft": (11, 12, 9, 8, 8, 8, 8, 8, 8, 9, 9, 10),
    "dispute": (9, 12, 8, 8, 8, 9, 10, 10, 8, 8, 8, 8),
    "traffic": (9, 8, 8, 8, 8, 9, 9, 9, 9, 9, 10, 10),
    "noise": (4, 5, 6, 8, 10, 13, 15, 15, 11, 8, 6, 5),
    "appearance": (7, 7, 8, 9, 10, 10, 10, 10, 9, 9, 8, 7),
    "hazard": (10, 9, 7, 7, 7, 8, 9, 9, 8, 8, 9, 11),
}
"""Relative frequency of each category by month."""
_WEEKEND_FACTORS = {"traffic": 0.75, "noise": 1.35, "hazard": 0.7}
_TREND_FACTORS = {"theft": 0.75, "dispute": 1.15}
"""Frequency on the last day relative to the first."""


def make_incidents(grids: GeoDataFrame, streets: GeoDataFrame, areas: GeoDataFrame) -> GeoDataFrame:
    """Return three years of incidents.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids of the district with `code`, in `CRS`.
    streets : geopandas.GeoDataFrame
        From `make_streets`.
    areas : geopandas.GeoDataFrame
        Areas of the district with `level`, in `CRS`.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of `geo.schema.INCIDENTS`, points in `CRS`. About one in a hundred has no point but
        a grid, a few lie outside every grid, and of many thefts only a span of time is known.
    """
    rng = np.random.default_rng(SEED + 5)
    category = rng.choice(CATEGORIES, _NUMBER, p=[0.14, 0.24, 0.2, 0.16, 0.17, 0.09])
    time, day = _times(category, rng)
    points = _points(category, day, grids, streets, areas, rng)
    years = time.astype("datetime64[Y]").astype(int) + 1970
    zone = "Asia/Shanghai"
    occurred = pd.Series(pd.to_datetime(time)).dt.tz_localize(zone).dt.tz_convert("UTC")
    reported = occurred + pd.to_timedelta(rng.exponential(1800, _NUMBER).round(), unit="s")
    accepted = reported + pd.to_timedelta(rng.exponential(2400, _NUMBER).round(), unit="s")
    closed = accepted + pd.to_timedelta(rng.lognormal(10.6, 0.9, _NUMBER).round(), unit="s")
    # A generator of its own: what is drawn after this stays that of earlier versions.
    other_rng = np.random.default_rng(SEED + 50)
    subkinds = other_rng.geometric(0.45, _NUMBER).tolist()
    paths = [
        f"{name}/{KINDS[name][k % len(KINDS[name])]}"
        for name, k in zip(category.tolist(), subkinds, strict=True)
    ]
    due = reported + pd.to_timedelta([DUE_HOURS[name] for name in category], unit="h")
    # Of many thefts only the hours between which they happened are known.
    unseen = (category == "theft") & (other_rng.random(_NUMBER) < 0.35)
    since = occurred - pd.to_timedelta(other_rng.exponential(6 * 3600, _NUMBER).round(), unit="s")
    since = since.where(since >= occurred.min(), occurred.min())
    grid_only = rng.random(_NUMBER) < 0.012
    grid = rng.integers(0, len(grids), _NUMBER)
    points = points.astype(object)
    points[grid_only] = None
    return gpd.GeoDataFrame(
        {
            "source": np.where(np.isin(category, ["theft", "traffic"]), "110", "12345"),
            "source_id": [f"{year}{k:06d}" for k, year in enumerate(years, start=1)],
            "category": paths,
            "occurred_at": occurred.where(~unseen),
            "occurred_from": since.where(unseen),
            "occurred_to": reported.where(unseen),
            "reported_at": reported,
            "accepted_at": accepted,
            "due_at": due,
            "closed_at": closed.where(rng.random(_NUMBER) < 0.96),
            "satisfaction": np.where(
                rng.random(_NUMBER) < 0.5, rng.choice([60, 80, 90, 100], _NUMBER), np.nan
            ),
            "grid": np.where(grid_only, grids["code"].to_numpy()[grid], None),
            "precision": np.where(grid_only, "grid", "exact"),
        },
        geometry=gpd.GeoSeries(points, crs=CRS),
        crs=CRS,
    )


def _times(
    category: NDArray[np.str_], rng: np.random.Generator
) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """Return local time and day of each incident, by season, weekday, trend and hour."""
    calendar = pd.date_range(FIRST.isoformat(), periods=_DAYS, freq="D")
    weekend = calendar.day_of_week >= 5
    time = np.zeros(_NUMBER, "datetime64[s]")
    day = np.zeros(_NUMBER, np.int64)
    for name in CATEGORIES:
        rows = np.flatnonzero(category == name)
        weight = np.array(_MONTH_WEIGHTS[name], float)[calendar.month - 1]
        weight = weight * np.where(weekend, _WEEKEND_FACTORS.get(name, 1.0), 1.0)
        weight = weight * np.linspace(1.0, _TREND_FACTORS.get(name, 1.0), _DAYS)
        day[rows] = rng.choice(_DAYS, len(rows), p=weight / weight.sum())
        hours = np.array(_HOUR_WEIGHTS[name], float)
        hour = rng.choice(24, len(rows), p=hours / hours.sum())
        second = hour * 3600 + rng.integers(0, 3600, len(rows))
        midnight = calendar.values[day[rows]].astype("datetime64[s]")
        time[rows] = midnight + second.astype("timedelta64[s]")
    return time, day


def _points(
    category: NDArray[np.str_],
    day: NDArray[np.int64],
    grids: GeoDataFrame,
    streets: GeoDataFrame,
    areas: GeoDataFrame,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """Return the point of each incident: in a hot spot, or along a street."""
    west, south, east, north = grids.total_bounds
    centre = np.array([(west + east) / 2, (south + north) / 2])
    in_hot_spots, is_hot = _points_of_hot_spots(category, day, centre, rng)
    lines = shapely.get_parts(streets.geometry.values)
    near = np.exp(-((shapely.distance(shapely.Point(*centre), lines) / 2100) ** 2)) + 0.08
    weight = shapely.length(lines) * near
    line = lines[rng.choice(len(lines), _NUMBER, p=weight / weight.sum())]
    on_street = shapely.get_coordinates(
        shapely.line_interpolate_point(line, rng.random(_NUMBER), normalized=True)
    )
    beside_street = on_street + rng.normal(0, 14, (_NUMBER, 2))
    points = shapely.points(np.where(is_hot[:, None], in_hot_spots, beside_street))
    district = areas.geometry[areas["level"] == "district"].iloc[0]
    shapely.prepare(district)
    outside = ~shapely.intersects(district, points)
    # Most points outside are moved to their street; a few stay outside, as in real files.
    moved = outside & (rng.random(_NUMBER) < 0.985)
    points[moved] = shapely.points(on_street[moved])
    return np.asarray(points)


def _points_of_hot_spots(
    category: NDArray[np.str_],
    day: NDArray[np.int64],
    centre: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a point of a hot spot for each incident, and which incidents belong to one.

    Hot spots live for about a year, drift, and prefer several categories.
    """
    home = centre + rng.normal(0, 1, (_HOT_SPOTS, 2)) * [1100, 850]
    drift = rng.normal(0, 1, (_HOT_SPOTS, 2)) * 650
    peak = rng.uniform(0, _DAYS, _HOT_SPOTS)
    life = rng.uniform(120, 420, _HOT_SPOTS)
    preference = rng.dirichlet(np.full(len(CATEGORIES), 0.5), _HOT_SPOTS)
    strength = rng.lognormal(0, 0.5, _HOT_SPOTS)
    number = np.searchsorted(sorted(CATEGORIES), category)
    order = np.argsort(CATEGORIES)
    activity = strength * np.exp(-(((day[:, None] - peak) / life) ** 2))
    activity = activity * preference[:, order][:, number].T
    is_hot = rng.random(_NUMBER) < np.minimum(0.62, 0.2 + activity.sum(axis=1))
    cumulative = (activity / activity.sum(axis=1, keepdims=True)).cumsum(axis=1)
    spot = (rng.random((_NUMBER, 1)) > cumulative).sum(axis=1).clip(0, _HOT_SPOTS - 1)
    middle = home[spot] + drift[spot] * (day / _DAYS - 0.5)[:, None]
    radius = rng.normal(0, 1, (_NUMBER, 2)) * rng.uniform(70, 170, _HOT_SPOTS)[spot][:, None]
    return middle + radius, is_hot
