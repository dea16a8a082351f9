"""API tokens: created, checked, revoked; only their digests are stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import psycopg

from geo.errors import ColumnError, StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.scope import ROLES, require_areas
from geo.store.secret_digest import secret_digest

READ, STAFF, SCENARIOS, JOBS = "data:read", "staff:read", "scenarios:write", "jobs:write"
INCIDENTS, STATUSES, METRICS = "incidents:write", "status:write", "metrics:read"
SCOPES = (INCIDENTS, STATUSES, STAFF, METRICS, READ, SCENARIOS, JOBS)
"""What tokens may be used for.

Without a role: send incidents, send camera statuses, read the telephone numbers of grid staff,
read metrics. As a role within areas: read data, save scenarios, import and refresh.
"""
_ROLE_SCOPES = frozenset({READ, SCENARIOS, JOBS})
_PREFIX = "gridcover_"


@dataclass(frozen=True)
class Token:
    """A valid token."""

    id: int
    """Number of the token."""
    name: str
    """Its unique name."""
    scopes: tuple[str, ...]
    """What it may be used for, of `SCOPES`."""
    role: str | None = None
    """The role it acts as; None if its scopes need none."""
    areas: tuple[str, ...] = ()
    """Codes of the areas it is limited to, or ``*``; empty for no limit of the scope
    `staff:read`.
    """


def make_token(
    conn: Conn,
    name: str,
    scopes: list[str],
    *,
    days: int,
    role: str | None = None,
    areas: list[str] | None = None,
) -> str:
    """Store a new token and return its secret, which cannot be read again.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Unique name.
    scopes : list of str
        What it may be used for, of `SCOPES`.
    days : int
        Days until it expires, at least 1.
    role : str, optional
        The role it acts as; required for, and only allowed with, the scopes `data:read`,
        `scenarios:write` and `jobs:write`.
    areas : list of str, optional
        Codes of the areas in which it acts, required with a role; for the scope
        `staff:read` None is all areas.

    Returns
    -------
    str
        The secret.

    Raises
    ------
    ColumnError
        If a scope, role or area is unknown or missing, or the token would expire at once.
    StoreError
        If the name is taken.
    """
    _require_valid(conn, scopes, days, role, areas)
    secret = _PREFIX + secrets.token_urlsafe(32)
    try:
        conn.execute(
            "INSERT INTO api_tokens (name, digest, scopes, role, areas, expires_at) "
            "VALUES (%s, %s, %s, %s, %s, now() + make_interval(days => %s))",
            (name, secret_digest(secret), scopes, role, areas or [], days),
        )
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"there is a token {name} already; give another name") from error
    return secret


def _require_valid(
    conn: Conn, scopes: list[str], days: int, role: str | None, areas: list[str] | None
) -> None:
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise ColumnError(f"there is no scope {unknown[0]}; use one of {', '.join(SCOPES)}")
    if not scopes or days < 1:
        raise ColumnError("a token needs at least one scope and one day to live")
    if _ROLE_SCOPES & set(scopes):
        if role not in ROLES:
            raise ColumnError(
                f"a token of the scope {' or '.join(sorted(_ROLE_SCOPES))} needs a role: "
                f"{', '.join(ROLES)}"
            )
        require_areas(conn, areas or [])
    elif role:
        raise ColumnError(f"a role is for tokens of the scopes {', '.join(sorted(_ROLE_SCOPES))}")
    elif areas and STAFF not in scopes:
        raise ColumnError(f"areas are for tokens that read or change data, not for {scopes[0]}")
    elif areas:
        require_areas(conn, areas)


def find_token(conn: Conn, secret: str) -> Token | None:
    """Return the token of a secret.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    secret : str
        The secret as sent.

    Returns
    -------
    Token or None
        None if it is unknown, expired or revoked.
    """
    row = conn.execute(
        "SELECT id, name, scopes, role, areas FROM api_tokens "
        "WHERE digest = %s AND revoked_at IS NULL AND expires_at > now()",
        (secret_digest(secret),),
    ).fetchone()
    return Token(int(row[0]), str(row[1]), tuple(row[2]), row[3], tuple(row[4])) if row else None


def record_token_use(conn: Conn, token: Token) -> None:
    """Record that a token was used now, at most once a minute.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    token : Token
        The token.
    """
    conn.execute(
        "UPDATE api_tokens SET last_used_at = now() WHERE id = %s "
        "AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        (token.id,),
    )


def revoke_token(conn: Conn, name: str) -> bool:
    """Revoke a token.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Name of the token.

    Returns
    -------
    bool
        Whether there was one that was not revoked.
    """
    return (
        conn.execute(
            "UPDATE api_tokens SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL",
            (name,),
        ).rowcount
        > 0
    )


def list_tokens(conn: Conn) -> list[dict[str, Any]]:
    """Return all tokens by name, without their secrets.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each token `name`, `scopes`, `role`, `areas`, `created_at`, `expires_at`,
        `revoked_at` and `last_used_at`.
    """
    return dict_rows(
        conn,
        "SELECT name, scopes, role, areas, created_at, expires_at, revoked_at, last_used_at "
        "FROM api_tokens ORDER BY name",
    )
