"""Batches of the ingestion API and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.connection import Conn

RETENTION_DAYS = 14
"""Days after which the answer to a batch is deleted."""


@dataclass(frozen=True)
class BatchResponse:
    """The answer to a batch."""

    digest: str
    """Digest of the batch."""
    status: int
    """HTTP status of the answer."""
    answer: dict[str, Any]
    """Body of the answer."""


def find_batch_response(conn: Conn, token: int, key: str) -> BatchResponse | None:
    """Return the stored answer to a batch.

    Other transactions with the same key wait until this one ends.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    token : int
        Number of the API token.
    key : str
        Idempotency key of the batch.

    Returns
    -------
    BatchResponse or None
        None if no batch of this key was answered.
    """
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (key, token))
    row = conn.execute(
        "SELECT digest, status, answer FROM feed_batches WHERE token = %s AND key = %s",
        (token, key),
    ).fetchone()
    return BatchResponse(str(row[0]), int(row[1]), row[2]) if row else None


def store_batch_response(conn: Conn, token: int, key: str, answer: BatchResponse) -> None:
    """Store the answer to a batch and delete answers that are out of date.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    token : int
        Number of the API token.
    key : str
        Idempotency key of the batch.
    answer : BatchResponse
        The answer.
    """
    conn.execute(
        "DELETE FROM feed_batches WHERE received_at < now() - make_interval(days => %s)",
        (RETENTION_DAYS,),
    )
    conn.execute(
        "INSERT INTO feed_batches (token, key, digest, status, answer) VALUES (%s, %s, %s, %s, %s)",
        (token, key, answer.digest, answer.status, Jsonb(answer.answer)),
    )
