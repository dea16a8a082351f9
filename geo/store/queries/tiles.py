"""Vector tiles made by the database, each as small as its zoom allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from geo.store.connection import Conn
from geo.store.statements import statement

_WORLD_M = 40_075_016.685578
_PIXELS = 256
COARSE_DEG = 0.002
"""Side of the squares by which some roles are told where cameras are, some 200 m."""
LARGEST_BYTES = 500_000
"""No tile is larger: one that would be is drawn coarser and with fewer of its smallest things."""


@dataclass(frozen=True)
class TileLayer:
    """A layer of a tile in a range of zooms."""

    table: str
    """Table or view of the database."""
    columns: str
    """Columns to include, separated by commas."""
    low: int = 0
    """Lowest zoom."""
    high: int = 22
    """Highest zoom."""
    key: str = "code"
    """Key column, by which rows are ordered without `size`."""
    size: str | None = None
    """Column by which the largest rows are selected if there are too many."""
    smallest_px: float = 0.0
    """Rows are left out if `size`, in m², is less than that of a square of this side, pixels."""
    most: int = 20_000
    """Largest number of rows."""
    cluster_px: int = 0
    """Points in a square of this side, pixels, are replaced by their number; 0 for none."""
    cell_deg: float = 0.0
    """Side of the smallest square, degrees, in which points are placed in the middle; 0 for
    none.
    """
    where: str = "true"
    """Condition on the rows, in SQL."""


_RESULTS = "code, name, name_en, covered_share, open_covered_share, cameras, incidents, per_km2"
_AREAS = "code, name, name_en, level, covered_share, open_covered_share, incidents"
TILE_SETS: dict[str, dict[str, list[TileLayer]]] = {
    "base": {
        "landcover": [TileLayer("landcover", "class", key="id")],
        "streets": [
            TileLayer("streets", "class", 9, 11, key="id", where="class IN ('motorway', 'trunk', 'primary')"),
            TileLayer("streets", "class", 12, 13, key="id", where="class <> 'lane'"),
            TileLayer("streets", "class", 14, key="id"),
        ],
        "buildings": [TileLayer("buildings", "height_m", 14, key="id", most=40_000)],
        "areas": [
            TileLayer("areas", "code, level", 0, 10, where="level <> 'community'"),
            TileLayer("areas", "code, level", 11),
        ],
    },
    "grids": {
        "grids": [
            TileLayer("layer_areas", _AREAS, 0, 9, where="level = 'subdistrict'"),
            TileLayer("layer_grids", _RESULTS, 10),
        ],
    },
    "areas": {"areas": [TileLayer("layer_areas", _AREAS)]},
    "cameras": {
        "cameras": [
            TileLayer("cameras", "status", 0, 14, cluster_px=56),
            TileLayer("cameras", "code, name, kind, status, bearing_deg, fov_deg, range_m", 15),
        ],
    },
    "views": {
        "views": [
            TileLayer("camera_views", "assumed", 12, 13, "camera", "area_m2", 1.0, 6_000),
            TileLayer("camera_views", "camera, assumed", 14, 22, "camera", "area_m2", 0.5, 10_000),
        ],
    },
    "blind-spots": {
        "blind-spots": [
            TileLayer("blind_spots", "grid, number, area_m2, widest_m", 10, 22, "grid", "area_m2", 0.5, 8_000)
        ],
    },
}  # fmt: skip
"""By set and layer of a tile, where it comes from at which zoom."""
EXACT_TILE_SETS = frozenset({"cameras", "views"})
"""Sets that tell where single cameras are."""
TILE_SET_DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "base": ("landcover", "streets", "buildings", "areas"),
    "grids": ("results", "grids", "areas"),
    "areas": ("results", "grids", "areas"),
    "cameras": ("cameras", "grids", "areas"),
    "views": ("results", "cameras", "grids", "areas"),
    "blind-spots": ("results", "grids", "areas"),
}
"""Registers and results that a set shows, or that say who sees it."""


def read_layer_versions(conn: Conn) -> dict[str, str]:
    """Return the versions of the registers and of the results.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    dict of str to str
        Version by table of a register, and under `results` of all that a refresh computes.
    """
    row = conn.execute("SELECT layers_versions()").fetchone()
    return dict(row[0]) if row else {}


def build_tile(conn: Conn, name: str, z: int, x: int, y: int, *, coarse: bool = False) -> bytes:
    """Return a Mapbox vector tile, with a layer for each layer of its set.

    Shapes are simplified to half a pixel, points at low zooms are counted by squares of the
    screen, and shapes smaller than a pixel are left out. A tile of more than `LARGEST_BYTES` is
    made coarser.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        Set of layers, of `TILE_SETS`.
    z : int
        Zoom.
    x : int
        Column of the tile.
    y : int
        Row of the tile, from the north.
    coarse : bool, optional
        Whether cameras are shown only by squares of `COARSE_DEG`, at every zoom.

    Returns
    -------
    bytes
        The tile; empty if it holds nothing.
    """
    parts = []
    for layer, choices in TILE_SETS[name].items():
        for choice in choices:
            if choice.low <= z <= choice.high:
                if coarse and name in EXACT_TILE_SETS:
                    choice = replace(choice, cluster_px=32, cell_deg=COARSE_DEG)
                parts.append((layer, choice))
    out = b"".join(_build_layer(conn, layer, choice, z, x, y) for layer, choice in parts)
    pixels, most = 1.0, 10_000
    while len(out) > LARGEST_BYTES and most > 100:
        pixels, most = pixels * 2, most // 3
        out = b"".join(
            _build_layer(conn, layer, replace(choice, most=most), z, x, y, pixels)
            for layer, choice in parts
        )
    return out


def _build_layer(
    conn: Conn, name: str, layer: TileLayer, z: int, x: int, y: int, pixels: float = 0.5
) -> bytes:
    build = statement("tile_clusters" if layer.cluster_px else "tile_shapes")
    pixel_m = _WORLD_M / 2**z / _PIXELS
    params: dict[str, Any] = {
        "z": z, "x": x, "y": y, "name": name, "most": layer.most,
        "extent": 4096 if z >= 14 else 2048,
        # A circle that stands for many is wide: both tiles at an edge draw their half of it.
        "margin": (16 if layer.cluster_px else 64),
        "pad": _WORLD_M / 2**z / (16 if layer.cluster_px else 64),
        # Degrees of a circle around the earth; at our latitudes a pixel is this wide.
        "tolerance": 360.0 / 2**z / _PIXELS * pixels if z < 17 or pixels > 1 else 0.0,
        "cell": max(360.0 / 2**z / _PIXELS * max(layer.cluster_px, 1), layer.cell_deg),
        "middle": layer.cell_deg > 0,
        "smallest": (layer.smallest_px * pixel_m) ** 2,
    }  # fmt: skip
    query = build.format(
        columns=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c.strip())) for c in layer.columns.split(",")),
        table=sql.Identifier(layer.table),
        where=sql.SQL(layer.where),
        large=sql.SQL("t.{} >= %(smallest)s").format(sql.Identifier(layer.size)) if layer.size else sql.SQL("true"),
        order=sql.SQL("t.{} DESC").format(sql.Identifier(layer.size)) if layer.size else sql.SQL("t.{}").format(sql.Identifier(layer.key)),
    )  # fmt: skip
    row = conn.execute(query, params).fetchone()
    return bytes(row[0]) if row and row[0] else b""
