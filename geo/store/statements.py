"""SQL statements that are longer than a few lines, from the folder ``sql``."""

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
        Name of the file in ``geo/store/sql`` without ``.sql``.

    Returns
    -------
    psycopg.sql.SQL
        The statement, or a template that is formatted with identifiers.
    """
    text = resources.files("geo.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return sql.SQL(text)  # part of the program, never of an input
