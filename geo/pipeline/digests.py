"""Digests of the inputs of results: equal digests mean equal results."""

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


def view_digests(cameras: GeoDataFrame, prepared: PreparedBuildings) -> list[str]:
    """Return a digest of the inputs of each view.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Completed cameras (`complete_cameras`), metric CRS.
    prepared : PreparedBuildings
        Buildings that may hide ground, same CRS.

    Returns
    -------
    list of str
        One hexadecimal text per camera. It changes if the view can change: with the place and
        sector of the camera, the buildings in reach, or the terrain. It does not depend on
        buildings out of reach nor on their order.
    """
    directed, owner = split_directions(cameras)
    placed, spans, eyes = visibility.viewpoints_of(directed, prepared)
    inputs = np.column_stack([placed, spans])
    marks = np.column_stack([hashes_in_reach(placed, prepared), hashes_in_reach(eyes, prepared)])
    if prepared.terrain is not None:
        ground = hashlib.blake2b(prepared.terrain.elevation.tobytes(), digest_size=8).digest()
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
    """Return a digest of the inputs of the coverage of each grid.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids in a metric CRS.
    views : dict of str to list of str
        Digests of the views that meet a grid, in order, by code of the grid.
    buildings : geopandas.GeoDataFrame
        Buildings that may meet a grid, same CRS.

    Returns
    -------
    list of str
        One hexadecimal text per grid, of its shape, its views and its buildings.
    """
    shapes = np.asarray(grids.geometry.values)
    roofs = np.asarray(buildings.geometry.values)
    grid, building = shapely.STRtree(roofs).query(shapes, predicate="intersects")
    buildings_of_grid: dict[int, list[int]] = {}
    for g, b in zip(grid.tolist(), building.tolist(), strict=True):
        buildings_of_grid.setdefault(g, []).append(b)
    wkb = shapely.to_wkb(roofs)
    digests = []
    for k, (label, shape) in enumerate(zip(grids.index, shapely.to_wkb(shapes), strict=True)):
        digest = hashlib.blake2b(shape, digest_size=16)
        for view in views.get(str(label), []):
            digest.update(view.encode())
        for b in sorted(buildings_of_grid.get(k, [])):
            digest.update(wkb[b])
        digests.append(digest.hexdigest())
    return digests


def combine_digests(digests: list[str]) -> str:
    """Return one digest of a set of digests.

    Parameters
    ----------
    digests : list of str
        Hexadecimal digests of 128 bits.

    Returns
    -------
    str
        Their sum modulo 2**128, which does not depend on their order.

    Examples
    --------
    >>> combine_digests(["01", "0f"]) == combine_digests(["0f", "01"])
    True
    """
    return f"{sum(int(d, 16) for d in digests) % _MODULUS:032x}"


def update_digest(digest: str, *, removed: list[str], added: list[str]) -> str:
    """Return the digest of a set after members were removed and added.

    Parameters
    ----------
    digest : str
        Digest of the set before (`combine_digests`).
    removed, added : list of str
        Digests of the members that were removed and added.

    Returns
    -------
    str
        The same as `combine_digests` of all members after the change.

    Examples
    --------
    >>> before = combine_digests(["01", "0f"])
    >>> update_digest(before, removed=["0f"], added=["10"]) == combine_digests(["01", "10"])
    True
    """
    change = sum(int(d, 16) for d in added) - sum(int(d, 16) for d in removed)
    return f"{(int(digest, 16) + change) % _MODULUS:032x}"


def table_digest(layer: GeoDataFrame) -> str:
    """Return a digest of the rows of a register.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame
        Rows with geometry; missing geometry is allowed.

    Returns
    -------
    str
        Hexadecimal digest, which depends on the order of the rows.
    """
    digest = hashlib.blake2b(digest_size=16)
    plain = pd.DataFrame(layer.drop(columns=layer.geometry.name))
    digest.update(_hashes(plain).tobytes())
    for wkb in shapely.to_wkb(np.asarray(layer.geometry.values)):
        digest.update(wkb or b"\x00")
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """Return a digest of a text.

    Parameters
    ----------
    text : str
        Any text, such as the parameters of a run.

    Returns
    -------
    str
        Hexadecimal digest of 128 bits.

    Examples
    --------
    >>> text_digest("")
    'cae66941d9efbd404e4d88758ea67670'
    """
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _hashes(plain: pd.DataFrame) -> NDArray[np.uint64]:
    return np.asarray(pd.util.hash_pandas_object(plain.astype(str), index=False), np.uint64)
