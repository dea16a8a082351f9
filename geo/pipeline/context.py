"""What all computations of one run share, and registers read in its metric CRS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geo.crs import is_off_scale
from geo.errors import StoreError
from geo.ingest.elevation import read_terrain
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run
from geo.visibility.terrain import Terrain

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray

Progress = Callable[[str], None]
"""Called with the text of each step."""
Box = tuple[float, ...]
"""West, south, east, north."""
_DEGREE_M = 110_500.0
"""Metres in a degree of latitude, at the least."""


def no_progress(_: str) -> None:
    """Ignore the text of a step.

    Parameters
    ----------
    _ : str
        Text of the step.
    """


@dataclass(frozen=True)
class RunContext:
    """CRS, settings and terrain of one run."""

    crs: pyproj.CRS
    """Metric CRS in which the run computes."""
    settings: Settings
    """Settings of the deployment."""
    terrain: Terrain | None
    """Terrain in `crs`; None without one, or where the computation does not need it."""


def open_context(crs: pyproj.CRS | str, settings: Settings, *, terrain: bool = True) -> RunContext:
    """Return the context of a run, with the terrain of the settings.

    Parameters
    ----------
    crs : pyproj.CRS or str
        Metric CRS of the run.
    settings : Settings
        Settings of the deployment.
    terrain : bool, optional
        Whether the terrain is read.

    Returns
    -------
    RunContext
        The context.

    Raises
    ------
    ReadError
        If the terrain cannot be read.
    """
    crs = pyproj.CRS(crs)
    path = settings.terrain if terrain else None
    return RunContext(crs, settings, None if path is None else read_terrain(path, crs))


def latest_context(conn: Conn, settings: Settings) -> tuple[int, RunContext]:
    """Return the number of the newest run and its context.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    tuple of int and RunContext
        The terrain is read once per file and CRS for repeated questions.

    Raises
    ------
    StoreError
        If there is no run.
    ReadError
        If the terrain cannot be read.
    """
    run = read_latest_run(conn)
    if run is None:
        raise StoreError("there are no results yet; run `gridcover refresh`")
    terrain = None
    if settings.terrain is not None:
        status = settings.terrain.stat() if settings.terrain.exists() else None
        version = (status.st_mtime_ns, status.st_size) if status is not None else None
        terrain = _read_terrain_once(settings.terrain, version, run.metric_crs)
    return run.id, RunContext(pyproj.CRS(run.metric_crs), settings, terrain)


@lru_cache(maxsize=1)
def _read_terrain_once(
    path: Path,
    version: tuple[int, int] | None,  # noqa: ARG001 - a changed file is read again
    crs: str,
) -> Terrain:
    return read_terrain(path, crs)


def to_metric(layer: GeoDataFrame, context: RunContext) -> GeoDataFrame:
    """Return a register in the metric CRS of the run, with valid geometry.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame
        Rows of a register in any CRS.
    context : RunContext
        Context of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        The rows without those that lie where the CRS is not valid.
    """
    out = layer.to_crs(context.crs)
    # A row with mistyped coordinates must not keep the others from being measured.
    outside = is_off_scale(out)
    if outside.any():
        out = out[~outside].copy()
    # Projecting bends edges by rounding only, but that can make a sliver of a polygon invalid.
    invalid = ~out.geometry.is_valid
    if invalid.any():
        repaired = out.geometry[invalid].make_valid(method="structure")
        out.loc[invalid, out.geometry.name] = repaired
    return out


def boxes_of(shapes: gpd.GeoSeries) -> list[Box]:
    """Return the bounding boxes of the shapes that are not empty.

    Parameters
    ----------
    shapes : geopandas.GeoSeries
        Shapes in any CRS.

    Returns
    -------
    list of tuple of float
        West, south, east, north of each.
    """
    present = shapes[~shapes.is_empty]
    return [tuple(row) for row in shapely.bounds(present.values).tolist()]


def widen_boxes(boxes: ArrayLike, distance_m: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Widen boxes in degrees by at least a distance on each side.

    Parameters
    ----------
    boxes : array_like
        West, south, east, north of each box in degrees, shape (n, 4).
    distance_m : float or numpy.ndarray
        Distance in metres, one for all or one per box.

    Returns
    -------
    numpy.ndarray
        The wider boxes, shape (n, 4).
    """
    table = np.asarray(boxes, float).reshape(-1, 4)
    lat = np.minimum(np.maximum(np.abs(table[:, 1]), np.abs(table[:, 3])) + 0.5, 89.0)
    up = np.asarray(distance_m) * 1.01 / _DEGREE_M + 1e-6
    side = up / np.cos(np.radians(lat))
    return np.column_stack(
        [table[:, 0] - side, table[:, 1] - up, table[:, 2] + side, table[:, 3] + up]
    )


def read_buildings_around(
    conn: Conn, cameras: GeoDataFrame, used: GeoDataFrame, context: RunContext
) -> GeoDataFrame:
    """Read the buildings on which the views of cameras can depend.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    cameras : geopandas.GeoDataFrame
        Cameras in EPSG:4326.
    used : geopandas.GeoDataFrame
        The same cameras, completed (`complete_cameras`), for their `range_m`.
    context : RunContext
        Context of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        Buildings within twice the range of a camera, in the metric CRS of the run.
    """
    points = np.asarray(cameras.geometry.values)
    boxes = np.zeros((0, 4))
    if len(points):
        x, y = shapely.get_x(points), shapely.get_y(points)
        # Moved out of a building, a camera looks from up to its range beyond its place.
        reach = 2.0 * used["range_m"].to_numpy(float)
        boxes = widen_boxes(np.column_stack([x, y, x, y]), reach)
    return to_metric(read_layer(conn, "buildings", boxes=boxes), context)
