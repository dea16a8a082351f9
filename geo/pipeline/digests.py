"""What each result rests on, in a few bytes: equal digests, equal results."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.visibility import visibility
from geo.visibility.directions import split_directions
from geo.visibility.prepared_buildings import PreparedBuildings, hashes_in_reach

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_MODULUS = 1 << 128


def view_digests(cameras: GeoDataFrame, walls: PreparedBuildings) -> list[str]:
    """Digest of what each view rests on: the camera's place and sector, the buildings in reach.

    Parameters
    ----------
    cameras : completed cameras (`complete_cameras`), metric CRS.
    walls : the buildings, same CRS.

    Returns
    -------
    One hexadecimal text a camera; it changes when the view can change, and does not depend on
    buildings out of reach nor on their order.
    """
    directed, owner = split_directions(cameras)
    placed, spans, eyes = visibility.eyes_of(directed, walls)
    inputs = np.column_stack([placed, spans])
    marks = np.column_stack([hashes_in_reach(placed, walls), hashes_in_reach(eyes, walls)])
    if walls.terrain is not None:
        ground = hashlib.blake2b(walls.terrain.elevation.tobytes(), digest_size=8).digest()
    else:
        ground = b""
    digests = [
        hashlib.blake2b(a.tobytes() + b.tobytes() + ground, digest_size=16).hexdigest()
        for a, b in zip(inputs, marks, strict=True)
    ]
    if len(digests) == len(cameras):
        return digests
    ends = np.searchsorted(owner, np.arange(len(cameras)), "right").tolist()
    return [
        digests[a]
        if b - a == 1
        else hashlib.blake2b("".join(digests[a:b]).encode(), digest_size=16).hexdigest()
        for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]


def grid_digests(
    grids: GeoDataFrame, views: dict[str, list[str]], buildings: GeoDataFrame
) -> list[str]:
    """Digest of what each grid's coverage rests on: its shape, the views and buildings in it.

    Parameters
    ----------
    grids : metric CRS.
    views : digests of the views whose box meets each grid, by grid.
    buildings : those that may meet a grid, same CRS.
    """
    shapes = np.asarray(grids.geometry.values)
    roofs = np.asarray(buildings.geometry.values)
    grid, building = shapely.STRtree(roofs).query(shapes, predicate="intersects")
    inside: dict[int, list[int]] = {}
    for g, b in zip(grid.tolist(), building.tolist(), strict=True):
        inside.setdefault(g, []).append(b)
    wkb = shapely.to_wkb(roofs)
    out = []
    for k, (label, shape) in enumerate(zip(grids.index, shapely.to_wkb(shapes), strict=True)):
        whole = hashlib.blake2b(shape, digest_size=16)
        for digest in views.get(str(label), []):
            whole.update(digest.encode())
        for b in sorted(inside.get(k, [])):
            whole.update(wkb[b])
        out.append(whole.hexdigest())
    return out


def together(digests: list[str]) -> str:
    """One digest of a set of digests, whatever their order."""
    return f"{sum(int(d, 16) for d in digests) % _MODULUS:032x}"


def exchange(whole: str, gone: list[str], new: list[str]) -> str:
    """The digest of a set after some members went and others came."""
    change = sum(int(d, 16) for d in new) - sum(int(d, 16) for d in gone)
    return f"{(int(whole, 16) + change) % _MODULUS:032x}"


def table_digest(layer: GeoDataFrame) -> str:
    """Digest of a register's rows in their order."""
    whole = hashlib.blake2b(digest_size=16)
    plain = pd.DataFrame(layer.drop(columns=layer.geometry.name))
    whole.update(_hashes(plain).tobytes())
    for wkb in shapely.to_wkb(np.asarray(layer.geometry.values)):
        whole.update(wkb or b"\x00")
    return whole.hexdigest()


def text_digest(text: str) -> str:
    """Digest of parameters."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _hashes(plain: pd.DataFrame) -> NDArray[np.uint64]:
    return np.asarray(pd.util.hash_pandas_object(plain.astype(str), index=False), np.uint64)
