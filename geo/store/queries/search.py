"""Search for areas, grids, key places and cameras."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows


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
    parts = [
        (
            "SELECT level AS kind, code, name, name_en, (SELECT name FROM areas p WHERE p.code = areas.parent) AS within, "
            "box_of(geometry) AS box FROM areas WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
        (
            "SELECT 'grid', code, name, name_en, (SELECT name FROM areas p WHERE p.code = grids.community), "
            "box_of(geometry) FROM grids WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
        (
            "SELECT 'key_place', code, name, name_en, kind, box_of(geometry) FROM key_places "
            "WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
    ]
    if cameras:
        parts.append(
            "SELECT 'camera', code, name, NULL, owner, box_of(geometry) FROM cameras "
            "WHERE code ILIKE %(like)s OR name ILIKE %(like)s"
        )
    # Of each kind some, so that a thousand cameras do not hide the one area of that name.
    some = " UNION ALL ".join(f"(SELECT * FROM ({part}) t LIMIT 500)" for part in parts)
    statement = (
        f"SELECT * FROM ({some}) found ORDER BY lower(code) = lower(%(needle)s) DESC, "
        "lower(name) = lower(%(needle)s) DESC NULLS LAST, starts_with(lower(coalesce(name, '')), lower(%(needle)s)) "
        "DESC, starts_with(lower(code), lower(%(needle)s)) DESC, array_position(ARRAY['district', 'subdistrict', "
        "'community', 'grid', 'key_place', 'camera'], kind), code LIMIT %(limit)s"
    )
    return dict_rows(conn, statement.encode(), {"like": like, "needle": needle, "limit": limit})
