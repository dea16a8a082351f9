"""Readable request lines, and the public address of the service."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from service.responses import problem_response

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RequestTextMiddleware:
    """Middleware that answers 400 to a path or query with NUL characters or without UTF-8.

    No database, log or file name can hold these, so no route has to check for them.

    Parameters
    ----------
    app : ASGIApp
        Application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not _is_readable(scope):
            response = problem_response(
                400,
                "unreadable address",
                "The address holds a NUL character, or bytes that are no UTF-8; remove them.",
            )
            await response(scope, receive, send)
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
    """Middleware that replaces the header `Host` by the public address of the service.

    Links, redirects and the check of a form's origin use it. A client can send any `Host`; without
    a configured address it is trusted only if it is an IP address or a local name.

    Parameters
    ----------
    app : ASGIApp
        Application.
    public_url : str or None
        Scheme, host and port by which browsers reach the service.
    host : str
        Address that the service listens on.
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
            elif not self._is_trusted(headers):
                name, port = scope["server"] or (self.host, None)
                default_port = {"http": 80, "https": 443}.get(scope["scheme"])
                headers["host"] = str(name) if port in (None, default_port) else f"{name}:{port}"
            scope["headers"] = headers.raw
        await self.app(scope, receive, send)

    def _is_trusted(self, headers: Headers) -> bool:
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
