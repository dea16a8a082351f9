"""Models that forecast the incidents of a month by grid from those before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.geometry.shapes import shapes_of
from geo.incidents._district_raster import DistrictRaster
from geo.incidents.kernel_density import density_surface
from geo.incidents.locations import grid_positions, point_coordinates

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import Series

Model = Callable[[int], "NDArray[np.float64]"]
"""Takes the number of a month, returns the expected incidents by grid."""
BASELINE = "last_period"
"""The model that every other one must beat."""
_HALF_LIFE_DAYS = 14.0
"""In the near-repeat model an incident weighs half after so many days."""


@dataclass(frozen=True)
class IncidentSurfaces:
    """Density surfaces of incidents before a day, summed by grid."""

    grids: GeoDataFrame
    points: GeoDataFrame
    """Incidents with a place and a time."""
    days: NDArray[np.float64]
    """Local time of each, in days since 1970."""
    month_starts: NDArray[np.float64]
    """First day of each month, in days since 1970."""
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
    ) -> IncidentSurfaces:
        """Return the surfaces of incidents that have a place and a time.

        Parameters
        ----------
        grids : geopandas.GeoDataFrame
            Polygons, metric CRS.
        incidents : geopandas.GeoDataFrame
            Points, same CRS.
        local : pandas.Series
            Local time of each incident, without a zone; NaT without one.
        first : pandas.Period
            Month number 0.
        cell_m : float or None
            Side of a cell, metres; None for a fifth of the bandwidth.
        bandwidth_m : float
            Radius of the quartic kernel, metres.

        Returns
        -------
        IncidentSurfaces
            With the beginnings of 1200 months.
        """
        x, _ = point_coordinates(incidents)
        placed = np.isfinite(x) & local.notna().to_numpy()
        seconds = (local[placed] - pd.Timestamp(0)).dt.total_seconds()
        months = pd.period_range(first, periods=1200, freq="M").start_time
        month_starts = np.array([start.timestamp() / 86_400.0 for start in months], np.float64)
        points = incidents[placed][[incidents.geometry.name]]
        return cls(
            grids,
            points,
            days=np.asarray(seconds, np.float64) / 86_400.0,
            month_starts=month_starts,
            cell_m=bandwidth_m / 5.0 if cell_m is None else cell_m,
            bandwidth_m=bandwidth_m,
        )

    @cached_property
    def area_m2(self) -> NDArray[np.float64]:
        """Return the area of each grid.

        Returns
        -------
        numpy.ndarray of float
            Square metres.
        """
        return np.asarray(shapely.area(shapes_of(self.grids, "grids")), np.float64)

    def shares(
        self, since: float, until: float, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Return the share of each grid in the density of the incidents of a span of days.

        Parameters
        ----------
        since, until : float
            First day (included) and last day (excluded), days since 1970.
        weights : numpy.ndarray of float or None
            Weight of each incident; None for 1 each.

        Returns
        -------
        numpy.ndarray of float
            One per grid, with the sum 1; all 0 without incidents.
        """
        used = (self.days >= since) & (self.days < until)
        surface = density_surface(
            self.points[used],
            self.grids,
            self.cell_m,
            self.bandwidth_m,
            weights=None if weights is None else weights[used],
        )
        values = np.nan_to_num(surface.values).ravel()
        grid_of_cell, cell_of_grid = self.cells
        inside = grid_of_cell >= 0
        number = np.bincount(grid_of_cell[inside], minlength=len(self.grids))
        mass = np.bincount(grid_of_cell[inside], values[inside], minlength=len(self.grids))
        # A grid too small to hold the centre of a cell takes the density at its own point.
        density = np.where(number > 0, mass / np.maximum(number, 1), values[cell_of_grid])
        risk = density * self.area_m2
        return risk / risk.sum() if risk.sum() > 0 else risk

    @cached_property
    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the grid of each raster cell, and the cell of a point in each grid.

        Returns
        -------
        grid_of_cell : numpy.ndarray of int64
            Position of the grid in which the cell's centre lies, -1 for none; cells row by row.
        cell_of_grid : numpy.ndarray of int64
            Number of the cell that holds a point of the grid.
        """
        shapes = tuple(shapely.to_wkb(shapes_of(self.grids, "grids")).tolist())
        return _raster_cells(shapes, str(self.grids.crs), self.cell_m)


@lru_cache(maxsize=2)  # the same grids are used for every category
def _raster_cells(
    shapes: tuple[bytes, ...], crs: str, cell_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `IncidentSurfaces.cells` of grids given as WKB."""
    grids = gpd.GeoDataFrame(geometry=shapely.from_wkb(np.array(shapes, object)), crs=crs)
    raster = DistrictRaster.over(grids, cell_m)
    west, north, (rows, cols) = raster.west, raster.north, raster.mask.shape
    x = west + (np.arange(cols) + 0.5) * cell_m
    y = north - (np.arange(rows) + 0.5) * cell_m
    centres = gpd.points_from_xy(np.tile(x, rows), np.repeat(y, cols))
    grid_of_cell = grid_positions(grids, gpd.GeoDataFrame(geometry=centres, crs=grids.crs))
    inside = shapely.get_coordinates(shapely.point_on_surface(np.asarray(grids.geometry.values)))
    col = np.clip(((inside[:, 0] - west) / cell_m).astype(int), 0, cols - 1)
    row = np.clip(((north - inside[:, 1]) / cell_m).astype(int), 0, rows - 1)
    cell_of_grid = row * cols + col
    for positions in (grid_of_cell, cell_of_grid):
        positions.flags.writeable = False
    return grid_of_cell, cell_of_grid


def forecast_models(
    counts: NDArray[np.float64], surfaces: IncidentSurfaces, held_out: int
) -> dict[str, Model]:
    """Return the models that have enough months before the held-out ones.

    Parameters
    ----------
    counts : numpy.ndarray of shape (grids, months)
        Incidents by grid and month, oldest first.
    surfaces : IncidentSurfaces
        Of the same grids and months.
    held_out : int
        Number of newest months that the models are tested on.

    Returns
    -------
    dict of str to callable
        Each takes the number of a month and returns the expected incidents by grid from the months
        before it; `BASELINE` is first.
    """

    def _average(months: int) -> Model:
        return lambda month: np.asarray(counts[:, month - months : month].mean(axis=1))

    def _recent_total(month: int) -> float:
        return float(counts[:, max(month - 3, 0) : month].sum() / min(month, 3))

    def _surface(half_life_days: float | None) -> Model:
        def _expected(month: int) -> NDArray[np.float64]:
            until = surfaces.month_starts[month]
            weights = None
            if half_life_days is not None:
                age_days = np.maximum(until - surfaces.days, 0.0)
                weights = 0.5 ** (age_days / half_life_days)
            since = surfaces.month_starts[max(month - 6, 0)]
            return surfaces.shares(since, until, weights) * _recent_total(month)

        return _expected

    models = {BASELINE: _average(1)}
    for months in (3, 6, 12):
        if counts.shape[1] - held_out >= months:
            models[f"average_{months}"] = _average(months)
    return models | {"kde": _surface(None), "near_repeat": _surface(_HALF_LIFE_DAYS)}
