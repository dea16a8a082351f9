"""Layers for export, read in pieces within the scope of the connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import shapely
from psycopg import sql

from geo.errors import ColumnError
from geo.schema import EXPORTED, LAYERS, RESULTS, Shape
from geo.store.connection import Conn
from geo.store.queries.areas import read_grids_of_area
from geo.store.queries.incidents import IN_CATEGORIES
from geo.store.statements import statement

_PIECE_ROWS = 20_000
_TIME = sql.SQL("coalesce(occurred_at, occurred_from, reported_at)")


@dataclass(frozen=True)
class Selection:
    """Which rows of a layer are exported; all of them by default."""

    area: str | None = None
    """Code of an area or grid: rows in it; of views those of the cameras in it."""
    box: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees: rows that touch it."""
    start: datetime | None = None
    """Incidents from this moment on."""
    end: datetime | None = None
    """Incidents before this moment."""
    categories: list[str] | None = None
    """Incidents of these categories and all below them."""


EVERYTHING = Selection()


@dataclass(frozen=True)
class _Result:
    columns: sql.SQL
    source: sql.Composable
    order: sql.SQL
    inside: sql.Composable


_IN_GRIDS = sql.SQL("t.grid = ANY(%(grids)s)")
# A shape on a border belongs to both sides, so that nothing in a jurisdiction is left out.
_TOUCHES = sql.SQL(
    "EXISTS (SELECT 1 FROM grids g WHERE ST_Intersects(g.geometry, {}) AND g.code = ANY(%(grids)s))"
)
_RESULTS = {
    "grids": _Result(
        sql.SQL(
            "code, name, name_en, community, population, kind, run, area_m2, covered_m2, "
            "covered_share, open_m2, open_covered_share, twice_covered_share, cameras, incidents, "
            "per_km2, per_1000_people, extra::text AS extra"
        ),
        sql.SQL("({})").format(statement("exported_grids")),
        sql.SQL("code"),
        sql.SQL("t.code = ANY(%(grids)s)"),
    ),
    "blind-spots": _Result(
        sql.SQL("grid, number, run, area_m2, widest_m, risk"),
        sql.SQL("blind_spots"),
        sql.SQL("area_m2 DESC, grid, number"),
        _IN_GRIDS,
    ),
    "views": _Result(
        sql.SQL("camera, run, area_m2, assumed"),
        sql.SQL("camera_views"),
        sql.SQL('camera COLLATE "C"'),
        sql.SQL("EXISTS (SELECT 1 FROM cameras c WHERE c.code = t.camera AND {})").format(
            _TOUCHES.format(sql.SQL("c.geometry"))
        ),
    ),
    "findings": _Result(
        sql.SQL(
            "layer, code, aspect, finding, detail, owner, grid, community, subdistrict, district, "
            "run"
        ),
        sql.SQL("register_findings"),
        sql.SQL("id"),
        sql.SQL("({} OR %(area)s IN (t.community, t.subdistrict, t.district))").format(_IN_GRIDS),
    ),
    "grid-staff": _Result(
        sql.SQL("grid, role, name, phone"),
        sql.SQL("(SELECT *, NULL::geometry AS geometry FROM grid_staff)"),
        sql.SQL('grid COLLATE "C", role, name COLLATE "C"'),
        _IN_GRIDS,
    ),
}
_INSIDE: dict[str, sql.Composable] = {
    "areas": sql.SQL("t.code IN (SELECT area_descendants(%(area)s))"),
    "incidents": sql.SQL("({} OR (t.geometry IS NULL AND {}))").format(
        _TOUCHES.format(sql.SQL("t.geometry")), _IN_GRIDS
    ),
}
"""Conditions on the rows of a register in an area; other rows must touch one of its grids."""
EXPORT_NAMES = EXPORTED
"""Layers that can be exported: registers and results; `grids` are exported with results."""
EXPORT_SHAPES: dict[str, Shape] = (
    {name: layer.shape for name, layer in LAYERS.items()} | RESULTS | {"grid-staff": "point"}
)
"""Kind of geometry of each layer."""


def read_pieces(
    conn: Conn, name: str, selection: Selection = EVERYTHING
) -> Iterator[gpd.GeoDataFrame]:
    """Read a layer in pieces of some thousand rows.

    The transaction must stay open until the last piece. Times are timezone-aware.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    name : str
        A register or a result, of `EXPORT_NAMES`.
    selection : Selection, optional
        Which rows.

    Yields
    ------
    geopandas.GeoDataFrame
        A piece in EPSG:4326; a layer without rows has one empty piece.

    Raises
    ------
    ColumnError
        If there is no such layer, or it has no times or categories to select by.
    """
    if name not in EXPORT_NAMES:
        raise ColumnError(f"there is no layer {name}; use one of {', '.join(EXPORT_NAMES)}")
    require_selectable(name, selection)
    params: dict[str, object] = {"area": selection.area, "categories": selection.categories}
    params |= {"start": selection.start, "end": selection.end}
    if selection.area is not None:
        params["grids"] = read_grids_of_area(conn, selection.area)
    if selection.box is not None:
        params |= dict(zip("wsen", selection.box, strict=True))
    cursor = conn.cursor(name="export")
    try:
        cursor.execute(_query(name, selection), params)
        columns = [c.name for c in cursor.description or ()]
        is_empty = True
        while rows := cursor.fetchmany(_PIECE_ROWS):
            yield _frame(columns, rows)
            is_empty = False
        if is_empty:
            yield _frame(columns, [])
    finally:
        # The first attempt sends a message to the server, which may be unreachable; the second
        # then only frees the cursor.
        for _ in range(2):
            with contextlib.suppress(psycopg.Error):
                cursor.close()


def require_selectable(name: str, selection: Selection) -> None:
    """Refuse a selection that a layer does not support.

    Parameters
    ----------
    name : str
        The layer.
    selection : Selection
        Which rows.

    Raises
    ------
    ColumnError
        If the layer has no times or categories to select by.
    """
    if name != "incidents" and (
        selection.start or selection.end or selection.categories is not None
    ):
        raise ColumnError(
            f"{name} have no times and categories to choose by, only incidents have; leave them out"
        )


def _query(name: str, selection: Selection) -> sql.Composed:
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if selection.box is not None:
        conditions.append(
            sql.SQL("ST_Intersects(t.geometry, ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326))")
        )
    if selection.start is not None:
        conditions.append(sql.SQL("{} >= %(start)s").format(_TIME))
    if selection.end is not None:
        conditions.append(sql.SQL("{} < %(end)s").format(_TIME))
    if selection.categories is not None:
        conditions.append(IN_CATEGORIES)
    columns: sql.Composable
    source: sql.Composable
    order: sql.Composable
    if name in _RESULTS:
        result = _RESULTS[name]
        columns, source, order, inside = result.columns, result.source, result.order, result.inside
    else:
        layer = LAYERS[name]
        columns = sql.SQL("{}, extra::text AS extra").format(
            sql.SQL(", ").join(map(sql.Identifier, layer.names))
        )
        source = sql.Identifier(layer.table)
        order = sql.SQL(", ").join(
            sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key
        )
        inside = _INSIDE.get(name, _TOUCHES.format(sql.SQL("t.geometry")))
    if selection.area is not None:
        conditions.append(inside)
    return sql.SQL(
        "SELECT {}, ST_AsBinary(geometry) AS geometry FROM {} t WHERE {} ORDER BY {}"
    ).format(columns, source, sql.SQL(" AND ").join(conditions), order)


def _frame(columns: list[str], rows: list[tuple[object, ...]]) -> gpd.GeoDataFrame:
    table = {name: [row[k] for row in rows] for k, name in enumerate(columns)}
    shapes = shapely.from_wkb(np.array(table.pop("geometry"), dtype=object))
    frame = pd.DataFrame(table, columns=[c for c in columns if c != "geometry"])
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))
