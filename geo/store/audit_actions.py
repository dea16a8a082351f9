"""Actions in the audit log."""

from __future__ import annotations

from enum import StrEnum


class AuditAction(StrEnum):
    """Code of what was done, as in column `action` of the audit log.

    Texts are in `geo/locales`, under `audit_action_` and the code. Stored entries are never
    changed, so a code that was renamed keeps its text: `looked`, `asked`, `import asked`,
    `wall opened`, `refresh asked` and `record pruned` are in entries of earlier versions.
    """

    VIEWED = "viewed"
    REQUESTED = "requested"
    CHANGED = "changed"
    """Rows of a register changed; written by a trigger."""
    IMPORTED = "imported"
    SIGN_IN = "sign-in"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGN_OUT = "sign-out"
    VIDEO_WALL_OPENED = "video wall opened"
    MAP_EXPORTED = "map exported"
    PASSWORD_CHANGED = "password changed"  # noqa: S105
    PASSWORD_CHANGE_REFUSED = "password change refused"  # noqa: S105
    PASSWORD_SET = "password set"  # noqa: S105
    USER_ADDED = "user added"
    USER_LINKED = "user linked"
    USER_REMOVED = "user removed"
    TOKEN_ADDED = "token added"  # noqa: S105
    TOKEN_REVOKED = "token revoked"  # noqa: S105
    WEBHOOK_ADDED = "webhook added"
    WEBHOOK_REMOVED = "webhook removed"
    IMPORT_REQUESTED = "import requested"
    REFRESH_REQUESTED = "refresh requested"
    JOB_CANCELLED = "job cancelled"
    MAPPING_DELETED = "mapping deleted"
    SCENARIO_SAVED = "scenario saved"
    SCENARIO_REMOVED = "scenario removed"
    AUDIT_PRUNED = "audit log pruned"
    AUDIT_HEAD_ACCEPTED = "audit head accepted"
