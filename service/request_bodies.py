"""Request bodies: bounded while they are read, and JSON that a database can store."""

from __future__ import annotations

import math
from typing import Any

import pydantic_core
from fastapi import HTTPException, Request
from starlette.types import Message

LARGEST_JSON = 1 << 20
"""Bytes that a body may have where a route does not say otherwise."""
LARGEST_FORM = 64 << 10
"""Bytes that a form may have."""
LARGEST_UPLOAD = 32 << 20
"""Bytes that a file or a batch of rows may have."""


class LimitedRequest(Request):
    """A request whose body is refused once it is larger than a limit, or no plain JSON."""

    def __init__(self, request: Request, *, max_body: int) -> None:
        self._source = request.receive
        self._max_body = max_body
        self._size = 0
        super().__init__(request.scope, self._receive_limited)

    async def _receive_limited(self) -> Message:
        announced = self.headers.get("content-length", "")
        # Refused before a byte is read: what is announced as too large is not waited for.
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
            413, f"The body is larger than {shown}; send less at once.",
            headers={"Connection": "close"},
        )  # fmt: skip

    async def json(self) -> Any:
        """Return the body as JSON."""
        return parse_json(await self.body())


def parse_json(body: bytes) -> Any:
    """Return JSON that can be stored.

    Raises
    ------
    HTTPException
        400 where it is no JSON, nested too deeply, or has NaN, an infinity, half a surrogate pair or a
        NUL character.
    """
    try:
        value = pydantic_core.from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is no JSON that can be read: {error}.") from error
    require_storable(value)
    return value


def require_storable(value: Any) -> None:
    """Refuse a value of JSON with a text that the database cannot store."""
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

    Raises
    ------
    HTTPException
        400.
    """
    if "\x00" in text or not _encodable(text):
        raise HTTPException(
            400, "A text holds a NUL character or half a character; remove it and send it again."
        )


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
