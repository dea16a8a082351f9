"""The creation of a cluster with ``initdb``, and its configuration."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from geo.errors import StoreError
from geo.store.private_cluster.location import ROLE, Cluster
from geo.store.private_cluster.server_account import (
    make_server_folder,
    prepare_folders,
    run_as_server,
)


def create_cluster(cluster: Cluster) -> bool:
    """Create a cluster unless it is there.

    It is built in a folder beside its final one, which is renamed at the end, so that an
    interrupted creation leaves no incomplete cluster.

    Parameters
    ----------
    cluster : Cluster
        Where to create it.

    Returns
    -------
    bool
        True if it was created now.

    Raises
    ------
    StoreError
        If the place holds other files, or ``initdb`` fails; its output is in the message.
    """
    prepare_folders(cluster)
    if (cluster.data / "PG_VERSION").exists():
        return False
    if cluster.data.exists() and any(cluster.data.iterdir()):
        raise StoreError(f"{cluster.data} is not empty and holds no cluster; move it away first")
    for stale in cluster.folder.glob("pg.new-*"):
        shutil.rmtree(stale)
    new = cluster.folder / f"pg.new-{os.getpid()}"
    make_server_folder(cluster, new)
    _run_initdb(cluster, new)
    _configure(cluster, new)
    new.rename(cluster.data)
    return True


def _run_initdb(cluster: Cluster, folder: Path) -> None:
    program = str(cluster.bin_dir / "initdb")
    result = run_as_server(
        cluster,
        [
            program,
            *("-D", str(folder), "-U", ROLE, "--encoding=UTF8", "--locale=C.UTF-8"),
            *("--auth-local=peer", "--auth-host=reject", "--no-instructions"),
        ],
    )
    if result.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreError(f"initdb failed: {result.stderr.strip() or result.stdout.strip()}")


def _configure(cluster: Cluster, folder: Path) -> None:
    """Let the local accounts of the deployment in by their peer identity, and nobody else."""
    users = {"root", pwd.getpwuid(os.geteuid()).pw_name, cluster.server_user or "root"}
    socket_dir = str(cluster.socket_dir).replace("'", "''")
    (folder / "pg_hba.conf").write_text("local all all peer map=gridcover\n")
    (folder / "pg_ident.conf").write_text(
        "".join(f'gridcover "{user}" {ROLE}\n' for user in sorted(users))
    )
    with (folder / "postgresql.conf").open("a") as handle:
        handle.write(
            "\n# gridcover\nlisten_addresses = ''\nport = 5432\n"
            f"unix_socket_directories = '{socket_dir}'\nunix_socket_permissions = 0700\n"
            "max_connections = 60\nshared_buffers = 256MB\nwork_mem = 32MB\n"
            "maintenance_work_mem = 256MB\nmax_wal_size = 2GB\njit = off\n"
            "timezone = 'UTC'\nlog_timezone = 'UTC'\n"
        )
