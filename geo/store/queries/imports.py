"""Records of imports, and saved mappings of columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from geo.errors import ColumnError
from geo.store.connection import Conn
from geo.store.statements import statement

LONGEST_NAME = 100


@dataclass(frozen=True)
class SavedMapping:
    """Which columns of a layer the headers of a kind of file are."""

    layer: str
    """Name of the layer."""
    name: str
    """Name of the mapping."""
    columns: dict[str, str]
    """Column of the layer by header of the file."""
    options: dict[str, Any] = field(default_factory=dict)
    """`crs`, `datum` and `key`, if the file needs them."""
    changed_by: str = ""
    """Who stored it last."""
    changed_at: datetime | None = None
    """When it was stored last; None before it is stored."""


def store_mapping(conn: Conn, mapping: SavedMapping) -> None:
    """Store a mapping, replacing one of the same layer and name.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    mapping : SavedMapping
        The mapping; the actor of the session is recorded if `changed_by` is empty.

    Raises
    ------
    ColumnError
        If the name is empty or too long.
    """
    if not mapping.name.strip() or len(mapping.name) > LONGEST_NAME:
        raise ColumnError(f"a mapping needs a name of 1 to {LONGEST_NAME} characters")
    params = {
        "layer": mapping.layer,
        "name": mapping.name,
        "columns": Jsonb(mapping.columns),
        "options": Jsonb(mapping.options),
        "changed_by": mapping.changed_by,
    }
    conn.execute(statement("stored_mapping"), params)


def read_mapping(conn: Conn, layer: str, name: str) -> SavedMapping:
    """Return a mapping by its name.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : str
        Name of the layer.
    name : str
        Name of the mapping.

    Returns
    -------
    SavedMapping
        The mapping.

    Raises
    ------
    ColumnError
        If there is none; the message names those of the layer.
    """
    mappings = {mapping.name: mapping for mapping in list_mappings(conn, layer)}
    if name not in mappings:
        names = ", ".join(mappings) or "none; save one with --save-mapping NAME"
        raise ColumnError(f"{layer} has no mapping {name!r}; there is {names}")
    return mappings[name]


def list_mappings(conn: Conn, layer: str) -> list[SavedMapping]:
    """Return the mappings of a layer, by name.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : str
        Name of the layer.

    Returns
    -------
    list of SavedMapping
        The mappings.
    """
    rows = conn.execute(
        "SELECT layer, name, columns, options, changed_by, changed_at FROM import_mappings "
        'WHERE layer = %s ORDER BY name COLLATE "C"',
        (layer,),
    ).fetchall()
    return [SavedMapping(*row) for row in rows]


def delete_mapping(conn: Conn, layer: str, name: str) -> bool:
    """Delete a mapping.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : str
        Name of the layer.
    name : str
        Name of the mapping.

    Returns
    -------
    bool
        Whether there was one.
    """
    return (
        conn.execute(
            "DELETE FROM import_mappings WHERE layer = %s AND name = %s", (layer, name)
        ).rowcount
        > 0
    )


def record_import(conn: Conn, **values: Any) -> int:
    """Record an import: its file, options and outcome.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    **values : object
        Columns of `imports`: `layer`, `file`, `sha256`, `options` and the numbers of
        `rows`, `inserted`, `updated`, `unchanged`, `repaired` (column `mended`) and `rejected`.

    Returns
    -------
    int
        Number of the import.
    """
    row = conn.execute(
        "INSERT INTO imports (layer, file, sha256, rows, inserted, updated, unchanged, mended, "
        "rejected, options) VALUES (%(layer)s, %(file)s, %(sha256)s, %(rows)s, %(inserted)s, "
        "%(updated)s, %(unchanged)s, %(repaired)s, %(rejected)s, %(options)s) RETURNING id",
        values | {"options": Jsonb(values["options"])},
    ).fetchone()
    return int(row[0]) if row else 0
