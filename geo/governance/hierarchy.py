"""The administrative hierarchy: grid, community, sub-district and district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError
from geo.frames import choices_of, codes_of, required_column, texts_of
from geo.incidents.locations import grid_positions
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geopandas import GeoDataFrame
    from pandas import DataFrame

LEVELS = ("grid", "community", "subdistrict", "district")
"""Levels from the smallest to the largest."""


def assign_admin_units(grids: GeoDataFrame, areas: GeoDataFrame) -> DataFrame:
    """Return the community, sub-district and district to which each grid belongs.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community`, the code of an area.
    areas : geopandas.GeoDataFrame
        Areas indexed by code, with `level` (``community``, ``subdistrict``, ``district``) and
        `parent`, the code of an area.

    Returns
    -------
    pandas.DataFrame
        Codes in columns `grid`, `community`, `subdistrict` and `district`, on the index of
        `grids`; "" where the chain of parents does not lead to an area of the level.

    Raises
    ------
    ColumnError
        If a column is missing, codes are repeated, or the parents of areas form a cycle.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> areas = pd.DataFrame(
    ...     {"level": ["district", "subdistrict", "community"], "parent": [None, "1", "11"]},
    ...     index=["1", "11", "111"])
    >>> grids = pd.DataFrame({"community": ["111", None]}, index=["a", "b"])
    >>> geo.assign_admin_units(grids, areas).loc["a"].tolist()
    ['a', '111', '11', '1']
    """
    codes = codes_of(areas, "areas")
    for name in ("level", "parent"):
        required_column(areas, name, "the areas")
    levels = choices_of(areas, "level", LEVELS[1:], "")
    parents = texts_of(areas, "parent").to_numpy()
    units = _units_by_area(codes.tolist(), levels, ["" if p is None else str(p) for p in parents])
    warn_of_unused(grids, "grids", ("community",))
    units_of_grid = [units.get(str(code), {}) for code in texts_of(grids, "community")]
    columns = {level: [unit.get(level, "") for unit in units_of_grid] for level in LEVELS[1:]}
    return pd.DataFrame({"grid": codes_of(grids, "grids"), **columns}, index=grids.index)


def _units_by_area(
    codes: Sequence[str], levels: Iterable[str], parents: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the codes by level of each area and of all areas above it."""
    level_of = dict(zip(codes, levels, strict=True))
    parent_of = dict(zip(codes, parents, strict=True))
    units: dict[str, dict[str, str]] = {}
    for code in codes:
        chain: dict[str, str] = {}
        current, steps = code, 0
        while current in level_of:
            chain[level_of[current]] = current
            current, steps = parent_of[current], steps + 1
            if steps > len(codes):
                raise ColumnError(
                    f"the parents of area {code} lead back to itself; correct `parent`"
                )
        units[code] = chain
    return units


def admin_units_at(grids: GeoDataFrame, areas: GeoDataFrame, points: GeoDataFrame) -> DataFrame:
    """Return the grid, community, sub-district and district in which each point lies.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids in a metric CRS, as for `assign_admin_units`.
    areas : geopandas.GeoDataFrame
        Areas, as for `assign_admin_units`.
    points : geopandas.GeoDataFrame
        Points in the same CRS, as for `grid_positions`.

    Returns
    -------
    pandas.DataFrame
        As `assign_admin_units`, on the index of `points`; "" outside every grid.

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If a shape is not a point.
    ColumnError
        As `assign_admin_units`.
    """
    units, position = assign_admin_units(grids, areas), grid_positions(grids, points)
    # Position -1, outside every grid, selects the "" that is appended.
    return pd.DataFrame(
        {name: np.append(units[name].to_numpy(object), "")[position] for name in LEVELS},
        index=points.index,
    )
