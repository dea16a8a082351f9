"""Changes of the registers since the last refresh."""

from __future__ import annotations

from dataclasses import dataclass

from geo.store.connection import Conn


@dataclass(frozen=True)
class Changes:
    """Changes of the registers that no refresh has processed."""

    ids: list[int]
    """Numbers of the changes."""
    layers: frozenset[str]
    """Layers with any change."""
    untracked: frozenset[str]
    """Layers with too many changes to record each."""
    codes: dict[str, list[str]]
    """Changed keys by layer, sorted."""
    balance: dict[str, int]
    """Rows inserted less rows deleted by layer, of the changes that were recorded each."""
    places: dict[str, list[tuple[float, float, float, float]]]
    """Boxes (west, south, east, north) of changed rows by layer, before and after the change."""


def read_pending_changes(conn: Conn) -> Changes:
    """Return the changes that were recorded and not yet processed.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    Changes
        Empty if the results are up to date.
    """
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT id, layer, code, was, now FROM changes ORDER BY id"
        ).fetchall()
    was_there: dict[tuple[str, str], bool] = {}
    is_there: dict[tuple[str, str], bool] = {}
    places: dict[str, list[tuple[float, float, float, float]]] = {}
    untracked = set()
    for _, layer, code, was, now in rows:
        if code is None:
            untracked.add(layer)
            continue
        was_there.setdefault((layer, code), was is not None)
        is_there[layer, code] = now is not None
        places.setdefault(layer, []).extend(tuple(box) for box in (was, now) if box is not None)
    codes: dict[str, list[str]] = {}
    balance: dict[str, int] = {}
    for layer, code in sorted(was_there):
        codes.setdefault(layer, []).append(code)
        difference = int(is_there[layer, code]) - int(was_there[layer, code])
        balance[layer] = balance.get(layer, 0) + difference
    return Changes(
        [int(row[0]) for row in rows],
        frozenset(row[1] for row in rows),
        frozenset(untracked),
        codes,
        balance,
        places,
    )


def mark_processed(conn: Conn, ids: list[int]) -> None:
    """Delete changes that a refresh has processed.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    ids : list of int
        Numbers of the changes.
    """
    conn.execute("DELETE FROM changes WHERE id = ANY(%s)", (ids,))
