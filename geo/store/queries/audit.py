"""The audit log: append-only, each entry chained to the one before."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def append_audit_entry(
    conn: Conn,
    *,
    actor: str,
    role: str,
    address: str,
    action: AuditAction,
    object_: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append an entry to the audit log.

    The caller commits, before it answers the request that the entry is about. Characters that
    the database cannot store are written as escapes.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    actor : str
        Name of the account, or of the token or command.
    role : str
        Role of the actor.
    address : str
        Address of the client.
    action : AuditAction
        Code of the action.
    object_ : str
        What the action was about.
    detail : dict, optional
        Further values, which JSON can hold.
    """
    conn.execute(
        "INSERT INTO audit (actor, role, address, action, object, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (*_storable((actor, role, address, action, object_)), Jsonb(_storable(detail or {}))),
    )


def _storable(value: Any) -> Any:
    """Return a value in which characters that the database cannot store are escapes."""
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
    """Set who the following changes of registers are recorded for.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    actor : str
        Name of the account, token or command.
    session : bool, optional
        Whether it applies to the whole session instead of this transaction.
    """
    conn.execute("SELECT set_config('gridcover.actor', %s, %s)", (actor, not session))


@dataclass(frozen=True)
class AuditCheck:
    """Result of a check of the audit log."""

    entries: int
    """Number of entries."""
    broken: int | None
    """Number of the first entry that was changed, inserted, or follows one that was removed;
    None if the chain is intact.
    """
    changes: int
    """Number of change sets."""
    broken_change: int | None
    """Number of the first change set that differs from its entry or has none; None if all agree."""


def check_audit(conn: Conn) -> AuditCheck:
    """Check the chain of the log, and every change set against the digest in its entry.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    AuditCheck
        Numbers of entries and change sets, and the first broken one of each.
    """
    chain = conn.execute(statement("audit_chain")).fetchone()
    change_sets = conn.execute(statement("audit_change_sets")).fetchone()
    assert chain is not None  # noqa: S101
    assert change_sets is not None  # noqa: S101
    return AuditCheck(int(chain[0]), chain[1], int(change_sets[0]), change_sets[1])


def read_change_set(conn: Conn, number: int, limit: int) -> dict[str, Any] | None:
    """Return a change set with its first rows.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    number : int
        Number of the change set.
    limit : int
        Largest number of rows.

    Returns
    -------
    dict or None
        `id`, `at`, `actor`, `layer`, numbers of rows `inserted`, `updated` and `deleted`,
        the keys `added`, and `rows`, each with `key`, `was` and `now`; None if there is no
        such set.
    """
    change_sets = dict_rows(
        conn,
        "SELECT id, at, actor, layer, inserted, updated, deleted, added FROM change_sets "
        "WHERE id = %s",
        (number,),
    )
    if not change_sets:
        return None
    rows = dict_rows(
        conn,
        "SELECT key, was, now FROM changed_rows WHERE change_set = %s ORDER BY key LIMIT %s",
        (number, limit),
    )
    return change_sets[0] | {"rows": rows}


def read_row_history(conn: Conn, layer: str, key: str, limit: int) -> list[dict[str, Any]]:
    """Return the changes of one row of a register, newest first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : str
        Name of the table.
    key : str
        Key of the row; several key columns are separated by ``/``.
    limit : int
        Largest number of changes.

    Returns
    -------
    list of dict
        Of each change `change_set`, `at`, `actor`, and the row as it `was` and is `now`;
        both None if the row was added.
    """
    return dict_rows(
        conn,
        statement("row_history"),
        {"layer": layer, "key": key, "limit": limit},
    )


def read_audit_entries(
    conn: Conn, limit: int, *, before: int | None = None, actor: str | None = None
) -> list[dict[str, Any]]:
    """Return entries of the audit log, newest first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    limit : int
        Largest number of entries.
    before : int, optional
        Only entries with a smaller number; None for the newest.
    actor : str, optional
        Only entries of this actor; None for all.

    Returns
    -------
    list of dict
        Of each entry `id`, `at`, `actor`, `role`, `address`, `action`, `object` and
        `detail`.
    """
    return dict_rows(
        conn,
        "SELECT id, at, actor, role, address, action, object, detail FROM audit "
        "WHERE (%(before)s::bigint IS NULL OR id < %(before)s) "
        "AND (%(actor)s::text IS NULL OR actor = %(actor)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "actor": actor, "limit": limit},
    )


def prune_audit(conn: Conn, days: int) -> int:
    """Delete entries of the audit log that are older than a number of days.

    The change sets of deleted entries are deleted with them, and the last deleted entry becomes
    the anchor of the chain.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    days : int
        Age in days.

    Returns
    -------
    int
        Number of entries deleted.
    """
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
        deleted = conn.execute("DELETE FROM audit WHERE id <= %s", (row[0],)).rowcount
        conn.execute("SELECT set_config('gridcover.audit_retention', 'off', true)")
    return deleted
