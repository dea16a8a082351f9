"""Passwords: hashed, checked, generated."""

from __future__ import annotations

import secrets
import threading
from functools import cache

import argon2
from psycopg_pool import ConnectionPool

from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.sessions import open_session
from geo.store.queries.users import find_account, is_account_open, record_sign_in_failure

_hasher = argon2.PasswordHasher()
_MIN_LENGTH = 10
_verifications = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """Return the argon2id digest of a password.

    Parameters
    ----------
    password : str
        Password in clear text.

    Returns
    -------
    str
        Digest with its parameters and salt.

    Raises
    ------
    ValueError
        If the password has fewer than 10 characters.
    """
    if len(password) < _MIN_LENGTH:
        raise ValueError(f"a password has at least {_MIN_LENGTH} characters")
    return _hasher.hash(password)


def generate_password() -> str:
    """Return a random password that can be read out: five groups of four characters.

    Returns
    -------
    str
        Password without characters that look alike.
    """
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


@cache
def unmatched_digest() -> str:
    """Return a digest that no password is checked against successfully.

    An unknown name is checked against it, so that it takes as long as a wrong password.

    Returns
    -------
    str
        The same digest at each call.
    """
    return _hasher.hash("nobody has this password")


def check_password(
    pool: ConnectionPool[Conn], name: str, password: str, settings: Settings
) -> tuple[str | None, str]:
    """Open a session for the right password.

    No connection is held while the password is hashed, and at most two are hashed at a time:
    guessing must not take the memory and connections of the service from signed-in users.

    Parameters
    ----------
    pool : ConnectionPool
        Connections that may write.
    name : str
        Name of the account.
    password : str
        Password in clear text.
    settings : Settings
        Settings of the deployment, for the length of the session.

    Returns
    -------
    secret : str or None
        Secret of the new session; None if there is none.
    reason : str
        Text for the audit log: `signed in`, `unknown name`, `locked` or `wrong password`.
    """
    with pool.connection() as conn:
        account = find_account(conn, name)
    if account is None:
        _matches(unmatched_digest(), password)
        return None, "unknown name"
    user, digest, is_locked = account
    is_right = _matches(digest, password)
    if is_locked:
        return None, "locked"
    with pool.connection() as conn:
        if not is_right:
            record_sign_in_failure(conn, user)
            return None, "wrong password"
        # The account may have been locked or changed while the password was hashed.
        if not is_account_open(conn, user, digest):
            return None, "locked"
        return open_session(conn, user, hours=settings.session_hours), "signed in"


def _matches(digest: str, password: str) -> bool:
    try:
        with _verifications:
            return _hasher.verify(digest, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
