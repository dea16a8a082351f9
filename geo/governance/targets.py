"""Official targets: cameras networked and in working order, key places covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames import choices_of, days_of, numbers, numbers_of, required_column, texts_of
from geo.governance.hierarchy import LEVELS, admin_units_at
from geo.schema import CAMERAS
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

COVERED, NETWORKED = 1.0, 1.0
"""Target shares of key places covered and of cameras networked."""
WORKING = {"all": 0.98, "public": 0.98, "industry": 0.95}
"""Target share of cameras in working order by point class (发改高技〔2015〕996号)."""


def camera_targets(grids: GeoDataFrame, areas: GeoDataFrame, cameras: GeoDataFrame) -> DataFrame:
    """Return cameras networked and in working order, by area of every level and point class.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids in a metric CRS, indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    cameras : geopandas.GeoDataFrame
        Points in the same CRS, with `status`, `network` and `point_class` as in the register.
        Retired cameras are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by `level`, `code` ("" outside every grid or area) and `point_class` (``all``,
        ``public``, ``industry``). Columns: `cameras`; `networked`, `not_networked`,
        `network_unknown`, `networked_share`; `working`, `not_working`, `status_unknown`,
        `working_share`; `networked_met` and `working_met`. Shares (0 to 1) are of the cameras
        whose state is known, NaN without any; `_met` is missing where the share is.

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If a camera is not a point.
    ColumnError
        If a column is missing, or `network` has another value than true, false or empty.

    References
    ----------
    Opinion 发改高技〔2015〕996号: 100 % networked; 98 % in working order, of industries 95 %.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c"]}, geometry=[shapely.box(0, 0, 9, 9)],
    ...     index=["g"], crs=32650)
    >>> areas = gpd.GeoDataFrame({"level": ["community"], "parent": [None]}, index=["c"],
    ...     geometry=[None])
    >>> cameras = gpd.GeoDataFrame({"status": ["working", "faulty"], "network": [True, None],
    ...     "point_class": "public"}, geometry=[shapely.Point(1, 1)] * 2, crs=32650)
    >>> table = geo.camera_targets(grids, areas, cameras)
    >>> table.loc[("community", "c", "all"), ["networked_share", "working_share"]].tolist()
    [1.0, 0.5]
    """
    for name in ("status", "network", "point_class"):
        required_column(cameras, name, "the cameras")
    states, classes = (CAMERAS.column(name).choices for name in ("status", "point_class"))
    used = cameras[choices_of(cameras, "status", states, "unknown").ne("retired").to_numpy()]
    units = admin_units_at(grids, areas, used)
    counts = _camera_states(used, states)
    point_class = choices_of(used, "point_class", classes, "unknown")
    tables = []
    for level in LEVELS:
        codes = units[level].to_numpy(object)
        for name, goal in WORKING.items():
            mask = np.ones(len(used), bool) if name == "all" else point_class.eq(name).to_numpy()
            groups = counts[mask].groupby(codes[mask])
            table = groups.sum()
            table.insert(0, "cameras", groups.size())
            table = table.rename_axis("code").reset_index()
            tables.append(table.assign(level=level, point_class=name, goal=goal))
    result = pd.concat(tables, ignore_index=True).set_index(["level", "code", "point_class"])
    result = result.sort_index()
    for name, opposite in (("networked", "not_networked"), ("working", "not_working")):
        known = result[name] + result[opposite]
        result[f"{name}_share"] = result[name] / known.where(known > 0)
    result["networked_met"] = _met(result["networked_share"], NETWORKED)
    result["working_met"] = _met(result["working_share"], result["goal"])
    return result.drop(columns="goal")


def _camera_states(used: GeoDataFrame, states: tuple[str, ...]) -> DataFrame:
    """Return 1 or 0 for each state of network and working order of each camera."""
    status = choices_of(used, "status", states, "unknown")
    network = texts_of(used, "network")
    invalid = network.notna() & ~network.isin([True, False])
    if invalid.any():
        rows = name_rows(used.index[invalid.to_numpy()])
        raise ColumnError(f"network must be true, false or empty; correct {rows}")
    return pd.DataFrame(
        {
            "networked": network.eq(True),
            "not_networked": network.eq(False),
            "network_unknown": network.isna(),
            "working": status.eq("working"),
            "not_working": status.isin(["faulty", "offline"]),
            "status_unknown": status.eq("unknown"),
        },
        index=used.index,
    ).astype(int)


def key_place_targets(places: DataFrame, covered_share: Series) -> DataFrame:
    """Compare the coverage of key places with the required coverage.

    Parameters
    ----------
    places : pandas.DataFrame
        Key places indexed by code, with `kind` and `required_share` (0 to 1).
    covered_share : pandas.Series
        Covered share of the open ground of each place, on the same index; NaN without open ground.

    Returns
    -------
    pandas.DataFrame
        On the index of `places`: `kind`, `required_share`, `covered_share`, `gap` (share still to
        be covered, 0 where the target is met) and `met` (missing where the share is).

    Raises
    ------
    ColumnError
        If the index differs, or a column is missing.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> places = pd.DataFrame({"kind": ["school", "market"], "required_share": [1.0, 0.8]})
    >>> geo.key_place_targets(places, pd.Series([0.75, 0.8]))["gap"].tolist()
    [0.25, 0.0]
    """
    shares = numbers(covered_share, "covered_share")
    if not covered_share.index.equals(places.index):
        raise ColumnError("covered_share must stand on the index of the places")
    for column in ("kind", "required_share"):
        required_column(places, column, "the places")
    needed = numbers_of(places, "required_share")
    index = places.index
    return pd.DataFrame(
        {
            "kind": texts_of(places, "kind").to_numpy(),
            "required_share": needed,
            "covered_share": shares,
            "gap": np.where(np.isnan(needed - shares), np.nan, np.maximum(needed - shares, 0.0)),
            "met": _met(pd.Series(shares, index), pd.Series(needed, index)).array,
        },
        index=index,
    )


def key_place_kinds(table: DataFrame) -> DataFrame:
    """Summarise key places by kind.

    Parameters
    ----------
    table : pandas.DataFrame
        Result of `key_place_targets`.

    Returns
    -------
    pandas.DataFrame
        Indexed by `kind`: `places` and `met` (numbers), `met_share` (of those with a known share)
        and `covered_share` (mean).

    Raises
    ------
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> places = pd.DataFrame({"kind": ["school", "school"], "required_share": [1.0, 0.5]})
    >>> table = geo.key_place_targets(places, pd.Series([0.75, 0.75]))
    >>> geo.key_place_kinds(table).loc["school"].tolist()
    [2.0, 1.0, 0.5, 0.75]
    """
    for column in ("kind", "met", "covered_share"):
        required_column(table, column, "the table")
    met = texts_of(table, "met")
    known = met.notna().to_numpy()
    plain = pd.DataFrame(
        {
            "kind": texts_of(table, "kind").to_numpy(),
            "known": known,
            "met": met.eq(True).to_numpy(),
            "share": np.where(known, numbers_of(table, "covered_share"), np.nan),
        }
    )
    groups = plain.groupby("kind")
    kinds = pd.DataFrame({"places": groups.size(), "met": groups["met"].sum().astype(int)})
    known_places = groups["known"].sum()
    kinds["met_share"] = kinds["met"] / known_places.where(known_places > 0)
    kinds["covered_share"] = groups["share"].mean()
    return kinds


def cameras_by_year(cameras: DataFrame) -> DataFrame:
    """Count cameras and platforms by year.

    Parameters
    ----------
    cameras : pandas.DataFrame
        Cameras with dates `installed_on`, `upgraded_on` and `retired_on`, and `platform`, as far
        as known.

    Returns
    -------
    pandas.DataFrame
        Indexed by `year`, every year from the first to the last date: `installed`, `upgraded`,
        `retired`, `in_service` (at the end of the year, of those with a known installation) and
        `platforms` (number of different platforms of the cameras in service).
        ``.attrs["undated"]`` is the number of cameras without an installation date.

    Examples
    --------
    >>> import datetime as dt, pandas as pd, geo
    >>> cameras = pd.DataFrame({"installed_on": [dt.date(2023, 5, 1), dt.date(2024, 2, 1)],
    ...     "retired_on": [dt.date(2024, 6, 1), None]})
    >>> geo.cameras_by_year(cameras)["in_service"].to_dict()
    {2023: 1, 2024: 1}
    """
    warn_of_unused(cameras, "cameras", ("installed_on", "retired_on"))
    years = {
        name: days_of(cameras, name).dt.year
        for name in ("installed_on", "upgraded_on", "retired_on")
    }
    dated = years["installed_on"].notna()
    known = pd.concat(list(years.values())).dropna()
    span = range(int(known.min()), int(known.max()) + 1) if len(known) else range(0)
    platform = texts_of(cameras, "platform")
    rows = []
    for year in span:
        in_service = dated & (years["installed_on"] <= year) & ~(years["retired_on"] <= year)
        rows.append(
            {
                "year": year,
                "installed": int((years["installed_on"] == year).sum()),
                "upgraded": int((years["upgraded_on"] == year).sum()),
                "retired": int((years["retired_on"] == year).sum()),
                "in_service": int(in_service.sum()),
                "platforms": int(platform[in_service.to_numpy()].nunique()),
            }
        )
    columns = ["year", "installed", "upgraded", "retired", "in_service", "platforms"]
    table = pd.DataFrame(rows, columns=columns).set_index("year")
    table.attrs["undated"] = int((~dated).sum())
    return table


def _met(share: Series, goal: Series | float) -> Series:
    # Shares are sums of areas: a millionth is rounding, not a shortfall.
    met = (share >= goal - 1e-6).astype("boolean")
    return met.where(share.notna(), pd.NA)
