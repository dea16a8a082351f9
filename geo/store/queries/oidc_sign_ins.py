"""Sign-ins at an OpenID Connect provider, and the accounts of its subjects."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from geo.errors import StoreError
from geo.store.connection import Conn
from geo.store.scope import require_areas
from geo.store.secret_digest import secret_digest

NO_PASSWORD = "none"  # noqa: S105  (no digest: nothing matches it)


@dataclass(frozen=True)
class SignIn:
    """A sign-in in progress."""

    nonce: str
    """Nonce of the request."""
    verifier: str
    """Code verifier of PKCE."""
    next: str
    """Path of the page to show after it."""


def begin_sign_in(conn: Conn, state: str, under_way: SignIn) -> None:
    """Store a sign-in that is sent to the provider.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    state : str
        State parameter of the request.
    under_way : SignIn
        The sign-in.
    """
    conn.execute("DELETE FROM provider_sign_ins WHERE begun_at < now() - interval '10 minutes'")
    conn.execute(
        "INSERT INTO provider_sign_ins (state, nonce, verifier, next) VALUES (%s, %s, %s, %s)",
        (secret_digest(state), under_way.nonce, under_way.verifier, under_way.next),
    )


def pop_sign_in(conn: Conn, state: str) -> SignIn | None:
    """Return and delete the sign-in of a response of the provider.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    state : str
        State parameter of the response.

    Returns
    -------
    SignIn or None
        None if it is unknown, used, or older than ten minutes.
    """
    row = conn.execute(
        "DELETE FROM provider_sign_ins "
        "WHERE state = %s AND begun_at > now() - interval '10 minutes' "
        "RETURNING nonce, verifier, next",
        (secret_digest(state),),
    ).fetchone()
    return SignIn(*map(str, row)) if row else None


def find_account_of_subject(conn: Conn, subject: str) -> int | None:
    """Return the enabled account of a subject at the provider.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    subject : str
        Subject identifier.

    Returns
    -------
    int or None
        Number of the account; None without one.
    """
    row = conn.execute(
        "SELECT id FROM users WHERE subject = %s AND disabled_at IS NULL", (subject,)
    ).fetchone()
    return int(row[0]) if row else None


def upsert_account(conn: Conn, subject: str, name: str, role: str, areas: list[str]) -> int:
    """Create the account of a subject, or set its role and areas to those the provider names.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    subject : str
        Subject identifier at the provider.
    name : str
        Name of a new account.
    role : str
        Role.
    areas : list of str
        Codes of areas or grids, or ``["*"]``.

    Returns
    -------
    int
        Number of the account.

    Raises
    ------
    ColumnError
        If an area is unknown.
    StoreError
        If the name is that of another account.
    """
    require_areas(conn, areas)
    account = find_account_of_subject(conn, subject)
    if account is not None:
        conn.execute("UPDATE users SET role = %s, areas = %s WHERE id = %s", (role, areas, account))
        return account
    try:
        row = conn.execute(
            "INSERT INTO users (name, password, role, areas, subject) "
            "VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (name, NO_PASSWORD, role, areas, subject),
        ).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"there is another account {name}; an administrator links it") from error
    assert row is not None  # noqa: S101
    return int(row[0])


def link_account(conn: Conn, name: str, subject: str) -> bool:
    """Link an account to a subject at the provider; its password and sessions end.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the account.
    subject : str
        Subject identifier.

    Returns
    -------
    bool
        Whether there is an enabled account of this name.
    """
    row = conn.execute(
        "UPDATE users SET subject = %s, password = %s "
        "WHERE lower(name) = lower(%s) AND disabled_at IS NULL RETURNING id",
        (subject, NO_PASSWORD, name),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM sessions WHERE user_id = %s", (row[0],))
    return row is not None
