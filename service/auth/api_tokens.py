"""API tokens that requests carry."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from geo.store.queries.api_tokens import Token, find_token, record_token_use
from service.state import app_state


def find_request_token(request: Request) -> Token | None:
    """The API token of the request; None where it has none.

    It comes as `Authorization: Bearer TOKEN`, or as the password of HTTP basic authentication (of any
    name), for programs that know no other way.

    Raises
    ------
    HTTPException : 401 where there is one that is not good.
    """
    known: Token | None = getattr(request.state, "token", None)
    header = request.headers.get("authorization", "")
    if known is not None or not header:
        return known
    secret = _secret(header)
    if secret:
        with app_state(request).auth_pool.connection() as conn:
            found = find_token(conn, secret)
            if found is not None:
                record_token_use(conn, found)
                request.state.token = found
                return found
    raise HTTPException(
        401, "The token is unknown, expired or revoked; ask for a new one.",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


def _secret(header: str) -> str:
    scheme, _, told = header.partition(" ")
    if scheme.lower() == "bearer":
        return told.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(told.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def sender(request: Request) -> Token:
    """Return the token of a request, on a route for tokens alone."""
    found: Token = request.state.token
    return found


Sender = Annotated[Token, Depends(sender)]
