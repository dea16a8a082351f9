"""The private PostGIS cluster: created, started, shared by processes, supervised and stopped."""

from geo.store.private_cluster.location import SOCKET_LIMIT, Cluster, find_cluster
from geo.store.private_cluster.server import is_running, pg_ctl, start, stop
from geo.store.private_cluster.sharing import keep_mark, running

__all__ = [
    "SOCKET_LIMIT",
    "Cluster",
    "find_cluster",
    "is_running",
    "keep_mark",
    "pg_ctl",
    "running",
    "start",
    "stop",
]
