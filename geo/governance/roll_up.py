"""Figures of grids summed by area of every level, their inequality, and the service radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from geo.coverage.grid_coverage import coverage_by_grid
from geo.crs import require_metric
from geo.errors import ColumnError
from geo.frames import codes_of, column_of, numbers_of, required_column
from geo.geometry.shapes import shapes_of
from geo.governance.hierarchy import LEVELS, assign_admin_units
from geo.incidents.locations import point_coordinates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike
    from pandas import DataFrame, Series

STEP = 1 / 1024
"""Summands are rounded to multiples of this, whose sums as doubles are exact up to 2**43."""


def roll_up(
    grids: GeoDataFrame,
    areas: GeoDataFrame,
    figures: DataFrame,
    *,
    shares: Mapping[str, tuple[str, str]] | None = None,
) -> DataFrame:
    """Sum figures of grids by area of every level, and compute shares of the sums.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    figures : pandas.DataFrame
        Numbers that can be summed (areas, people, counts), on the index of `grids`; a missing one
        counts as 0. Each is first rounded to a 1024th.
    shares : mapping of str to tuple of str, optional
        For each new column the names of its numerator and denominator.

    Returns
    -------
    pandas.DataFrame
        Indexed by `level` (``grid`` to ``district``) and `code` ("" for grids that belong to no
        area of the level): `grids` (their number), the summed figures, and the shares (NaN over
        0). Every level has exactly the same total, in any order, up to 2**43.

    Raises
    ------
    ColumnError
        If the figures have another index or are not numbers, or a share names an unknown column.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c", "c"]}, index=["a", "b"], geometry=[None] * 2)
    >>> areas = gpd.GeoDataFrame({"level": ["community"], "parent": [None]}, index=["c"],
    ...     geometry=[None])
    >>> figures = pd.DataFrame({"open": [100.0, 300.0], "seen": [50.0, 30.0]}, index=["a", "b"])
    >>> table = geo.roll_up(grids, areas, figures, shares={"share": ("seen", "open")})
    >>> table.loc[("community", "c"), ["grids", "seen", "share"]].tolist()
    [2.0, 80.0, 0.2]
    """
    if not isinstance(figures, pd.DataFrame) or not figures.index.equals(grids.index):
        raise ColumnError("figures must be a table on the index of the grids")
    values = {name: numbers_of(figures, name) for name in figures.columns}
    for name, pair in (shares or {}).items():
        for column in pair:
            if column not in values:
                raise ColumnError(f"{name} is a share of {column}, which is not among the figures")
    table = pd.DataFrame(values, index=grids.index)
    sums = sum_by_level(assign_admin_units(grids, areas), table.assign(grids=1.0))
    sums.insert(0, "grids", sums.pop("grids"))
    for name, (numerator, denominator) in (shares or {}).items():
        sums[name] = sums[numerator] / sums[denominator].where(sums[denominator] > 0)
    return sums


def sum_by_level(units: DataFrame, numbers: DataFrame) -> DataFrame:
    """Sum numbers of rows by area of every level.

    Parameters
    ----------
    units : pandas.DataFrame
        Result of `assign_admin_units` or `admin_units_at`.
    numbers : pandas.DataFrame
        Numbers on the same index; a missing one counts as 0. Each is first rounded to a 1024th.

    Returns
    -------
    pandas.DataFrame
        Indexed by `level` and `code` ("" for rows that belong to no area of the level), sorted.
        Every level has exactly the same total, in any order, up to 2**43.
    """
    exact = (numbers.fillna(0.0) / STEP).round() * STEP
    tables = [exact.groupby(units[level].rename("code")).sum() for level in LEVELS]
    return pd.concat(tables, keys=LEVELS, names=["level", "code"])


def gini(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the Gini coefficient of a figure over areas.

    Parameters
    ----------
    values : array_like
        Figure of each area, 0 or more (for example a covered share), shape (n,).
    weights : array_like, optional
        Weight of each area, above 0 (for example its population); 1 by default.

    Returns
    -------
    float
        Half the mean difference between two areas divided by the mean: 0 if all are equal, towards
        1 if one area has everything, 0 if all figures are 0.

    Raises
    ------
    ColumnError
        If there is no figure, one is missing or negative, or a weight is not above 0.

    References
    ----------
    C. Gini, "Variabilità e mutabilità" (1912), as half the relative mean difference; P. M. Dixon et
    al., "Bootstrapping the Gini coefficient of inequality", Ecology 68 (1987).

    Examples
    --------
    >>> import geo
    >>> geo.gini([1, 1, 1]), round(geo.gini([0, 0, 1]), 3)
    (0.0, 0.667)
    """
    figure = np.asarray(values, float)
    weight = np.ones(figure.shape) if weights is None else np.asarray(weights, float)
    if figure.ndim != 1 or not len(figure) or figure.shape != weight.shape:
        raise ColumnError("give at least one area, and one weight each")
    if not (np.isfinite(figure).all() and (figure >= 0).all()):
        raise ColumnError("figures must be known and 0 or more")
    if not (np.isfinite(weight).all() and (weight > 0).all()):
        raise ColumnError("weights must be above 0")
    order = np.argsort(figure, kind="stable")
    figure, weight = figure[order], weight[order] / weight.sum()
    mean = float(figure @ weight)
    if mean == 0:
        return 0.0
    below = np.cumsum(weight) - weight / 2.0
    return float(max(2.0 * (weight * figure * (below - 0.5)).sum() / mean, 0.0))


def rank_peers(
    table: DataFrame, figure: str, *, level: str, best: str = "highest", target: float | None = None
) -> DataFrame:
    """Rank the areas of one level by a figure, with the gap to a target.

    Parameters
    ----------
    table : pandas.DataFrame
        Result of `roll_up`.
    figure : str
        Name of a column. Areas where it is missing, and the empty code, are left out.
    level : str
        Level of the areas: ``grid``, ``community``, ``subdistrict`` or ``district``.
    best : str, optional
        ``highest`` or ``lowest``.
    target : float, optional
        Value that each area should reach.

    Returns
    -------
    pandas.DataFrame
        Indexed by code, the best area first: the figure, `rank` (equal areas share the better
        one), and with a target `gap` (0 where it is met). ``.attrs["gini"]`` is the Gini
        coefficient of the figure.

    Raises
    ------
    ColumnError
        If there is no such column or level, or `best` is another word.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> index = pd.MultiIndex.from_tuples([("community", "a"), ("community", "b")],
    ...     names=["level", "code"])
    >>> table = pd.DataFrame({"covered_share": [0.5, 0.75]}, index=index)
    >>> ranked = geo.rank_peers(table, "covered_share", level="community", target=0.75)
    >>> ranked["rank"].to_dict(), ranked["gap"].to_dict()
    ({'b': 1, 'a': 2}, {'b': 0.0, 'a': 0.25})
    """
    if column_of(table, figure) is None:
        names = ", ".join(map(str, table.columns))
        raise ColumnError(f"there is no {figure}; the table has {names}")
    if table.index.names != ["level", "code"]:
        raise ColumnError("the table must be indexed by level and code, as roll_up gives it")
    if level not in LEVELS:
        raise ColumnError(f"{level} is no level; use one of {', '.join(LEVELS)}")
    if best not in ("highest", "lowest"):
        raise ColumnError("best is highest or lowest")
    values = pd.Series(numbers_of(table, figure), index=table.index, name=figure)
    peers = values[table.index.get_level_values("level") == level].droplevel("level")
    codes_of(peers, f"areas of level {level}")
    known: Series = peers[(peers.index != "") & peers.notna()]
    ascending = best == "lowest"
    ranked = known.sort_values(ascending=ascending, kind="stable").to_frame()
    ranked["rank"] = ranked[figure].rank(method="min", ascending=ascending).astype(int)
    if target is not None:
        gap = ranked[figure] - target if ascending else target - ranked[figure]
        ranked["gap"] = gap.clip(lower=0.0)
    ranked.attrs["gini"] = gini(known) if len(known) else 0.0
    return ranked


def share_within_distance(
    grids: GeoDataFrame, points: GeoDataFrame, distance_m: float, *, columns: Sequence[str] = ()
) -> DataFrame:
    """Return the share of each grid within a straight-line distance of a service point.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons in a metric CRS.
    points : geopandas.GeoDataFrame
        Service points (volunteers, party branches, service stations) in the same CRS.
    distance_m : float
        Service radius in metres, above 0.
    columns : sequence of str, optional
        Columns of `grids` to keep.

    Returns
    -------
    pandas.DataFrame
        On the index of `grids`: the columns kept, `served_share` (0 to 1) and `nearest_m` (from the
        centroid of the grid to the nearest point; infinite without any point).

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    ColumnError
        If `distance_m` is not above 0, or a column is missing.

    Notes
    -----
    The distance is a straight line: barriers such as rivers are ignored. A circle is a polygon of
    128 sides.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], index=["g"], crs=32650)
    >>> points = gpd.GeoDataFrame(geometry=[shapely.Point(5, 35)], crs=32650)
    >>> geo.share_within_distance(grids, points, 50).loc["g"].tolist()
    [1.0, 30.0]
    """
    require_metric(grids, located=points)
    if not distance_m > 0:
        raise ColumnError("distance_m must be above 0 m")
    x, y = point_coordinates(points)
    located = np.isfinite(x) & np.isfinite(y)
    places = np.column_stack([x[located], y[located]])
    # Measured like the coverage of cameras: a disc is what a point serves.
    discs = shapely.buffer(shapely.points(places), distance_m, quad_segs=32)
    share = coverage_by_grid(grids, gpd.GeoSeries(discs, crs=points.crs))["covered_share"]
    for name in columns:
        required_column(grids, name, "the grids")
    served = pd.DataFrame(grids[list(columns)]) if columns else pd.DataFrame(index=grids.index)
    served = served.copy()
    served["served_share"] = share
    nearest_m = np.full(len(grids), np.inf)
    if located.any():
        centres = shapely.get_coordinates(shapely.centroid(shapes_of(grids, "grids")))
        nearest_m, _ = KDTree(places).query(centres)
    served["nearest_m"] = nearest_m
    return served
