"""What changed in the registers since the last refresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.store.database import Conn


@dataclass(frozen=True)
class Changes:
    """Changes noted by the triggers on the registers."""

    ids: list[int]
    layers: frozenset[str]
    """Layers with any change."""
    whole: frozenset[str]
    """Layers whose single changes were too many to note."""
    codes: dict[str, list[str]]
    """Changed keys by layer, in order."""
    balance: dict[str, int]
    """Rows more (or fewer) by layer, of those followed one by one."""
    places: dict[str, list[tuple[float, float, float, float]]]
    """Boxes (west, south, east, north) of changed rows by layer, as they were and as they are."""


def pending(conn: Conn) -> Changes:
    """What was noted and not yet forgotten."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT id, layer, code, was, now FROM changes ORDER BY id"
        ).fetchall()
    first: dict[tuple[str, str], bool] = {}
    last: dict[tuple[str, str], bool] = {}
    places: dict[str, list[tuple[float, float, float, float]]] = {}
    whole = set()
    for _, layer, code, was, now in rows:
        if code is None:
            whole.add(layer)
            continue
        first.setdefault((layer, code), was is not None)
        last[layer, code] = now is not None
        places.setdefault(layer, []).extend(tuple(box) for box in (was, now) if box is not None)
    codes: dict[str, list[str]] = {}
    balance: dict[str, int] = {}
    for layer, code in sorted(first):
        codes.setdefault(layer, []).append(code)
        more = int(last[layer, code]) - int(first[layer, code])
        balance[layer] = balance.get(layer, 0) + more
    return Changes(
        [int(row[0]) for row in rows],
        frozenset(row[1] for row in rows),
        frozenset(whole),
        codes,
        balance,
        places,
    )


def forget(conn: Conn, ids: list[int]) -> None:
    """Drop changes that a refresh has taken up."""
    conn.execute("DELETE FROM changes WHERE id = ANY(%s)", (ids,))


def box_arrays(boxes: Any) -> dict[str, list[float]]:
    """Boxes as parameters of a query: four arrays."""
    table = np.asarray(boxes, float).reshape(-1, 4)
    return {name: table[:, k].tolist() for k, name in enumerate(("west", "south", "east", "north"))}


def box_around(boxes: Any) -> dict[str, float]:
    """The box around some, as parameters `w`, `s`, `e`, `n`; a point at 0, 0 around none."""
    table = np.asarray(boxes, float).reshape(-1, 4)
    if not len(table):
        return {"w": 0.0, "s": 0.0, "e": 0.0, "n": 0.0}
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return {"w": float(low[0]), "s": float(low[1]), "e": float(high[0]), "n": float(high[1])}
