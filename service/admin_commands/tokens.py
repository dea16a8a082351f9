"""The commands `gridcover token`."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from geo.cli.output import JsonOption
from geo.cli.store_access import open_store
from geo.errors import GridcoverError
from geo.store.audit_actions import AuditAction
from geo.store.queries.api_tokens import READ, SCOPES, list_tokens, make_token, revoke_token
from geo.store.scope import EVERYWHERE
from service.admin_commands.audit_entry import audit_cli_action
from service.admin_commands.output import format_time, print_rows

token_group = typer.Typer(help="API tokens of other systems.", no_args_is_help=True)


@token_group.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Name of the system that uses the token.")],
    scope: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(SCOPES)}.")],
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=3650)] = 365,
    role: Annotated[str | None, typer.Option(help=f"Role of the token (scope {READ}).")] = None,
    area: Annotated[
        list[str] | None,
        typer.Option(help=f"Code of an area or grid that it may read (scope {READ})."),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All areas.")] = False,
) -> None:
    """Create a token; it is printed once."""
    areas = [EVERYWHERE] if everywhere else list(area or [])
    with open_store() as conn:
        secret = make_token(conn, name, scope, days=days, role=role, areas=areas)
        audit_cli_action(
            conn, AuditAction.TOKEN_ADDED, name, scopes=scope, days=days, role=role, areas=areas
        )
    sys.stdout.write(secret + "\n")


@token_group.command("list")
def token_list(as_json: JsonOption = False) -> None:
    """List tokens, their scopes and when they expire."""
    with open_store() as conn:
        rows = list_tokens(conn)
    now = dt.datetime.now(dt.UTC)
    headings = ("name", "scopes", "status", "last used")
    print_rows(rows, headings, lambda row: _token_cells(row, now), as_json=as_json)


def _token_cells(row: dict[str, Any], now: dt.datetime) -> list[str]:
    remaining = row["expires_at"] - now
    if row["revoked_at"]:
        status = "revoked"
    elif remaining.total_seconds() <= 0:
        status = "expired"
    else:
        status = f"{remaining.days} days left"
    return [row["name"], ", ".join(row["scopes"]), status, format_time(row["last_used_at"])]


@token_group.command("revoke")
def token_revoke(name: str) -> None:
    """Revoke a token at once."""
    with open_store() as conn:
        if not revoke_token(conn, name):
            raise GridcoverError(f"there is no valid token {name}; see `gridcover token list`")
        audit_cli_action(conn, AuditAction.TOKEN_REVOKED, name)
    Console().print(f"{name} is revoked", markup=False)
