"""Devices that look several ways: one camera each, whose view is what all its directions see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage._walls import Walls
from geo.coverage.visibility import visible_area
from geo.ingest.directions import sectors_of
from geo.pipeline.digests import view_digests
from geo.settings import CameraDefaults

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def by_direction(cameras: GeoDataFrame) -> GeoDataFrame:
    """Return a row a direction, those of one camera under its label and one after the other.

    Parameters
    ----------
    cameras : with `other_directions` as the register has it, or without the column; completed
        (`complete_cameras`) or not.
    """
    if "other_directions" not in cameras:
        return cameras
    texts = cameras["other_directions"]
    some = texts.notna().to_numpy() & texts.ne("").to_numpy()
    # A camera without a bearing of its own looks all round already.
    some &= cameras["bearing_deg"].notna().to_numpy()
    if not some.any():
        return cameras
    further = [sectors_of(text) if has else [] for text, has in zip(texts, some, strict=True)]
    repeats = np.array([1 + len(sectors) for sectors in further])
    out = cameras.iloc[np.repeat(np.arange(len(cameras)), repeats)].copy()
    first = np.cumsum(repeats) - repeats
    bearing = out["bearing_deg"].to_numpy(float, copy=True)
    widths = {
        name: pd.to_numeric(out[name]).to_numpy(float, copy=True)
        for name in ("fov_deg", "lens_deg")
        if name in out
    }
    for row in np.flatnonzero(some).tolist():
        for place, (angle, width) in enumerate(further[row], int(first[row]) + 1):
            bearing[place] = angle
            for values in widths.values():
                values[place] = values[place] if width is None else width
    return out.assign(bearing_deg=bearing, **widths)


def views_of(
    cameras: GeoDataFrame, walls: Walls | None, *, defaults: Mapping[str, CameraDefaults]
) -> gpd.GeoSeries:
    """Return what each camera sees in all its directions together; as `visible_area`."""
    directed = by_direction(cameras)
    seen = visible_area(directed, walls, defaults=defaults)
    if len(directed) == len(cameras):
        return seen
    ends = _ends(directed.index)
    shapes = np.asarray(seen.values)
    joined = [
        shapes[a] if b - a == 1 else shapely.union_all(shapes[a:b])
        for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]
    return gpd.GeoSeries(joined, index=cameras.index, crs=seen.crs, name=seen.name)


def digests_of(cameras: GeoDataFrame, walls: Walls) -> list[str]:
    """Return the digest of what each view rests on; as `view_digests`."""
    directed = by_direction(cameras)
    digests = view_digests(directed, walls)
    if len(directed) == len(cameras):
        return digests
    ends = _ends(directed.index)
    return [
        digests[a]
        if b - a == 1
        else hashlib.blake2b("".join(digests[a:b]).encode(), digest_size=16).hexdigest()
        for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]


def _ends(labels: pd.Index) -> list[int]:
    """Where the rows of each camera end; labels of cameras are unique."""
    return [*(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(labels)]
