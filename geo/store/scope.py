"""Roles, and the areas whose rows a transaction may see (row-level security)."""

from __future__ import annotations

from geo.errors import ColumnError
from geo.store.connection import Conn

ROLES = ("planner", "commander", "analyst", "clerk", "auditor", "administrator")
EVERYWHERE = "*"
_SEPARATOR = "\x1f"


def set_scope(conn: Conn, areas: tuple[str, ...]) -> None:
    """Set for this transaction the areas whose rows it may see.

    Without it the reading role sees no row.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    areas : tuple of str
        Codes of areas or grids; ``("*",)`` for all rows.
    """
    conn.execute("SELECT set_config('gridcover.areas', %s, true)", (scope_text(areas),))


def scope_text(areas: tuple[str, ...]) -> str:
    """Return the value of the database setting `gridcover.areas`.

    Parameters
    ----------
    areas : tuple of str
        Codes of areas or grids, or ``("*",)``.

    Returns
    -------
    str
        ``*``, or the codes separated by the control character U+001F.

    Examples
    --------
    >>> scope_text(("*",))
    '*'
    """
    return EVERYWHERE if EVERYWHERE in areas else _SEPARATOR.join(areas)


def require_areas(conn: Conn, areas: list[str]) -> None:
    """Refuse an empty list of areas, and areas that are not in the store.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    areas : list of str
        Codes of areas or grids, or ``["*"]``.

    Raises
    ------
    ColumnError
        If the list is empty or a code is unknown; the message names the codes.
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
