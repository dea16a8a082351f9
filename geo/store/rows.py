"""Rows of a query as (Geo)DataFrames, and conditions on boxes."""

from __future__ import annotations

from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from psycopg import sql

from geo.store.connection import Conn
from geo.store.statements import statement


def box_arrays(boxes: Any) -> dict[str, list[float]]:
    """Return boxes as the parameters of a query.

    Parameters
    ----------
    boxes : array-like of float, shape (n, 4)
        West, south, east and north of each, degrees.

    Returns
    -------
    dict
        The arrays `west`, `south`, `east` and `north`.

    Examples
    --------
    >>> box_arrays([[0, 1, 2, 3]])
    {'west': [0.0], 'south': [1.0], 'east': [2.0], 'north': [3.0]}
    """
    table = np.asarray(boxes, float).reshape(-1, 4)
    return {name: table[:, k].tolist() for k, name in enumerate(("west", "south", "east", "north"))}


def box_around(boxes: Any) -> dict[str, float]:
    """Return the box around boxes as the parameters of a query.

    Parameters
    ----------
    boxes : array-like of float, shape (n, 4)
        West, south, east and north of each, degrees.

    Returns
    -------
    dict
        The numbers `w`, `s`, `e` and `n`; all 0 if there are no boxes.

    Examples
    --------
    >>> box_around([[0, 1, 2, 3], [1, 0, 1, 4]])
    {'w': 0.0, 's': 0.0, 'e': 2.0, 'n': 4.0}
    """
    table = np.asarray(boxes, float).reshape(-1, 4)
    if not len(table):
        return {"w": 0.0, "s": 0.0, "e": 0.0, "n": 0.0}
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return {"w": float(low[0]), "s": float(low[1]), "e": float(high[0]), "n": float(high[1])}


Frame = TypeVar("Frame", bound=pd.DataFrame)


def read_frame(conn: Conn, query: sql.SQL | sql.Composed, params: Any = None) -> gpd.GeoDataFrame:
    """Return the rows of a query as a frame.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    query : psycopg.sql.SQL or psycopg.sql.Composed
        A statement with a column `geometry` of WKB in EPSG:4326.
    params : dict or sequence, optional
        Values for its placeholders.

    Returns
    -------
    geopandas.GeoDataFrame
        The rows in EPSG:4326, with a range index.
    """
    with conn.cursor(binary=True) as cursor:
        cursor.execute(query, params)
        names = [c.name for c in cursor.description or ()]
        rows = cursor.fetchall()
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    shapes = shapely.from_wkb(np.array(columns.pop("geometry"), dtype=object))
    frame = pd.DataFrame(columns)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))


def indexed_by(frame: Frame, key: str) -> Frame:
    """Return a frame indexed by a column, which stays.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame or pandas.DataFrame
        Any table.
    key : str
        The column.

    Returns
    -------
    geopandas.GeoDataFrame or pandas.DataFrame
        The same rows. The index has no name: with that of the column, neither ``to_file`` nor
        ``to_parquet`` nor ``reset_index`` could tell the two apart.
    """
    return frame.set_index(key, drop=False).rename_axis(None)


_FEW_BOXES = 60
"""Up to this number, one search for the box around all boxes is faster than one for each."""


def filter_rows(
    table: str, key: str, codes: list[str] | None, boxes: Any
) -> tuple[sql.Composable, dict[str, Any]]:
    """Return a condition on the keys or boxes of rows.

    Parameters
    ----------
    table : str
        Name of the table.
    key : str
        Name of its key column.
    codes : list of str or None
        Keys to select; None for no condition on the key.
    boxes : array-like of float, shape (n, 4), or None
        Boxes (west, south, east, north, degrees) that the box of a selected row meets;
        ignored if keys are given.

    Returns
    -------
    tuple of (psycopg.sql.Composable, dict)
        The WHERE clause and its parameters; both empty for all rows.
    """
    if codes is not None:
        return sql.SQL(" WHERE {} = ANY(%(codes)s)").format(sql.Identifier(key)), {"codes": codes}
    if boxes is not None:
        params = box_arrays(boxes)
        is_few = len(params["west"]) <= _FEW_BOXES
        condition = statement("rows_in_few_boxes" if is_few else "rows_in_boxes").format(
            key=sql.Identifier(key), table=sql.Identifier(table)
        )
        return sql.SQL(" {}").format(condition), params | box_around(boxes)
    return sql.SQL(""), {}
