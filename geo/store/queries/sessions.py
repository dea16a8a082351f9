"""Sessions of signed-in users; secrets are stored as digests only."""

from __future__ import annotations

import secrets

from geo.store.connection import Conn
from geo.store.queries.users import User
from geo.store.secret_digest import secret_digest
from geo.store.statements import statement


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
    digest = secret_digest(secret)
    row = conn.execute(
        statement("session"), {"digest": digest, "idle_s": idle_hours * 3600.0}
    ).fetchone()
    if row is None:
        return None
    number, name, role, areas, csrf, is_seen_long_ago, wall = row
    if is_seen_long_ago:
        conn.execute("UPDATE sessions SET seen_at = now() WHERE digest = %s", (digest,))
    return User(int(number), str(name), str(role), tuple(areas), str(csrf), bool(wall))


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
