"""Every register that can be imported is exported in every format and imported again unchanged."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from psycopg import sql

from geo.export import FORMATS, write_file
from geo.ingest import ImportOptions, ImportOutcome, import_file, import_staff
from geo.ingest.staff import STAFF
from geo.schema import EXPORTED, LAYERS, Column, Layer
from geo.settings import get_settings
from geo.store.connection import Conn, connect
from geo.store.queries.exports import read_pieces
from geo.store.queries.registers import upsert
from geo.store.queries.staff import replace_staff

IMPORTED = {**LAYERS, STAFF.name: STAFF}
ROWS = 6
# An apostrophe in front is a marker of spreadsheets, which an import removes: the store has none.
TEXTS = ["东门", "=SUM(1)", "-a,b;c", '"q" \'x', "@y'", "two\nlines"]
CODES = ["0012", "=1", "a/b", "x'y", "+86 139", "1E5"]
WEST, SOUTH = 118.4 + 1 / 3e6, 31.2 + 1 / 7e6
"""With more decimals than a map needs, so that rounding is seen."""


def value(column: Column, row: int) -> Any:
    """A value of a column's contract that differs from row to row; none in some rows if it may be absent."""
    if not column.needed and column.default is None and row == ROWS - 1:
        return None
    low = 0.0 if column.low is None else column.low
    high = 1000.0 if column.high is None else column.high
    moment = dt.datetime(2020, 3, 29, 1, 30, 15, 123456, tzinfo=dt.UTC) + dt.timedelta(
        days=row * 97
    )
    match column.kind:
        case "text":
            return TEXTS[row]
        case "code":
            return CODES[row]
        case "number":
            return low + (high - low) * [0.1, 1 / 3, 2 / 3, 0.123456789, 0.5, 1.0][row]
        case "integer":
            return int(low + (high - low) * [0.1, 0.001, 0.2, 0.25, 0.5, 1.0][row])
        case "boolean":
            return row % 2 == 0
        case "date":
            return moment.date()
        case "time":
            return moment
        case "choice":
            return column.choices[row % len(column.choices)]
        case "several":
            return ["road/school", "a word", "hospital", "road", "finance", "x/y"][row]
        case "directions":
            return ["180", "90/200-220", "0.5", "350-10", "7/8", "1"][row]


def shape(kind: str, row: int) -> Any:
    x, y = WEST + row / 100, SOUTH + row / 300
    if kind == "point":
        return shapely.Point(x, y)
    if kind == "line":
        lines = [[(x, y), (x + 0.001, y + 1 / 3000)], [(x, y + 0.002), (x, y + 0.003)]]
        return shapely.MultiLineString(lines[: 1 + row % 2])
    hole = shapely.box(x + 0.001, y + 0.001, x + 0.002, y + 0.002)
    ring = shapely.box(x, y, x + 0.01, y + 1 / 300)
    return shapely.MultiPolygon([ring.difference(hole) if row % 2 else ring])


def register(layer: Layer) -> gpd.GeoDataFrame:
    """Rows of a layer as the store has them after an import."""
    table = {c.name: [value(c, k) for k in range(ROWS)] for c in layer.columns}
    table["extra"] = [
        json.dumps(
            {"备注": text, "lon": "7", "nested": {"a": [1, None]}, "azimuth": "1,200"}
            if k % 2
            else {}
        )
        for k, text in enumerate(TEXTS)
    ]
    shapes = [shape(layer.shape, k) for k in range(ROWS)]
    if not layer.geometry_needed:
        shapes[ROWS - 2] = None
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=4326))
    if layer.name == "areas":
        frame["level"] = [
            "district",
            "subdistrict",
            "subdistrict",
            "community",
            "community",
            "community",
        ]
        frame["parent"] = [None, *CODES[:1] * 2, *CODES[1:2] * 3]
        # An area holds those beneath it.
        frame.loc[:2, "geometry"] = shapely.MultiPolygon([shapely.box(118.3, 31.1, 118.6, 31.4)])
    if layer.name == "grids":
        frame["community"] = None
    if layer.name == "cameras":
        frame["retired_on"] = frame["installed_on"].map(
            lambda day: None if day is None else day + dt.timedelta(days=400)
        )
    if layer.name == "incidents":
        frame["occurred_to"] = frame["occurred_from"] + dt.timedelta(hours=1)
        frame.loc[ROWS - 2, "precision"] = "none"
        frame["reported_at"] = value(layer.column("reported_at"), 0)
        frame["source"] = ["110"] * 3 + ["12345热线"] * 3
    return frame


def fill(conn: Conn, layer: Layer) -> None:
    """Store the rows of a layer, and what they refer to."""
    if layer is STAFF:
        upsert(conn, LAYERS["grids"], register(LAYERS["grids"]))
        rows = [
            (CODES[k], STAFF.column("role").choices[k], TEXTS[k], CODES[k]) for k in range(ROWS)
        ]
        rows.append((CODES[0], "other", "无电话", None))
        replace_staff(conn, pd.DataFrame(rows, columns=list(STAFF.names), dtype=object))
    else:
        upsert(conn, layer, register(layer))
    conn.commit()


def stored(conn: Conn, layer: Layer) -> list[tuple[Any, ...]]:
    """All rows of a layer, shapes as text to the last digit."""
    beside = [] if layer is STAFF else [sql.SQL("extra"), sql.SQL("ST_AsEWKT(geometry, 17)")]
    statement = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join([*map(sql.Identifier, layer.names), *beside]),
        sql.Identifier(layer.table),
        sql.SQL(", ").join(sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key),
    )
    return conn.execute(statement).fetchall()


def thousandths(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows with their moments cut to thousandths of a second."""
    return [
        tuple(
            cell.replace(microsecond=cell.microsecond // 1000 * 1000)
            if isinstance(cell, dt.datetime)
            else cell
            for cell in row
        )
        for row in rows
    ]


def put(conn: Conn, layer: Layer, path: Path) -> ImportOutcome:
    if layer is STAFF:
        return import_staff(conn, path, ImportOptions(accept_rejects=True))
    return import_file(conn, layer.name, path, ImportOptions(accept_rejects=True))


def test_everything_that_is_imported_can_be_exported() -> None:
    assert set(IMPORTED) <= set(EXPORTED)


@pytest.mark.parametrize("name", IMPORTED)
def test_an_export_in_every_format_is_imported_into_an_empty_register_unchanged(
    name: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layer, faults = IMPORTED[name], []
    with connect(store) as conn:
        fill(conn, layer)
        before = stored(conn, layer)
        assert len(before) >= ROWS
        for form in FORMATS:
            path = tmp_path / f"{name}.{form}"
            write_file(read_pieces(conn, name), path, name, form, get_settings().zone)
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(layer.table)))
            conn.commit()
            outcome = put(conn, layer, path)
            after = stored(conn, layer)
            # A GeoPackage holds thousandths of a second.
            wanted = thousandths(before) if form == "gpkg" else before
            if after != wanted:
                pairs = list(zip(wanted, after, strict=False))
                differing = [
                    (column, b, a)
                    for row, other in pairs
                    for column, b, a in zip(
                        (*layer.names, "extra", "geometry"), row, other, strict=False
                    )
                    if a != b
                ]
                faults.append((form, len(before), len(after), outcome.reasons(), differing[:8]))
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(layer.table)))
            fill(conn, layer)
    assert not faults, "\n".join(map(str, faults))
