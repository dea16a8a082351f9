"""Content security policy and other headers of every response."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class SecurityHeadersMiddleware:
    """Middleware that adds a content security policy with a new nonce, and other headers.

    Parameters
    ----------
    app : ASGIApp
        Application; it finds the nonce in `request.state.nonce`.
    basemap_url : str or None
        Template of the addresses of basemap tiles, whose images are allowed.
    """

    def __init__(self, app: ASGIApp, basemap_url: str | None) -> None:
        self.app = app
        images = "'self' data:"
        if basemap_url:
            parts = urlsplit(basemap_url.replace("{s}", "*"))
            if parts.netloc:
                images += f" {parts.scheme}://{parts.netloc}"
        # Leaflet and Folium set styles in the page; scripts in the page have the nonce.
        self.policy = "; ".join(
            (
                "default-src 'self'",
                "script-src 'self' 'nonce-{nonce}'",
                "style-src 'self' 'unsafe-inline'",
                f"img-src {images}",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'self'",
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def _send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy.format(nonce=nonce)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, _send_with_headers)
