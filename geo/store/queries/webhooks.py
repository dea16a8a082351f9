"""Webhooks and their deliveries."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from geo.errors import StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

DELAYS_S = (5, 60, 300, 1800, 7200, 18000, 36000)
"""Between the attempts of a delivery; after the last it is given up."""


@dataclass(frozen=True)
class Delivery:
    """One message to one system."""

    id: str
    url: str
    secret: str
    payload: str
    attempts: int


def queue_deliveries(conn: Conn, kind: str, data: dict[str, Any]) -> int:
    """A message to every webhook, in the transaction of what it tells of; how many."""
    payload = json.dumps({"type": kind, "data": data}, ensure_ascii=False, default=str)
    return conn.execute(
        "INSERT INTO webhook_deliveries (webhook, payload) SELECT id, %s FROM webhooks", (payload,)
    ).rowcount


def add_webhook(conn: Conn, url: str) -> str:
    """A system that alerts are sent to; its secret, told this once. The caller commits.

    Raises
    ------
    StoreError : it is there already.
    """
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    try:
        conn.execute("INSERT INTO webhooks (url, secret) VALUES (%s, %s)", (url, secret))
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"{url} is there already; remove it first to get a new secret") from error
    return secret


def remove_webhook(conn: Conn, url: str) -> bool:
    """Forget a system and what waits for it; whether there was one. The caller commits."""
    return conn.execute("DELETE FROM webhooks WHERE url = %s", (url,)).rowcount > 0


def list_webhooks(conn: Conn) -> list[dict[str, Any]]:
    """Systems and how their messages stand."""
    return dict_rows(conn, statement("webhooks"))


def count_waiting_deliveries(conn: Conn) -> int:
    """Messages that are still to be sent."""
    row = conn.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE next_at IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def claim_due_delivery(conn: Conn) -> Iterator[Delivery | None]:
    """The next message to send, held so that no other sends it; committed or rolled back after.

    A sender that dies leaves the message as it was.
    """
    with conn.transaction():
        row = conn.execute(
            "SELECT d.id, w.url, w.secret, d.payload, d.attempts FROM webhook_deliveries d "
            "JOIN webhooks w ON w.id = d.webhook WHERE d.next_at <= now() "
            "ORDER BY d.next_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED"
        ).fetchone()
        yield Delivery(str(row[0]), *row[1:]) if row else None


def record_attempt(conn: Conn, delivery: Delivery, *, done: bool, answer: str) -> None:
    """What came of an attempt; one that failed is put off, or given up after the last."""
    delay = DELAYS_S[delivery.attempts] if delivery.attempts < len(DELAYS_S) else None
    conn.execute(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, answer = %(answer)s, "
        "delivered_at = CASE WHEN %(done)s THEN clock_timestamp() END, "
        "next_at = CASE WHEN %(done)s OR %(delay)s::integer IS NULL THEN NULL "
        "ELSE clock_timestamp() + make_interval(secs => %(delay)s) END WHERE id = %(id)s",
        {"answer": answer[:500], "done": done, "delay": delay, "id": delivery.id},
    )
