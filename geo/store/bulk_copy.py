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
    """How many rows an import added, changed and found as they were."""

    inserted: int
    updated: int
    unchanged: int


def to_multi(shapes: Any, kind: str) -> Any:
    """Geometries as the multi type the table holds."""
    shapes = np.asarray(shapes, dtype=object).copy()
    if kind in _SINGLE:
        single = shapely.get_type_id(shapes) == _SINGLE[kind]
        if single.any():
            build = shapely.multipolygons if kind == "polygon" else shapely.multilinestrings
            shapes[single] = build(shapes[single], indices=np.arange(int(single.sum())))
    return shapes


def wkb_hex(shapes: Any) -> list[str | None]:
    """EWKB of EPSG:4326 as hex text, None for a missing geometry."""
    return list(shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True))


def copy_rows(
    conn: Conn, table: sql.Composable, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY rows into a table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def plain_value(value: Any) -> Any:
    """Return a value as psycopg takes it, None for what is missing."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value


def copy_table(conn: Conn, table: str, rows: pa.Table) -> None:
    """COPY an Arrow table, in PostgreSQL's binary format; a column `extra` is JSON, `geometry` EWKB."""
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
    """COPY a frame of results (with its `run` column) into its table."""
    columns = [c for c in frame.columns if c != "geometry"]
    lists: list[Iterable[Any]] = [[plain_value(v) for v in frame[c].tolist()] for c in columns]
    if shape is not None:
        columns.append("geometry")
        lists.append(wkb_hex(to_multi(frame["geometry"].values, shape)))
    copy_rows(conn, sql.Identifier(table), columns, zip(*lists, strict=True))


def clear_table(
    conn: Conn, table: str, key: str | None = None, values: list[str] | None = None
) -> int:
    """Delete the rows of a result table, or those with some keys; returns how many."""
    if key is None:
        return conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table))).rowcount
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    return conn.execute(
        statement.format(sql.Identifier(table), sql.Identifier(key)), (values,)
    ).rowcount
