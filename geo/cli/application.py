"""The command line application: one place that says which commands there are."""

from __future__ import annotations

import typer

from geo.cli.analysis import check, refresh, sites_command
from geo.cli.database import database_group
from geo.cli.exports import export_command
from geo.cli.grids import grids_group
from geo.cli.imports import import_command

app = typer.Typer(
    help="Camera coverage and incident analysis for districts governed by grids.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(database_group, name="db")
app.add_typer(grids_group, name="grids")
app.command("import")(import_command)
app.command("refresh")(refresh)
app.command("export")(export_command)
app.command("sites")(sites_command)
app.command("check")(check)
