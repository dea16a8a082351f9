"""Migrations: numbered SQL files, each applied once, and the tables of the job queue."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

from geo.errors import StoreError
from geo.store.connection import Conn, connect

_LOCK = 0x67726964  # "grid": one process migrates at a time, on whatever machine


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    number: int
    """Position in the order of migrations."""
    name: str
    """Subject, from the name of the file."""
    sql: str
    """Its statements."""

    @property
    def sha256(self) -> str:
        """Return the digest by which an edited migration is recognised.

        Returns
        -------
        str
            SHA-256 of the statements, hexadecimal.
        """
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return the migrations of this version, in order.

    Returns
    -------
    list of Migration
        The numbered files of ``geo/store/migrations``.
    """
    return list(_migrations())


@cache
def _migrations() -> tuple[Migration, ...]:
    files = []
    for item in resources.files("geo.store").joinpath("migrations").iterdir():
        if item.name.endswith(".sql"):
            number, name = item.name.removesuffix(".sql").split("_", 1)
            files.append(Migration(int(number), name, item.read_text(encoding="utf-8")))
    return tuple(sorted(files, key=lambda migration: migration.number))


def applied_migrations(conn: Conn) -> dict[int, str]:
    """Return the migrations that were applied to the database.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    dict of int to str
        Digest by number; empty for a database without a store.
    """
    with conn.transaction():
        row = conn.execute("SELECT to_regclass('gridcover.migrations')").fetchone()
        if row is None or row[0] is None:
            return {}
        rows = conn.execute("SELECT number, sha256 FROM gridcover.migrations").fetchall()
    return {int(number): str(digest) for number, digest in rows}


def migrate(conninfo: str) -> list[Migration]:
    """Bring the database to this version, each migration in a transaction of its own.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.

    Returns
    -------
    list of Migration
        The migrations that were applied now.

    Raises
    ------
    StoreError
        If an applied migration was edited since, the database is newer than this software,
        or a migration fails (and is rolled back).
    """
    with connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            applied = applied_migrations(conn)
            known = migrations()
            _compare(applied, known)
            missing = [migration for migration in known if migration.number not in applied]
            for migration in missing:
                _apply(conn, migration)
            conn.execute("SET search_path TO gridcover, public")
            migrate_queue(conn)
            _mark_box_test_leakproof(conn)
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return missing


def _apply(conn: Conn, migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute("CREATE SCHEMA IF NOT EXISTS gridcover")
            conn.execute(
                "CREATE TABLE IF NOT EXISTS gridcover.migrations (number integer "
                "PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, "
                "applied_at timestamptz NOT NULL DEFAULT now())"
            )
            conn.execute(migration.sql.encode())
            conn.execute(
                "INSERT INTO gridcover.migrations (number, name, sha256) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.sha256),
            )
    except psycopg.Error as error:
        raise StoreError(
            f"migration {migration.number} ({migration.name}) failed and was undone: {error}"
        ) from error


def _mark_box_test_leakproof(conn: Conn) -> None:
    """Let queries under row-level security use the spatial index, if we are superuser.

    PostgreSQL checks whether a row may be seen before it calls a function that might reveal the
    row in an error message. The comparison of two boxes reveals nothing, but only a superuser may
    declare that; otherwise the same rows are returned more slowly.
    """
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute(
            "ALTER FUNCTION public.geometry_overlaps(public.geometry, public.geometry) LEAKPROOF"
        )


def _compare(applied: dict[int, str], known: list[Migration]) -> None:
    newer = set(applied) - {migration.number for migration in known}
    if newer:
        raise StoreError(
            f"the database has migration {max(newer)}, which this gridcover does not know; "
            "install the newer version that made it"
        )
    for migration in known:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise StoreError(
                f"migration {migration.number} ({migration.name}) was edited after it was applied; "
                "restore the file, and put the change into a new migration"
            )


def require_current(conn: Conn) -> None:
    """Refuse to work on a database that is not at this version.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Raises
    ------
    StoreError
        If migrations are missing, or the database is newer.
    """
    applied = applied_migrations(conn)
    known = migrations()
    _compare(applied, known)
    missing = sum(migration.number not in applied for migration in known)
    missing += len(queue_migrations(conn))
    if missing:
        raise StoreError(f"{missing} migrations are missing; run `gridcover db migrate`")


def queue_migrations(conn: Conn) -> list[Path]:
    """Return the migrations of the job queue that were not applied yet.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of pathlib.Path
        Files of procrastinate, in order; empty before the migration that adds the queue.
    """
    row = conn.execute("SELECT to_regclass('gridcover.queue_migrations')").fetchone()
    if row is None or row[0] is None:
        return []
    rows = conn.execute("SELECT name FROM gridcover.queue_migrations").fetchall()
    applied = {str(row[0]) for row in rows}
    return [file for file in _queue_files() if file.name not in applied]


@cache
def _queue_files() -> tuple[Path, ...]:
    return tuple(sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")))


def migrate_queue(conn: Conn) -> None:
    """Create the tables of the job queue, or bring them up to date, in one transaction.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    """
    missing = queue_migrations(conn)
    if not missing:
        return
    with conn.transaction():
        row = conn.execute("SELECT to_regclass('gridcover.procrastinate_jobs')").fetchone()
        if row is None or row[0] is None:
            # The present schema is the result of all migrations.
            conn.execute(SchemaManager.get_schema().encode())
        else:
            for file in missing:
                conn.execute(file.read_text(encoding="utf-8").encode())
        for file in missing:
            conn.execute("INSERT INTO queue_migrations (name) VALUES (%s)", (file.name,))
