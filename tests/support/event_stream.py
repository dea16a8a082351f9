"""Live events as a map receives them."""

from __future__ import annotations

import json
import queue
import threading
import time
from typing import Any

import httpx2


class EventStream:
    """Events of one map, with when they came."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[str, dict[str, Any], float]] = queue.Queue()
        self.last = ""
        self.open = threading.Event()
        self.ended = threading.Event()

    def read(self, address: str, cookies: dict[str, str], last: str = "", token: str = "") -> None:
        headers = {"Last-Event-ID": last} if last else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with httpx2.stream(
                "GET", f"{address}/api/v1/events", cookies=cookies, headers=headers, timeout=60
            ) as answer:
                kind = ""
                for line in answer.iter_lines():
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
