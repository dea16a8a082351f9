"""Webhooks: alerts signed, sent, and retried, only to addresses that the deployment allows."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

import httpx2
import psycopg
import psycopg_pool

from geo.errors import GridcoverError
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.webhooks import Delivery, claim_due_delivery, record_attempt

_POLL_S = 2.0
_TIMEOUT_S = 10.0
_log = logging.getLogger("gridcover.webhooks")


def require_allowed(url: str, settings: Settings) -> None:
    """Refuse an address that is not of an origin the deployment names.

    Raises
    ------
    GridcoverError : the address is none, or not allowed.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise GridcoverError(f"{url} is no address to send to; give one that begins with https://")
    if origin not in settings.webhook_targets:
        allowed = ", ".join(settings.webhook_targets) or "nothing"
        raise GridcoverError(
            f"{origin} is not among the allowed targets ({allowed}); add it to "
            'GRIDCOVER_WEBHOOK_TARGETS, such as ["https://centre.example:8443"]'
        )


def sign_payload(secret: str, identity: str, moment: int, payload: str) -> dict[str, str]:
    """The headers of a message."""
    key = b64decode(secret.removeprefix("whsec_"))
    said = f"{identity}.{moment}.{payload}".encode()
    signature = b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{signature}",
    }


def send_due(conn: Conn, settings: Settings, client: httpx2.Client) -> int:
    """Send every message whose time has come, one after the other; how many were tried."""
    tried = 0
    while True:
        with claim_due_delivery(conn) as delivery:
            if delivery is None:
                return tried
            done, answer = _send(delivery, settings, client)
            record_attempt(conn, delivery, done=done, answer=answer)
            tried += 1
        _log.log(
            logging.INFO if done else logging.WARNING,
            "%s to %s: %s",
            delivery.id,
            delivery.url,
            answer,
        )


def _send(delivery: Delivery, settings: Settings, client: httpx2.Client) -> tuple[bool, str]:
    try:
        # The list may have changed since the message was queued.
        require_allowed(delivery.url, settings)
        headers = sign_payload(delivery.secret, delivery.id, int(time.time()), delivery.payload)
        reply = client.post(delivery.url, content=delivery.payload.encode(), headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, GridcoverError) as error:
        return False, f"{type(error).__name__}: {error}"
    return reply.is_success, f"HTTP {reply.status_code}"


def make_client() -> httpx2.Client:
    """A client that follows no redirect and heeds no proxy of the environment."""
    return httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)


class WebhookSender:
    """A thread that sends what is due until it is stopped."""

    def __init__(self, pool: psycopg_pool.ConnectionPool[Conn], settings: Settings) -> None:
        self._pool, self._settings = pool, settings
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the message at hand."""
        self._stopped.set()
        self._thread.join(_TIMEOUT_S + 1.0)

    def _run(self) -> None:
        with make_client() as client:
            while not self._stopped.wait(_POLL_S):
                try:
                    with self._pool.connection(timeout=5) as conn:
                        send_due(conn, self._settings, client)
                except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
                    # The database may be away for a while; what waits stays in it.
                    _log.warning("messages wait: %s", error)
