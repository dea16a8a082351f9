"""Connections and migrations: the private cluster or a server given by its address."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import ConnectionPool

from geo.errors import StoreError
from geo.settings import Settings, get_settings
from geo.store import cluster, jobs

_LOCK = 0x67726964  # "grid": one migrator at a time, whatever machine it runs on
Conn = Connection[TupleRow]


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest by which an edited migration is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The migrations this version of gridcover brings, in order."""
    return list(_migrations())


@cache
def _migrations() -> tuple[Migration, ...]:
    found = []
    for item in resources.files("geo.store").joinpath("migrations").iterdir():
        if item.name.endswith(".sql"):
            number, name = item.name.removesuffix(".sql").split("_", 1)
            found.append(Migration(int(number), name, item.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda m: m.number))


@contextlib.contextmanager
def database(settings: Settings | None = None, *, tended: bool = False) -> Iterator[str]:
    """The connection string of the deployment's database, its private cluster running.

    Parameters
    ----------
    tended : start the private cluster again whenever it went down by itself.
    """
    settings = settings or get_settings()
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with cluster.running(settings.data_dir, tended=tended) as private:
        yield private.conninfo


def store_name(settings: Settings) -> str:
    """Return which store the settings name, for people: without its password."""
    if settings.database_url is None:
        return f"the private database in {settings.data_dir}"
    try:
        parts = conninfo_to_dict(settings.database_url.get_secret_value())
    except psycopg.ProgrammingError:
        return "the database of GRIDCOVER_DATABASE_URL"
    host = parts.get("host") or parts.get("hostaddr") or "this machine"
    return f"the database {parts.get('dbname') or parts.get('user') or ''} on {host}"


def is_empty(conn: Conn) -> bool:
    """Return whether no register of a store has a row."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM grids) OR EXISTS (SELECT FROM areas) OR EXISTS (SELECT FROM cameras) "
        "OR EXISTS (SELECT FROM incidents) OR EXISTS (SELECT FROM buildings) OR EXISTS (SELECT FROM streets) "
        "OR EXISTS (SELECT FROM landcover) OR EXISTS (SELECT FROM key_places) "
        "OR EXISTS (SELECT FROM service_points)"
    ).fetchone()
    return row is None or not row[0]


def connect(conninfo: str, *, autocommit: bool = False) -> Conn:
    """One connection with the search path and time zone of the product.

    Raises
    ------
    StoreError : the server cannot be reached or refuses; its own words are in the message.
    """
    try:
        return psycopg.connect(
            conninfo,
            autocommit=autocommit,
            connect_timeout=15,
            application_name="gridcover",
            options=f"-c search_path=gridcover,public -c timezone=UTC -c gridcover.actor={_by_hand()}",
        )
    except psycopg.OperationalError as error:
        raise StoreError(
            f"the database cannot be reached: {str(error).strip()}. "
            "Check GRIDCOVER_DATABASE_URL, or that `gridcover db start` works"
        ) from error


def _by_hand() -> str:
    """Whose changes of the registers are on record, unless told otherwise: the system's account."""
    return f"command line: {getpass.getuser()}".replace("\\", "\\\\").replace(" ", "\\ ")


def dict_rows(
    conn: Conn, query: LiteralString | bytes | sql.SQL | sql.Composed, params: Any = None
) -> list[dict[str, Any]]:
    """Rows of a query by the names of their columns."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()


def make_pool(
    conninfo: str, *, size: int = 8, writing: bool = False, idle_s: int = 0
) -> ConnectionPool[Conn]:
    """A pool that tests each connection before handing it out, so that a restart heals.

    Its connections only read, as a role that sees no row until a transaction says whose
    (`geo.store.access.set_scope`), unless they are for `writing`. A transaction in which nothing is
    asked for `idle_s` seconds is ended, where that is given.
    """
    # All statements of one request that reads see the same run.
    reading = (
        "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read "
        "-c role=gridcover_reader"
    )
    return ConnectionPool(
        conninfo,
        min_size=1,
        max_size=size,
        timeout=5,
        open=False,
        check=ConnectionPool.check_connection,
        kwargs={
            "application_name": "gridcover-service",
            "options": "-c search_path=gridcover,public -c timezone=UTC "
            f"-c statement_timeout=30000 -c idle_in_transaction_session_timeout={idle_s * 1000} "
            f"{'' if writing else reading}",
        },
    )


def applied(conn: Conn) -> dict[int, str]:
    """Number and digest of the migrations the database has."""
    with conn.transaction():
        there = conn.execute("SELECT to_regclass('gridcover.migrations')").fetchone()
        if there is None or there[0] is None:
            return {}
        rows = conn.execute("SELECT number, sha256 FROM gridcover.migrations").fetchall()
    return {int(number): str(digest) for number, digest in rows}


def migrate(conninfo: str) -> list[Migration]:
    """Bring the database to this version, each migration in a transaction of its own.

    Returns
    -------
    What was applied now.

    Raises
    ------
    StoreError : an applied migration was edited since, the database is newer than this
        software, or a migration fails (and is undone).
    """
    done: list[Migration] = []
    with connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            have = applied(conn)
            known = migrations()
            _compare(have, known)
            for migration in known:
                if migration.number in have:
                    continue
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
                            "INSERT INTO gridcover.migrations (number, name, sha256) "
                            "VALUES (%s, %s, %s)",
                            (migration.number, migration.name, migration.sha256),
                        )
                except psycopg.Error as error:
                    raise StoreError(
                        f"migration {migration.number} ({migration.name}) failed and was undone: "
                        f"{error}"
                    ) from error
                done.append(migration)
            conn.execute("SET search_path TO gridcover, public")
            jobs.migrate_queue(conn)
            _trust_boxes(conn)
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return done


def _trust_boxes(conn: Conn) -> None:
    """Let readers under row-level security find rows by the boxes' index, where we may say so.

    PostgreSQL looks at who may see a row before it calls a function that might tell of the row in an
    error message. Comparing two boxes tells nothing, but only a superuser may vouch for it; without
    that the same rows are found more slowly.
    """
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute(
            "ALTER FUNCTION public.geometry_overlaps(public.geometry, public.geometry) LEAKPROOF"
        )


def _compare(have: dict[int, str], known: list[Migration]) -> None:
    newer = set(have) - {m.number for m in known}
    if newer:
        raise StoreError(
            f"the database has migration {max(newer)}, which this gridcover does not know; "
            "install the newer version that made it"
        )
    for migration in known:
        if have.get(migration.number, migration.sha256) != migration.sha256:
            raise StoreError(
                f"migration {migration.number} ({migration.name}) was edited after it was applied; "
                "restore the file, and put the change into a new migration"
            )


def require_current(conn: Conn) -> None:
    """Refuse to work on a database that is not at this version.

    Raises
    ------
    StoreError : migrations are missing, or the database is newer.
    """
    have = applied(conn)
    known = migrations()
    _compare(have, known)
    missing = len([m for m in known if m.number not in have]) + len(jobs.queue_migrations(conn))
    if missing:
        raise StoreError(f"{missing} migrations are missing; run `gridcover db migrate`")
