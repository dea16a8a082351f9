"""What routes are handed: a connection, the settings, the language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Query, Request

from geo.settings import Settings
from geo.store.database import Conn


def connection(request: Request) -> Iterator[Conn]:
    """A read-only connection from the pool."""
    with request.app.state.pool.connection() as conn:
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


# Given back before the answer is sent: a commit that fails can still become a 503.
Connection = Annotated[Conn, Depends(connection, scope="function")]
Deployment = Annotated[Settings, Depends(settings)]
Language = Annotated[str, Depends(language)]
