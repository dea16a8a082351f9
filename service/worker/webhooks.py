"""Webhook deliveries: signed, and sent only to origins that the deployment allows."""

from __future__ import annotations

import datetime as dt
import logging
from urllib.parse import urlsplit

import httpx2
import procrastinate
from standardwebhooks import Webhook

from geo.errors import GridcoverError
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.webhooks import Delivery, claim_delivery, record_attempt

RETRY_STRATEGY = procrastinate.RetryStrategy(max_attempts=7, exponential_wait=5)
"""Retries of a delivery: after 5 s, 25 s, and so on to 5 to the power of 7 s, about 22 h."""
_TIMEOUT_S = 10.0
_log = logging.getLogger("gridcover.webhooks")


class DeliveryFailed(Exception):  # noqa: N818
    """A message was not accepted; the log of deliveries has the answer."""


def require_allowed(url: str, settings: Settings) -> None:
    """Refuse an address whose origin the deployment does not allow.

    Parameters
    ----------
    url : str
        Address to send to.
    settings : Settings
        Settings of the deployment, which name the allowed origins.

    Raises
    ------
    GridcoverError
        If the address is not an HTTP address, or its origin is not allowed.
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


def signed_headers(delivery: Delivery, sent_at: dt.datetime) -> dict[str, str]:
    """Return the headers of a message, signed according to Standard Webhooks.

    Parameters
    ----------
    delivery : Delivery
        Message with the secret of its webhook.
    sent_at : datetime.datetime
        Time of the attempt, in UTC.

    Returns
    -------
    dict of str to str
        Content type, id, time and signature.
    """
    return {
        "content-type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(delivery.secret).sign(delivery.id, sent_at, delivery.payload),
    }


def deliver(context: procrastinate.JobContext, *, delivery: str) -> None:
    """Run the job of one delivery: send the message once and record the answer.

    Parameters
    ----------
    context : procrastinate.JobContext
        Context of the job; its `additional_context` has the connection string and the settings.
    delivery : str
        Id of the delivery.

    Raises
    ------
    DeliveryFailed
        If the message was not accepted; the queue tries again by `RETRY_STRATEGY`.
    """
    assert context.additional_context is not None  # noqa: S101
    settings: Settings = context.additional_context["settings"]
    failure: DeliveryFailed | None = None
    with (
        connect(context.additional_context["conninfo"]) as conn,
        claim_delivery(conn, delivery) as message,
    ):
        if message is None:
            return
        is_delivered, answer = _send(message, settings)
        next_at = None
        if not is_delivered:
            failure = DeliveryFailed(f"{message.id} to {message.url}: {answer}")
            decision = RETRY_STRATEGY.get_retry_decision(exception=failure, job=context.job)
            next_at = decision.retry_at if decision else None
        record_attempt(conn, message, delivered=is_delivered, answer=answer, next_at=next_at)
    if failure is not None:
        _log.warning("%s", failure)
        raise failure
    _log.info("%s to %s: %s", message.id, message.url, answer)


def _send(delivery: Delivery, settings: Settings) -> tuple[bool, str]:
    """Send a message; return whether it was accepted, and the status or the error."""
    try:
        # The allowed targets may have changed since the message was queued.
        require_allowed(delivery.url, settings)
        headers = signed_headers(delivery, dt.datetime.now(dt.UTC))
        with _make_client() as client:
            response = client.post(delivery.url, content=delivery.payload.encode(), headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, GridcoverError) as error:
        return False, f"{type(error).__name__}: {error}"
    return response.is_success, f"HTTP {response.status_code}"


def _make_client() -> httpx2.Client:
    """Return a client that follows no redirect and uses no proxy of the environment."""
    return httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)
