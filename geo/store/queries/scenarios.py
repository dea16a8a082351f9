"""Saved scenarios: planned cameras under a name, of their owner or shared."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from geo.errors import ColumnError, StoreError
from geo.store.connection import Conn, dict_rows

MAX_SCENARIOS_PER_USER = 200
"""Scenarios that one person may keep."""
_COLUMNS = sql.SQL("id, name, owner, shared, cameras, version, created_at, changed_at")
_IS_VISIBLE = sql.SQL("(owner = %(owner)s OR shared)")


def list_scenarios(conn: Conn, owner: str) -> list[dict[str, Any]]:
    """One's own and those that others share, as far as one sees their places; newest first."""
    return dict_rows(
        conn,
        sql.SQL("SELECT {} FROM scenarios WHERE {} ORDER BY changed_at DESC, id DESC").format(
            _COLUMNS, _IS_VISIBLE
        ),
        {"owner": owner},
    )


def find_scenario(conn: Conn, number: int, owner: str) -> dict[str, Any] | None:
    """A scenario that is one's own or shared; None for no such."""
    rows = dict_rows(
        conn,
        sql.SQL("SELECT {} FROM scenarios WHERE id = %(number)s AND {}").format(
            _COLUMNS, _IS_VISIBLE
        ),
        {"owner": owner, "number": number},
    )
    return rows[0] if rows else None


def cameras_outside_scope(conn: Conn, cameras: list[dict[str, Any]]) -> list[int]:
    """Which cameras (from 1) stand outside what the connection's scope sees."""
    rows = conn.execute(
        "SELECT p.n FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p (lon, lat, n) "
        "WHERE NOT scope_all() AND NOT coalesce(ST_Covers(scope_shape(), ST_SetSRID(ST_Point(p.lon, p.lat), 4326)), "
        "false) ORDER BY 1",
        ([c["lon"] for c in cameras], [c["lat"] for c in cameras]),
    ).fetchall()
    return [int(row[0]) for row in rows]


def add_scenario(
    conn: Conn, owner: str, name: str, *, shared: bool, cameras: list[dict[str, Any]]
) -> int:
    """Keep a new one; the caller commits.

    Raises
    ------
    StoreError : one has a scenario of that name already, or too many.
    """
    row = conn.execute("SELECT count(*) FROM scenarios WHERE owner = %s", (owner,)).fetchone()
    if row is not None and row[0] >= MAX_SCENARIOS_PER_USER:
        raise StoreError(f"you keep {MAX_SCENARIOS_PER_USER} scenarios already; remove one first")
    try:
        found = conn.execute(
            sql.SQL(
                "INSERT INTO scenarios (name, owner, shared, cameras, geometry) "
                "VALUES (%(name)s, %(owner)s, %(shared)s, %(cameras)s, {}) RETURNING id"
            ).format(_SHAPE),
            {"owner": owner} | _values(name, shared, cameras),
        ).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"you have a scenario {name} already; give another name") from error
    assert found is not None  # noqa: S101
    return int(found[0])


def update_scenario(
    conn: Conn, number: int, owner: str, name: str, *, shared: bool, cameras: list[dict[str, Any]], version: int
) -> None:  # fmt: skip
    """Put other contents in place of those of a version; the caller commits.

    Raises
    ------
    ColumnError : it is not one's own, or there is none of that number.
    StoreError : it was changed since that version, or the name is taken.
    """
    row = conn.execute(
        "SELECT version FROM scenarios WHERE id = %s AND owner = %s FOR UPDATE", (number, owner)
    ).fetchone()
    if row is None:
        raise ColumnError(f"you own no scenario {number}; save it under a name of your own")
    if row[0] != version:
        raise StoreError(f"scenario {number} was changed meanwhile; open it again, or save it under another name")  # fmt: skip
    try:
        conn.execute(
            sql.SQL(
                "UPDATE scenarios SET name = %(name)s, shared = %(shared)s, cameras = %(cameras)s, "
                "geometry = {}, version = version + 1, changed_at = now() WHERE id = %(number)s"
            ).format(_SHAPE),
            {"number": number} | _values(name, shared, cameras),
        )
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"you have a scenario {name} already; give another name") from error


def delete_scenario(conn: Conn, number: int, owner: str) -> bool:
    """Forget one of one's own; the caller commits."""
    return (
        conn.execute("DELETE FROM scenarios WHERE id = %s AND owner = %s", (number, owner)).rowcount
        > 0
    )


_SHAPE = sql.SQL(
    "(SELECT ST_Multi(ST_Collect(ST_SetSRID(ST_Point(lon, lat), 4326))) "
    "FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) AS p (lon, lat))"
)


def _values(name: str, shared: bool, cameras: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name, "shared": shared, "cameras": Jsonb(cameras),
        "lons": [c["lon"] for c in cameras], "lats": [c["lat"] for c in cameras],
    }  # fmt: skip
