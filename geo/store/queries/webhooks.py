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
"""Seconds between the attempts of a delivery; after the last one it is given up."""


@dataclass(frozen=True)
class Delivery:
    """A message to one webhook."""

    id: str
    """Identifier of the message."""
    url: str
    """Address of the webhook."""
    secret: str
    """Secret that signs the message."""
    payload: str
    """Body of the message, JSON."""
    attempts: int
    """Number of attempts so far."""


def queue_deliveries(conn: Conn, kind: str, data: dict[str, Any]) -> int:
    """Queue a message for every webhook, in the transaction of the event it reports.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    kind : str
        Type of the event.
    data : dict
        Data of the event, which JSON can hold.

    Returns
    -------
    int
        Number of webhooks.
    """
    payload = json.dumps({"type": kind, "data": data}, ensure_ascii=False, default=str)
    return conn.execute(
        "INSERT INTO webhook_deliveries (webhook, payload) SELECT id, %s FROM webhooks", (payload,)
    ).rowcount


def add_webhook(conn: Conn, url: str) -> str:
    """Store a webhook and return its secret, which cannot be read again.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    url : str
        Address of the webhook.

    Returns
    -------
    str
        Secret in the form of Standard Webhooks.

    Raises
    ------
    StoreError
        If there is a webhook of this address.
    """
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    try:
        conn.execute("INSERT INTO webhooks (url, secret) VALUES (%s, %s)", (url, secret))
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"{url} is there already; remove it first to get a new secret") from error
    return secret


def remove_webhook(conn: Conn, url: str) -> bool:
    """Delete a webhook and the messages that wait for it.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    url : str
        Address of the webhook.

    Returns
    -------
    bool
        Whether there was one.
    """
    return conn.execute("DELETE FROM webhooks WHERE url = %s", (url,)).rowcount > 0


def list_webhooks(conn: Conn) -> list[dict[str, Any]]:
    """Return the webhooks with the state of their messages.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each `url`, the numbers of messages `delivered`, `waiting` and `given_up`, and
        the `last_answer`.
    """
    return dict_rows(conn, statement("webhooks"))


def count_waiting_deliveries(conn: Conn) -> int:
    """Return the number of messages that are still to be sent.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    int
        Number of messages.
    """
    row = conn.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE next_at IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def claim_due_delivery(conn: Conn) -> Iterator[Delivery | None]:
    """Provide the next message that is due, locked for the duration of a block.

    No other sender gets it meanwhile. It is committed at the end and rolled back on an error:
    if the sender dies, the message is as before.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Yields
    ------
    Delivery or None
        The message; None if none is due.
    """
    with conn.transaction():
        row = conn.execute(
            "SELECT d.id, w.url, w.secret, d.payload, d.attempts FROM webhook_deliveries d "
            "JOIN webhooks w ON w.id = d.webhook WHERE d.next_at <= now() "
            "ORDER BY d.next_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED"
        ).fetchone()
        yield Delivery(str(row[0]), *row[1:]) if row else None


def record_attempt(conn: Conn, delivery: Delivery, *, done: bool, answer: str) -> None:
    """Record an attempt to deliver a message, and set the time of the next one if it failed.

    After the last of `DELAYS_S` the message is given up.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    delivery : Delivery
        The message.
    done : bool
        Whether it was delivered.
    answer : str
        Answer of the webhook or reason of the failure; 500 characters of it are stored.
    """
    delay = DELAYS_S[delivery.attempts] if delivery.attempts < len(DELAYS_S) else None
    conn.execute(
        statement("delivery_attempt"),
        {"answer": answer[:500], "done": done, "delay": delay, "id": delivery.id},
    )
