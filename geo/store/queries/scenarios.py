"""Saved scenarios: planned cameras under a name, of their owner or shared."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from geo.errors import ColumnError, StoreError
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

MAX_SCENARIOS_PER_USER = 200
"""Largest number of scenarios of one owner."""
_COLUMNS = sql.SQL("id, name, owner, shared, cameras, version, created_at, changed_at")
_IS_VISIBLE = sql.SQL("(owner = %(owner)s OR shared)")


def list_scenarios(conn: Conn, owner: str) -> list[dict[str, Any]]:
    """Return the scenarios of an owner and those that others share, newest first.

    Only scenarios in the scope of the connection are returned.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    owner : str
        Name of the account.

    Returns
    -------
    list of dict
        Of each scenario `id`, `name`, `owner`, `shared`, `cameras`, `version`, `created_at`
        and `changed_at`.
    """
    return dict_rows(
        conn,
        sql.SQL("SELECT {} FROM scenarios WHERE {} ORDER BY changed_at DESC, id DESC").format(
            _COLUMNS, _IS_VISIBLE
        ),
        {"owner": owner},
    )


def find_scenario(conn: Conn, number: int, owner: str) -> dict[str, Any] | None:
    """Return a scenario of an owner, or one that is shared.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    number : int
        Number of the scenario.
    owner : str
        Name of the account.

    Returns
    -------
    dict or None
        As in `list_scenarios`; None if there is none in the scope of the connection.
    """
    rows = dict_rows(
        conn,
        sql.SQL("SELECT {} FROM scenarios WHERE id = %(number)s AND {}").format(
            _COLUMNS, _IS_VISIBLE
        ),
        {"owner": owner, "number": number},
    )
    return rows[0] if rows else None


def cameras_outside_scope(conn: Conn, cameras: list[dict[str, Any]]) -> list[int]:
    """Return the cameras that are outside the scope of the connection.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    cameras : list of dict
        Cameras with `lon` and `lat`, degrees.

    Returns
    -------
    list of int
        Their positions in the list, counted from 1.
    """
    rows = conn.execute(statement("cameras_outside_scope"), _positions(cameras)).fetchall()
    return [int(row[0]) for row in rows]


def add_scenario(
    conn: Conn, owner: str, name: str, *, shared: bool, cameras: list[dict[str, Any]]
) -> int:
    """Store a new scenario.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    owner : str
        Name of the account.
    name : str
        Name of the scenario, unique by owner.
    shared : bool
        Whether others see it.
    cameras : list of dict
        Planned cameras with `lon` and `lat`, degrees, and their parameters.

    Returns
    -------
    int
        Number of the scenario.

    Raises
    ------
    StoreError
        If the owner has a scenario of this name, or the largest number of scenarios.
    """
    row = conn.execute("SELECT count(*) FROM scenarios WHERE owner = %s", (owner,)).fetchone()
    if row is not None and row[0] >= MAX_SCENARIOS_PER_USER:
        raise StoreError(f"you keep {MAX_SCENARIOS_PER_USER} scenarios already; remove one first")
    try:
        inserted = conn.execute(
            sql.SQL(
                "INSERT INTO scenarios (name, owner, shared, cameras, geometry) "
                "VALUES (%(name)s, %(owner)s, %(shared)s, %(cameras)s, {}) RETURNING id"
            ).format(_SHAPE),
            {"owner": owner} | _values(name, shared, cameras),
        ).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise StoreError(f"you have a scenario {name} already; give another name") from error
    assert inserted is not None  # noqa: S101
    return int(inserted[0])


def update_scenario(
    conn: Conn,
    number: int,
    owner: str,
    name: str,
    *,
    shared: bool,
    cameras: list[dict[str, Any]],
    version: int,
) -> None:
    """Replace the contents of a scenario.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    number : int
        Number of the scenario.
    owner : str
        Name of the account that owns it.
    name : str
        Name of the scenario.
    shared : bool
        Whether others see it.
    cameras : list of dict
        Planned cameras with `lon` and `lat`, degrees, and their parameters.
    version : int
        The version that the new contents were made from.

    Raises
    ------
    ColumnError
        If the owner has no scenario of this number.
    StoreError
        If it was changed since that version, or the name is taken.
    """
    row = conn.execute(
        "SELECT version FROM scenarios WHERE id = %s AND owner = %s FOR UPDATE", (number, owner)
    ).fetchone()
    if row is None:
        raise ColumnError(f"you own no scenario {number}; save it under a name of your own")
    if row[0] != version:
        raise StoreError(
            f"scenario {number} was changed meanwhile; open it again, or save it under another name"
        )
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
    """Delete a scenario of an owner.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    number : int
        Number of the scenario.
    owner : str
        Name of the account that owns it.

    Returns
    -------
    bool
        Whether there was one.
    """
    return (
        conn.execute("DELETE FROM scenarios WHERE id = %s AND owner = %s", (number, owner)).rowcount
        > 0
    )


_SHAPE = sql.SQL(
    "(SELECT ST_Multi(ST_Collect(ST_SetSRID(ST_Point(lon, lat), 4326))) "
    "FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) AS p (lon, lat))"
)


def _values(name: str, shared: bool, cameras: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "shared": shared, "cameras": Jsonb(cameras)} | _positions(cameras)


def _positions(cameras: list[dict[str, Any]]) -> dict[str, list[float]]:
    return {
        "lons": [camera["lon"] for camera in cameras],
        "lats": [camera["lat"] for camera in cameras],
    }
