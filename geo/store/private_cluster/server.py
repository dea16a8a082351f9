"""The server process of a cluster: start, state and stop."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from geo.errors import StoreError
from geo.store.private_cluster.creation import create_cluster
from geo.store.private_cluster.location import DATABASE, Cluster
from geo.store.private_cluster.server_account import prepare_folders, run_as_server


def pg_ctl(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``pg_ctl`` on a cluster as the account that owns it, and wait for its end.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    *arguments : str
        Further arguments, such as ``stop``.

    Returns
    -------
    subprocess.CompletedProcess
        With exit code and captured output; a failure raises nothing.
    """
    program = str(cluster.bin_dir / "pg_ctl")
    return run_as_server(cluster, [program, "-D", str(cluster.data), "-w", "-s", *arguments])


def is_running(cluster: Cluster) -> bool:
    """Return whether the server accepts connections; wait up to a minute while it starts.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    bool
        Whether it answers on its socket.
    """
    try:
        with psycopg.connect(cluster.maintenance, connect_timeout=5):
            return True
    except psycopg.OperationalError as error:
        return "starting up" in str(error) and _is_ready_in_time(cluster)


def _is_ready_in_time(cluster: Cluster) -> bool:
    program = str(cluster.bin_dir / "pg_isready")
    for _ in range(300):
        result = run_as_server(cluster, [program, "-q", "-h", str(cluster.socket_dir)])
        if result.returncode == 0:
            return True
        time.sleep(0.2)
    return False


def is_postmaster_alive(cluster: Cluster) -> bool:
    """Return whether the process named in ``postmaster.pid`` is a PostgreSQL server.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    bool
        False as well if there is no such file or process.
    """
    name = _postmaster_name(cluster)
    return name is not None and "postgres" in name


def _postmaster_name(cluster: Cluster) -> str | None:
    """Return the name of the process in ``postmaster.pid``; None if there is none."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError, IndexError):
        return None


def was_shut_down(cluster: Cluster) -> bool:
    """Return whether the server was shut down in order, and so should not run.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    bool
        False after a crash, and while it runs.
    """
    program = str(cluster.bin_dir / "pg_controldata")
    output = run_as_server(cluster, [program, "-D", str(cluster.data)]).stdout
    return any(
        line.startswith("Database cluster state:") and line.endswith("shut down")
        for line in output.splitlines()
    )


def start(cluster: Cluster, *, patience_s: float = 30.0) -> bool:
    """Start the server of a cluster unless it runs; create the cluster and its database if needed.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    patience_s : float, optional
        For how long a start that fails is tried again, s.

    Returns
    -------
    bool
        True if it was started now, False if it was running.

    Raises
    ------
    StoreError
        If the server does not start; the end of its log is in the message.
    """
    prepare_folders(cluster)
    with _exclusive_lock(cluster.folder / "start.lock"):
        create_cluster(cluster)
        if is_running(cluster):
            return False
        _drop_foreign_pid(cluster)
        _start_with_patience(cluster, patience_s)
        _create_database(cluster)
    return True


@contextlib.contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _drop_foreign_pid(cluster: Cluster) -> None:
    """Remove ``postmaster.pid`` if its number belongs to another program since a crash."""
    name = _postmaster_name(cluster)
    if name is not None and "postgres" not in name:
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)


def _start_with_patience(cluster: Cluster, patience_s: float) -> None:
    # The data folder, and so the socket folder, may have been moved: name it on every start.
    options = f"-c unix_socket_directories={_shell_quoted(str(cluster.socket_dir))}"
    deadline = time.monotonic() + patience_s
    while True:
        result = pg_ctl(cluster, "-t", "60", "-l", str(cluster.log), "-o", options, "start")
        if result.returncode == 0:
            return
        # Children of a killed server may hold its memory for a moment.
        if time.monotonic() > deadline:
            log = cluster.log.read_text(errors="replace") if cluster.log.exists() else ""
            raise StoreError(f"PostgreSQL does not start: {result.stderr.strip()}\n{log[-800:]}")
        time.sleep(0.5)


def _shell_quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.maintenance, autocommit=True) as conn:
        row = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if row is None:
            conn.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")


def stop(cluster: Cluster) -> bool:
    """Stop the server of a cluster (fast mode: open transactions are rolled back).

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    bool
        True if it was stopped; False if it did not run, or could not be stopped.
    """
    if not (cluster.data / "postmaster.pid").exists():
        return False
    return pg_ctl(cluster, "-m", "fast", "stop").returncode == 0
