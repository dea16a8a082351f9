"""Statements of the folder ``sql``: those that are longer than a few lines."""

from __future__ import annotations

from functools import cache
from importlib import resources

from psycopg import sql


@cache
def statement(name: str) -> sql.SQL:
    """Return a statement by the name of its file.

    Parameters
    ----------
    name : str
        The file in ``geo/store/sql``, without its ending.

    Returns
    -------
    psycopg.sql.SQL
        To be executed, or formatted with identifiers first.
    """
    text = resources.files("geo.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return sql.SQL(text)  # part of the program, not of anybody's input
