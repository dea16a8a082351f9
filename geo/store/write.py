"""Writing registers and results: COPY into a staging table, then one statement."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import shapely
from psycopg import sql
from psycopg.types.json import Jsonb

from geo.errors import StoreError
from geo.schema import Layer
from geo.store.database import Conn

_REFRESH = 0x72656672
PATTERN_TABLES = (
    "grid_patterns", "near_repeats", "forecast_tests", "forecasts", "incident_hours",
    "incident_contours", "service_quality",
)  # fmt: skip
"""Result tables that `geo.pipeline.patterns` fills together."""
_SINGLE = {"polygon": 3, "line": 1}
_UPSERT = sql.SQL(
    "INSERT INTO {table} ({columns}) SELECT {columns} FROM staging ON CONFLICT ({key}) "
    "DO UPDATE SET {updates} WHERE ({old}) IS DISTINCT FROM ({new}) "
    "RETURNING (xmax = 0) AS inserted"
)


@dataclass(frozen=True)
class Written:
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


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value


def upsert(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> Written:
    """Add or change rows by their key; equal rows are left alone. The caller commits.

    Raises
    ------
    StoreError : a row breaks a constraint of the table, for instance a parent that is not there.
    """
    columns = [*layer.names, "extra", "geometry"]
    table = sql.Identifier(layer.table)
    shapes = wkb_hex(to_multi(frame.geometry.values, layer.shape))
    lists = [[_plain(v) for v in frame[name].tolist()] for name in layer.names]
    extra = [json.dumps(v, ensure_ascii=False) for v in frame["extra"]]
    identifiers = [sql.Identifier(c) for c in columns]
    values = [c for c in columns if c not in layer.key]
    try:
        conn.execute(
            sql.SQL("CREATE TEMP TABLE staging (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP").format(
                table
            )
        )
        copy_rows(conn, sql.Identifier("staging"), columns, zip(*lists, extra, shapes, strict=True))
        statement = _UPSERT.format(
            table=table,
            columns=sql.SQL(", ").join(identifiers),
            key=sql.SQL(", ").join(map(sql.Identifier, layer.key)),
            updates=sql.SQL(", ").join(
                sql.SQL("{} = EXCLUDED.{}").format(sql.Identifier(c), sql.Identifier(c))
                for c in values
            ),
            old=sql.SQL(", ").join(
                sql.SQL("{}.{}").format(table, sql.Identifier(c)) for c in values
            ),
            new=sql.SQL(", ").join(
                sql.SQL("EXCLUDED.{}").format(sql.Identifier(c)) for c in values
            ),
        )
        touched = [bool(row[0]) for row in conn.execute(statement).fetchall()]
        conn.execute("DROP TABLE staging")
        conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        raise StoreError(
            f"{layer.name} cannot be stored: {_words(error)}; nothing was changed"
        ) from error
    inserted = sum(touched)
    return Written(inserted, len(touched) - inserted, len(frame) - len(touched))


def _words(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    primary = error.diag.message_primary or str(error).strip()
    return f"{primary} ({detail})" if detail else primary


def record_import(conn: Conn, **values: Any) -> int:
    """Keep what was imported, from which file, with what outcome; returns its number."""
    row = conn.execute(
        "INSERT INTO imports (layer, file, sha256, rows, inserted, updated, unchanged, mended, "
        "rejected, options) VALUES (%(layer)s, %(file)s, %(sha256)s, %(rows)s, %(inserted)s, "
        "%(updated)s, %(unchanged)s, %(mended)s, %(rejected)s, %(options)s) RETURNING id",
        values | {"options": Jsonb(values["options"])},
    ).fetchone()
    return int(row[0]) if row else 0


def update_staff(conn: Conn, rows: pd.DataFrame) -> Written:
    """Replace the staff of the grids named: grid, role, name, phone. The caller commits."""
    codes = sorted(set(rows["grid"]))
    before = {
        tuple(row[:3]): row[3]
        for row in conn.execute(
            "SELECT grid, role, name, phone FROM grid_staff WHERE grid = ANY(%s)", (codes,)
        ).fetchall()
    }
    conn.execute("DELETE FROM grid_staff WHERE grid = ANY(%s)", (codes,))
    columns = ("grid", "role", "name", "phone")
    listed = [
        tuple(_plain(v) for v in row)
        for row in rows[list(columns)].itertuples(index=False, name=None)
    ]
    copy_rows(conn, sql.Identifier("grid_staff"), columns, listed)
    new = sum(row[:3] not in before for row in listed)
    same = sum(row[:3] in before and before[row[:3]] == row[3] for row in listed)
    return Written(new, len(listed) - new - same, same)


def write_run(conn: Conn, **values: Any) -> int:
    """Record a run before its results, which name it; returns its number."""
    row = conn.execute(
        "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
        "started_at, finished_at, summary) VALUES (%(kind)s, %(parameters)s, '', "
        "%(software_version)s, %(metric_crs)s, %(started_at)s, clock_timestamp(), '{}') "
        "RETURNING id",
        values | {"parameters": Jsonb(values["parameters"])},
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def finish_run(conn: Conn, run: int, *, inputs_digest: str, summary: dict[str, Any]) -> None:
    """Add what is known only at the end."""
    conn.execute(
        "UPDATE runs SET inputs_digest = %s, summary = %s, finished_at = clock_timestamp() "
        "WHERE id = %s",
        (inputs_digest, Jsonb(summary), run),
    )


def add_to_summary(conn: Conn, run: int, figures: dict[str, Any]) -> None:
    """Add figures to those a run is summed up by."""
    conn.execute("UPDATE runs SET summary = summary || %s WHERE id = %s", (Jsonb(figures), run))


def write_table(conn: Conn, table: str, frame: pd.DataFrame, *, shape: str | None = None) -> None:
    """COPY a frame of results (with its `run` column) into its table."""
    columns = [c for c in frame.columns if c != "geometry"]
    lists: list[Iterable[Any]] = [[_plain(v) for v in frame[c].tolist()] for c in columns]
    if shape is not None:
        columns.append("geometry")
        lists.append(wkb_hex(to_multi(frame["geometry"].values, shape)))
    copy_rows(conn, sql.Identifier(table), columns, zip(*lists, strict=True))


def clear(conn: Conn, table: str, key: str | None = None, values: list[str] | None = None) -> int:
    """Delete the rows of a result table, or those with some keys; returns how many."""
    if key is None:
        return conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table))).rowcount
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    return conn.execute(
        statement.format(sql.Identifier(table), sql.Identifier(key)), (values,)
    ).rowcount


def replace_quality(conn: Conn, rows: pd.DataFrame) -> None:
    """Put quality figures in place of those they supersede."""
    conn.execute(
        "DELETE FROM area_quality q USING unnest(%s::text[], %s::text[]) AS n (layer, code) "
        "WHERE q.layer = n.layer AND q.code = n.code",
        (rows["layer"].tolist(), rows["code"].tolist()),
    )
    write_table(conn, "area_quality", rows)


def drop_orphan_quality(conn: Conn) -> None:
    """Forget the quality of areas that are no longer there."""
    conn.execute(
        "DELETE FROM area_quality q WHERE (layer = 'grids' AND NOT EXISTS "
        "(SELECT 1 FROM grids g WHERE g.code = q.code)) OR (layer = 'key-places' AND NOT EXISTS "
        "(SELECT 1 FROM key_places p WHERE p.code = q.code))"
    )


def prune_runs(conn: Conn, keep: int) -> None:
    """Drop what runs older than the newest `keep` left behind, but for rows that still hold."""
    row = conn.execute(
        "SELECT min(id) FROM (SELECT id FROM runs ORDER BY id DESC LIMIT %s) t", (keep,)
    ).fetchone()
    oldest = row[0] if row else None
    if oldest is None:
        return
    conn.execute(
        "DELETE FROM grid_coverage c WHERE run < %(oldest)s AND (EXISTS (SELECT 1 FROM "
        "grid_coverage n WHERE n.grid = c.grid AND n.run > c.run AND n.run <= %(oldest)s) "
        "OR NOT EXISTS (SELECT 1 FROM grids g WHERE g.code = c.grid))",
        {"oldest": oldest},
    )
    results = (
        "camera_views", "grid_coverage", "blind_spots", "grid_incidents", "grid_density",
        "area_quality", *PATTERN_TABLES,
    )  # fmt: skip
    unused = sql.SQL(" AND ").join(
        sql.SQL("NOT EXISTS (SELECT 1 FROM {} t WHERE t.run = r.id)").format(sql.Identifier(name))
        for name in results
    )
    conn.execute(sql.SQL("DELETE FROM runs r WHERE id < %s AND {}").format(unused), (oldest,))


@contextlib.contextmanager
def refreshing(conn: Conn) -> Iterator[None]:
    """Alone among refreshes, in one transaction that sees one state of the registers.

    Waits for a refresh at work; committed at the end, rolled back on an error.
    """
    conn.commit()
    conn.execute("SELECT pg_advisory_lock(%s)", (_REFRESH,))
    conn.commit()
    try:
        # The snapshot is taken after the wait, so that it holds what the one before left.
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
        conn.commit()
    except BaseException:
        if not conn.closed:
            conn.rollback()
        raise
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_REFRESH,))
            conn.commit()


def analyze(conn: Conn) -> None:
    """Let the planner know the tables after a large change."""
    conn.execute("ANALYZE")
