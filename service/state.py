"""The state of the application while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    import asyncio

    import procrastinate
    from psycopg_pool import ConnectionPool

    from geo.settings import Settings
    from geo.store.connection import Conn
    from service.api.events import NotificationListener
    from service.auth.login_throttle import LoginThrottle
    from service.auth.oidc import Provider
    from service.caching import IdentityCache, LayerVersions, ResponseCache
    from service.middleware.audit import AuditWriter
    from service.middleware.metrics import Metrics
    from service.static_files import PageAssets


@dataclass
class AppState:
    """State that routes and middleware share.

    Attributes
    ----------
    settings : Settings
        Settings of the deployment.
    clock : callable
        Returns seconds of a monotonic clock.
    read_pool : ConnectionPool
        Connections that only read, within a scope.
    write_pool : ConnectionPool
        Connections of routes that change something.
    auth_pool : ConnectionPool
        Connections for identifying users and writing the audit log. Requests that hold another
        connection never wait for one of these.
    download_pool : ConnectionPool
        Connections of downloads, held as long as clients read.
    read_slots, write_slots : asyncio.Semaphore
        One slot for each connection of `read_pool` and `write_pool`. Waiting for one takes no
        thread.
    cache : ResponseCache
        Responses in memory.
    identities : IdentityCache
        Users of sessions and tokens, a few seconds old.
    layer_versions : LayerVersions
        Versions of registers and results, on which responses depend.
    audit_writer : AuditWriter
        Writes entries of the audit log.
    notifications : NotificationListener
        Listener for live events of the database.
    login_throttle : LoginThrottle
        Recent sign-in attempts by address.
    oidc : Provider
        The OpenID Connect provider.
    assets : PageAssets
        Joined scripts and styles.
    metrics : Metrics
        Metrics for Prometheus.
    job_queue : procrastinate.App
        Queue that new jobs are added to; open while the application runs.
    """

    settings: Settings
    clock: Callable[[], float]
    read_pool: ConnectionPool[Conn]
    write_pool: ConnectionPool[Conn]
    auth_pool: ConnectionPool[Conn]
    download_pool: ConnectionPool[Conn]
    read_slots: asyncio.Semaphore
    write_slots: asyncio.Semaphore
    cache: ResponseCache
    identities: IdentityCache
    layer_versions: LayerVersions
    audit_writer: AuditWriter
    notifications: NotificationListener
    login_throttle: LoginThrottle
    oidc: Provider
    assets: PageAssets
    metrics: Metrics
    job_queue: procrastinate.App


def app_state(request: HTTPConnection) -> AppState:
    """Return the state of the application that a request came to.

    Parameters
    ----------
    request : HTTPConnection
        Any request.

    Returns
    -------
    AppState
        State with which the application was built.
    """
    state: AppState = request.app.state.gridcover
    return state
