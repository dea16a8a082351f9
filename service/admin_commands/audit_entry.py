"""Audit entries of commands."""

from __future__ import annotations

import getpass

from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn
from geo.store.queries.audit import append_audit_entry


def audit_cli_action(conn: Conn, action: AuditAction, object_: str, **detail: object) -> None:
    """Append an audit entry for a command; its actor is the account of the operating system.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection; the caller commits.
    action : AuditAction
        Name of the action, as in column `action` of the audit log.
    object_ : str
        What the command acted on, such as the name of an account.
    **detail : object
        Further values to record.
    """
    append_audit_entry(
        conn,
        actor=f"command line: {getpass.getuser()}",
        role="",
        address="",
        action=action,
        object_=object_,
        detail=detail,
    )
