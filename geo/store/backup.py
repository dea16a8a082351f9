"""Backup of a store to one file, and its restoration into an empty database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import conninfo_to_dict

from geo.errors import StoreError
from geo.settings import Settings
from geo.store import private_cluster
from geo.store.audit_seal import AuditSeal
from geo.store.connection import Conn, connect
from geo.store.migration import migrate, require_current


def backup(conninfo: str, target: Path, settings: Settings) -> int:
    """Write a dump of the schema `gridcover` to a file, complete or not at all.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.
    target : pathlib.Path
        The file to write, in the custom format of ``pg_dump``; readable by its owner alone.
    settings : Settings
        Of the deployment: its data folder says which PostgreSQL programs to use.

    Returns
    -------
    int
        Size of the file, bytes.

    Raises
    ------
    StoreError
        If the file exists, migrations are missing, or the dump fails.
    """
    if target.exists():
        raise StoreError(f"{target} is there already; give another name")
    with connect(conninfo) as conn:
        require_current(conn)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as handle:
            os.fchmod(handle.fileno(), 0o600)
            command = ["pg_dump", "-Fc", "--no-owner", "-n", "gridcover"]
            _run(settings, conninfo, command, stdout=handle)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def restore(conninfo: str, source: Path, settings: Settings) -> None:
    """Restore a file of `backup` into an empty database, completely or not at all, and migrate it.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.
    source : pathlib.Path
        The file.
    settings : Settings
        Of the deployment: data folder and folder of the head of the audit log.

    Raises
    ------
    StoreError
        If the file does not exist, the database holds a gridcover store, or a step fails.
    """
    if not source.is_file():
        raise StoreError(f"{source} does not exist; give the file of a backup")
    with connect(conninfo, autocommit=True) as conn:
        _prepare_database(conn)
    command = ["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", "-d"]
    with source.open("rb") as handle:
        _run(settings, conninfo, command, stdin=handle)
    with connect(conninfo, autocommit=True) as conn:
        conn.execute("ANALYZE")
    migrate(conninfo)
    with connect(conninfo) as conn:
        AuditSeal(settings.seal_dir).replace(conn)


def _prepare_database(conn: Conn) -> None:
    """Refuse a database with a store; create the extension and the role that a dump needs."""
    row = conn.execute("SELECT to_regclass('gridcover.migrations')").fetchone()
    if row is not None and row[0] is not None:
        raise StoreError(
            "the database holds a gridcover already; name an empty one by "
            "GRIDCOVER_DATABASE_URL or GRIDCOVER_DATA_DIR"
        )
    conn.execute("CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public")
    # Roles belong to the server, not to the database: the dump refers to this one.
    role = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = 'gridcover_reader'").fetchone()
    if role is None:
        conn.execute("CREATE ROLE gridcover_reader NOLOGIN")
    is_member = conn.execute(
        "SELECT pg_has_role(CURRENT_USER, 'gridcover_reader', 'MEMBER')"
    ).fetchone()
    if is_member != (True,):
        conn.execute("GRANT gridcover_reader TO CURRENT_USER")


def _run(
    settings: Settings,
    conninfo: str,
    command: list[str],
    *,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
) -> None:
    """Run a program of PostgreSQL with the connection string as its last argument."""
    programs = private_cluster.find_cluster(settings.data_dir).bin_dir
    password = conninfo_to_dict(conninfo).get("password")
    # A password on the command line could be read by every account of the machine.
    safe = psycopg.conninfo.make_conninfo(conninfo, password=None) if password else conninfo
    env = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    result = subprocess.run(
        [str(programs / command[0]), *command[1:], safe],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=env,
        check=False,
    )
    if result.returncode != 0:
        message = result.stderr.decode(errors="replace").strip()[-600:]
        raise StoreError(f"{command[0]} failed and nothing was kept: {message}")
