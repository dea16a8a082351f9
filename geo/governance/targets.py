"""The official targets: key places covered, cameras networked and in working order, by area and year."""

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
WORKING = {"all": 0.98, "public": 0.98, "industry": 0.95}
"""Share of the cameras to be in working order, by whose they are (发改高技〔2015〕996号)."""


def camera_targets(grids: GeoDataFrame, areas: GeoDataFrame, cameras: GeoDataFrame) -> DataFrame:
    """Cameras networked and in working order, by area of every level and whose they are.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids metric CRS.
    cameras : points, same CRS, with `status`, `network` and `point_class` as the register has
        them. Retired ones are left out.

    Returns
    -------
    Indexed by `level`, `code` ("" outside every grid or area) and `point_class` (``all``, ``public``,
    ``industry``): `cameras`; `networked`, `not_networked`, `network_unknown`, `networked_share`;
    `working`, `not_working`, `status_unknown`, `working_share`; shares are of those of which it
    is known (NaN of none). `networked_met` and `working_met` against the targets of the national
    opinion of 2015 (100 %; 98 %, of industries 95 %), missing where the share is.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    ColumnError : a column is not there.
    """
    for name in ("status", "network", "point_class"):
        required_column(cameras, name, "the cameras")
    states, classes = (CAMERAS.column(name).choices for name in ("status", "point_class"))
    used = cameras[choices_of(cameras, "status", states, "unknown").ne("retired").to_numpy()]
    place = admin_units_at(grids, areas, used)
    status = choices_of(used, "status", states, "unknown")
    network = texts_of(used, "network")
    strange = network.notna() & ~network.isin([True, False])
    if strange.any():
        raise ColumnError(
            f"network must be true, false or empty; mend {name_rows(used.index[strange.to_numpy()])}"
        )
    rows = pd.DataFrame(
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
    owner = choices_of(used, "point_class", classes, "unknown")
    tables = []
    for level in LEVELS:
        codes = place[level].to_numpy(object)
        for name in WORKING:
            some = np.ones(len(used), bool) if name == "all" else owner.eq(name).to_numpy()
            groups = rows[some].groupby(codes[some])
            table = groups.sum()
            table.insert(0, "cameras", groups.size())
            table = table.rename_axis("code").reset_index()
            tables.append(table.assign(level=level, point_class=name, goal=WORKING[name]))
    out = pd.concat(tables, ignore_index=True).set_index(["level", "code", "point_class"])
    out = out.sort_index()
    for name, short in (("networked", "not_networked"), ("working", "not_working")):
        known = out[name] + out[short]
        out[f"{name}_share"] = out[name] / known.where(known > 0)
    out["networked_met"] = _met(out["networked_share"], NETWORKED)
    out["working_met"] = _met(out["working_share"], out["goal"])
    return out.drop(columns="goal")


def key_place_targets(places: DataFrame, covered_share: Series) -> DataFrame:
    """Key places against the coverage each must have.

    Parameters
    ----------
    places : indexed by code, with `kind` and `required_share`.
    covered_share : of each place's open ground, on the same index; NaN where it has none.

    Returns
    -------
    On the index of `places`: `kind`, `required_share`, `covered_share`, `gap` (still to be covered,
    0 where it is met), `met` (missing where the share is). The table ordered by gap is the list of
    what is missing.

    Raises
    ------
    ColumnError : another index, or a column is not there.

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
    """Key places by kind: how many, how many meet their share, and the mean coverage.

    Parameters
    ----------
    table : from `key_place_targets`.

    Returns
    -------
    Indexed by `kind`: `places`, `met`, `met_share` (of those with a known share),
    `covered_share` (mean).
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
    out = pd.DataFrame({"places": groups.size(), "met": groups["met"].sum().astype(int)})
    number = groups["known"].sum()
    out["met_share"] = out["met"] / number.where(number > 0)
    out["covered_share"] = groups["share"].mean()
    return out


def cameras_by_year(cameras: DataFrame) -> DataFrame:
    """Cameras and platforms by year: put up, upgraded, retired, and in service at its end.

    Parameters
    ----------
    cameras : with `installed_on`, `upgraded_on`, `retired_on` (dates) and `platform` as far as
        known.

    Returns
    -------
    Indexed by `year`, every one from the first to the last date: `installed`, `upgraded`,
    `retired`, `in_service` (of those with a known installation), `platforms` (how many
    different ones the cameras in service belong to). ``.attrs["undated"]`` is how many cameras
    have no installation date and are left out.

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
    seen = pd.concat(list(years.values())).dropna()
    span = range(int(seen.min()), int(seen.max()) + 1) if len(seen) else range(0)
    platform = texts_of(cameras, "platform")
    rows = []
    for year in span:
        there = dated & (years["installed_on"] <= year) & ~(years["retired_on"] <= year)
        rows.append(
            {
                "year": year,
                "installed": int((years["installed_on"] == year).sum()),
                "upgraded": int((years["upgraded_on"] == year).sum()),
                "retired": int((years["retired_on"] == year).sum()),
                "in_service": int(there.sum()),
                "platforms": int(platform[there.to_numpy()].nunique()),
            }
        )
    columns = ["year", "installed", "upgraded", "retired", "in_service", "platforms"]
    out = pd.DataFrame(rows, columns=columns).set_index("year")
    out.attrs["undated"] = int((~dated).sum())
    return out


def _met(share: Series, goal: Series | float) -> Series:
    # Shares are sums of areas: a millionth is rounding, not a gap.
    met = (share >= goal - 1e-6).astype("boolean")
    return met.where(share.notna(), pd.NA)
