"""Sessions of signed-in users; secrets are stored as digests only."""

from __future__ import annotations

import secrets

from geo.store.connection import Conn
from geo.store.queries.users import User
from geo.store.secret_digest import secret_digest


def open_session(conn: Conn, user: int, *, hours: float, wall: bool = False) -> str:
    """Store a new session and return its secret; failed sign-ins of the account are reset.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    user : int
        Number of the account.
    hours : float
        Longest duration, hours.
    wall : bool, optional
        Whether it is the session of a video wall.

    Returns
    -------
    str
        The secret, of which only the digest is stored.
    """
    secret = secrets.token_urlsafe(32)
    conn.execute("DELETE FROM sessions WHERE expires_at < now()")
    conn.execute("UPDATE users SET failures = 0, locked_until = NULL WHERE id = %s", (user,))
    conn.execute(
        "INSERT INTO sessions (digest, user_id, csrf, expires_at, wall) "
        "VALUES (%s, %s, %s, now() + make_interval(secs => %s), %s)",
        (secret_digest(secret), user, secrets.token_urlsafe(24), hours * 3600.0, wall),
    )
    return secret


def find_session(conn: Conn, secret: str, *, idle_hours: float) -> User | None:
    """Return the user of a session.

    The caller commits: the time of the last request is updated once a minute.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    secret : str
        The secret as sent.
    idle_hours : float
        Time without a request after which a session ends, hours.

    Returns
    -------
    User or None
        None if the session is unknown or has ended, or the account is disabled.
    """
    row = conn.execute(
        "SELECT u.id, u.name, u.role, u.areas, s.csrf, now() - s.seen_at > interval '1 minute', s.wall "
        "FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = %s AND s.expires_at > now() "
        "AND s.seen_at > now() - make_interval(secs => %s) AND u.disabled_at IS NULL",
        (secret_digest(secret), idle_hours * 3600.0),
    ).fetchone()
    if row is None:
        return None
    if row[5]:
        conn.execute(
            "UPDATE sessions SET seen_at = now() WHERE digest = %s", (secret_digest(secret),)
        )
    return User(int(row[0]), str(row[1]), str(row[2]), tuple(row[3]), str(row[4]), bool(row[6]))


def close_session(conn: Conn, secret: str) -> None:
    """Delete a session.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    secret : str
        The secret of the session.
    """
    conn.execute("DELETE FROM sessions WHERE digest = %s", (secret_digest(secret),))
