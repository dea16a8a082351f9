"""The store that a command works on: open it, migrate it, print its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from geo.cli.output import console

if TYPE_CHECKING:
    from geo.settings import Settings
    from geo.store.connection import Conn


@contextmanager
def open_store(*, sealed: bool = True) -> Iterator[Conn]:
    """Connect to the deployment's database at the current version; commit at the end.

    Parameters
    ----------
    sealed : bool, default True
        Write the head of the audit log outside the database afterwards.

    Yields
    ------
    psycopg.Connection
        Open connection.

    Raises
    ------
    StoreError
        If the database given by the settings is not at the current version.
    """
    from geo.settings import get_settings
    from geo.store.audit_seal import AuditSeal
    from geo.store.connection import connect, database

    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            print_store(conn)
            yield conn
            if sealed:
                conn.commit()
                AuditSeal(get_settings().seal_dir).update(conn)


def print_store(conn: Conn, *, warn_if_empty: bool = True) -> bool:
    """Print which store a command works on.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to the store.
    warn_if_empty : bool, default True
        Print as well that the store is empty, and how to select another one.

    Returns
    -------
    bool
        Whether the store is empty.
    """
    from geo.settings import get_settings
    from geo.store.connection import store_name
    from geo.store.queries.holdings import store_is_empty

    settings = get_settings()
    console.print(f"Store: {store_name(settings)}", markup=False, highlight=False, soft_wrap=True)
    empty = store_is_empty(conn)
    if empty and warn_if_empty:
        hint = f"It is empty. {empty_store_hint(settings)}"
        console.print(hint, markup=False, highlight=False, soft_wrap=True)
    conn.rollback()
    return empty


def empty_store_hint(settings: Settings) -> str:
    """Return how to select another store, for a message that this one is empty.

    Parameters
    ----------
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    str
        One sentence.
    """
    demo = settings.data_dir / "demo"
    if settings.database_url is None and (demo / "pg").exists():
        return f"The demo's store is another: set GRIDCOVER_DATA_DIR={demo} to work on it."
    return (
        "Import a layer first, or name another store by GRIDCOVER_DATA_DIR or "
        "GRIDCOVER_DATABASE_URL."
    )


def require_current_or_migrate(conninfo: str) -> None:
    """Migrate the private database; require a given one to be at the current version.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.

    Raises
    ------
    StoreError
        If the database given by the settings is not at the current version.
    """
    from geo.settings import get_settings
    from geo.store.connection import connect
    from geo.store.migration import migrate, require_current

    if get_settings().database_url is None:
        migrate(conninfo)
        return
    with connect(conninfo) as conn:
        require_current(conn)
