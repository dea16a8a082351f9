"""The process that answers requests, on a socket of `service.server`."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from geo.settings import Settings, get_settings
from service.app import create_app
from service.child_process import end_with_parent
from service.middleware.metrics import configure_json_logging
from service.protocol import TimedHttpProtocol

if TYPE_CHECKING:
    from fastapi import FastAPI


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return the configuration of uvicorn: time limits, logging and trusted proxies.

    Parameters
    ----------
    app : FastAPI
        Application to serve.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    uvicorn.Config
        Configuration for `uvicorn.Server`.
    """
    return uvicorn.Config(
        app,
        http=TimedHttpProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None if settings.log_requests else uvicorn.config.LOGGING_CONFIG,
    )


def main() -> None:
    """Serve on the socket whose file descriptor is the argument until a signal ends the process."""
    end_with_parent()
    settings = get_settings()
    if settings.log_requests:
        configure_json_logging()
    assert settings.database_url is not None  # noqa: S101
    app = create_app(settings.database_url.get_secret_value(), settings)
    listener = socket.socket(fileno=int(sys.argv[1]))
    uvicorn.Server(server_config(app, settings)).run(sockets=[listener])


if __name__ == "__main__":
    main()
