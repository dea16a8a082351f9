"""Webhooks and their deliveries."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.types import JSONDict

from geo.errors import StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

DELIVERY_QUEUE = "webhooks"
"""Queue of deliveries in the job queue."""
DELIVERY_TASK = "deliver_webhook"
"""Task that sends one delivery; its argument `delivery` is the id of the delivery."""
_ENQUEUE_LOCK = 0x7765626F  # one process at a time looks for deliveries without a job
# Never opened: jobs are inserted with the connection of the caller, in its transaction.
_job_queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


@dataclass(frozen=True)
class Delivery:
    """One message to one system.

    Attributes
    ----------
    id : str
        Its id, the same at every attempt.
    url : str
        Address that it is sent to.
    secret : str
        Secret that it is signed with, as `whsec_` and base64.
    payload : str
        Body of the message, JSON.
    """

    id: str
    url: str
    secret: str
    payload: str


def queue_deliveries(conn: Conn, kind: str, data: dict[str, Any]) -> int:
    """Queue a message to every webhook, in the transaction of the event that it reports.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    kind : str
        Type of the event, such as `alerts.raised`.
    data : dict
        Data of the event; values that JSON does not have are written as text.

    Returns
    -------
    int
        Number of messages.
    """
    payload = json.dumps({"type": kind, "data": data}, ensure_ascii=False, default=str)
    rows = conn.execute(
        "INSERT INTO webhook_deliveries (webhook, payload) "
        "SELECT id, %s FROM webhooks RETURNING id",
        (payload,),
    ).fetchall()
    _add_jobs(conn, [row[0] for row in rows])
    return len(rows)


def enqueue_stored_deliveries(conn: Conn) -> int:
    """Add a job for every waiting delivery that has none.

    These are deliveries of a version without the job queue, and those of a restored backup.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.

    Returns
    -------
    int
        Number of jobs that were added.
    """
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (_ENQUEUE_LOCK,))
    rows = conn.execute(
        "SELECT d.id FROM webhook_deliveries d WHERE d.next_at IS NOT NULL AND NOT EXISTS ("
        "SELECT FROM procrastinate_jobs q WHERE q.task_name = %s AND q.status IN ('todo', 'doing') "
        "AND q.args ->> 'delivery' = d.id::text) ORDER BY d.created_at",
        (DELIVERY_TASK,),
    ).fetchall()
    _add_jobs(conn, [row[0] for row in rows])
    return len(rows)


def _add_jobs(conn: Conn, deliveries: Sequence[UUID]) -> None:
    if not deliveries:
        return
    task = _job_queue.configure_task(DELIVERY_TASK, queue=DELIVERY_QUEUE, connection=conn)
    arguments: list[JSONDict] = [{"delivery": str(delivery)} for delivery in deliveries]
    try:
        task.batch_defer(*arguments)
    except ConnectorException as error:
        raise error.__cause__ or error from None


def add_webhook(conn: Conn, url: str) -> str:
    """Add a system that alerts are sent to.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    url : str
        Address that messages are sent to.

    Returns
    -------
    str
        Secret that messages are signed with. It is not shown again.

    Raises
    ------
    StoreError
        If the address exists already.
    """
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    try:
        conn.execute("INSERT INTO webhooks (url, secret) VALUES (%s, %s)", (url, secret))
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"{url} is there already; remove it first to get a new secret") from error
    return secret


def remove_webhook(conn: Conn, url: str) -> bool:
    """Delete a system and its deliveries.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    url : str
        Address of the system.

    Returns
    -------
    bool
        Whether there was one.
    """
    return conn.execute("DELETE FROM webhooks WHERE url = %s", (url,)).rowcount > 0


def list_webhooks(conn: Conn) -> list[dict[str, Any]]:
    """Return all systems with the state of their deliveries.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection.

    Returns
    -------
    list of dict
        `url`; numbers of deliveries `delivered`, `waiting` and `given_up`; `last_answer`.
    """
    return dict_rows(conn, statement("webhooks"))


def count_waiting_deliveries(conn: Conn) -> int:
    """Return the number of deliveries that are still to be sent.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection.

    Returns
    -------
    int
        Number of deliveries.
    """
    row = conn.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE next_at IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def claim_delivery(conn: Conn, delivery: str) -> Iterator[Delivery | None]:
    """Lock a waiting delivery in a transaction until the block ends.

    A process that dies meanwhile leaves the delivery as it was.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write.
    delivery : str
        Id of the delivery.

    Yields
    ------
    Delivery or None
        None if it was delivered, given up, or removed with its webhook.
    """
    with conn.transaction():
        row = conn.execute(
            "SELECT d.id, w.url, w.secret, d.payload FROM webhook_deliveries d "
            "JOIN webhooks w ON w.id = d.webhook WHERE d.id = %s AND d.next_at IS NOT NULL "
            "FOR UPDATE OF d",
            (delivery,),
        ).fetchone()
        yield Delivery(str(row[0]), *row[1:]) if row else None


def record_attempt(
    conn: Conn, delivery: Delivery, *, delivered: bool, answer: str, next_at: dt.datetime | None
) -> None:
    """Write the outcome of an attempt to the log of deliveries.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    delivery : Delivery
        Delivery that was attempted.
    delivered : bool
        Whether the system accepted the message.
    answer : str
        Status of the response, or the reason why there is none; cut to 500 characters.
    next_at : datetime.datetime or None
        Time of the next attempt; None if the message is delivered or given up.
    """
    conn.execute(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, answer = %(answer)s, "
        "delivered_at = CASE WHEN %(delivered)s THEN clock_timestamp() END, next_at = %(next_at)s "
        "WHERE id = %(id)s",
        {"answer": answer[:500], "delivered": delivered, "next_at": next_at, "id": delivery.id},
    )
