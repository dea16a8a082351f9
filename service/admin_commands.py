"""Commands for accounts, tokens, webhooks and the audit log."""

from __future__ import annotations

import datetime as dt
import getpass
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from geo.cli import JsonOption, console, opened, print_json
from geo.errors import GridcoverError
from geo.schema import LAYERS
from geo.settings import get_settings
from geo.store.audit_seal import AuditSeal, SealProblem, check, read_head, store_of
from geo.store.connection import Conn
from geo.store.queries.api_tokens import READ, SCOPES, list_tokens, make_token, revoke_token
from geo.store.queries.audit import (
    append_audit_entry,
    prune_audit,
    read_audit_entries,
    read_row_history,
    verify,
)
from geo.store.queries.oidc_sign_ins import link_account
from geo.store.queries.users import add_user, disable_user, list_users, set_password
from geo.store.queries.webhooks import add_webhook, list_webhooks, queue_deliveries, remove_webhook
from geo.store.scope import EVERYWHERE, ROLES
from service.auth.passwords import generate_password, hash_password
from service.worker.webhooks import make_client, require_allowed, send_due

token = typer.Typer(help="Tokens of other systems.", no_args_is_help=True)
webhook = typer.Typer(help="Systems that alerts are sent to.", no_args_is_help=True)
user = typer.Typer(help="People who may sign in.", no_args_is_help=True)
record = typer.Typer(help="The record of who saw and did what.", no_args_is_help=True)


def audit_cli_action(conn: Conn, action: str, object_: str, **detail: object) -> None:
    """An entry of the record for a command: whose hand it was is the system's account."""
    append_audit_entry(
        conn, actor=f"command line: {getpass.getuser()}", role="", address="", action=action,
        object_=object_, detail=detail,
    )  # fmt: skip


def _tell(
    rows: list[dict[str, Any]],
    as_json: bool,
    headings: tuple[str, ...],
    line: Callable[[dict[str, Any]], list[str]],
) -> None:
    """Rows for machines, or as a table."""
    if as_json:
        print_json(rows)
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*line(row))
    Console().print(table)


def _moment(at: dt.datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else "never"


def _password(given: str | None) -> tuple[str, str]:
    """A password, asked for or made, and its digest."""
    told = given or generate_password()
    try:
        return told, hash_password(told)
    except ValueError as error:
        raise GridcoverError(f"{error}; give a longer one, or none to have one made") from error


@user.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area or grid; several may be given.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All areas.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for the password; one is made unless asked.")
    ] = False,
) -> None:
    """Open an account; a password that was made is shown this once."""
    told, digest = _password(_asked() if ask else None)
    areas = [EVERYWHERE] if everywhere else list(area or [])
    with opened() as conn:
        add_user(conn, name, digest, role, areas)
        audit_cli_action(conn, "user added", name, role=role, areas=areas)
    if not ask:
        sys.stdout.write(told + "\n")


def _asked() -> str:
    told: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return told


@user.command("list")
def user_list(as_json: JsonOption = False) -> None:
    """Tell accounts, roles and areas."""
    with opened() as conn:
        rows = list_users(conn)

    def line(row: dict[str, Any]) -> list[str]:
        stands = "removed" if row["disabled_at"] else "locked" if row["locked"] else "good"
        areas = ", ".join(row["areas"])
        return [row["name"], row["role"], areas, stands, _moment(row["seen_at"])]

    _tell(rows, as_json, ("name", "role", "areas", "stands", "last seen"), line)


@user.command("remove")
def user_remove(name: str) -> None:
    """End an account and its sessions; what it did stays on record."""
    with opened() as conn:
        if not disable_user(conn, name):
            raise GridcoverError(f"there is no user {name}; see `gridcover user list`")
        audit_cli_action(conn, "user removed", name)
    Console().print(f"{name} is removed", markup=False)


@user.command("password")
def user_password(
    name: str,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for it; one is made unless asked.")
    ] = False,
) -> None:
    """Give an account another password, open its lock and end its sessions."""
    told, digest = _password(_asked() if ask else None)
    with opened() as conn:
        if not set_password(conn, name, digest):
            raise GridcoverError(f"there is no user {name}; see `gridcover user list`")
        audit_cli_action(conn, "password set", name)
    if not ask:
        sys.stdout.write(told + "\n")


@user.command("link")
def user_link(name: str, subject: str) -> None:
    """Let an account sign in at the OpenID Connect provider, and no longer by its password."""
    with opened() as conn:
        if not link_account(conn, name, subject):
            raise GridcoverError(f"there is no user {name}; see `gridcover user list`")
        audit_cli_action(conn, "user linked", name, subject=subject)
    Console().print(f"{name} signs in as {subject}", markup=False)


@record.command("verify")
def audit_verify(
    head: Annotated[
        str | None, typer.Option(help="A head that `gridcover audit head` printed before.")
    ] = None,
) -> None:
    """Check the chain of the record: exit status 1 where an entry was changed, taken out or put in."""
    seal = AuditSeal(get_settings().seal_dir)
    with opened(sealed=False) as conn:
        found = verify(conn)
        written = seal.sealed(store_of(conn))
        problems = check(conn, written) if written is not None else []
        if head is not None:
            problems += _compare_head(conn, head)
    if found.broken is not None:
        raise GridcoverError(
            f"the record is broken at entry {found.broken} of {found.entries}; compare it with a backup"
        )
    if found.broken_change is not None:
        raise GridcoverError(
            f"the record is broken: the set of changes {found.broken_change} is not what its entry says; "
            "compare it with a backup"
        )
    if problems:
        raise GridcoverError(
            "; ".join(_PROBLEMS[problem] for problem in dict.fromkeys(problems))
            + ". Compare the log with a backup; after a restore from a backup run `gridcover audit accept`"
        )
    Console().print(
        f"{found.entries:,} entries, the chain is intact; {found.changes:,} sets of changes"
    )
    if written is None:
        console.print(
            f"No head of this log was written to {seal.folder} before: entries cut off at the end "
            "until now cannot be noticed.", markup=False,
        )  # fmt: skip
    else:
        Console().print(f"The head, entry {written.id:,}, is as it was written to {seal.folder}", markup=False)  # fmt: skip


_PROBLEMS = {
    SealProblem.ANCHOR: "the anchor of the log is missing or was moved, so that entries at its beginning may be missing",
    SealProblem.TRUNCATED: "the newest entries of the log are missing",
    SealProblem.REWRITTEN: "the newest entries of the log were rewritten",
}


def _compare_head(conn: Conn, text: str) -> list[SealProblem]:
    number, _, digest = text.partition(":")
    head = read_head(conn)
    if not number.isdigit() or not digest or head is None:
        raise GridcoverError(f"{text!r} is no head; give it as `gridcover audit head` printed it")
    return check(conn, replace(head, id=int(number), digest=digest))


@record.command("head")
def audit_head() -> None:
    """Print number and digest of the newest entry, to be stored where the database's owner cannot reach."""
    with opened() as conn:
        head = read_head(conn)
    if head is None:
        raise GridcoverError("the log is empty")
    sys.stdout.write(f"{head.id}:{head.digest}\n")


@record.command("accept")
def audit_accept() -> None:
    """Take the log as it is for its true state, after a backup was restored or the head file was lost."""
    with opened(sealed=False) as conn:
        audit_cli_action(conn, "audit head accepted", "audit")
        conn.commit()
        AuditSeal(get_settings().seal_dir).replace(conn)
    Console().print("The head of the log is written; what was before it is not vouched for")


@record.command("history")
def audit_history(
    layer: Annotated[str, typer.Argument(help="Name of the register.")],
    key: Annotated[str, typer.Argument(help="Code of the row.")],
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Tell what became of one row of a register: who changed it, from what to what."""
    table = LAYERS[layer].table if layer in LAYERS else layer
    with opened() as conn:
        rows = read_row_history(conn, table, key, limit)

    def line(row: dict[str, Any]) -> list[str]:
        return [
            str(row["change_set"]),
            _moment(row["at"]),
            row["actor"],
            *map(_values, (row["was"], row["now"])),
        ]

    _tell(rows, as_json, ("set", "when", "who", "from", "to"), line)


def _values(row: dict[str, Any] | None) -> str:
    return "\n".join(f"{k}: {v}" for k, v in row.items() if v is not None) if row else ""


@record.command("list")
def audit_list(
    limit: Annotated[int, typer.Option(min=1)] = 50,
    actor: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the newest entries."""
    with opened() as conn:
        rows = read_audit_entries(conn, limit, actor=actor)

    def line(row: dict[str, Any]) -> list[str]:
        told = [row[name] for name in ("actor", "role", "address", "action", "object")]
        return [str(row["id"]), _moment(row["at"]), *told]

    _tell(rows, as_json, ("#", "when", "who", "role", "from", "what", "which"), line)


@record.command("prune")
def audit_prune() -> None:
    """Let go of entries older than GRIDCOVER_AUDIT_DAYS."""
    seal = AuditSeal(get_settings().seal_dir)
    with opened(sealed=False) as conn:
        written = seal.sealed(store_of(conn))
        if verify(conn).broken is not None or (written and check(conn, written)):
            raise GridcoverError(
                "the log is not as it was written; nothing is deleted. See `gridcover audit verify`"
            )
        gone = prune_audit(conn, get_settings().audit_days)
        audit_cli_action(
            conn, "record pruned", "audit", entries=gone, days=get_settings().audit_days
        )
        conn.commit()
        seal.replace(conn)
    Console().print(f"{gone:,} entries let go")


@token.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Of the system that will use it.")],
    scope: Annotated[list[str], typer.Option(help=f"One or more of {', '.join(SCOPES)}.")],
    days: Annotated[int, typer.Option(help="Until it expires.", min=1, max=3650)] = 365,
    role: Annotated[
        str | None, typer.Option(help=f"As whom one of the scope {READ} reads.")
    ] = None,
    area: Annotated[
        list[str] | None, typer.Option(help="Where it reads: code of an area or grid.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All areas.")] = False,
) -> None:
    """Make a token; it is shown this once."""
    areas = [EVERYWHERE] if everywhere else list(area or [])
    with opened() as conn:
        secret = make_token(conn, name, scope, days=days, role=role, areas=areas)
        audit_cli_action(conn, "token added", name, scopes=scope, days=days, role=role, areas=areas)
    sys.stdout.write(secret + "\n")


@token.command("list")
def token_list(as_json: JsonOption = False) -> None:
    """Tell tokens, their scopes and how long they live."""
    with opened() as conn:
        rows = list_tokens(conn)
    now = dt.datetime.now(dt.UTC)

    def line(row: dict[str, Any]) -> list[str]:
        left = row["expires_at"] - now
        stands = "expired" if left.total_seconds() <= 0 else f"{left.days} days left"
        stands = "revoked" if row["revoked_at"] else stands
        return [row["name"], ", ".join(row["scopes"]), stands, _moment(row["last_used_at"])]

    _tell(rows, as_json, ("name", "scopes", "stands", "last used"), line)


@token.command("revoke")
def token_revoke(name: str) -> None:
    """End a token at once."""
    with opened() as conn:
        if not revoke_token(conn, name):
            raise GridcoverError(
                f"there is no token {name} that is good; see `gridcover token list`"
            )
        audit_cli_action(conn, "token revoked", name)
    Console().print(f"{name} is revoked", markup=False)


@webhook.command("add")
def webhook_add(url: str) -> None:
    """Send alerts to an address from now on; the secret to check them with is shown this once."""
    require_allowed(url, get_settings())
    with opened() as conn:
        secret = add_webhook(conn, url)
        audit_cli_action(conn, "webhook added", url)
    sys.stdout.write(secret + "\n")


@webhook.command("list")
def webhook_list(as_json: JsonOption = False) -> None:
    """Tell addresses and how their messages stand."""
    with opened() as conn:
        rows = list_webhooks(conn)

    def line(row: dict[str, Any]) -> list[str]:
        numbers = [str(row[name]) for name in ("delivered", "waiting", "given_up")]
        return [row["url"], *numbers, row["last_answer"] or ""]

    _tell(rows, as_json, ("address", "delivered", "waiting", "given up", "last answer"), line)


@webhook.command("remove")
def webhook_remove(url: str) -> None:
    """Send no more to an address."""
    with opened() as conn:
        if not remove_webhook(conn, url):
            raise GridcoverError(f"{url} is not there; see `gridcover webhook list`")
        audit_cli_action(conn, "webhook removed", url)
    Console().print(f"{url} is removed", markup=False)


@webhook.command("test")
def webhook_test() -> None:
    """Send a message without an alert to every address, and whatever else is due."""
    with opened() as conn, make_client() as client:
        if not queue_deliveries(conn, "test", {}):
            raise GridcoverError("there is no address yet; add one with `gridcover webhook add`")
        conn.commit()
        send_due(conn, get_settings(), client)
    webhook_list()
