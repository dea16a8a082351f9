"""API tokens of requests."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from geo.store.queries.api_tokens import Token, find_token, record_token_use
from service.state import app_state


def find_request_token(request: Request) -> Token | None:
    """Return the API token of a request.

    It comes as `Authorization: Bearer TOKEN`, or as the password of HTTP basic authentication (of
    any name), for programs that have no other way. Its use is recorded once per request.

    Parameters
    ----------
    request : Request
        Any request.

    Returns
    -------
    Token or None
        None if the request has no header `Authorization`.

    Raises
    ------
    HTTPException
        401 if the token is unknown, expired or revoked, or the header has none.
    """
    known: Token | None = getattr(request.state, "token", None)
    header = request.headers.get("authorization", "")
    if known is not None or not header:
        return known
    secret = _secret(header)
    if secret:
        with app_state(request).auth_pool.connection() as conn:
            token = find_token(conn, secret)
            if token is not None:
                record_token_use(conn, token)
                request.state.token = token
                return token
    raise HTTPException(
        401,
        "The token is unknown, expired or revoked; ask for a new one.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _secret(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def sender(request: Request) -> Token:
    """Return the token of a request, on a route that only tokens may use.

    Parameters
    ----------
    request : Request
        Request whose policy was checked.

    Returns
    -------
    Token
        Valid token of the request.
    """
    token: Token = request.state.token
    return token


Sender = Annotated[Token, Depends(sender)]
