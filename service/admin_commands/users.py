"""The commands `gridcover user`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from geo.cli.output import JsonOption
from geo.cli.store_access import open_store
from geo.errors import GridcoverError
from geo.store.audit_actions import AuditAction
from geo.store.queries.oidc_sign_ins import link_account
from geo.store.queries.users import add_user, disable_user, list_users, set_password
from geo.store.scope import EVERYWHERE, ROLES
from service.admin_commands.audit_entry import audit_cli_action
from service.admin_commands.output import format_time, print_rows
from service.auth.passwords import generate_password, hash_password

user_group = typer.Typer(help="Accounts of people.", no_args_is_help=True)


@user_group.command("add")
def user_add(
    name: str,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    area: Annotated[
        list[str] | None, typer.Option(help="Code of an area or grid; may be repeated.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All areas.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Prompt for the password (default: generate one).")
    ] = False,
) -> None:
    """Create an account; a generated password is printed once."""
    password, digest = _choose_password(prompt=ask)
    areas = [EVERYWHERE] if everywhere else list(area or [])
    with open_store() as conn:
        add_user(conn, name, digest, role, areas)
        audit_cli_action(conn, AuditAction.USER_ADDED, name, role=role, areas=areas)
    if not ask:
        sys.stdout.write(password + "\n")


@user_group.command("list")
def user_list(as_json: JsonOption = False) -> None:
    """List accounts, roles and areas."""
    with open_store() as conn:
        rows = list_users(conn)
    headings = ("name", "role", "areas", "status", "last seen")
    print_rows(rows, headings, _user_cells, as_json=as_json)


def _user_cells(row: dict[str, Any]) -> list[str]:
    status = "removed" if row["disabled_at"] else "locked" if row["locked"] else "active"
    areas = ", ".join(row["areas"])
    return [row["name"], row["role"], areas, status, format_time(row["seen_at"])]


@user_group.command("remove")
def user_remove(name: str) -> None:
    """Disable an account and end its sessions; its audit entries remain."""
    with open_store() as conn:
        if not disable_user(conn, name):
            raise _unknown_user(name)
        audit_cli_action(conn, AuditAction.USER_REMOVED, name)
    Console().print(f"{name} is removed", markup=False)


@user_group.command("password")
def user_password(
    name: str,
    ask: Annotated[
        bool, typer.Option("--ask", help="Prompt for the password (default: generate one).")
    ] = False,
) -> None:
    """Set a new password, unlock the account and end its sessions."""
    password, digest = _choose_password(prompt=ask)
    with open_store() as conn:
        if not set_password(conn, name, digest):
            raise _unknown_user(name)
        audit_cli_action(conn, AuditAction.PASSWORD_SET, name)
    if not ask:
        sys.stdout.write(password + "\n")


@user_group.command("link")
def user_link(name: str, subject: str) -> None:
    """Let an account sign in at the OpenID Connect provider only, not by password."""
    with open_store() as conn:
        if not link_account(conn, name, subject):
            raise _unknown_user(name)
        audit_cli_action(conn, AuditAction.USER_LINKED, name, subject=subject)
    Console().print(f"{name} signs in as {subject}", markup=False)


def _choose_password(*, prompt: bool) -> tuple[str, str]:
    """Return a password, entered or generated, and its digest."""
    password = _prompt_password() if prompt else generate_password()
    try:
        return password, hash_password(password)
    except ValueError as error:
        raise GridcoverError(f"{error}; give a longer one, or generate one") from error


def _prompt_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _unknown_user(name: str) -> GridcoverError:
    return GridcoverError(f"there is no user {name}; see `gridcover user list`")
