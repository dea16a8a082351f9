"""Batches of the ingestion API and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.connection import Conn

RETENTION_DAYS = 14
"""How long a batch's answer is remembered."""


@dataclass(frozen=True)
class BatchAnswer:
    """What a batch was answered."""

    digest: str
    status: int
    answer: dict[str, Any]


def find_batch_answer(conn: Conn, token: int, key: str) -> BatchAnswer | None:
    """What a batch of this key was answered; others of the same key wait until the commit."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (key, token))
    row = conn.execute(
        "SELECT digest, status, answer FROM feed_batches WHERE token = %s AND key = %s",
        (token, key),
    ).fetchone()
    return BatchAnswer(str(row[0]), int(row[1]), row[2]) if row else None


def store_batch_answer(conn: Conn, token: int, key: str, answer: BatchAnswer) -> None:
    """Keep a batch's answer and drop old ones; the caller commits."""
    conn.execute(
        "DELETE FROM feed_batches WHERE received_at < now() - make_interval(days => %s)",
        (RETENTION_DAYS,),
    )
    conn.execute(
        "INSERT INTO feed_batches (token, key, digest, status, answer) VALUES (%s, %s, %s, %s, %s)",
        (token, key, answer.digest, answer.status, Jsonb(answer.answer)),
    )
