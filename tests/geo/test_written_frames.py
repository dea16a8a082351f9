"""Frames read from the store can be written by geopandas; exports have valid geometry types."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geo.errors import WriteError
from geo.export import FORMATS, write_file
from geo.schema import LAYERS
from geo.settings import Settings
from geo.store.connection import Conn, connect
from geo.store.queries.blind_spots import read_largest_blind_spots
from geo.store.queries.cameras import read_camera_results, read_camera_views
from geo.store.queries.exports import EXPORT_NAMES, EXPORT_SHAPES, read_pieces
from geo.store.queries.grids import read_grid_results
from geo.store.queries.image_quality import read_area_quality
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run

ZONE = Settings().zone


def read_frames(conn: Conn) -> dict[str, gpd.GeoDataFrame]:
    run = read_latest_run(conn)
    assert run is not None
    views = read_camera_views(conn)
    return {name: read_layer(conn, name) for name in LAYERS} | {
        "grid results": read_grid_results(conn, run.id),
        "camera results": read_camera_results(conn),
        "blind spot results": read_largest_blind_spots(conn, 50),
        "views": views,
        "export": next(iter(read_pieces(conn, "cameras"))),
        "quality": read_area_quality(conn, "grids"),
    }


FRAME_NAMES = [
    *LAYERS,
    "grid results",
    "camera results",
    "blind spot results",
    "views",
    "export",
    "quality",
]


@pytest.mark.parametrize("name", FRAME_NAMES)
def test_read_frames_can_be_written_and_read_again(
    name: str, demo_store: str, tmp_path: Path
) -> None:
    with connect(demo_store) as conn:
        frame = read_frames(conn)[name]
    assert len(frame), name
    with_index_columns = frame.reset_index()
    assert len(with_index_columns) == len(frame)
    has_geometry = isinstance(frame, gpd.GeoDataFrame)
    frame.to_parquet(tmp_path / "a.parquet")
    result = (gpd if has_geometry else pd).read_parquet(tmp_path / "a.parquet")
    assert list(result.columns) == list(frame.columns)
    assert result.index.tolist() == frame.index.tolist()
    for driver, file_name in (("GPKG", "a.gpkg"), ("GeoJSON", "a.geojson")):
        if not has_geometry:
            continue
        frame.to_file(tmp_path / file_name, driver=driver)
        result = gpd.read_file(tmp_path / file_name)
        assert len(result) == len(frame)
        key = frame.columns[0]
        assert result[key].astype(str).tolist() == frame[key].astype(str).tolist()
        shapes = np.asarray(frame.geometry.values)
        is_present = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
        assert shapely.equals_exact(
            np.asarray(result.geometry.values)[is_present],
            np.asarray(frame.geometry.values)[is_present],
            2e-6,
        ).all()


GEOMETRY_TYPES = {
    "point": {"Point"},
    "line": {"LineString", "MultiLineString"},
    "polygon": {"Polygon", "MultiPolygon"},
}


@pytest.mark.deep
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", EXPORT_NAMES)
def test_write_file_geometry_types_equal_the_schema(
    name: str, form: str, demo_store: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{form}"
    with connect(demo_store) as conn:
        rows = write_file(read_pieces(conn, name), path, name, form, ZONE)
    assert rows > 0
    allowed = GEOMETRY_TYPES[EXPORT_SHAPES[name]]
    if form == "xlsx":
        table = pd.read_excel(path, dtype=str)
    elif form == "csv":
        table = pd.read_csv(path, dtype=str)
    else:
        result = gpd.read_parquet(path) if form == "parquet" else gpd.read_file(path)
        assert set(result.geometry.dropna().geom_type) <= allowed
        if form == "gpkg":
            assert pyogrio.read_info(path)["geometry_type"] in allowed
        return
    assert len(table) == rows
    if EXPORT_SHAPES[name] == "point":
        assert {"lon", "lat"} <= set(table.columns)
        assert "wkt" not in table
    else:
        assert {
            text.split(" ")[0]
            .title()
            .replace("Multip", "MultiP")
            .replace("Multil", "MultiL")
            .replace("string", "String")
            for text in table["wkt"].dropna()
        } <= allowed


@pytest.mark.parametrize("form", FORMATS)
def test_write_file_of_a_layer_without_rows_or_geometry(
    form: str, store: str, tmp_path: Path
) -> None:
    with connect(store) as conn:
        assert (
            write_file(read_pieces(conn, "cameras"), tmp_path / f"a.{form}", "cameras", form, ZONE)
            == 0
        )
        conn.execute(
            "INSERT INTO incidents (source, source_id, reported_at, precision) "
            "VALUES ('a', '1', '2026-01-01', 'none')"
        )
        path = tmp_path / f"b.{form}"
        assert write_file(read_pieces(conn, "incidents"), path, "incidents", form, ZONE) == 1
    if form == "gpkg":
        assert pyogrio.read_info(tmp_path / "a.gpkg")["geometry_type"] == "Point"
        assert pyogrio.read_info(path)["geometry_type"] == "Point"


@pytest.mark.parametrize("form", FORMATS)
def test_write_file_reports_a_path_that_cannot_be_written(
    form: str, store: str, tmp_path: Path
) -> None:
    with connect(store) as conn, pytest.raises(WriteError, match="cannot be written"):
        write_file(
            read_pieces(conn, "cameras"), tmp_path / "nowhere" / f"a.{form}", "cameras", form, ZONE
        )
