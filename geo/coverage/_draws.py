"""Coverage under imprecise positions and bearings, by Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import ColumnError
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import join_views, split_directions
from geo.visibility.mounting import mount
from geo.visibility.prepared_buildings import PreparedBuildings
from geo.visibility.visibility import eyes_of, placed_cameras, views_from

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray

_COLUMNS = ("covered_share", "open_covered_share")


def drawn_coverage(
    cameras: GeoDataFrame,
    walls: PreparedBuildings,
    measure: Callable[[NDArray[Any]], dict[str, NDArray[Any]]],
    *,
    position_error_m: ArrayLike,
    bearing_error_deg: ArrayLike,
    draws: int,
    seed: int,
    defaults: Mapping[str, CameraDefaults] | None,
) -> dict[str, NDArray[np.float64]]:
    """Mean, 5 % and 95 % quantile of the shares over cameras moved and turned at random.

    Position errors are normal and the same in both axes, bearing errors normal; cameras err
    independently, all directions of a camera together. Bearings on record only are turned: the
    others look all round as it is.
    """
    full = placed_cameras(cameras, defaults=defaults)
    place_sd = _errors(position_error_m, len(full), "position_error_m")
    turn_sd = _errors(bearing_error_deg, len(full), "bearing_error_deg")
    if draws < 2:
        raise ColumnError("draws must be at least 2; 100 give a fair interval")
    random = np.random.default_rng(seed)
    directed, owner = split_directions(full)
    placed, spans, _ = eyes_of(directed, walls)
    shares: dict[str, list[NDArray[np.float64]]] = {column: [] for column in _COLUMNS}
    for _ in range(draws):
        eyes = placed.copy()
        eyes[:, :2] += (random.standard_normal((len(full), 2)) * place_sd[:, None])[owner]
        turned = spans.copy()
        turned[:, 0] -= np.radians(random.standard_normal(len(full)) * turn_sd)[owner]
        if walls.terrain is not None:
            eyes[:, 5] = walls.terrain.at(eyes[:, 0], eyes[:, 1])
        mount(eyes, walls)
        figures = measure(join_views(views_from(eyes, turned, walls), owner))
        for column in _COLUMNS:
            shares[column].append(figures[column])
    out = {}
    for column, rows in shares.items():
        stack = np.array(rows)
        out[f"{column}_mean"] = stack.mean(axis=0)
        low, high = np.quantile(stack, [0.05, 0.95], axis=0)
        out[f"{column}_p05"], out[f"{column}_p95"] = low, high
    return out


def _errors(value: ArrayLike, count: int, name: str) -> NDArray[np.float64]:
    errors = np.broadcast_to(np.asarray(value, float), (count,))
    if not (np.isfinite(errors).all() and (errors >= 0).all()):
        raise ColumnError(f"{name} must be 0 or more, one number or one a camera")
    return errors
