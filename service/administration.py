"""Commands for what reaches the service from other systems: tokens and webhooks."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geo.cli import JsonOption, print_json, require_current_or_migrate
from geo.errors import GridcoverError
from geo.settings import get_settings
from geo.store import alerts
from geo.store.database import connect, database
from geo.store.tokens import SCOPES, expires_in, list_tokens, make_token, revoke_token
from service.webhooks import make_client, require_allowed, send_due

token = typer.Typer(help="Tokens of other systems.", no_args_is_help=True)
webhook = typer.Typer(help="Systems that alerts are sent to.", no_args_is_help=True)


@token.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Of the system that will use it.")],
    scope: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(SCOPES)}.")],
    days: Annotated[int, typer.Option(help="Until it expires.", min=1, max=3650)] = 365,
) -> None:
    """Make a token; it is shown this once."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            secret = make_token(conn, name, scope, days=days)
    sys.stdout.write(secret + "\n")


@token.command("list")
def token_list(as_json: JsonOption = False) -> None:
    """Tell tokens, their scopes and how long they live."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            rows = list_tokens(conn)
    if as_json:
        print_json(rows)
        return
    table = Table("name", "scopes", "stands", "last used")
    now = dt.datetime.now(dt.UTC)
    for row in rows:
        used = row["last_used_at"]
        table.add_row(
            row["name"], ", ".join(row["scopes"]), expires_in(row, now),
            used.strftime("%Y-%m-%d %H:%M") if used else "never",
        )  # fmt: skip
    Console().print(table)


@token.command("revoke")
def token_revoke(name: str) -> None:
    """End a token at once."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            if not revoke_token(conn, name):
                raise GridcoverError(
                    f"there is no token {name} that is good; see `gridcover token list`"
                )
    Console().print(f"{name} is revoked", markup=False)


@webhook.command("add")
def webhook_add(url: str) -> None:
    """Send alerts to an address from now on; the secret to check them with is shown this once."""
    require_allowed(url, get_settings())
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            secret = alerts.add_webhook(conn, url)
    sys.stdout.write(secret + "\n")


@webhook.command("list")
def webhook_list(as_json: JsonOption = False) -> None:
    """Tell addresses and how their messages stand."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            rows = alerts.list_webhooks(conn)
    if as_json:
        print_json(rows)
        return
    table = Table("address", "delivered", "waiting", "given up", "last answer")
    for row in rows:
        numbers = (str(row[name]) for name in ("delivered", "waiting", "given_up"))
        table.add_row(row["url"], *numbers, row["last_answer"] or "")
    Console().print(table)


@webhook.command("remove")
def webhook_remove(url: str) -> None:
    """Send no more to an address."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            if not alerts.remove_webhook(conn, url):
                raise GridcoverError(f"{url} is not there; see `gridcover webhook list`")
    Console().print(f"{url} is removed", markup=False)


@webhook.command("test")
def webhook_test() -> None:
    """Send a message without an alert to every address, and whatever else is due."""
    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn, make_client() as client:
            if not alerts.queue(conn, "test", {}):
                raise GridcoverError(
                    "there is no address yet; add one with `gridcover webhook add`"
                )
            conn.commit()
            send_due(conn, get_settings(), client)
    webhook_list()
