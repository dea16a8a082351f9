"""Roles, and whose rows a transaction may see."""

from __future__ import annotations

from geo.errors import ColumnError
from geo.store.connection import Conn

ROLES = ("planner", "commander", "analyst", "clerk", "auditor", "administrator")
EVERYWHERE = "*"
_SEPARATOR = "\x1f"


def set_scope(conn: Conn, areas: tuple[str, ...]) -> None:
    """Say for this transaction whose rows it may see: those of some areas, or of all ('*').

    Without it a reader sees none.
    """
    conn.execute("SELECT set_config('gridcover.areas', %s, true)", (scope_text(areas),))


def scope_text(areas: tuple[str, ...]) -> str:
    """How the setting `gridcover.areas` names some areas."""
    return EVERYWHERE if EVERYWHERE in areas else _SEPARATOR.join(areas)


def require_areas(conn: Conn, areas: list[str]) -> None:
    """Refuse no area at all, and one that is not in the store.

    Raises
    ------
    ColumnError : which.
    """
    if not areas:
        raise ColumnError("a user needs an area: --area CODE, or --everywhere")
    if areas == [EVERYWHERE]:
        return
    rows = conn.execute(
        "SELECT code FROM areas WHERE code = ANY(%(codes)s) "
        "UNION SELECT code FROM grids WHERE code = ANY(%(codes)s)",
        {"codes": areas},
    ).fetchall()
    if missing := set(areas) - {str(row[0]) for row in rows}:
        raise ColumnError(f"there is no area {', '.join(sorted(missing))}; import it first")
