"""Writing registers and results: COPY into a staging table, then one statement."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import shapely
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import LargeStringEncoderBuilder
from pgpq.schema import Jsonb as JsonbType
from psycopg import sql
from psycopg.types.json import Jsonb

from geo.errors import StoreAwayError, StoreError
from geo.schema import Layer
from geo.store.database import Conn

_REFRESH = 0x72656672
PATTERN_TABLES = (
    "grid_patterns", "near_repeats", "forecast_tests", "forecasts", "incident_hours",
    "incident_contours", "service_quality",
)  # fmt: skip
"""Result tables that `geo.pipeline.patterns` fills together."""
_SINGLE = {"polygon": 3, "line": 1}
_MANY = 100_000
"""Rows from which on an index is cheaper made anew than grown."""
_BESIDE = ("extra", "geometry")
_UPSERT = sql.SQL(
    # In the order of the key, so that two who bring the same rows never wait for each other.
    "WITH done AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM staging ORDER BY {key} "
    "ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE ({old}) IS DISTINCT FROM ({new}) "
    "RETURNING {returned}, (xmax = 0) AS inserted) SELECT {told} FROM done"
)
_INSERT = sql.SQL(
    "WITH done AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM staging RETURNING 1) "
    "SELECT count(*), count(*) FROM done"
)
"""Into a register that is empty and stays so for others: no conflict to be found."""


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

    Where at least as many rows come as there are, the indexes that guard nothing are built anew
    afterwards, which takes a fraction of the time; readers of this register wait for the commit.

    Raises
    ------
    StoreError : a row breaks a constraint of the table, for instance a parent that is not there.
    """
    table = sql.Identifier(layer.table)
    columns = [*layer.names, *_BESIDE]
    with _staged(conn, layer, frame):
        rebuilt = _without_indexes(conn, layer, len(frame)) if len(frame) >= _MANY else []
        statement = _upsert_statement(layer, sql.SQL("count(*), count(*) FILTER (WHERE inserted)"))
        if rebuilt and _is_empty(conn, table):
            statement = _INSERT.format(
                table=table, columns=sql.SQL(", ").join(map(sql.Identifier, columns))
            )
        row = conn.execute(statement).fetchone()
        touched, inserted = (int(row[0]), int(row[1])) if row else (0, 0)
        for definition in rebuilt:
            conn.execute(definition.encode())
    return Written(inserted, touched - inserted, len(frame) - touched)


def upsert_each(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> dict[tuple[str, ...], str]:
    """As `upsert`, of a few rows: by key what became of those that were ``inserted`` or ``updated``."""
    keys = sql.SQL(", ").join(map(sql.Identifier, layer.key))
    with _staged(conn, layer, frame):
        statement = _upsert_statement(layer, sql.SQL("{}, inserted").format(keys))
        rows = conn.execute(statement).fetchall()
    return {tuple(map(str, row[:-1])): "inserted" if row[-1] else "updated" for row in rows}


@contextlib.contextmanager
def _staged(conn: Conn, layer: Layer, frame: gpd.GeoDataFrame) -> Iterator[None]:
    """The rows in a table `staging`, and what the database refuses told in its own words."""
    create = sql.SQL("CREATE TEMP TABLE staging (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP")
    try:
        conn.execute(create.format(sql.Identifier(layer.table)))
        copy_table(conn, "staging", _arrow_table(layer, frame))
        yield
        conn.execute("DROP TABLE staging")
        # Not all of them: what the record is told at the commit must wait until then.
        conn.execute("SET CONSTRAINTS areas_parent_fkey, grids_community_fkey IMMEDIATE")
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StoreAwayError(
            f"{layer.name} could not be stored now: {_words(error)}; nothing was changed, try again"
        ) from error
    except psycopg.Error as error:
        raise StoreError(
            f"{layer.name} cannot be stored: {_words(error)}; nothing was changed"
        ) from error


def _upsert_statement(layer: Layer, told: sql.Composable) -> sql.Composed:
    columns = [*layer.names, *_BESIDE]
    values = [c for c in columns if c not in layer.key]
    table = sql.Identifier(layer.table)

    def listed(names: Sequence[str], prefix: sql.Composable) -> sql.Composed:
        return sql.SQL(", ").join(sql.Composed([prefix, sql.Identifier(c)]) for c in names)

    return _UPSERT.format(
        table=table,
        told=told,
        returned=listed(layer.key, sql.Composed([table, sql.SQL(".")])),
        columns=listed(columns, sql.SQL("")),
        key=listed(layer.key, sql.SQL("")),
        updates=sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(c)) for c in values
        ),
        old=listed(values, sql.Composed([table, sql.SQL(".")])),
        new=listed(values, sql.SQL("EXCLUDED.")),
    )


def _is_empty(conn: Conn, table: sql.Identifier) -> bool:
    return conn.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is None


def _without_indexes(conn: Conn, layer: Layer, coming: int) -> list[str]:
    """Drop the plain indexes of a register that holds no more rows than are coming; how to make them."""
    table = sql.Identifier(layer.table)
    counted = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT %s) t").format(table)
    row = conn.execute(counted, (coming + 1,)).fetchone()
    if row is None or row[0] > coming:
        return []
    found = conn.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass "
        "AND NOT i.indisunique AND NOT i.indisprimary",
        (f"gridcover.{layer.table}",),
    ).fetchall()
    for name, _ in found:
        conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [str(definition) for _, definition in found]


_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", "UTC"),
}
"""How the columns of a register travel; all others as text."""


def _arrow_table(layer: Layer, frame: gpd.GeoDataFrame) -> pa.Table:
    """The rows of a register as Arrow, geometry as EWKB of EPSG:4326."""
    out = {}
    for column in layer.columns:
        values = frame[column.name]
        kind = _TYPES.get(column.kind, pa.large_string())
        if column.kind in ("integer", "number"):
            values = pd.to_numeric(values).astype(float)
            out[column.name] = pa.array(values, from_pandas=True).cast(kind)
        elif column.kind == "time":
            moments = pd.to_datetime(values, utc=True).dt.as_unit("us")
            out[column.name] = pa.array(moments, kind, from_pandas=True)
        else:
            out[column.name] = pa.array(values, kind, from_pandas=True)
    out["extra"] = pa.array(frame["extra"], pa.large_string())
    shapes = shapely.set_srid(to_multi(frame.geometry.values, layer.shape), 4326)
    out["geometry"] = pa.array(shapely.to_wkb(shapes, include_srid=True), pa.large_binary())
    return pa.table(out)


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


def write_events(conn: Conn, run: int, events: pd.DataFrame) -> None:
    """Put the incidents as a run counted them in place of those before: `at`, `timed`, `until`, `category`, `grid`, `lon`, `lat`."""
    clear(conn, "incident_events")
    words, floats = pa.large_string(), pa.float64()
    table = {
        "at": pa.array(events["at"].dt.as_unit("us"), pa.timestamp("us", tz="UTC")),
        "timed": pa.array(events["timed"].to_numpy(bool)),
        "until": pa.array(
            events["until"].dt.as_unit("us"), pa.timestamp("us", tz="UTC"), from_pandas=True
        ),
        "category": pa.array(events["category"], words),
        "grid": pa.array(events["grid"], words),
        "lon": pa.array(events["lon"], floats, from_pandas=True),
        "lat": pa.array(events["lat"], floats, from_pandas=True),
        "run": pa.array(np.full(len(events), run, np.int64)),
    }
    copy_table(conn, "incident_events", pa.table(table))


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


def note_heard(conn: Conn, cameras: pd.DataFrame) -> None:
    """A register that tells cameras' statuses has told them now, changed or not. The caller commits."""
    told = cameras.loc[cameras["status"].ne("unknown"), "code"].astype(str).tolist()
    conn.execute(
        "INSERT INTO camera_heard (camera, at) SELECT unnest(%s::text[]), now() "
        "ON CONFLICT (camera) DO UPDATE SET at = greatest(camera_heard.at, EXCLUDED.at)",
        (told,),
    )


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


def write_risk(conn: Conn, run: int, spots: pd.DataFrame) -> None:
    """Note the risk of blind spots (`grid`, `number`, `risk`), and the run that it rests on."""
    conn.execute(
        "UPDATE blind_spots b SET risk = n.risk, risk_run = %s "
        "FROM unnest(%s::text[], %s::integer[], %s::float8[]) AS n (grid, number, risk) "
        "WHERE b.grid = n.grid AND b.number = n.number",
        (run, *(spots[name].tolist() for name in ("grid", "number", "risk"))),
    )


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
        "area_quality", "area_figures", "area_camera_years", "register_findings",
        "register_counts", "incident_events", *PATTERN_TABLES,
    )  # fmt: skip
    unused = sql.SQL(" AND ").join(
        sql.SQL("NOT EXISTS (SELECT 1 FROM {} t WHERE t.{} = r.id)").format(
            *map(sql.Identifier, place)
        )
        for place in [*((name, "run") for name in results), ("blind_spots", "risk_run")]
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
