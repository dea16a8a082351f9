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
"""What a token may be for: send incidents, send camera statuses, read the phones of grid staff, read
metrics; as a role within areas: read data, save scenarios, import and refresh."""
_OF_A_ROLE = frozenset({READ, SCENARIOS, JOBS})
_PREFIX = "gridcover_"


@dataclass(frozen=True)
class Token:
    """A token that is good."""

    id: int
    name: str
    scopes: tuple[str, ...]
    role: str | None = None
    areas: tuple[str, ...] = ()


def make_token(
    conn: Conn, name: str, scopes: list[str], *, days: int, role: str | None = None,
    areas: list[str] | None = None,
) -> str:  # fmt: skip
    """A new token, told this once; the caller commits.

    Parameters
    ----------
    role, areas : as whom and where one of the scopes `data:read`, `scenarios:write` and `jobs:write` acts;
        areas of one of the scope `staff:read` as well, all where none are given.

    Raises
    ------
    ColumnError : a scope, role or area that there is not, one of them missing, or no day at all.
    StoreError : the name is taken.
    """
    if stray := [scope for scope in scopes if scope not in SCOPES]:
        raise ColumnError(f"there is no scope {stray[0]}; use one of {', '.join(SCOPES)}")
    if not scopes or days < 1:
        raise ColumnError("a token needs at least one scope and one day to live")
    if _OF_A_ROLE & set(scopes):
        if role not in ROLES:
            raise ColumnError(
                f"a token of the scope {' or '.join(sorted(_OF_A_ROLE))} needs a role: {', '.join(ROLES)}"
            )
        require_areas(conn, areas or [])
    elif role:
        raise ColumnError(f"a role is for tokens of the scopes {', '.join(sorted(_OF_A_ROLE))}")
    elif areas and STAFF not in scopes:
        raise ColumnError(f"areas are for tokens that read or change data, not for {scopes[0]}")
    elif areas:
        require_areas(conn, areas)
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


def find_token(conn: Conn, secret: str) -> Token | None:
    """The token of this text, unless it is unknown, expired or revoked."""
    row = conn.execute(
        "SELECT id, name, scopes, role, areas FROM api_tokens WHERE digest = %s AND revoked_at IS NULL "
        "AND expires_at > now()",
        (secret_digest(secret),),
    ).fetchone()
    return Token(int(row[0]), str(row[1]), tuple(row[2]), row[3], tuple(row[4])) if row else None


def record_token_use(conn: Conn, token: Token) -> None:
    """Remember that a token was used, to the minute; the caller commits."""
    conn.execute(
        "UPDATE api_tokens SET last_used_at = now() WHERE id = %s "
        "AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        (token.id,),
    )


def revoke_token(conn: Conn, name: str) -> bool:
    """End a token; whether there was one. The caller commits."""
    return (
        conn.execute(
            "UPDATE api_tokens SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL",
            (name,),
        ).rowcount
        > 0
    )


def list_tokens(conn: Conn) -> list[dict[str, Any]]:
    """All tokens, the secrets not among it."""
    return dict_rows(
        conn,
        "SELECT name, scopes, role, areas, created_at, expires_at, revoked_at, last_used_at FROM api_tokens "
        "ORDER BY name",
    )
