"""HTTP connections with time limits for clients that send or read slowly."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 15.0
"""Seconds from the connection, or the first byte of a request, to the end of its headers."""
BODY_S = 30.0
"""Most seconds between two parts of a body."""
ANSWER_S = 60.0
"""Most seconds without reading by a client while a response waits for it."""
LARGEST_HEADERS = 64 << 10
"""Most bytes of the headers of one request."""


class TimedHttpProtocol(HttpToolsProtocol):
    """Protocol of uvicorn that closes connections of clients that send or read too slowly."""

    headers_s, body_s, answer_s = HEADERS_S, BODY_S, ANSWER_S
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _in_headers = True
    _header_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Start the time limit of the headers of the first request.

        Parameters
        ----------
        transport : asyncio.Transport
            Transport of the connection.
        """
        super().connection_made(transport)
        self._expect(self.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the time limits.

        Parameters
        ----------
        exc : Exception or None
            Error that ended the connection, if any.
        """
        self._expect(None)
        self._await_reader(on=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; refuse headers that are too long.

        Parameters
        ----------
        data : bytes
            Bytes that were received.
        """
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > LARGEST_HEADERS:
            self._end(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start the time limit of the headers of a request."""
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0
        self._expect(self.headers_s)

    def on_headers_complete(self) -> None:
        """Start the time limit of the body."""
        self._in_headers = False
        self._expect(self.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Start the time limit of the next part of the body.

        Parameters
        ----------
        body : bytes
            Part of the body that was received.
        """
        self._expect(self.body_s)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Cancel the time limit: the request is complete."""
        self._expect(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the time limit of a client that does not read."""
        super().pause_writing()
        self._await_reader(on=True)

    def resume_writing(self) -> None:
        """Cancel the time limit: the client reads."""
        self._await_reader(on=False)
        super().resume_writing()

    def _expect(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _await_reader(self, *, on: bool) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._write_timer = self.loop.call_later(self.answer_s, self._abort) if on else None

    def _late(self) -> None:
        if not self._in_headers and self.flow.read_paused:
            # The service does not read; the client is not slow.
            self._expect(self.body_s)
            return
        self._end(b"408 Request Timeout")

    def _end(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()
