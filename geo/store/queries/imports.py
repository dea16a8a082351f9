"""Records of imports, and saved mappings of columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from geo.errors import ColumnError
from geo.store.connection import Conn

LONGEST_NAME = 100


@dataclass(frozen=True)
class Mapping:
    """What the headers of a kind of file are."""

    layer: str
    name: str
    columns: dict[str, str]
    """Header of the file to column of the layer."""
    options: dict[str, Any] = field(default_factory=dict)
    """`crs`, `datum` and `key`, where the file needed them."""
    changed_by: str = ""
    changed_at: datetime | None = None


def store_mapping(conn: Conn, mapping: Mapping) -> None:
    """Store a mapping, in place of the one of its layer and name; the caller commits.

    Raises
    ------
    ColumnError : the name is empty or too long.
    """
    if not mapping.name.strip() or len(mapping.name) > LONGEST_NAME:
        raise ColumnError(f"a mapping needs a name of 1 to {LONGEST_NAME} characters")
    conn.execute(
        "INSERT INTO import_mappings (layer, name, columns, options, changed_by) "
        "VALUES (%s, %s, %s, %s, coalesce(nullif(%s, ''), current_setting('gridcover.actor', true), '')) "
        "ON CONFLICT (layer, name) DO UPDATE SET columns = EXCLUDED.columns, "
        "options = EXCLUDED.options, changed_by = EXCLUDED.changed_by, changed_at = now()",
        (
            mapping.layer, mapping.name, Jsonb(mapping.columns), Jsonb(mapping.options),
            mapping.changed_by,
        ),
    )  # fmt: skip


def read_mapping(conn: Conn, layer: str, name: str) -> Mapping:
    """Return the mapping of this name.

    Raises
    ------
    ColumnError : there is none; those there are are named.
    """
    found = {one.name: one for one in list_mappings(conn, layer)}
    if name not in found:
        there = ", ".join(found) or "none; save one with --save-mapping NAME"
        raise ColumnError(f"{layer} has no mapping {name!r}; there is {there}")
    return found[name]


def list_mappings(conn: Conn, layer: str) -> list[Mapping]:
    """Return the mappings of a layer, by name."""
    rows = conn.execute(
        "SELECT layer, name, columns, options, changed_by, changed_at FROM import_mappings "
        'WHERE layer = %s ORDER BY name COLLATE "C"',
        (layer,),
    ).fetchall()
    return [Mapping(*row) for row in rows]


def delete_mapping(conn: Conn, layer: str, name: str) -> bool:
    """Delete a mapping; returns whether there was one. The caller commits."""
    return (
        conn.execute(
            "DELETE FROM import_mappings WHERE layer = %s AND name = %s", (layer, name)
        ).rowcount
        > 0
    )


def record_import(conn: Conn, **values: Any) -> int:
    """Keep what was imported, from which file, with what outcome; returns its number."""
    row = conn.execute(
        "INSERT INTO imports (layer, file, sha256, rows, inserted, updated, unchanged, mended, "
        "rejected, options) VALUES (%(layer)s, %(file)s, %(sha256)s, %(rows)s, %(inserted)s, "
        "%(updated)s, %(unchanged)s, %(mended)s, %(rejected)s, %(options)s) RETURNING id",
        values | {"options": Jsonb(values["options"])},
    ).fetchone()
    return int(row[0]) if row else 0
