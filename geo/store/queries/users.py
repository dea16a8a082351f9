"""Accounts; passwords are stored as digests only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from geo.errors import ColumnError, StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.scope import EVERYWHERE, ROLES, require_areas
from geo.store.statements import statement

FREE_FAILURES = 5
"""Number of wrong passwords in a row from which on an account is locked for a time."""


@dataclass(frozen=True)
class User:
    """A signed-in user."""

    id: int
    """Number of the account."""
    name: str
    """Name of the account."""
    role: str
    """Role, of `geo.store.scope.ROLES`."""
    areas: tuple[str, ...]
    """Codes of areas or grids, or ``*``."""
    csrf: str = ""
    """Token that the forms of the session contain."""
    wall: bool = False
    """Whether this is a video wall, which may only show maps."""
    scopes: frozenset[str] | None = None
    """What an API token may be used for; None for a session."""

    @property
    def everywhere(self) -> bool:
        """Return whether the user sees the whole deployment.

        Returns
        -------
        bool
            Whether ``*`` is among the areas.
        """
        return EVERYWHERE in self.areas


def add_user(conn: Conn, name: str, password: str, role: str, areas: list[str]) -> int:
    """Create an account.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Unique name, in any case.
    password : str
        Argon2 digest of the password.
    role : str
        Role, of `geo.store.scope.ROLES`.
    areas : list of str
        Codes of areas or grids in the store, or ``["*"]``.

    Returns
    -------
    int
        Number of the account.

    Raises
    ------
    ColumnError
        If the role or an area is unknown.
    StoreError
        If the name is taken.
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
    """Set the password of an account, end its sessions and unlock it.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the account, in any case.
    password : str
        Argon2 digest of the password.

    Returns
    -------
    bool
        Whether there is an enabled account of this name.
    """
    row = conn.execute(
        "UPDATE users SET password = %s, password_at = now(), failures = 0, locked_until = NULL "
        "WHERE lower(name) = lower(%s) AND disabled_at IS NULL RETURNING id",
        (password, name),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM sessions WHERE user_id = %s", (row[0],))
    return row is not None


def disable_user(conn: Conn, name: str) -> bool:
    """Disable an account and end its sessions; its audit entries are left.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the account, in any case.

    Returns
    -------
    bool
        Whether there was an enabled account of this name.
    """
    row = conn.execute(
        "UPDATE users SET disabled_at = now() WHERE lower(name) = lower(%s) "
        "AND disabled_at IS NULL RETURNING id",
        (name,),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM sessions WHERE user_id = %s", (row[0],))
    return row is not None


def list_users(conn: Conn) -> list[dict[str, Any]]:
    """Return all accounts by name, without their passwords.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each account `name`, `role`, `areas`, `created_at`, `disabled_at`, `locked` and
        `seen_at`, the time of its last request.
    """
    return dict_rows(
        conn,
        sql.SQL(
            "SELECT u.name, u.role, u.areas, u.created_at, u.disabled_at, {locked} AS locked, "
            "(SELECT max(seen_at) FROM sessions s WHERE s.user_id = u.id) AS seen_at "
            "FROM users u ORDER BY lower(u.name)"
        ).format(locked=_LOCKED),
    )


# The longest lock is 15 minutes: one that ends later was set while the clock was ahead.
_LOCKED = sql.SQL(
    "coalesce(locked_until > now() AND locked_until <= now() + interval '15 minutes', false)"
)


class Account(NamedTuple):
    """An enabled account, as a sign-in needs it."""

    number: int
    """Number of the account."""
    password: str
    """Argon2 digest of the password."""
    is_locked: bool
    """Whether it is locked after wrong passwords."""


def find_account(conn: Conn, name: str) -> Account | None:
    """Return the account that a name may sign in to.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the account, in any case.

    Returns
    -------
    Account or None
        None if there is no enabled account of this name.
    """
    row = conn.execute(
        sql.SQL(
            "SELECT id, password, {} FROM users "
            "WHERE lower(name) = lower(%s) AND disabled_at IS NULL"
        ).format(_LOCKED),
        (name,),
    ).fetchone()
    return Account(int(row[0]), str(row[1]), bool(row[2])) if row else None


def is_account_open(conn: Conn, user: int, password: str) -> bool:
    """Return whether an account has a password and is not locked; lock its row until the commit.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    user : int
        Number of the account.
    password : str
        Argon2 digest of the password.

    Returns
    -------
    bool
        False as well if the account is disabled or unknown.
    """
    row = conn.execute(
        sql.SQL(
            "SELECT password = %s AND NOT {} AND disabled_at IS NULL "
            "FROM users WHERE id = %s FOR UPDATE"
        ).format(_LOCKED),
        (password, user),
    ).fetchone()
    return bool(row[0]) if row else False


def record_sign_in_failure(conn: Conn, user: int) -> None:
    """Count a wrong password, and lock the account after `FREE_FAILURES` in a row.

    The lock lasts 30 s and doubles with every further failure, up to 15 minutes.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    user : int
        Number of the account.
    """
    conn.execute(statement("sign_in_failure"), {"free": FREE_FAILURES, "user": user})


def count_users(conn: Conn) -> int:
    """Return the number of enabled accounts.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    int
        Number of accounts.
    """
    row = conn.execute("SELECT count(*) FROM users WHERE disabled_at IS NULL").fetchone()
    return int(row[0]) if row else 0
