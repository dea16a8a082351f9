"""What routes are handed: a connection, the settings, the language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request

from geo.settings import Settings
from geo.store.access import User, set_scope
from geo.store.database import Conn
from geo.store.tokens import Token, find_token, note_use
from service.access import Visitor, needs

LARGEST_BODY = 32 << 20
"""Bytes a request may have."""


def connection(request: Request, user: Visitor) -> Iterator[Conn]:
    """A read-only connection from the pool, to the rows of the visitor's areas and no others."""
    with request.app.state.pool.connection() as conn:
        set_scope(conn, user.areas if user is not None else ())
        yield conn


def settings(request: Request) -> Settings:
    """The deployment's settings."""
    found: Settings = request.app.state.settings
    return found


def language(
    request: Request, lang: Annotated[str | None, Query(description="zh or en")] = None
) -> str:
    """The language: asked for, else what the browser prefers, else the deployment's."""
    if lang and lang.lower().split("-")[0] in ("zh", "en"):
        return lang.lower().split("-")[0]
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        code = name.lower().split("-")[0]
        if code in ("zh", "en"):
            try:
                wanted.append((-float(weight or 1), position, code))
            except ValueError:
                continue
    if wanted:
        return min(wanted)[2]
    default: str = request.app.state.settings.language
    return default


def writing(request: Request) -> Iterator[Conn]:
    """A connection that may write; committed by the route, rolled back where it fails."""
    with request.app.state.writers.connection() as conn:
        yield conn


async def body(request: Request) -> bytes:
    """The whole body of a request, refused once it is larger than `LARGEST_BODY`."""
    told = request.headers.get("content-length", "")
    size, parts = int(told) if told.isdigit() else 0, []
    if size <= LARGEST_BODY:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_BODY:
                break
            parts.append(part)
    if size > LARGEST_BODY:
        raise HTTPException(
            413, f"The body is larger than {LARGEST_BODY >> 20} MiB; send fewer rows."
        )
    return b"".join(parts)


def token(request: Request) -> Token | None:
    """The API token of the request; None where it has none.

    Raises
    ------
    HTTPException : 401 where there is one that is not good.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() == "bearer" and secret.strip():
        with request.app.state.doors.connection() as conn:
            found = find_token(conn, secret.strip())
            if found is not None:
                note_use(conn, found)
                return found
    raise HTTPException(
        401, "The token is unknown, expired or revoked; ask for a new one.",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


def scoped(scope: str) -> Callable[..., Token]:
    """A dependency that lets only tokens of a scope through."""

    def needed(found: Annotated[Token | None, Depends(token)]) -> Token:
        if found is None:
            raise HTTPException(
                401, "This needs an API token: send it as `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if scope not in found.scopes:
            raise HTTPException(403, f"The token {found.name} is not for {scope}.")
        return found

    return needed


# Given back before the answer is sent: a commit that fails can still become a 503.
Connection = Annotated[Conn, Depends(connection, scope="function")]
Writing = Annotated[Conn, Depends(writing, scope="function")]
Body = Annotated[bytes, Depends(body)]
MaybeToken = Annotated[Token | None, Depends(token)]
SignedIn = Annotated[User, Depends(needs())]
Deployment = Annotated[Settings, Depends(settings)]
Language = Annotated[str, Depends(language)]
