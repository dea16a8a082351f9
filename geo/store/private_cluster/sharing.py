"""The use of one cluster by several processes: the last one stops it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from geo.store.private_cluster.location import Cluster, find_cluster
from geo.store.private_cluster.server import start, stop
from geo.store.private_cluster.server_account import prepare_folders
from geo.store.private_cluster.supervision import supervision


@contextlib.contextmanager
def running(folder: Path, *, supervised: bool = False) -> Iterator[Cluster]:
    """Provide the running cluster of a data folder for the duration of a block.

    It is started if needed and shared with other processes: each holds a shared lock on
    ``users.lock``, and a process that gets the lock alone on leaving is the last one and stops
    the server, unless `keep_mark` is there.

    Parameters
    ----------
    folder : pathlib.Path
        Data folder of the deployment.
    supervised : bool, optional
        Whether the server is started again if it ends by itself, for instance on a full disk.

    Yields
    ------
    Cluster
        The running cluster.

    Raises
    ------
    StoreError
        If no PostgreSQL with PostGIS is installed, or the server does not start.
    """
    cluster = find_cluster(folder)
    prepare_folders(cluster)
    with (cluster.folder / "users.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        start(cluster)
        try:
            with supervision(cluster) if supervised else contextlib.nullcontext():
                yield cluster
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not keep_mark(cluster).exists():
                    stop(cluster)


def keep_mark(cluster: Cluster) -> Path:
    """Return the path of the file that keeps a server running when its last user leaves.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    pathlib.Path
        Made by ``gridcover db start``, removed by ``gridcover db stop``.
    """
    return cluster.folder / "keep-running"
