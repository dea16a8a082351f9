"""Vector tiles built by the database, with the detail that their zoom shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psycopg import sql

from geo.store.connection import Conn
from geo.store.statements import statement

_WORLD_M = 40_075_016.685578
_PIXELS = 256
COARSE_DEG = 0.002
"""Side of the squares, degrees (about 200 m), in which coarse roles see camera positions."""
LARGEST_BYTES = 500_000
"""Size above which a tile is made coarser, without the smallest rows of its layers."""


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
    max_rows: int = 20_000
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
_BLIND_SPOTS = "grid, number, area_m2, widest_m"
_MAIN_ROADS = "class IN ('motorway', 'trunk', 'primary')"
TILE_SETS: dict[str, dict[str, list[TileLayer]]] = {
    "base": {
        "landcover": [TileLayer("landcover", "class", key="id")],
        "streets": [
            TileLayer("streets", "class", 9, 11, key="id", where=_MAIN_ROADS),
            TileLayer("streets", "class", 12, 13, key="id", where="class <> 'lane'"),
            TileLayer("streets", "class", 14, key="id"),
        ],
        "buildings": [TileLayer("buildings", "height_m", 14, key="id", max_rows=40_000)],
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
            TileLayer("blind_spots", _BLIND_SPOTS, 10, 22, "grid", "area_m2", 0.5, 8_000),
        ],
    },
}  # fmt: skip
"""Sources of the layers of tiles in ranges of zooms, by set and name of the layer."""
EXACT_TILE_SETS = frozenset({"cameras", "views"})
"""Sets that show the positions of single cameras."""
TILE_SET_DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "base": ("landcover", "streets", "buildings", "areas"),
    "grids": ("results", "grids", "areas"),
    "areas": ("results", "grids", "areas"),
    "cameras": ("cameras", "grids", "areas"),
    "views": ("results", "cameras", "grids", "areas"),
    "blind-spots": ("results", "grids", "areas"),
}
"""Registers and results that a set shows, or that the rights to see it depend on."""


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
    tile = _Tile(z, x, y)
    layers = []
    for layer_name, choices in TILE_SETS[name].items():
        for layer in choices:
            if layer.low <= z <= layer.high:
                if coarse and name in EXACT_TILE_SETS:
                    layer = replace(layer, cluster_px=32, cell_deg=COARSE_DEG)
                layers.append((layer_name, layer))
    content = b"".join(_build_layer(conn, tile, *layer) for layer in layers)
    tolerance_px, max_rows = 1.0, 10_000
    while len(content) > LARGEST_BYTES and max_rows > 100:
        tolerance_px, max_rows = tolerance_px * 2, max_rows // 3
        content = b"".join(
            _build_layer(conn, tile, layer_name, replace(layer, max_rows=max_rows), tolerance_px)
            for layer_name, layer in layers
        )
    return content


@dataclass(frozen=True)
class _Tile:
    """Position of a tile: zoom, column and row."""

    z: int
    x: int
    y: int

    @property
    def side_m(self) -> float:
        """Side in web Mercator, m."""
        return _WORLD_M / 2**self.z

    @property
    def pixel_deg(self) -> float:
        """Width of a pixel, degrees of longitude."""
        return 360.0 / 2**self.z / _PIXELS


def _build_layer(
    conn: Conn, tile: _Tile, name: str, layer: TileLayer, tolerance_px: float = 0.5
) -> bytes:
    build = statement("tile_clusters" if layer.cluster_px else "tile_shapes")
    row = conn.execute(
        build.format(**_query_parts(layer)), _query_params(tile, name, layer, tolerance_px)
    ).fetchone()
    return bytes(row[0]) if row and row[0] else b""


def _query_parts(layer: TileLayer) -> dict[str, sql.Composable]:
    if layer.size is None:
        large: sql.Composable = sql.SQL("true")
        order = sql.SQL("t.{}").format(sql.Identifier(layer.key))
    else:
        large = sql.SQL("t.{} >= %(smallest)s").format(sql.Identifier(layer.size))
        order = sql.SQL("t.{} DESC").format(sql.Identifier(layer.size))
    columns = [
        sql.SQL("t.{}").format(sql.Identifier(column.strip()))
        for column in layer.columns.split(",")
    ]
    return {
        "columns": sql.SQL(", ").join(columns),
        "table": sql.Identifier(layer.table),
        "where": sql.SQL(layer.where),
        "large": large,
        "order": order,
    }


def _query_params(
    tile: _Tile, name: str, layer: TileLayer, tolerance_px: float
) -> dict[str, float | str]:
    # The circle of a cluster is wide: both tiles at an edge draw their half of it.
    margin = 16 if layer.cluster_px else 64
    is_simplified = tile.z < 17 or tolerance_px > 1
    return {
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
        "name": name,
        "max_rows": layer.max_rows,
        "extent": 4096 if tile.z >= 14 else 2048,
        "margin": margin,
        "pad": tile.side_m / margin,
        "tolerance": tile.pixel_deg * tolerance_px if is_simplified else 0.0,
        "cell": max(tile.pixel_deg * max(layer.cluster_px, 1), layer.cell_deg),
        "middle": layer.cell_deg > 0,
        "smallest": (layer.smallest_px * tile.side_m / _PIXELS) ** 2,
    }
