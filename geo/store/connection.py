"""Connections to the store: the private cluster, or a server given by its address."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import ConnectionPool

from geo.errors import StoreError
from geo.settings import Settings, get_settings
from geo.store import private_cluster

Conn = Connection[TupleRow]


@contextlib.contextmanager
def database(settings: Settings | None = None, *, supervised: bool = False) -> Iterator[str]:
    """Provide the connection string of the deployment's database, its private cluster running.

    Parameters
    ----------
    settings : Settings, optional
        Of the deployment; those of this process if None.
    supervised : bool, optional
        Whether the private cluster is started again if it ends by itself.

    Yields
    ------
    str
        The connection string; it may hold a password.

    Raises
    ------
    StoreError
        If the private cluster cannot be started.
    """
    settings = settings or get_settings()
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with private_cluster.running(settings.data_dir, supervised=supervised) as private:
        yield private.conninfo


def store_name(settings: Settings) -> str:
    """Return a description of the store that the settings name, without its password.

    Parameters
    ----------
    settings : Settings
        Of the deployment.

    Returns
    -------
    str
        For people, such as ``the database gridcover on db.example``.
    """
    if settings.database_url is None:
        return f"the private database in {settings.data_dir}"
    try:
        parts = conninfo_to_dict(settings.database_url.get_secret_value())
    except psycopg.ProgrammingError:
        return "the database of GRIDCOVER_DATABASE_URL"
    host = parts.get("host") or parts.get("hostaddr") or "this machine"
    return f"the database {parts.get('dbname') or parts.get('user') or ''} on {host}"


def connect(conninfo: str, *, autocommit: bool = False) -> Conn:
    """Return a connection with the search path and time zone of the product.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.
    autocommit : bool, optional
        Whether each statement is its own transaction.

    Returns
    -------
    psycopg.Connection
        The open connection; the caller closes it.

    Raises
    ------
    StoreError
        If the server cannot be reached or refuses; its message is included.
    """
    try:
        return psycopg.connect(
            conninfo,
            autocommit=autocommit,
            connect_timeout=15,
            application_name="gridcover",
            options="-c search_path=gridcover,public -c timezone=UTC "
            f"-c gridcover.actor={_command_line_actor()}",
        )
    except psycopg.OperationalError as error:
        raise StoreError(
            f"the database cannot be reached: {str(error).strip()}. "
            "Check GRIDCOVER_DATABASE_URL, or that `gridcover db start` works"
        ) from error


def _command_line_actor() -> str:
    """Return who changes of the registers are recorded for by default: the system's account."""
    return f"command line: {getpass.getuser()}".replace("\\", "\\\\").replace(" ", "\\ ")


def conninfo_of(conn: Conn) -> str:
    """Return the connection string of an open connection.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection.

    Returns
    -------
    str
        Connection string with the password, for further connections.
    """
    return make_conninfo(conn.info.dsn, password=conn.info.password or None)


def server_version(conn: Conn) -> str:
    """Return the name and version of the database server.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    str
        Such as ``PostgreSQL 16.4``.
    """
    row = conn.execute("SELECT version()").fetchone()
    return str(row[0]).split(" on ")[0] if row else ""


def dict_rows(
    conn: Conn, query: LiteralString | bytes | sql.SQL | sql.Composed, params: Any = None
) -> list[dict[str, Any]]:
    """Return the rows of a query by the names of their columns.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    query : LiteralString or bytes or psycopg.sql.SQL or psycopg.sql.Composed
        The statement.
    params : dict or sequence, optional
        Values for its placeholders.

    Returns
    -------
    list of dict
        One dict per row.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchall()


def make_pool(
    conninfo: str, *, size: int = 8, writing: bool = False, idle_s: int = 0
) -> ConnectionPool[Conn]:
    """Return a closed pool of connections that are tested before use.

    A connection that a restart of the server broke is replaced. Connections for reading have
    the role `gridcover_reader`, which sees no row until `geo.store.scope.set_scope` is called
    in the transaction, and all statements of a transaction see the same run.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.
    size : int, optional
        Largest number of connections.
    writing : bool, optional
        Whether the connections write: as the owner of the store and outside row-level
        security.
    idle_s : int, optional
        Seconds after which an idle transaction is ended; 0 for never.

    Returns
    -------
    psycopg_pool.ConnectionPool
        To be opened by the caller.
    """
    # With repeatable read, all statements of one reading request see the same run.
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
