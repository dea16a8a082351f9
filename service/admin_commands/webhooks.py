"""The commands `gridcover webhook`."""

from __future__ import annotations

import sys
from typing import Any

import typer
from rich.console import Console

from geo.cli.output import JsonOption
from geo.cli.store_access import open_store
from geo.errors import GridcoverError
from geo.settings import get_settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import conninfo_of
from geo.store.queries.webhooks import add_webhook, list_webhooks, queue_deliveries, remove_webhook
from service.admin_commands.audit_entry import audit_cli_action
from service.admin_commands.output import print_rows
from service.worker.webhooks import require_allowed
from service.worker.worker_process import send_due_deliveries

webhook_group = typer.Typer(help="Addresses that receive alerts.", no_args_is_help=True)


@webhook_group.command("add")
def webhook_add(url: str) -> None:
    """Send alerts to an address; the secret that verifies them is printed once."""
    require_allowed(url, get_settings())
    with open_store() as conn:
        secret = add_webhook(conn, url)
        audit_cli_action(conn, AuditAction.WEBHOOK_ADDED, url)
    sys.stdout.write(secret + "\n")


@webhook_group.command("list")
def webhook_list(as_json: JsonOption = False) -> None:
    """List addresses and the state of their deliveries."""
    with open_store() as conn:
        rows = list_webhooks(conn)
    headings = ("address", "delivered", "waiting", "given up", "last answer")
    print_rows(rows, headings, _webhook_cells, as_json=as_json)


def _webhook_cells(row: dict[str, Any]) -> list[str]:
    counts = [str(row[name]) for name in ("delivered", "waiting", "given_up")]
    return [row["url"], *counts, row["last_answer"] or ""]


@webhook_group.command("remove")
def webhook_remove(url: str) -> None:
    """Stop sending to an address."""
    with open_store() as conn:
        if not remove_webhook(conn, url):
            raise GridcoverError(f"there is no address {url}; see `gridcover webhook list`")
        audit_cli_action(conn, AuditAction.WEBHOOK_REMOVED, url)
    Console().print(f"{url} is removed", markup=False)


@webhook_group.command("test")
def webhook_test() -> None:
    """Send a message without an alert to every address, and all deliveries that are due."""
    with open_store() as conn:
        if not queue_deliveries(conn, "test", {}):
            raise GridcoverError("there is no address yet; add one with `gridcover webhook add`")
        conn.commit()
        send_due_deliveries(conninfo_of(conn), get_settings())
    webhook_list()
