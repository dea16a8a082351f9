"""COPY of frames and Arrow tables into tables of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import LargeStringEncoderBuilder
from pgpq.schema import Jsonb as JsonbType
from psycopg import sql

from geo.store.connection import Conn

_SINGLE = {"polygon": 3, "line": 1}


@dataclass(frozen=True)
class RowCounts:
    """Rows that an import inserted, updated and left unchanged."""

    inserted: int
    """New rows."""
    updated: int
    """Rows with other values."""
    unchanged: int
    """Rows that were there with the same values."""


def to_multi(shapes: Any, kind: str) -> Any:
    """Return geometries as the multi type of a table.

    Parameters
    ----------
    shapes : array-like of shapely.Geometry
        The geometries; None where missing.
    kind : str
        'polygon', 'line' or 'point'; points are left as they are.

    Returns
    -------
    numpy.ndarray
        Of dtype object and the same length; single polygons and lines become multi.
    """
    shapes = np.asarray(shapes, dtype=object).copy()
    if kind in _SINGLE:
        single = shapely.get_type_id(shapes) == _SINGLE[kind]
        if single.any():
            build = shapely.multipolygons if kind == "polygon" else shapely.multilinestrings
            shapes[single] = build(shapes[single], indices=np.arange(int(single.sum())))
    return shapes


def wkb_hex(shapes: Any) -> list[str | None]:
    """Return geometries as hexadecimal EWKB of EPSG:4326.

    Parameters
    ----------
    shapes : array-like of shapely.Geometry
        Geometries in EPSG:4326.

    Returns
    -------
    list of str or None
        None for a missing geometry.
    """
    return list(shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True))


def copy_rows(
    conn: Conn, table: sql.Composable, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows to a table with COPY.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    table : psycopg.sql.Composable
        Identifier of the table.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequence of object
        Values in the order of the columns; None is NULL.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def plain_value(value: Any) -> Any:
    """Return a value as psycopg takes it.

    Parameters
    ----------
    value : object
        Value of a pandas column.

    Returns
    -------
    object
        A Python value for a NumPy scalar; None for NaN, NaT, NA and None.

    Examples
    --------
    >>> plain_value(float("nan")) is None
    True
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value


def copy_table(conn: Conn, table: str, rows: pa.Table) -> None:
    """Write an Arrow table to a table with COPY in PostgreSQL's binary format.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    table : str
        Name of the table.
    rows : pyarrow.Table
        The rows. Column `extra` is JSON text, column `geometry` EWKB.
    """
    encoders = {
        name: ArrowToPostgresBinaryEncoder.infer_encoder(rows.schema.field(name))
        for name in rows.column_names
    }
    if "extra" in encoders:
        field = rows.schema.field("extra")
        encoders["extra"] = LargeStringEncoderBuilder.new_with_output(field, JsonbType())
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(rows.schema, encoders)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in rows.combine_chunks().to_batches(max_chunksize=1 << 16):
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())


def write_table(conn: Conn, table: str, frame: pd.DataFrame, *, shape: str | None = None) -> None:
    """Write a frame of results to a table with COPY.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    table : str
        Name of the table.
    frame : pandas.DataFrame
        The rows, with columns named as in the table; its `run` among them.
    shape : str, optional
        Kind of the geometry, as in `to_multi`; None for a table without geometry.
    """
    columns = [c for c in frame.columns if c != "geometry"]
    lists: list[Iterable[Any]] = [[plain_value(v) for v in frame[c].tolist()] for c in columns]
    if shape is not None:
        columns.append("geometry")
        lists.append(wkb_hex(to_multi(frame["geometry"].values, shape)))
    copy_rows(conn, sql.Identifier(table), columns, zip(*lists, strict=True))


def clear_table(
    conn: Conn, table: str, key: str | None = None, values: list[str] | None = None
) -> int:
    """Delete the rows of a result table, or those with the given keys.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    table : str
        Name of the table.
    key : str, optional
        Name of the key column; None to delete all rows.
    values : list of str, optional
        The keys whose rows are deleted.

    Returns
    -------
    int
        Number of rows deleted.
    """
    if key is None:
        return conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table))).rowcount
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    return conn.execute(
        statement.format(sql.Identifier(table), sql.Identifier(key)), (values,)
    ).rowcount
