"""Figures of grids rolled up to communities, sub-districts and the district, and how even they are."""

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
from geo.incidents.density import point_coordinates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike
    from pandas import DataFrame, Series

STEP = 1 / 1024
"""Sums are taken of multiples of this, which double numbers add up without rounding."""


def roll_up(
    grids: GeoDataFrame,
    areas: GeoDataFrame,
    figures: DataFrame,
    *,
    shares: Mapping[str, tuple[str, str]] | None = None,
) -> DataFrame:
    """Sum figures of grids by area of every level, and form shares of the sums.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`.
    figures : numbers that can be summed (areas, people, counts), on the index of `grids`; a
        missing one counts as 0. Each is first rounded to a 1024th.
    shares : for each new column the two summed ones it is the quotient of.

    Returns
    -------
    Indexed by `level` (``grid`` to ``district``) and `code` ("" for grids that no area of the level
    claims): `grids` (how many), the summed figures, and the shares (NaN over 0). The sums of each
    level add up to the same totals exactly, in any order, up to 2^43.

    Raises
    ------
    ColumnError : figures of another index or not numbers, or a share of an unknown column.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c", "c"]}, index=["a", "b"], geometry=[None, None])
    >>> areas = gpd.GeoDataFrame({"level": ["community"], "parent": [None]}, index=["c"], geometry=[None])
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
    out = sum_by_level(assign_admin_units(grids, areas), table.assign(grids=1.0))
    out.insert(0, "grids", out.pop("grids"))
    for name, (part, whole) in (shares or {}).items():
        out[name] = out[part] / out[whole].where(out[whole] > 0)
    return out


def sum_by_level(place: DataFrame, numbers: DataFrame) -> DataFrame:
    """Sum numbers of rows by the areas of every level that they lie in.

    Parameters
    ----------
    place : from `assign_admin_units` or `admin_units_at`.
    numbers : on the same index; a missing one counts as 0. Each is first rounded to a 1024th.

    Returns
    -------
    Indexed by `level` and `code` ("" for rows that no area of the level claims), sorted. The sums of
    each level add up to the same totals exactly, in any order, up to 2^43.
    """
    exact = (numbers.fillna(0.0) / STEP).round() * STEP
    tables = [exact.groupby(place[level].rename("code")).sum() for level in LEVELS]
    return pd.concat(tables, keys=LEVELS, names=["level", "code"])


def gini(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """How unevenly a figure is spread over areas: 0 where all have the same, towards 1 where one has all.

    Parameters
    ----------
    values : a figure an area, 0 or more (a covered share, for instance).
    weights : of the areas (their people, for instance), above 0; 1 each unless given.

    Returns
    -------
    The Gini coefficient, half the mean difference between two areas over the mean; 0 where all
    figures are 0.

    Raises
    ------
    ColumnError : no figure, one missing or negative, or a weight not above 0.

    Notes
    -----
    C. Gini (1912), as half the relative mean difference; P. M. Dixon et al., Ecology 68 (1987).

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
    """Areas of one level in the order of a figure, with what is missing to the target.

    Parameters
    ----------
    table : from `roll_up`.
    figure : one of its columns; areas where it is missing, and what no area claims, are left out.
    level : of the peers.
    best : ``highest`` or ``lowest``.
    target : what each should reach, where there is one.

    Returns
    -------
    Indexed by code, best first: the figure, `rank` (equal ones share the better), `gap` (to the
    target, 0 where it is met; only with a target). ``.attrs["gini"]`` says how uneven it is.

    Raises
    ------
    ColumnError : the column or level is not there, or best is another word.
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
    up = best == "lowest"
    out = known.sort_values(ascending=up, kind="stable").to_frame()
    out["rank"] = out[figure].rank(method="min", ascending=up).astype(int)
    if target is not None:
        short = out[figure] - target if up else target - out[figure]
        out["gap"] = short.clip(lower=0.0)
    out.attrs["gini"] = gini(known) if len(known) else 0.0
    return out


def share_within_distance(
    grids: GeoDataFrame, points: GeoDataFrame, metres: float, *, columns: Sequence[str] = ()
) -> DataFrame:
    """Share of each grid that has a service point within a walk, as the crow flies.

    Parameters
    ----------
    grids : polygons, metric CRS.
    points : service points (volunteers, party branches, service stations), same CRS.
    metres : how far is a walk.
    columns : of `grids` to keep.

    Returns
    -------
    On the index of `grids`: the kept columns, `served_share` (0 to 1), `nearest_m` (from the
    grid's centroid; infinite without any point).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    ColumnError : metres is not above 0.
    """
    require_metric(grids, located=points)
    if not metres > 0:
        raise ColumnError("a walk must be longer than 0 m")
    x, y = point_coordinates(points)
    placed = np.isfinite(x) & np.isfinite(y)
    # The same machinery as for cameras: what lies within a walk of a point is what it serves.
    discs = gpd.GeoSeries(
        shapely.buffer(shapely.points(x[placed], y[placed]), metres, quad_segs=32), crs=points.crs
    )
    share = coverage_by_grid(grids, discs)["covered_share"]
    for name in columns:
        required_column(grids, name, "the grids")
    out = grids[list(columns)].copy() if columns else pd.DataFrame(index=grids.index)
    out = pd.DataFrame(out)
    out["served_share"] = share
    nearest = np.full(len(grids), np.inf)
    if placed.any():
        centres = shapely.get_coordinates(shapely.centroid(shapes_of(grids, "grids")))
        nearest, _ = KDTree(np.column_stack([x[placed], y[placed]])).query(centres)
    out["nearest_m"] = nearest
    return out
