"""Cameras of the demo district that cover key places entirely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geo.demo.plan import CRS
from geo.geometry.lattice import lattice_points
from geo.visibility.visibility import visible_area

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_STEP_M = 8.0
"""Distance between candidate sites, metres."""
_MOST_CAMERAS = 6
_PARAMETERS = {"range_m": 100.0, "near_m": 1.0, "height_m": 6.0}
"""Parameters of the panoramic cameras that are moved."""
_TOLERANCE_M2 = 1e-3
"""Uncovered ground smaller than this is rounding."""


def cover_key_places(
    cameras: GeoDataFrame, places: GeoDataFrame, buildings: GeoDataFrame
) -> GeoDataFrame:
    """Return cameras of which panoramic ones are moved so that they cover key places entirely.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        From `make_cameras`.
    places : geopandas.GeoDataFrame
        From `make_key_places`. Every sixth one is left as it is, and so are those so built up that
        six cameras do not cover their open ground.
    buildings : geopandas.GeoDataFrame
        From `make_buildings`.

    Returns
    -------
    geopandas.GeoDataFrame
        On the index of `cameras`; about half of the places are covered.
    """
    chosen = [k for k in range(len(places)) if k % 6 != 5]
    footprints = np.asarray(buildings.geometry.values)
    tree = shapely.STRtree(footprints)
    ground, sites = [], []
    for place in np.asarray(places.geometry.values)[chosen]:
        built = shapely.union_all(footprints[tree.query(place)])
        ground.append(shapely.difference(place, built))
        sites.append(_candidate_sites(ground[-1]))
    candidates = gpd.GeoDataFrame(
        {
            "code": [str(k) for k in range(sum(map(len, sites)))],
            "kind": "panoramic",
            "bearing_deg": 0.0,
            "fov_deg": 360.0,
            **_PARAMETERS,
        },
        geometry=np.concatenate(sites),
        crs=CRS,
    )
    views = np.asarray(visible_area(candidates, buildings).values)
    ends = np.cumsum([0, *map(len, sites)])
    selected = [
        sites[k][cover]
        for k in range(len(chosen))
        if (cover := _cover(ground[k], views[ends[k] : ends[k + 1]])) is not None
    ]
    panoramic = np.flatnonzero(cameras["fov_deg"].to_numpy() == 360)
    positions = np.concatenate(selected)[: len(panoramic)]
    moved = panoramic[: len(positions)]
    out = cameras.copy()
    geometry = np.asarray(out.geometry.values).copy()
    geometry[moved] = positions
    out = out.set_geometry(gpd.GeoSeries(geometry, index=out.index, crs=CRS))
    rows = out.index[moved]
    out.loc[rows, [*_PARAMETERS, "night_range_m"]] = [*_PARAMETERS.values(), 60.0]
    return out


def _candidate_sites(ground: shapely.Geometry) -> NDArray[np.object_]:
    """Return points for cameras on open ground, half a metre from every wall."""
    west, south, _, _ = shapely.bounds(ground)
    inner = shapely.buffer(ground, -0.5)
    return np.asarray(shapely.points(lattice_points(inner, _STEP_M, origin=(west + 2, south + 2))))


def _cover(ground: shapely.Geometry, views: NDArray[np.object_]) -> list[int] | None:
    """Return views that together cover the ground, chosen greedily; None if there are too many."""
    uncovered = ground
    selected: list[int] = []
    while shapely.area(uncovered) > _TOLERANCE_M2:
        gain = shapely.area(shapely.intersection(views, uncovered))
        best = int(gain.argmax())
        if len(selected) == _MOST_CAMERAS or gain[best] <= 0:
            return None
        selected.append(best)
        uncovered = shapely.difference(uncovered, views[best])
    return selected
