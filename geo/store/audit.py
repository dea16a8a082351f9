"""The record of who saw and did what: only ever added to, each entry chained to the one before."""

from __future__ import annotations

import datetime as dt
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.database import Conn, dict_rows


def write(
    conn: Conn, *, actor: str, role: str, address: str, action: str, object_: str,
    detail: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """One entry; the caller commits, and what it tells of is not answered before."""
    conn.execute(
        "INSERT INTO audit (actor, role, address, action, object, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (actor, role, address, action, object_, Jsonb(detail or {})),
    )


def verify(conn: Conn) -> tuple[int, int | None]:
    """How many entries there are, and the number of the first that breaks the chain (None: whole)."""
    row = conn.execute(
        "WITH linked AS (SELECT a.id, a.digest <> audit_digest(a) OR "
        "a.previous <> coalesce(lag(a.digest) OVER w, n.digest) OR "
        "a.id <> coalesce(lag(a.id) OVER w, n.id) + 1 AS broken "
        "FROM audit a, audit_anchor n WINDOW w AS (ORDER BY a.id)) "
        "SELECT count(*), min(id) FILTER (WHERE broken) FROM linked"
    ).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def entries(
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


def prune(conn: Conn, days: int) -> int:
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
        conn.execute("UPDATE audit_anchor SET id = %s, digest = %s", (row[0], row[1]))
        gone = conn.execute("DELETE FROM audit WHERE id <= %s", (row[0],)).rowcount
        conn.execute("SELECT set_config('gridcover.audit_retention', 'off', true)")
    return gone
