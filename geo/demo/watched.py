"""Key places of the demo district that cameras see whole, and which cameras those are."""

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

_STEP_M, _MOST = 8.0, 6
_LENS = {"range_m": 100.0, "near_m": 1.0, "height_m": 6.0}
_SMALLEST_M2 = 1e-3
"""What is left unseen and smaller is rounding."""


def watch_key_places(
    cameras: GeoDataFrame, places: GeoDataFrame, buildings: GeoDataFrame
) -> GeoDataFrame:
    """Take cameras that look all around from the streets to key places, so that about half of these are seen whole.

    Every sixth place is left as it is, and so are those so built up that six cameras do not see all.
    """
    chosen = [k for k in range(len(places)) if k % 6 != 5]
    tree = shapely.STRtree(np.asarray(buildings.geometry.values))
    ground, stands = [], []
    for place in np.asarray(places.geometry.values)[chosen]:
        built = shapely.union_all(np.asarray(buildings.geometry.values)[tree.query(place)])
        ground.append(shapely.difference(place, built))
        stands.append(_stands_in(ground[-1]))
    tried = gpd.GeoDataFrame(
        {
            "code": [str(k) for k in range(sum(map(len, stands)))],
            "kind": "panoramic", "bearing_deg": 0.0, "fov_deg": 360.0, **_LENS,
        },
        geometry=np.concatenate(stands), crs=CRS,
    )  # fmt: skip
    views = np.asarray(visible_area(tried, buildings).values)
    ends = np.cumsum([0, *map(len, stands)])
    posts = [
        stands[k][picked]
        for k in range(len(chosen))
        if (picked := _cover(ground[k], views[ends[k] : ends[k + 1]])) is not None
    ]
    moved = np.flatnonzero(cameras["fov_deg"].to_numpy() == 360)
    where = np.concatenate(posts)[: len(moved)]
    moved = moved[: len(where)]
    out = cameras.copy()
    at = np.asarray(out.geometry.values).copy()
    at[moved] = where
    out = out.set_geometry(gpd.GeoSeries(at, index=out.index, crs=CRS))
    rows = out.index[moved]
    out.loc[rows, [*_LENS, "night_range_m"]] = [*_LENS.values(), 60.0]
    return out


def _stands_in(ground: shapely.Geometry) -> NDArray[np.object_]:
    """Places for a camera on open ground, half a metre from every wall."""
    west, south, _, _ = shapely.bounds(ground)
    inner = shapely.buffer(ground, -0.5)
    return np.asarray(shapely.points(lattice_points(inner, _STEP_M, origin=(west + 2, south + 2))))


def _cover(ground: shapely.Geometry, views: NDArray[np.object_]) -> list[int] | None:
    """Views that together hold the ground, the one that adds most first; None where it takes too many."""
    left = ground
    picked: list[int] = []
    while shapely.area(left) > _SMALLEST_M2:
        gain = shapely.area(shapely.intersection(views, left))
        best = int(gain.argmax())
        if len(picked) == _MOST or gain[best] <= 0:
            return None
        picked.append(best)
        left = shapely.difference(left, views[best])
    return picked
