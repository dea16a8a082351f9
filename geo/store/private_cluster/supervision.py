"""A thread that starts the server again if it ends by itself."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import psycopg

from geo.errors import StoreError
from geo.store.private_cluster.location import Cluster
from geo.store.private_cluster.server import is_postmaster_alive, start, was_shut_down

_CHECK_INTERVAL_S = 2.0
_log = logging.getLogger("gridcover.cluster")


@contextlib.contextmanager
def supervision(cluster: Cluster) -> Iterator[None]:
    """Start the server again whenever it ends by itself, for the duration of a block.

    A server that was shut down in order is left alone.

    Parameters
    ----------
    cluster : Cluster
        A cluster whose server runs.

    Yields
    ------
    None
        While the server is supervised.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_supervise, args=(cluster, ended), name="cluster", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(60)


def _supervise(cluster: Cluster, ended: threading.Event) -> None:
    while not ended.wait(_CHECK_INTERVAL_S):
        if is_postmaster_alive(cluster) or was_shut_down(cluster):
            continue
        _log.warning("the database went down; it is started again")
        try:
            start(cluster, patience_s=0)
        except (StoreError, OSError, psycopg.Error) as error:
            _log.warning("%s", error)
