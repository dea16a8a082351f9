"""Rows of a query as (Geo)DataFrames, and conditions on boxes."""

from __future__ import annotations

from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from psycopg import sql

from geo.store.connection import Conn


def box_arrays(boxes: Any) -> dict[str, list[float]]:
    """Boxes as parameters of a query: four arrays."""
    table = np.asarray(boxes, float).reshape(-1, 4)
    return {name: table[:, k].tolist() for k, name in enumerate(("west", "south", "east", "north"))}


def box_around(boxes: Any) -> dict[str, float]:
    """The box around some, as parameters `w`, `s`, `e`, `n`; a point at 0, 0 around none."""
    table = np.asarray(boxes, float).reshape(-1, 4)
    if not len(table):
        return {"w": 0.0, "s": 0.0, "e": 0.0, "n": 0.0}
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return {"w": float(low[0]), "s": float(low[1]), "e": float(high[0]), "n": float(high[1])}


Frame = TypeVar("Frame", bound=pd.DataFrame)


def frame_of(conn: Conn, query: sql.SQL | sql.Composed, params: Any = None) -> gpd.GeoDataFrame:
    """Rows of a query whose `geometry` is WKB of EPSG:4326."""
    with conn.cursor(binary=True) as cursor:
        cursor.execute(query, params)
        names = [c.name for c in cursor.description or ()]
        rows = cursor.fetchall()
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    shapes = shapely.from_wkb(np.array(columns.pop("geometry"), dtype=object))
    frame = pd.DataFrame(columns)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))


def keyed(frame: Frame, key: str) -> Frame:
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


_IN_BOXES = (
    " WHERE {key} IN (SELECT t.{key} FROM unnest(%(west)s::float8[], %(south)s::float8[], "
    "%(east)s::float8[], %(north)s::float8[]) AS b (w, s, e, n) "
    "JOIN {table} t ON t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326))"
)
# Of few boxes, the one around all of them finds the rows by the index; of many, each of them does.
_IN_FEW_BOXES = (
    " WHERE {key} = ANY(ARRAY(SELECT t.{key} FROM {table} t "
    "WHERE t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326) AND EXISTS (SELECT 1 FROM "
    "unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) AS b (w, s, e, n) "
    "WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326))))"
)
_FEW_BOXES = 60


def filter_rows(
    table: str, key: str, codes: list[str] | None, boxes: Any
) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition on the keys or boxes of rows, and its parameters."""
    if codes is not None:
        return sql.SQL(" WHERE {} = ANY(%(codes)s)").format(sql.Identifier(key)), {"codes": codes}
    if boxes is not None:
        params = box_arrays(boxes)
        few = len(params["west"]) <= _FEW_BOXES
        condition = sql.SQL(_IN_FEW_BOXES if few else _IN_BOXES).format(
            key=sql.Identifier(key), table=sql.Identifier(table)
        )
        return condition, params | box_around(boxes)
    return sql.SQL(""), {}
