"""Coverage under imprecise positions and bearings, by Monte Carlo simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import ColumnError
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import join_views, split_directions
from geo.visibility.mounting import move_to_walls
from geo.visibility.prepared_buildings import PreparedBuildings
from geo.visibility.visibility import placed_cameras, viewpoints_of, views_of_viewpoints

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray

_COLUMNS = ("covered_share", "open_covered_share")


def simulated_coverage(
    cameras: GeoDataFrame,
    buildings: PreparedBuildings,
    measure: Callable[[NDArray[Any]], dict[str, NDArray[Any]]],
    *,
    position_error_m: ArrayLike,
    bearing_error_deg: ArrayLike,
    draws: int,
    seed: int,
    defaults: Mapping[str, CameraDefaults] | None,
) -> dict[str, NDArray[np.float64]]:
    """Return mean and quantiles of the covered shares over cameras moved and turned at random.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        As for `visible_area`, metric CRS.
    buildings : PreparedBuildings
        From `prepare_buildings`, same CRS.
    measure : callable
        Takes views (array of polygons) and returns the shares of the grids by column.
    position_error_m : float or array_like of float
        Standard deviation in each axis, metres; one for all or one per camera.
    bearing_error_deg : float or array_like of float
        Standard deviation of recorded bearings, degrees; one for all or one per camera.
    draws : int
        Number of simulations, at least 2.
    seed : int
        Seed of the random numbers.
    defaults : mapping of str to CameraDefaults or None
        As for `visible_area`.

    Returns
    -------
    dict of str to numpy.ndarray
        `covered_share_mean`, `_p05`, `_p95` and the same of `open_covered_share`, one value per
        grid.

    Raises
    ------
    ColumnError
        If an error is negative or not finite, of another length, or `draws` is below 2.

    Notes
    -----
    Position errors are normal and the same in both axes, bearing errors normal; cameras err
    independently, all directions of a camera together. Only recorded bearings are turned: the other
    cameras look all round anyway.
    """
    full = placed_cameras(cameras, defaults=defaults)
    position_sd_m = _standard_deviations(position_error_m, len(full), "position_error_m")
    bearing_sd_deg = _standard_deviations(bearing_error_deg, len(full), "bearing_error_deg")
    if draws < 2:
        raise ColumnError("draws must be at least 2; 100 give a fair interval")
    random = np.random.default_rng(seed)
    directed, owner = split_directions(full)
    recorded_eyes, spans, _ = viewpoints_of(directed, buildings)
    shares: dict[str, list[NDArray[np.float64]]] = {column: [] for column in _COLUMNS}
    for _ in range(draws):
        eyes = recorded_eyes.copy()
        shifts_m = random.standard_normal((len(full), 2)) * position_sd_m[:, None]
        eyes[:, :2] += shifts_m[owner]
        turned_spans = spans.copy()
        turns_deg = random.standard_normal(len(full)) * bearing_sd_deg
        turned_spans[:, 0] -= np.radians(turns_deg)[owner]
        if buildings.terrain is not None:
            eyes[:, 5] = buildings.terrain.at(eyes[:, 0], eyes[:, 1])
        move_to_walls(eyes, buildings)
        figures = measure(join_views(views_of_viewpoints(eyes, turned_spans, buildings), owner))
        for column in _COLUMNS:
            shares[column].append(figures[column])
    statistics = {}
    for column, simulations in shares.items():
        stack = np.array(simulations)
        statistics[f"{column}_mean"] = stack.mean(axis=0)
        low, high = np.quantile(stack, [0.05, 0.95], axis=0)
        statistics[f"{column}_p05"], statistics[f"{column}_p95"] = low, high
    return statistics


def _standard_deviations(value: ArrayLike, count: int, name: str) -> NDArray[np.float64]:
    """Return one standard deviation per camera."""
    errors = np.broadcast_to(np.asarray(value, float), (count,))
    if not (np.isfinite(errors).all() and (errors >= 0).all()):
        raise ColumnError(f"{name} must be 0 or more, one number or one per camera")
    return errors
