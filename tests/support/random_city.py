"""A small city of random grids, buildings and cameras."""

from __future__ import annotations

import numpy as np
import shapely

from geo.store.connection import Conn

WEST, SOUTH, STEP = 118.0, 30.9, 0.001


def random_footprint(rng: np.random.Generator) -> str:
    """Return a random house in EWKT: on a lattice so that many touch, some with a courtyard."""
    x, y = WEST + rng.integers(0, 30) * 0.0001, SOUTH + rng.integers(0, 20) * 0.0001
    wide, deep = rng.choice([0.0001, 0.0002, 0.00013], 2)
    shape = shapely.box(x, y, x + wide, y + deep)
    if rng.random() < 0.3:
        shape = shape.difference(
            shapely.box(x + wide * 0.3, y + deep * 0.3, x + wide * 0.7, y + deep * 0.7)
        )
    if rng.random() < 0.3:
        shape = shapely.affinity.rotate(shape, rng.uniform(0, 90))
    return f"SRID=4326;{shapely.to_wkt(shapely.MultiPolygon([shape]), rounding_precision=12)}"


def random_point(rng: np.random.Generator) -> str:
    x, y = WEST + rng.uniform(0, 0.003), SOUTH + rng.uniform(0, 0.002)
    return f"SRID=4326;POINT({x!r} {y!r})"


def none_or(rng: np.random.Generator, value: float) -> float | None:
    return None if rng.random() < 0.25 else float(value)


def insert_random_city(conn: Conn, rng: np.random.Generator) -> None:
    for col in range(3):
        for row in range(2):
            box = shapely.box(
                WEST + col * STEP,
                SOUTH + row * STEP,
                WEST + (col + 1) * STEP,
                SOUTH + (row + 1) * STEP,
            )
            conn.execute(
                "INSERT INTO grids (code, name, geometry) VALUES (%s, %s, %s)",
                (f"g{col}{row}", "x", f"SRID=4326;{shapely.MultiPolygon([box]).wkt}"),
            )
    for n in range(50):
        conn.execute(
            "INSERT INTO buildings (id, height_m, geometry) VALUES (%s, %s, %s)",
            (f"{n:03d}", none_or(rng, rng.choice([0.0, 3.0, 20.0])), random_footprint(rng)),
        )
    for _ in range(25):
        conn.execute(
            "INSERT INTO cameras (code, kind, bearing_deg, fov_deg, height_m, geometry) "
            "VALUES (%s, 'fixed', %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                f"{rng.integers(0, 1_000_000):06d}",
                none_or(rng, rng.uniform(0, 360)),
                none_or(rng, 90.0),
                none_or(rng, 5.0),
                random_point(rng),
            ),
        )
