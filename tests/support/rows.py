"""Inserts simple rows of registers: grids in a line and a camera in the middle of each."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from geo.store.connection import Conn

WEST, SOUTH, STEP = 118.0, 31.0, 0.01
"""South-western corner of the first grid and its width in degrees; the next lies east of it."""


def grid_box(number: int) -> str:
    """Return the square of a grid, counted from 0, in EWKT."""
    west, east = (f"{WEST + n * STEP:.6f}" for n in (number, number + 1))
    south, north = SOUTH, SOUTH + STEP
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f"SRID=4326;MULTIPOLYGON((({ring})))"


def grid_center(number: int) -> str:
    """Return the middle of a grid, counted from 0, in EWKT."""
    return f"SRID=4326;POINT({WEST + (number + 0.5) * STEP:.6f} {SOUTH + 0.5 * STEP:.6f})"


def insert_grids(conn: Conn, *codes: str, **columns: Any) -> None:
    """Insert grids side by side, one per code, from west to east.

    `columns` are values of every grid; the name is the code unless `columns` has a name.
    """
    for number, code in enumerate(codes):
        row = {"code": code, "name": code, "geometry": grid_box(number)} | columns
        _insert(conn, "grids", row)


def insert_cameras(conn: Conn, *codes: str, **columns: Any) -> None:
    """Insert cameras, one per code, each in the middle of the grid of the same number."""
    for number, code in enumerate(codes):
        _insert(conn, "cameras", {"code": code, "geometry": grid_center(number)} | columns)


def _insert(conn: Conn, table: str, row: dict[str, Any]) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    conn.execute(statement, row)
