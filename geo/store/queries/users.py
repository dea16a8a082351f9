"""Accounts; passwords are stored as digests only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from geo.errors import ColumnError, StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.scope import EVERYWHERE, ROLES, require_areas

FREE_FAILURES = 5
"""Wrong passwords in a row before an account is locked for a while."""


@dataclass(frozen=True)
class User:
    """Someone signed in."""

    id: int
    name: str
    role: str
    areas: tuple[str, ...]
    csrf: str = ""
    wall: bool = False
    """Whether this is a wall, which shows maps and does nothing else."""
    scopes: frozenset[str] | None = None
    """What an API token may be used for; None of a session."""

    @property
    def everywhere(self) -> bool:
        """Whether the whole deployment is theirs."""
        return EVERYWHERE in self.areas


def add_user(conn: Conn, name: str, password: str, role: str, areas: list[str]) -> int:
    """A new account; the caller commits.

    Parameters
    ----------
    password : its argon2 digest.
    areas : codes of areas or grids that are in the store, or ``["*"]``.

    Raises
    ------
    ColumnError : the role or an area is not known.
    StoreError : the name is taken.
    """
    if role not in ROLES:
        raise ColumnError(f"there is no role {role}; use one of {', '.join(ROLES)}")
    require_areas(conn, areas)
    try:
        row = conn.execute(
            "INSERT INTO users (name, password, role, areas) VALUES (%s, %s, %s, %s) RETURNING id",
            (name, password, role, areas),
        ).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"there is a user {name} already; give another name") from error
    assert row is not None  # noqa: S101
    return int(row[0])


def set_password(conn: Conn, name: str, password: str) -> bool:
    """Another password (its digest), all sessions ended, the lock opened; the caller commits."""
    row = conn.execute(
        "UPDATE users SET password = %s, password_at = now(), failures = 0, locked_until = NULL "
        "WHERE lower(name) = lower(%s) AND disabled_at IS NULL RETURNING id",
        (password, name),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM sessions WHERE user_id = %s", (row[0],))
    return row is not None


def disable_user(conn: Conn, name: str) -> bool:
    """End an account and its sessions; the record of what it did stays. The caller commits."""
    row = conn.execute(
        "UPDATE users SET disabled_at = now() WHERE lower(name) = lower(%s) "
        "AND disabled_at IS NULL RETURNING id",
        (name,),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM sessions WHERE user_id = %s", (row[0],))
    return row is not None


def list_users(conn: Conn) -> list[dict[str, Any]]:
    """All accounts, without their passwords."""
    return dict_rows(
        conn,
        sql.SQL(
            "SELECT u.name, u.role, u.areas, u.created_at, u.disabled_at, {locked} AS locked, "
            "(SELECT max(seen_at) FROM sessions s WHERE s.user_id = u.id) AS seen_at "
            "FROM users u ORDER BY lower(u.name)"
        ).format(locked=_LOCKED),
    )


# No lock is longer: one that ends later was set by a clock that was ahead.
_LOCKED = sql.SQL(
    "coalesce(locked_until > now() AND locked_until <= now() + interval '15 minutes', false)"
)


def find_account(conn: Conn, name: str) -> tuple[int, str, bool] | None:
    """Number, password digest and whether it is locked, of an account that may sign in."""
    row = conn.execute(
        sql.SQL(
            "SELECT id, password, {} FROM users "
            "WHERE lower(name) = lower(%s) AND disabled_at IS NULL"
        ).format(_LOCKED),
        (name,),
    ).fetchone()
    return (int(row[0]), str(row[1]), bool(row[2])) if row else None


def is_account_open(conn: Conn, user: int, password: str) -> bool:
    """Whether an account has this password (digest) still and is not locked; held until the commit."""
    row = conn.execute(
        sql.SQL(
            "SELECT password = %s AND NOT {} AND disabled_at IS NULL "
            "FROM users WHERE id = %s FOR UPDATE"
        ).format(_LOCKED),
        (password, user),
    ).fetchone()
    return bool(row[0]) if row else False


def record_sign_in_failure(conn: Conn, user: int) -> None:
    """A wrong password: after some in a row the account is locked, for longer each time."""
    conn.execute(
        "UPDATE users SET failures = failures + 1, locked_until = CASE WHEN failures + 1 >= %(free)s "
        "THEN now() + least(interval '15 minutes', interval '30 seconds' * 2 ^ (failures + 1 - %(free)s)) "
        "ELSE locked_until END WHERE id = %(user)s",
        {"free": FREE_FAILURES, "user": user},
    )


def count_users(conn: Conn) -> int:
    """How many accounts there are."""
    row = conn.execute("SELECT count(*) FROM users WHERE disabled_at IS NULL").fetchone()
    return int(row[0]) if row else 0
