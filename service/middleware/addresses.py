"""Readable request lines, and the public address of the service."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from service.responses import problem_response

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RequestTextMiddleware:
    """Answers 400 to a path or query with a NUL character, or with bytes that are not UTF-8.

    No database, log or file name can hold these, so no route behind has to look for them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not _is_readable(scope):
            answer = problem_response(
                400, "unreadable address",
                "The address holds a NUL character, or bytes that are no UTF-8; remove them.",
            )  # fmt: skip
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_readable(scope: Scope) -> bool:
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    for part in (raw, scope["query_string"].replace(b"+", b" ")):
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            return False
        if "\x00" in text:
            return False
    return True


class PublicAddressMiddleware:
    """Puts the address by which browsers reach the service in place of the `Host` header.

    Links, redirects and the check of a form's origin are made of it. A `Host` header can name anything;
    without a configured address it is believed where it is an address of a machine or a local name.

    Parameters
    ----------
    app : ASGIApp
        The application.
    public_url : str, optional
        Scheme, host and port.
    host : str
        The address that the service listens on.
    """

    def __init__(self, app: ASGIApp, public_url: str | None, host: str) -> None:
        self.app = app
        self.public = urlsplit(public_url) if public_url else None
        self.host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            headers = MutableHeaders(raw=list(scope["headers"]))
            if self.public is not None:
                headers["host"] = self.public.netloc
                scope["scheme"] = self.public.scheme
            elif not self._is_believed(headers):
                name, port = scope["server"] or (self.host, None)
                usual = {"http": 80, "https": 443}.get(scope["scheme"])
                headers["host"] = str(name) if port in (None, usual) else f"{name}:{port}"
            scope["headers"] = headers.raw
        await self.app(scope, receive, send)

    def _is_believed(self, headers: Headers) -> bool:
        try:
            name = urlsplit(f"//{headers.get('host', '')}").hostname
        except ValueError:
            return False
        if name is None:
            return False
        if name in _LOOPBACK or name == self.host:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
