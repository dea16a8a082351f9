"""Registers as layers: reading, and inserting or updating by key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import psycopg
import pyarrow as pa
import shapely
from psycopg import sql

from geo.errors import StoreAwayError, StoreError
from geo.schema import LAYERS, Layer
from geo.store.bulk_copy import RowCounts, copy_table, to_multi
from geo.store.connection import Conn
from geo.store.rows import filter_rows, indexed_by, read_frame
from geo.store.statements import statement


def read_layer(
    conn: Conn, name: str, *, codes: list[str] | None = None, boxes: Any = None
) -> gpd.GeoDataFrame:
    """Return a register, indexed by its key.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the register.
    codes : list of str, optional
        Keys to select; None for no condition on the key.
    boxes : array-like of float, shape (n, 4), optional
        Boxes (west, south, east, north, degrees) that the box of a selected row meets;
        ignored if keys are given.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows in EPSG:4326 with the columns of the register. Missing numbers are NaN, times
        are UTC. A register with a key of two columns has a range index.
    """
    layer = LAYERS[name]
    columns = sql.SQL(", ").join(map(sql.Identifier, layer.names))
    where, params = filter_rows(layer.table, layer.key[0], codes, boxes)
    query = sql.SQL("SELECT {}, ST_AsBinary(geometry) AS geometry FROM {}{} ORDER BY {}").format(
        columns,
        sql.Identifier(layer.table),
        where,
        sql.SQL(", ").join(sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key),
    )
    frame = read_frame(conn, query, params)
    for column in layer.columns:
        if column.kind in ("number", "integer"):
            frame[column.name] = pd.to_numeric(frame[column.name]).astype(float)
        elif column.kind == "time":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True)
    return indexed_by(frame, layer.key[0]) if len(layer.key) == 1 else frame


def read_extent(conn: Conn) -> tuple[float, float, float, float] | None:
    """Return the extent of the grids, or without grids of the first register that has rows.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    tuple of float or None
        West, south, east and north, degrees; None for an empty store.
    """
    for table in ("grids", "areas", "cameras", "buildings", "streets", "incidents"):
        query = sql.SQL(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) "
            "FROM (SELECT ST_Extent(geometry) AS e FROM {}) t"
        ).format(sql.Identifier(table))
        row = conn.execute(query).fetchone()
        if row is not None and row[0] is not None:
            return (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
    return None


_LARGE_IMPORT_ROWS = 100_000
"""Number of rows from which on building an index is faster than adding to it."""
_COMMON_COLUMNS = ("extra", "geometry")
_INSERT = sql.SQL(
    "WITH done AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM staging RETURNING 1) "
    "SELECT count(*), count(*) FROM done"
)
"""For an empty register that is locked, in which no key can conflict."""


def upsert(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> RowCounts:
    """Insert or update rows of a register by their key.

    The caller commits. If a large import brings at least as many rows as the register has, its
    non-unique indexes are dropped and built afterwards, which is much faster; readers of the
    register wait for the commit.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : Layer
        The register.
    frame : geopandas.GeoDataFrame
        Rows in EPSG:4326 with the columns of the register and `extra` (JSON text), one per
        key.

    Returns
    -------
    RowCounts
        Numbers of rows inserted, updated, and left unchanged because they were equal.

    Raises
    ------
    StoreError
        If a row violates a constraint of the table, such as a parent that does not exist.
    StoreAwayError
        If the database cannot be reached or ended the session.
    """
    table = sql.Identifier(layer.table)
    columns = [*layer.names, *_COMMON_COLUMNS]
    with _staged(conn, layer, frame):
        is_large = len(frame) >= _LARGE_IMPORT_ROWS
        definitions = _drop_indexes(conn, layer, len(frame)) if is_large else []
        query = _upsert_query(layer, sql.SQL("count(*), count(*) FILTER (WHERE inserted)"))
        if definitions and _is_empty(conn, table):
            query = _INSERT.format(
                table=table, columns=sql.SQL(", ").join(map(sql.Identifier, columns))
            )
        row = conn.execute(query).fetchone()
        written, inserted = (int(row[0]), int(row[1])) if row else (0, 0)
        for definition in definitions:
            conn.execute(definition.encode())
    return RowCounts(inserted, written - inserted, len(frame) - written)


def upsert_each(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> dict[tuple[str, ...], str]:
    """Insert or update a few rows of a register by their key, and return what was done to each.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : Layer
        The register.
    frame : geopandas.GeoDataFrame
        Rows as for `upsert`.

    Returns
    -------
    dict of tuple to str
        ``inserted`` or ``updated`` by key; rows that were equal are left out.

    Raises
    ------
    StoreError
        If a row violates a constraint of the table.
    StoreAwayError
        If the database cannot be reached or ended the session.
    """
    keys = sql.SQL(", ").join(map(sql.Identifier, layer.key))
    with _staged(conn, layer, frame):
        query = _upsert_query(layer, sql.SQL("{}, inserted").format(keys))
        rows = conn.execute(query).fetchall()
    return {tuple(map(str, row[:-1])): "inserted" if row[-1] else "updated" for row in rows}


@contextlib.contextmanager
def _staged(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> Iterator[None]:
    """Provide the rows in a table `staging`; errors of the database become ours, in its words."""
    create = sql.SQL("CREATE TEMP TABLE staging (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP")
    try:
        conn.execute(create.format(sql.Identifier(layer.table)))
        copy_table(conn, "staging", _arrow_table(layer, frame))
        yield
        conn.execute("DROP TABLE staging")
        # Not all constraints: the deferred trigger of the audit log must wait for the commit.
        conn.execute("SET CONSTRAINTS areas_parent_fkey, grids_community_fkey IMMEDIATE")
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StoreAwayError(
            f"{layer.name} could not be stored now: {_database_message(error)}; "
            "nothing was changed, try again"
        ) from error
    except psycopg.Error as error:
        raise StoreError(
            f"{layer.name} cannot be stored: {_database_message(error)}; nothing was changed"
        ) from error


def _upsert_query(layer: Layer, result: sql.Composable) -> sql.Composed:
    columns = [*layer.names, *_COMMON_COLUMNS]
    values = [c for c in columns if c not in layer.key]
    table = sql.Identifier(layer.table)

    def name_list(names: Sequence[str], prefix: sql.Composable) -> sql.Composed:
        return sql.SQL(", ").join(sql.Composed([prefix, sql.Identifier(name)]) for name in names)

    return statement("upserted_rows").format(
        table=table,
        result=result,
        returned=name_list(layer.key, sql.Composed([table, sql.SQL(".")])),
        columns=name_list(columns, sql.SQL("")),
        key=name_list(layer.key, sql.SQL("")),
        updates=sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values
        ),
        old=name_list(values, sql.Composed([table, sql.SQL(".")])),
        new=name_list(values, sql.SQL("EXCLUDED.")),
    )


def _is_empty(conn: Conn, table: sql.Identifier) -> bool:
    return conn.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is None


def _drop_indexes(conn: Conn, layer: Layer, new_rows: int) -> list[str]:
    """Drop the non-unique indexes of a register and return the statements that create them.

    A register with more rows than are imported keeps its indexes; then the list is empty.
    """
    table = sql.Identifier(layer.table)
    count = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT %s) t").format(table)
    row = conn.execute(count, (new_rows + 1,)).fetchone()
    if row is None or row[0] > new_rows:
        return []
    indexes = conn.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass "
        "AND NOT i.indisunique AND NOT i.indisprimary",
        (f"gridcover.{layer.table}",),
    ).fetchall()
    for name, _ in indexes:
        conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [str(definition) for _, definition in indexes]


_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", "UTC"),
}
"""Arrow types of the columns of a register by kind; all others are text."""


def _arrow_table(layer: Layer, frame: gpd.GeoDataFrame) -> pa.Table:
    """Return the rows of a register as Arrow, geometry as EWKB of EPSG:4326."""
    arrays = {}
    for column in layer.columns:
        values = frame[column.name]
        kind = _TYPES.get(column.kind, pa.large_string())
        if column.kind in ("integer", "number"):
            values = pd.to_numeric(values).astype(float)
            arrays[column.name] = pa.array(values, from_pandas=True).cast(kind)
        elif column.kind == "time":
            moments = pd.to_datetime(values, utc=True).dt.as_unit("us")
            arrays[column.name] = pa.array(moments, kind, from_pandas=True)
        else:
            arrays[column.name] = pa.array(values, kind, from_pandas=True)
    arrays["extra"] = pa.array(frame["extra"], pa.large_string())
    shapes = shapely.set_srid(to_multi(frame.geometry.values, layer.shape), 4326)
    arrays["geometry"] = pa.array(shapely.to_wkb(shapes, include_srid=True), pa.large_binary())
    return pa.table(arrays)


def _database_message(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    primary = error.diag.message_primary or str(error).strip()
    return f"{primary} ({detail})" if detail else primary
