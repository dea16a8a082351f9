"""Location of a private cluster: folders, programs, socket and the account of its server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from geo.errors import StoreError
from geo.store.private_cluster.binaries import find_binaries

SOCKET_LIMIT = 107
"""Bytes that the path of a Unix socket may have on Linux."""
DATABASE = "gridcover"
"""Name of the database in the cluster."""
ROLE = "gridcover"
"""Role of the database that owns it and that every local account of the cluster is mapped to."""
_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Cluster:
    """Where a private cluster is and which account its server runs as."""

    folder: Path
    """Data folder of the deployment; the cluster is in ``pg`` below it."""
    bin_dir: Path
    """Folder of the PostgreSQL programs."""
    socket_dir: Path
    """Folder of the server's Unix socket."""
    server_user: str | None
    """The account the server runs as when started by root; None for the caller's own."""

    @property
    def data(self) -> Path:
        """Return the folder of the data (PGDATA).

        Returns
        -------
        pathlib.Path
            ``pg`` in the data folder.
        """
        return self.folder / "pg"

    @property
    def log(self) -> Path:
        """Return the path of the server's log file.

        Returns
        -------
        pathlib.Path
            ``log/postgres.log`` in the data folder.
        """
        return self.folder / "log" / "postgres.log"

    @property
    def conninfo(self) -> str:
        """Return the connection string of the database.

        Returns
        -------
        str
            As libpq reads it.
        """
        return self._conninfo(DATABASE)

    @property
    def maintenance(self) -> str:
        """Return the connection string of the database ``postgres``, which is there from the start.

        Returns
        -------
        str
            As libpq reads it.
        """
        return self._conninfo("postgres")

    def _conninfo(self, database: str) -> str:
        return f"host='{self.socket_dir}' user={ROLE} dbname={database}"


def find_cluster(folder: Path) -> Cluster:
    """Return the cluster of a data folder, whether it was created yet or not.

    Parameters
    ----------
    folder : pathlib.Path
        Data folder of the deployment.

    Returns
    -------
    Cluster
        With the programs of the version that created it, or the newest installed one.

    Raises
    ------
    StoreError
        If no suitable PostgreSQL with PostGIS is installed, or root finds no account to run the
        server as.
    """
    folder = folder.expanduser().absolute()
    version: int | None = None
    with contextlib.suppress(OSError, ValueError):
        version = int((folder / "pg" / "PG_VERSION").read_text())
    return Cluster(folder, find_binaries(version), _socket_dir(folder), _server_user())


def _server_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise StoreError("root cannot run PostgreSQL, and there is no account postgres or nobody")


def _socket_dir(folder: Path) -> Path:
    """Return a folder whose socket path fits the limit, the same for every process."""
    inside = folder / "run"
    if len(os.fsencode(inside / _SOCKET_NAME)) <= SOCKET_LIMIT:
        return inside
    tag = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    is_root = os.geteuid() == 0 and os.access("/run", os.W_OK)
    base = Path("/run") if is_root else Path("/tmp")  # noqa: S108
    return base / f"gridcover-{os.geteuid()}-{tag}"
