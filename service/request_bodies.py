"""Request bodies: limited in size, and JSON that the database can store."""

from __future__ import annotations

import math
from typing import Any

import pydantic_core
from fastapi import HTTPException, Request
from starlette.types import Message

LARGEST_JSON = 1 << 20
"""Most bytes of a body, unless the policy of the route has another limit."""
LARGEST_FORM = 64 << 10
"""Most bytes of a form."""
LARGEST_UPLOAD = 32 << 20
"""Most bytes of a file or a batch of rows."""


class LimitedRequest(Request):
    """A request whose body is refused when it is too large or is not JSON that can be stored.

    Parameters
    ----------
    request : Request
        Request whose body has not been read.
    max_body : int
        Most bytes of the body.
    """

    def __init__(self, request: Request, *, max_body: int) -> None:
        self._source = request.receive
        self._max_body = max_body
        self._size = 0
        super().__init__(request.scope, self._receive_limited)

    async def _receive_limited(self) -> Message:
        announced = self.headers.get("content-length", "")
        # A body that is announced as too large is refused before it is read.
        if announced.isdigit() and int(announced[:19]) > self._max_body:
            self._refuse()
        message = await self._source()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._max_body:
                self._refuse()
        return message

    def _refuse(self) -> None:
        limit = self._max_body
        shown = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
        raise HTTPException(
            413,
            f"The body is larger than {shown}; send less at once.",
            headers={"Connection": "close"},
        )

    async def json(self) -> Any:
        """Return the body as JSON.

        Returns
        -------
        Any
            Value of the body.

        Raises
        ------
        HTTPException
            400 if it is not JSON that can be stored; 413 if it is too large.
        """
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """Return the value of JSON that the database can store.

    Parameters
    ----------
    body : bytes
        JSON in UTF-8.

    Returns
    -------
    Any
        Value of the JSON text.

    Raises
    ------
    HTTPException
        400 if it is not JSON, is nested too deeply, or has NaN, an infinity, a number beyond 64
        bits, half a surrogate pair or a NUL character.

    Examples
    --------
    >>> parse_json(b'{"rows": [1, 2.5, null]}')
    {'rows': [1, 2.5, None]}
    """
    try:
        value = pydantic_core.from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is no JSON that can be read: {error}.") from error
    require_storable(value)
    return value


def require_storable(value: Any) -> None:
    """Refuse a JSON value with texts or numbers that the database cannot store.

    Parameters
    ----------
    value : Any
        Value of a JSON text.

    Raises
    ------
    HTTPException
        400 if a text or key has a NUL character or half a surrogate pair, or a number is not
        finite or does not fit 64 bits.
    """
    values = [value]
    while values:
        value = values.pop()
        if isinstance(value, str):
            require_text(value)
        elif (isinstance(value, float) and not math.isfinite(value)) or (
            isinstance(value, int) and not -(2**63) <= value < 2**63
        ):
            raise HTTPException(400, "A number is too large; send one that fits 64 bits.")
        elif isinstance(value, dict):
            values += value.keys()
            values += value.values()
        elif isinstance(value, list):
            values += value


def require_text(text: str) -> None:
    """Refuse a text with a NUL character or half a surrogate pair.

    Parameters
    ----------
    text : str
        Any text.

    Raises
    ------
    HTTPException
        400 if the database cannot store it.
    """
    if "\x00" in text or not _is_encodable(text):
        raise HTTPException(
            400, "A text holds a NUL character or half a character; remove it and send it again."
        )


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
