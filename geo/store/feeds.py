"""Batches that other systems send: answered once, statuses of cameras with their history."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from geo.store.database import Conn
from geo.store.write import copy_rows

KEEP_DAYS = 14
"""How long a batch's answer is remembered."""


@dataclass(frozen=True)
class Answered:
    """What a batch was answered."""

    digest: str
    status: int
    answer: dict[str, Any]


def answered(conn: Conn, token: int, key: str) -> Answered | None:
    """What a batch of this key was answered; others of the same key wait until the commit."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (key, token))
    row = conn.execute(
        "SELECT digest, status, answer FROM feed_batches WHERE token = %s AND key = %s",
        (token, key),
    ).fetchone()
    return Answered(str(row[0]), int(row[1]), row[2]) if row else None


def remember(conn: Conn, token: int, key: str, answer: Answered) -> None:
    """Keep a batch's answer and drop old ones; the caller commits."""
    conn.execute(
        "DELETE FROM feed_batches WHERE received_at < now() - make_interval(days => %s)",
        (KEEP_DAYS,),
    )
    conn.execute(
        "INSERT INTO feed_batches (token, key, digest, status, answer) VALUES (%s, %s, %s, %s, %s)",
        (token, key, answer.digest, answer.status, Jsonb(answer.answer)),
    )


def lock_cameras(conn: Conn, codes: list[str]) -> dict[str, str]:
    """Status of the cameras there are among some codes; theirs are changed by no other meanwhile."""
    rows = conn.execute(
        "SELECT code, status FROM cameras WHERE code = ANY(%s) ORDER BY code FOR UPDATE",
        (sorted(set(codes)),),
    ).fetchall()
    return {str(code): str(status) for code, status in rows}


def status_history(conn: Conn, codes: list[str]) -> dict[str, list[tuple[dt.datetime, str]]]:
    """Since when each of some cameras has had which status, oldest first."""
    out: dict[str, list[tuple[dt.datetime, str]]] = {code: [] for code in codes}
    rows = conn.execute(
        "SELECT camera, since, status FROM camera_status WHERE camera = ANY(%s) "
        "ORDER BY camera, since",
        (codes,),
    ).fetchall()
    for camera, since, status in rows:
        out[camera].append((since, status))
    return out


def forget_later(conn: Conn, codes: list[str], moment: dt.datetime) -> None:
    """Drop statuses of some cameras, and when they were heard of, that would only be told in the future."""
    for statement in (
        "DELETE FROM camera_status WHERE camera = ANY(%s) AND since > %s",
        "DELETE FROM camera_heard WHERE camera = ANY(%s) AND at > %s",
    ):
        conn.execute(statement, (codes, moment))


def write_statuses(
    conn: Conn,
    history: list[tuple[str, dt.datetime, str]],
    current: dict[str, str],
    heard: dict[str, dt.datetime],
) -> None:
    """Add to the history, set what cameras have now, and note when they were heard of."""
    conn.execute(
        "CREATE TEMP TABLE told (camera text, since timestamptz, status text) ON COMMIT DROP"
    )
    copy_rows(conn, sql.Identifier("told"), ("camera", "since", "status"), history)
    # The history first: the register's own trigger then finds the status in it.
    conn.execute(
        "INSERT INTO camera_status (camera, since, status) SELECT camera, since, status FROM told "
        "ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status"
    )
    conn.execute(
        "UPDATE cameras c SET status = n.status FROM unnest(%s::text[], %s::text[]) "
        "AS n (code, status) WHERE c.code = n.code AND c.status <> n.status",
        (list(current), list(current.values())),
    )
    conn.execute(
        "INSERT INTO camera_heard (camera, at) SELECT * FROM unnest(%s::text[], %s::timestamptz[]) "
        "ON CONFLICT (camera) DO UPDATE SET at = greatest(camera_heard.at, EXCLUDED.at)",
        (list(heard), list(heard.values())),
    )
    conn.execute("DROP TABLE told")
