"""Round trips: each layer is exported in every format and imported again unchanged."""

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
# None begins with an apostrophe: it is a text marker of spreadsheets, which imports remove.
TEXTS = ["东门", "=SUM(1)", "-a,b;c", '"q" \'x', "@y'", "two\nlines"]
CODES = ["0012", "=1", "a/b", "x'y", "+86 139", "1E5"]
WEST, SOUTH = 118.4 + 1 / 3e6, 31.2 + 1 / 7e6
"""Coordinates with more decimals than a map needs, so that rounding is detected."""


def example_value(column: Column, row: int) -> Any:
    """Return a valid value of a column that differs by row; optional ones lack it in the last."""
    if not column.needed and column.default is None and row == ROWS - 1:
        return None
    low = 0.0 if column.low is None else column.low
    high = 1000.0 if column.high is None else column.high
    moment = dt.datetime(2020, 3, 29, 1, 30, 15, 123456, tzinfo=dt.UTC) + dt.timedelta(
        days=row * 97
    )
    values: dict[str, Any] = {
        "text": TEXTS[row],
        "code": CODES[row],
        "number": low + (high - low) * [0.1, 1 / 3, 2 / 3, 0.123456789, 0.5, 1.0][row],
        "integer": int(low + (high - low) * [0.1, 0.001, 0.2, 0.25, 0.5, 1.0][row]),
        "boolean": row % 2 == 0,
        "date": moment.date(),
        "time": moment,
        "several": ["road/school", "a word", "hospital", "road", "finance", "x/y"][row],
        "directions": ["180", "90/200-220", "0.5", "350-10", "7/8", "1"][row],
    }
    if column.kind == "choice":
        return column.choices[row % len(column.choices)]
    return values[column.kind]


def example_shape(kind: str, row: int) -> Any:
    x, y = WEST + row / 100, SOUTH + row / 300
    if kind == "point":
        return shapely.Point(x, y)
    if kind == "line":
        lines = [[(x, y), (x + 0.001, y + 1 / 3000)], [(x, y + 0.002), (x, y + 0.003)]]
        return shapely.MultiLineString(lines[: 1 + row % 2])
    hole = shapely.box(x + 0.001, y + 0.001, x + 0.002, y + 0.002)
    ring = shapely.box(x, y, x + 0.01, y + 1 / 300)
    return shapely.MultiPolygon([ring.difference(hole) if row % 2 else ring])


def example_rows(layer: Layer) -> gpd.GeoDataFrame:
    """Return rows of a layer as the store has them after an import."""
    table = {c.name: [example_value(c, k) for k in range(ROWS)] for c in layer.columns}
    table["extra"] = [
        json.dumps(
            {"备注": text, "lon": "7", "nested": {"a": [1, None]}, "azimuth": "1,200"}
            if k % 2
            else {}
        )
        for k, text in enumerate(TEXTS)
    ]
    geometries = [example_shape(layer.shape, k) for k in range(ROWS)]
    if not layer.geometry_needed:
        geometries[ROWS - 2] = None
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(geometries, crs=4326))
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
        # An area contains those of lower levels.
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
        frame["reported_at"] = example_value(layer.column("reported_at"), 0)
        frame["source"] = ["110"] * 3 + ["12345热线"] * 3
    return frame


def store_rows(conn: Conn, layer: Layer) -> None:
    """Store example rows of a layer and the rows that they refer to."""
    if layer is STAFF:
        upsert(conn, LAYERS["grids"], example_rows(LAYERS["grids"]))
        rows = [
            (CODES[k], STAFF.column("role").choices[k], TEXTS[k], CODES[k]) for k in range(ROWS)
        ]
        rows.append((CODES[0], "other", "无电话", None))
        replace_staff(conn, pd.DataFrame(rows, columns=list(STAFF.names), dtype=object))
    else:
        upsert(conn, layer, example_rows(layer))
    conn.commit()


def read_rows(conn: Conn, layer: Layer) -> list[tuple[Any, ...]]:
    """Return all rows of a layer, geometry as text with 17 digits."""
    other_columns = [] if layer is STAFF else [sql.SQL("extra"), sql.SQL("ST_AsEWKT(geometry, 17)")]
    statement = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join([*map(sql.Identifier, layer.names), *other_columns]),
        sql.Identifier(layer.table),
        sql.SQL(", ").join(sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key),
    )
    return conn.execute(statement).fetchall()


def truncate_to_milliseconds(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows with their times truncated to milliseconds."""
    return [
        tuple(
            cell.replace(microsecond=cell.microsecond // 1000 * 1000)
            if isinstance(cell, dt.datetime)
            else cell
            for cell in row
        )
        for row in rows
    ]


def import_rows(conn: Conn, layer: Layer, path: Path) -> ImportOutcome:
    if layer is STAFF:
        return import_staff(conn, path, ImportOptions(accept_rejects=True))
    return import_file(conn, layer.name, path, ImportOptions(accept_rejects=True))


def test_every_imported_layer_is_exported() -> None:
    assert set(IMPORTED) <= set(EXPORTED)


@pytest.mark.parametrize("name", IMPORTED)
def test_export_and_import_of_a_layer_return_its_rows(
    name: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layer, differences = IMPORTED[name], []
    with connect(store) as conn:
        store_rows(conn, layer)
        before = read_rows(conn, layer)
        assert len(before) >= ROWS
        for file_format in FORMATS:
            path = tmp_path / f"{name}.{file_format}"
            write_file(read_pieces(conn, name), path, name, file_format, get_settings().zone)
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(layer.table)))
            conn.commit()
            outcome = import_rows(conn, layer, path)
            after = read_rows(conn, layer)
            # A GeoPackage stores times in milliseconds.
            expected = truncate_to_milliseconds(before) if file_format == "gpkg" else before
            if after != expected:
                pairs = list(zip(expected, after, strict=False))
                differing_cells = [
                    (column, b, a)
                    for row, imported in pairs
                    for column, b, a in zip(
                        (*layer.names, "extra", "geometry"), row, imported, strict=False
                    )
                    if a != b
                ]
                differences.append(
                    (file_format, len(before), len(after), outcome.reasons(), differing_cells[:8])
                )
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(layer.table)))
            store_rows(conn, layer)
    assert not differences, "\n".join(map(str, differences))
