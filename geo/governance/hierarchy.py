"""The levels a grid belongs to: itself, its community, sub-district and district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError
from geo.frames import choices_of, codes_of, required_column, texts_of
from geo.incidents.density import grid_of
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

LEVELS = ("grid", "community", "subdistrict", "district")


def assign_admin_units(grids: GeoDataFrame, areas: GeoDataFrame) -> DataFrame:
    """Which community, sub-district and district each grid belongs to.

    Parameters
    ----------
    grids : indexed by code, with `community`, the code of an area.
    areas : indexed by code, with `level` and `parent`.

    Returns
    -------
    On the index of `grids`: `grid`, `community`, `subdistrict`, `district`, codes; "" where
    the chain of parents does not lead to one.

    Raises
    ------
    ColumnError : a parent leads back to itself.

    Examples
    --------
    >>> import pandas as pd
    >>> from geo.governance.hierarchy import assign_admin_units
    >>> areas = pd.DataFrame(
    ...     {"level": ["district", "subdistrict", "community"], "parent": [None, "1", "11"]},
    ...     index=["1", "11", "111"])
    >>> assign_admin_units(pd.DataFrame({"community": ["111", None]}, index=["a", "b"]), areas).loc["a"].tolist()
    ['a', '111', '11', '1']
    """
    codes = codes_of(areas, "areas")
    for name in ("level", "parent"):
        required_column(areas, name, "the areas")
    levels = choices_of(areas, "level", LEVELS[1:], "")
    level = dict(zip(codes, levels, strict=True))
    parents = texts_of(areas, "parent").to_numpy()
    parent = {c: "" if p is None else str(p) for c, p in zip(codes, parents, strict=True)}
    chains: dict[str, dict[str, str]] = {}
    for code in codes:
        chain: dict[str, str] = {}
        at, steps = code, 0
        while at in level:
            chain[level[at]] = at
            at, steps = parent[at], steps + 1
            if steps > len(codes):
                raise ColumnError(f"the parents of area {code} lead back to itself; mend `parent`")
        chains[code] = chain
    warn_of_unused(grids, "grids", ("community",))
    chain_of = [chains.get(str(c), {}) for c in texts_of(grids, "community")]
    out = {name: [chain.get(name, "") for chain in chain_of] for name in LEVELS[1:]}
    return pd.DataFrame({"grid": codes_of(grids, "grids"), **out}, index=grids.index)


def admin_units_at(grids: GeoDataFrame, areas: GeoDataFrame, points: GeoDataFrame) -> DataFrame:
    """Which grid, community, sub-district and district each point lies in.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids metric CRS.
    points : as for `grid_of`, same CRS.

    Returns
    -------
    As `assign_admin_units`, on the index of `points`; "" outside every grid.

    Raises
    ------
    As `assign_admin_units` and `grid_of`.
    """
    place, position = assign_admin_units(grids, areas), grid_of(grids, points)
    # Position -1, outside every grid, takes the last one.
    return pd.DataFrame(
        {name: np.append(place[name].to_numpy(object), "")[position] for name in LEVELS},
        index=points.index,
    )
