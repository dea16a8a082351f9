"""Search of areas, grids, key places and cameras by code and name."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def search_places(conn: Conn, words: str, limit: int, *, cameras: bool) -> list[dict[str, Any]]:
    """Return areas, grids, key places and cameras by code or name, best match first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    words : str
        Text that the code or name contains, in any case.
    limit : int
        Largest number of results.
    cameras : bool
        Whether cameras are searched.

    Returns
    -------
    list of dict
        Of each `kind`, `code`, `name`, `name_en`, `within` (name of the area it is in, kind
        of a key place, or owner of a camera) and `box`.
    """
    needle = words.strip()
    like = "%" + needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return dict_rows(
        conn,
        statement("search"),
        {"like": like, "needle": needle, "limit": limit, "cameras": cameras},
    )
