"""The commands `gridcover db`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import geo
from geo.cli.output import JsonOption, console, print_json
from geo.cli.store_access import require_current_or_migrate
from geo.schema import LAYERS

database_group = typer.Typer(help="The private database.", no_args_is_help=True)


@database_group.command("init")
def db_init() -> None:
    """Create the private cluster and migrate it."""
    from geo.settings import get_settings
    from geo.store.connection import database
    from geo.store.migration import migrate

    with database() as conninfo:
        applied = migrate(conninfo)
    console.print(f"{len(applied)} migrations applied; data in {get_settings().data_dir}")


@database_group.command("start")
def db_start() -> None:
    """Start the private cluster and leave it running."""
    from geo.settings import get_settings
    from geo.store import private_cluster

    cluster = private_cluster.find_cluster(get_settings().data_dir)
    is_started = private_cluster.start(cluster)
    private_cluster.keep_mark(cluster).touch()
    state = "started" if is_started else "already running"
    console.print(f"{state}: {cluster.conninfo}", markup=False)


@database_group.command("stop")
def db_stop() -> None:
    """Stop the private cluster."""
    from geo.settings import get_settings
    from geo.store import private_cluster

    cluster = private_cluster.find_cluster(get_settings().data_dir)
    private_cluster.keep_mark(cluster).unlink(missing_ok=True)
    console.print("stopped" if private_cluster.stop(cluster) else "it was not running")


@database_group.command("migrate")
def db_migrate() -> None:
    """Apply missing migrations."""
    from geo.store.connection import database
    from geo.store.migration import migrate, migrations

    with database() as conninfo:
        applied = migrate(conninfo)
    for migration in applied:
        console.print(f"applied {migration.number:04d} {migration.name}")
    console.print(f"the database is at {migrations()[-1].number:04d}")


@database_group.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="A new file to write the backup to.")],
) -> None:
    """Write a consistent snapshot of the database to a file."""
    from geo.settings import get_settings
    from geo.store import backup
    from geo.store.connection import database

    with database() as conninfo:
        require_current_or_migrate(conninfo)
        size = backup.backup(conninfo, file, get_settings())
    console.print(
        f"{file}: {size / 1e6:,.1f} MB; it contains camera positions and password digests",
        markup=False,
    )


@database_group.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="A backup that `gridcover db backup` wrote.")],
) -> None:
    """Fill an empty database from a backup."""
    from geo.settings import get_settings
    from geo.store import backup
    from geo.store.connection import database

    with database() as conninfo:
        backup.restore(conninfo, file, get_settings())
    console.print(f"{file} is restored", markup=False)


@database_group.command("status")
def db_status(as_json: JsonOption = False) -> None:
    """Show migrations, rows and the newest run."""
    from geo.store.connection import connect, database, server_version
    from geo.store.migration import applied_migrations, migrations
    from geo.store.queries.holdings import count_rows
    from geo.store.queries.runs import read_latest_run

    with database() as conninfo, connect(conninfo) as conn:
        applied = applied_migrations(conn)
        missing = [m.number for m in migrations() if m.number not in applied]
        rows = {} if missing else {name: count_rows(conn, layer) for name, layer in LAYERS.items()}
        run = None if missing else read_latest_run(conn)
        version = server_version(conn)
    status = {
        "gridcover": geo.__version__,
        "server": version,
        "migrations": sorted(applied),
        "missing": missing,
        "rows": rows,
        "latest_run": None if run is None else {"id": run.id, "finished_at": run.finished_at},
    }
    if as_json:
        print_json(status)
        return
    for name, value in status.items():
        Console().print(f"{name}: {value}", markup=False)
