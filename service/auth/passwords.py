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
    """The argon2id digest of a password.

    Raises
    ------
    ValueError : it is too short.
    """
    if len(password) < _MIN_LENGTH:
        raise ValueError(f"a password has at least {_MIN_LENGTH} characters")
    return _hasher.hash(password)


def generate_password() -> str:
    """A random password that can be read out: five groups of four."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


@cache
def _unmatched_digest() -> str:
    """The digest of no account: a name that there is not takes as long as a wrong password."""
    return _hasher.hash("nobody has this password")


def check_password(
    pool: ConnectionPool[Conn], name: str, password: str, settings: Settings
) -> tuple[str | None, str]:
    """A session's secret for the right password, else None, with what the record says of it.

    No connection is held while the password is worked on, and only a few are at a time: guessing
    must not take the service's memory and connections from those who are signed in.
    """
    with pool.connection() as conn:
        found = find_account(conn, name)
    if found is None:
        _matches(_unmatched_digest(), password)
        return None, "unknown name"
    user, digest, locked = found
    right = _matches(digest, password)
    if locked:
        return None, "locked"
    with pool.connection() as conn:
        if not right:
            record_sign_in_failure(conn, user)
            return None, "wrong password"
        # Between the two looks others may have locked or changed the account.
        if not is_account_open(conn, user, digest):
            return None, "locked"
        return open_session(conn, user, hours=settings.session_hours), "signed in"


def _matches(digest: str, password: str) -> bool:
    try:
        with _verifications:
            return _hasher.verify(digest, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
