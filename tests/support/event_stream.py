"""Client of the stream of live events."""

from __future__ import annotations

import json
import queue
import threading
import time
from typing import Any

import httpx2


class EventStream:
    """Events that one client has received, with their times of arrival."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[str, dict[str, Any], float]] = queue.Queue()
        self.last = ""
        self.open = threading.Event()
        self.ended = threading.Event()

    def read(self, address: str, cookies: dict[str, str], last: str = "", token: str = "") -> None:
        """Read events until the stream ends or `ended` is set."""
        headers = {"Last-Event-ID": last} if last else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with httpx2.stream(
                "GET", f"{address}/api/v1/events", cookies=cookies, headers=headers, timeout=60
            ) as response:
                kind = ""
                for line in response.iter_lines():
                    if self.ended.is_set():
                        return
                    if line.startswith(": "):
                        self.open.set()
                    elif line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("id: "):
                        self.last = line[4:]
                    elif line.startswith("data: ") and kind:
                        self.events.put((kind, json.loads(line[6:]), time.monotonic()))
                        kind = ""
        except httpx2.HTTPError:
            return
