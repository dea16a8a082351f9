"""Results of the newest run by grid and by area of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.errors import StoreError
from geo.governance.roll_up import roll_up
from geo.incidents.rates import rank_intervals
from geo.store.connection import Conn
from geo.store.queries.grids import read_grid_results
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run
from geo.store.queries.spatial_statistics import read_grid_statistics

if TYPE_CHECKING:
    from pandas import DataFrame

_SHARES = {
    "covered_share": ("covered_m2", "area_m2"),
    "open_covered_share": ("open_covered_m2", "open_m2"),
    "twice_covered_share": ("twice_covered_m2", "area_m2"),
}
_RANKS = ("rank", "rank_p05", "rank_p95")


def grid_statistics(conn: Conn, category: str, *, everywhere: bool) -> list[dict[str, Any]]:
    """Return the incident statistics of the grids in scope, ranked among these alone.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection; its scope determines the grids.
    category : str
        A root of the category tree, or "" for all incidents.
    everywhere : bool
        Whether the scope is all grids, so that the stored ranks are valid.

    Returns
    -------
    list of dict
        One row per grid, with the columns of the table `grid_patterns`.
    """
    rows = read_grid_statistics(conn, category)
    known = [row for row in rows if row["population"] is not None and row["year_count"] is not None]
    if not everywhere:
        for row in rows:
            row.update(dict.fromkeys(_RANKS))
        if known:
            table = rank_intervals(
                pd.Series([row["year_count"] for row in known]),
                [row["population"] for row in known],
            )
            for row, values in zip(known, table[list(_RANKS)].to_numpy(), strict=True):
                row.update(
                    (name, None if np.isnan(value) else int(value))
                    for name, value in zip(_RANKS, values, strict=True)
                )
    for row in rows:
        del row["population"], row["year_count"]
    return rows


def results_by_area(conn: Conn) -> DataFrame:
    """Return coverage and incidents of every area, from the newest run.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.

    Returns
    -------
    pandas.DataFrame
        Indexed by `level` and `code` as `roll_up` returns it: `name`, `name_en`, `grids`,
        `population`, `area_m2`, `covered_m2`, `open_m2`, `open_covered_m2`, `twice_covered_m2`,
        `incidents`, their shares, and `per_km2` and `per_1000_people` of the incidents.
        ``.attrs["run"]`` is the number of the run.

    Raises
    ------
    StoreError
        If there are no results.
    """
    run = read_latest_run(conn)
    if run is None:
        raise StoreError("there are no results yet; run `gridcover refresh`")
    grids, areas = read_grid_results(conn, run.id), read_layer(conn, "areas")
    figures = grids[["population", "area_m2", "covered_m2", "open_m2"]].astype(float)
    share = grids["open_covered_share"].astype(float)
    figures = figures.assign(
        open_covered_m2=share * figures["open_m2"],
        twice_covered_m2=grids["twice_covered_share"].astype(float) * figures["area_m2"],
        incidents=grids["count"].astype(float),
    )
    table = roll_up(grids, areas, figures, shares=_SHARES)
    population, area_m2 = table["population"], table["area_m2"]
    table["per_km2"] = table["incidents"] / area_m2.where(area_m2 > 0) * 1e6
    table["per_1000_people"] = table["incidents"] / population.where(population > 0) * 1000.0
    for column in ("name", "name_en"):
        names = pd.concat([areas[column], grids[column]])
        names = names[~names.index.duplicated()]
        values = names.reindex(table.index.get_level_values("code")).to_numpy(object)
        position = 0 if column == "name" else 1
        table.insert(position, column, np.where(pd.isna(values), None, values))
    table.attrs["run"] = run.id
    return table
