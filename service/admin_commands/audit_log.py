"""The commands `gridcover audit`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.console import Console

from geo.cli.output import JsonOption, console
from geo.cli.store_access import open_store
from geo.errors import GridcoverError
from geo.schema import LAYERS
from geo.settings import get_settings
from geo.store.audit_actions import AuditAction
from geo.store.audit_seal import AuditSeal, SealProblem, check, read_head, store_identity
from geo.store.connection import Conn
from geo.store.queries.audit import (
    AuditCheck,
    check_audit,
    prune_audit,
    read_audit_entries,
    read_row_history,
)
from service.admin_commands.audit_entry import audit_cli_action
from service.admin_commands.output import format_time, print_rows

audit_group = typer.Typer(help="The audit log.", no_args_is_help=True)

_PROBLEM_TEXTS = {
    SealProblem.ANCHOR: "the anchor of the log is missing or was moved, so that entries at its "
    "beginning may be missing",
    SealProblem.TRUNCATED: "the newest entries of the log are missing",
    SealProblem.REWRITTEN: "the newest entries of the log were rewritten",
}


@audit_group.command("verify")
def audit_verify(
    head: Annotated[
        str | None, typer.Option(help="A head that `gridcover audit head` printed before.")
    ] = None,
) -> None:
    """Check the chain; exit status 1 if an entry was changed, removed or inserted."""
    seal = AuditSeal(get_settings().seal_dir)
    with open_store(sealed=False) as conn:
        result = check_audit(conn)
        sealed_head = seal.sealed(store_identity(conn))
        problems = check(conn, sealed_head) if sealed_head is not None else []
        if head is not None:
            problems += _compare_head(conn, head)
    _require_intact(result, problems)
    Console().print(
        f"{result.entries:,} entries, the chain is intact; {result.changes:,} sets of changes"
    )
    if sealed_head is None:
        console.print(
            f"No head of this log was written to {seal.folder} before: entries removed from the "
            "end until now cannot be detected.",
            markup=False,
        )
    else:
        Console().print(
            f"The head, entry {sealed_head.id:,}, is as it was written to {seal.folder}",
            markup=False,
        )


def _require_intact(result: AuditCheck, problems: list[SealProblem]) -> None:
    if result.broken is not None:
        raise GridcoverError(
            f"the audit log is broken at entry {result.broken} of {result.entries}; "
            "compare it with a backup"
        )
    if result.broken_change is not None:
        raise GridcoverError(
            f"the audit log is broken: the set of changes {result.broken_change} differs from "
            "the digest in its entry; compare it with a backup"
        )
    if problems:
        texts = "; ".join(_PROBLEM_TEXTS[problem] for problem in dict.fromkeys(problems))
        raise GridcoverError(
            f"{texts}. Compare the log with a backup; after a restore from a backup run "
            "`gridcover audit accept`"
        )


def _compare_head(conn: Conn, text: str) -> list[SealProblem]:
    """Return how the log differs from a head that ``gridcover audit head`` printed."""
    number, _, digest = text.partition(":")
    head = read_head(conn)
    if not number.isdigit() or not digest or head is None:
        raise GridcoverError(f"{text!r} is no head; give it as `gridcover audit head` printed it")
    return check(conn, replace(head, id=int(number), digest=digest))


@audit_group.command("head")
def audit_head() -> None:
    """Print number and digest of the newest entry, to store outside the database."""
    with open_store() as conn:
        head = read_head(conn)
    if head is None:
        raise GridcoverError("the log is empty")
    sys.stdout.write(f"{head.id}:{head.digest}\n")


@audit_group.command("accept")
def audit_accept() -> None:
    """Accept the log as it is, after a restore or if the head file was lost."""
    with open_store(sealed=False) as conn:
        audit_cli_action(conn, AuditAction.AUDIT_HEAD_ACCEPTED, "audit")
        conn.commit()
        AuditSeal(get_settings().seal_dir).replace(conn)
    Console().print("The head of the log is written; earlier entries are not verified by it")


@audit_group.command("history")
def audit_history(
    layer: Annotated[str, typer.Argument(help="Name of the register.")],
    key: Annotated[str, typer.Argument(help="Code of the row.")],
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the changes of one row of a register: when, by whom, from what to what."""
    table = LAYERS[layer].table if layer in LAYERS else layer
    with open_store() as conn:
        rows = read_row_history(conn, table, key, limit)
    print_rows(rows, ("set", "when", "who", "from", "to"), _change_cells, as_json=as_json)


def _change_cells(row: dict[str, Any]) -> list[str]:
    values = [_format_values(row["was"]), _format_values(row["now"])]
    return [str(row["change_set"]), format_time(row["at"]), row["actor"], *values]


def _format_values(row: dict[str, Any] | None) -> str:
    """Return the values of a row, one per line; empty for None."""
    if row is None:
        return ""
    return "\n".join(f"{name}: {value}" for name, value in row.items() if value is not None)


@audit_group.command("list")
def audit_list(
    limit: Annotated[int, typer.Option(min=1)] = 50,
    actor: Annotated[str | None, typer.Option(help="Entries of this actor only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest entries."""
    with open_store() as conn:
        rows = read_audit_entries(conn, limit, actor=actor)
    headings = ("#", "when", "who", "role", "from", "what", "which")
    print_rows(rows, headings, _entry_cells, as_json=as_json)


def _entry_cells(row: dict[str, Any]) -> list[str]:
    values = [row[name] for name in ("actor", "role", "address", "action", "object")]
    return [str(row["id"]), format_time(row["at"]), *values]


@audit_group.command("prune")
def audit_prune() -> None:
    """Delete entries older than GRIDCOVER_AUDIT_DAYS."""
    settings = get_settings()
    seal = AuditSeal(settings.seal_dir)
    with open_store(sealed=False) as conn:
        sealed_head = seal.sealed(store_identity(conn))
        if check_audit(conn).broken is not None or (sealed_head and check(conn, sealed_head)):
            raise GridcoverError(
                "the log is not as it was written; nothing is deleted. See `gridcover audit verify`"
            )
        deleted = prune_audit(conn, settings.audit_days)
        audit_cli_action(
            conn, AuditAction.AUDIT_PRUNED, "audit", entries=deleted, days=settings.audit_days
        )
        conn.commit()
        seal.replace(conn)
    Console().print(f"Deleted {deleted:,} entries")
