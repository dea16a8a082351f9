"""Grids that take the place of others."""

from __future__ import annotations

from collections.abc import Sequence

from geo.store.database import Conn


def count_others(conn: Conn, codes: Sequence[str]) -> int:
    """Return how many grids have none of these codes."""
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE code <> ALL(%s)", (list(codes),)
    ).fetchone()
    return int(row[0]) if row else 0


def delete_others(conn: Conn, codes: Sequence[str]) -> int:
    """Delete the grids that have none of these codes, their staff with them; the caller commits."""
    return conn.execute("DELETE FROM grids WHERE code <> ALL(%s)", (list(codes),)).rowcount
