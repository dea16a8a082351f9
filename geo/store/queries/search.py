"""Search for areas, grids, key places and cameras."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def search_places(conn: Conn, words: str, limit: int, *, cameras: bool) -> list[dict[str, Any]]:
    """Areas, grids, key places and cameras by code, name or device number; the best match first.

    Parameters
    ----------
    cameras : whether cameras are looked for.

    Returns
    -------
    Rows of `kind`, `code`, `name`, `name_en`, `within` (the name of where it lies), `box`.
    """
    needle = words.strip()
    like = "%" + needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return dict_rows(
        conn,
        statement("search"),
        {"like": like, "needle": needle, "limit": limit, "cameras": cameras},
    )
