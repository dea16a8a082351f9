"""The audit log: append-only, each entry chained to the one before."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.connection import Conn, dict_rows


def append_audit_entry(
    conn: Conn, *, actor: str, role: str, address: str, action: str, object_: str,
    detail: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """One entry; the caller commits, and what it tells of is not answered before."""
    conn.execute(
        "INSERT INTO audit (actor, role, address, action, object, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (*_storable((actor, role, address, action, object_)), Jsonb(_storable(detail or {}))),
    )


def _storable(value: Any) -> Any:
    """Return a value with escapes for what the database cannot store, so that no entry fails for it."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    if isinstance(value, dict):
        return {_storable(str(k)): _storable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def set_actor(conn: Conn, actor: str, *, session: bool = False) -> None:
    """Say whose the changes of the registers are from now on: in this transaction, or the whole session."""
    conn.execute("SELECT set_config('gridcover.actor', %s, %s)", (actor, not session))


@dataclass(frozen=True)
class Verified:
    """What stands in the record, and the first of each kind that is broken (None: whole)."""

    entries: int
    broken: int | None
    """Number of an entry that was changed, put in, or follows on one that was taken out."""
    changes: int
    broken_change: int | None
    """Number of a set of changes that is not what its entry says, or has none."""


def verify(conn: Conn) -> Verified:
    """Check the chain, and every set of changes against the digest in its entry."""
    row = conn.execute(
        "WITH linked AS (SELECT a.id, a.digest <> audit_digest(a) OR "
        "a.previous IS DISTINCT FROM coalesce(lag(a.digest) OVER w, n.digest) OR "
        "a.id IS DISTINCT FROM coalesce(lag(a.id) OVER w, n.id) + 1 AS broken "
        "FROM audit a LEFT JOIN audit_anchor n ON true WINDOW w AS (ORDER BY a.id)) "
        "SELECT count(*), min(id) FILTER (WHERE broken) FROM linked"
    ).fetchone()
    sets = conn.execute(
        "SELECT count(s.id), min(coalesce(s.id, a.set)) FILTER (WHERE "
        "s.id IS NULL OR a.digest IS DISTINCT FROM change_digest(s)) FROM change_sets s FULL JOIN "
        "(SELECT (detail ->> 'set')::bigint AS set, detail ->> 'digest' AS digest FROM audit "
        "WHERE action = 'changed') a ON a.set = s.id"
    ).fetchone()
    assert row is not None  # noqa: S101
    assert sets is not None  # noqa: S101
    return Verified(int(row[0]), row[1], int(sets[0]), sets[1])


def read_change_set(conn: Conn, number: int, limit: int) -> dict[str, Any] | None:
    """A set of changes with its first rows; None where there is none of this number."""
    found = dict_rows(
        conn,
        "SELECT id, at, actor, layer, inserted, updated, deleted, added FROM change_sets WHERE id = %s",
        (number,),
    )
    if not found:
        return None
    rows = dict_rows(
        conn,
        "SELECT key, was, now FROM changed_rows WHERE change_set = %s ORDER BY key LIMIT %s",
        (number, limit),
    )
    return found[0] | {"rows": rows}


def read_row_history(conn: Conn, layer: str, key: str, limit: int) -> list[dict[str, Any]]:
    """What became of one row of a register, newest first: when, by whom, from what to what.

    Parameters
    ----------
    layer : name of the table.
    key : its key; several columns with ``/`` between them.
    """
    return dict_rows(
        conn,
        "SELECT s.id AS change_set, s.at, s.actor, r.was, r.now FROM change_sets s LEFT JOIN changed_rows r "
        "ON r.change_set = s.id AND r.key = %(key)s WHERE s.layer = %(layer)s "
        "AND (r.key IS NOT NULL OR s.added @> ARRAY[%(key)s]) ORDER BY s.id DESC LIMIT %(limit)s",
        {"layer": layer, "key": key, "limit": limit},
    )


def read_audit_entries(
    conn: Conn, limit: int, *, before: int | None = None, actor: str | None = None
) -> list[dict[str, Any]]:
    """Entries, newest first."""
    return dict_rows(
        conn,
        "SELECT id, at, actor, role, address, action, object, detail FROM audit "
        "WHERE (%(before)s::bigint IS NULL OR id < %(before)s) "
        "AND (%(actor)s::text IS NULL OR actor = %(actor)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "actor": actor, "limit": limit},
    )


def prune_audit(conn: Conn, days: int) -> int:
    """Let go of entries older than so many days; the chain then begins at the last of them."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(1635083369)")
        conn.execute("SELECT set_config('gridcover.audit_retention', 'on', true)")
        limit = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        row = conn.execute(
            "SELECT id, digest FROM audit WHERE at < %s ORDER BY id DESC LIMIT 1", (limit,)
        ).fetchone()
        if row is None:
            return 0
        conn.execute(
            "DELETE FROM change_sets WHERE id IN (SELECT (detail ->> 'set')::bigint FROM audit "
            "WHERE action = 'changed' AND id <= %s)",
            (row[0],),
        )
        conn.execute("UPDATE audit_anchor SET id = %s, digest = %s", (row[0], row[1]))
        gone = conn.execute("DELETE FROM audit WHERE id <= %s", (row[0],)).rowcount
        conn.execute("SELECT set_config('gridcover.audit_retention', 'off', true)")
    return gone
