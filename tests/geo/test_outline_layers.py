"""Tests of `--within` and `--layer` with outline files of several layers."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import psycopg
import pytest
import shapely

from geo import pipeline
from geo.errors import GeometryError, ReadError
from geo.governance.setup import Holdings, setup_steps
from geo.store.connection import connect
from geo.store.queries.registers import read_layer
from tests.support.osm_extracts import OsmExtract, box

WEST = shapely.box(114 - 1e-5, 30 - 1e-5, 114.003, 30.003)
EAST = shapely.box(114.01, 30 - 1e-5, 114.02, 30.003)


def write_geopackage(folder: Path, **layers: list[shapely.Geometry]) -> Path:
    """Write a GeoPackage of several layers by ogr2ogr from GeoJSON."""
    target = folder / "district.gpkg"
    for name, shapes in layers.items():
        part = folder / f"{name}.geojson"
        gpd.GeoDataFrame({"label": [name] * len(shapes)}, geometry=shapes, crs=4326).to_file(part)
        append_options = ["-update", "-append"] if target.exists() else []
        subprocess.run(
            [
                "ogr2ogr",
                "-f",
                "GPKG",
                *append_options,
                "-t_srs",
                "EPSG:32650",
                "-nln",
                name,
                target,
                part,
            ],
            check=True,
            capture_output=True,
        )
    return target


@pytest.fixture
def geopackage(tmp_path: Path) -> Path:
    return write_geopackage(tmp_path, west=[WEST], east=[EAST], lamps=[shapely.Point(114, 30)])


def read_grids(store: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read_layer(conn, "grids")


def test_grids_make_command_within_a_layer(
    store: str, run: Callable[..., Any], geopackage: Path
) -> None:
    command = ["grids", "make", "--within", str(geopackage), "--cell", "100"]
    refused = run(*command)
    message = " ".join(refused.stderr.split())
    assert refused.returncode == 1
    assert "has the layers west, east, lamps, and several of them fit an outline" in message
    assert "name one with --layer" in message
    assert len(read_grids(store)) == 0
    result = json.loads(run(*command, "--layer", "east", "--json").stdout)
    grids = read_grids(store)
    assert result["inserted"] == len(grids) > 20
    covered = shapely.union_all(grids.geometry.values)
    assert shapely.symmetric_difference(covered, EAST).area < EAST.area * 1e-3
    assert set(grids["community"]) == {"east"}


def test_find_boundary_rejects_unusable_layers(store: str, geopackage: Path) -> None:
    with connect(store) as conn:
        with pytest.raises(ReadError, match="no layer north; it has west, east, lamps"):
            pipeline.find_boundary(conn, str(geopackage), layer="north")
        with pytest.raises(GeometryError, match="has no polygon"):
            pipeline.find_boundary(conn, str(geopackage), layer="lamps")
        with pytest.raises(ReadError, match="areas is no file; --layer names a layer of a file"):
            pipeline.find_boundary(conn, "areas", layer="west")


def test_find_boundary_uses_the_only_polygon_layer(store: str, tmp_path: Path) -> None:
    path = write_geopackage(tmp_path, lamps=[shapely.Point(114, 30)], border=[WEST])
    with connect(store) as conn:
        boundary = pipeline.find_boundary(conn, str(path))
    assert shapely.symmetric_difference(boundary.shapes.iloc[0], WEST).area < WEST.area * 1e-6


def test_find_boundary_in_a_zip_of_shapefiles(store: str, tmp_path: Path) -> None:
    for name, shape in (("west", WEST), ("east", EAST)):
        gpd.GeoDataFrame({"label": [name]}, geometry=[shape], crs=4326).to_file(
            tmp_path / f"{name}.shp"
        )
    path = tmp_path / "borders.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(tmp_path.glob("*.*")):
            if part.suffix != ".zip":
                archive.write(part, f"borders/{part.name}")
    with connect(store) as conn:
        with pytest.raises(ReadError, match="name one with --layer"):
            pipeline.find_boundary(conn, str(path))
        boundary = pipeline.find_boundary(conn, str(path), layer="borders/east")
    assert boundary.shapes.iloc[0].equals(EAST)
    assert boundary.name == "east"


def test_import_osm_command_within_a_layer(
    store: str, run: Callable[..., Any], geopackage: Path, tmp_path: Path
) -> None:
    city = OsmExtract()
    near = city.ring(box(0, 0, 10, 10), building="yes")
    city.ring(box(1200, 0, 10, 10), building="yes")
    extract = city.write(tmp_path / "city.osm")
    refused = run("import", "osm", str(extract), "--within", str(geopackage))
    assert refused.returncode == 1
    assert "name one with --layer" in " ".join(refused.stderr.split())
    run("import", "osm", str(extract), "--within", str(geopackage), "--layer", "west")
    with connect(store) as conn:
        assert read_layer(conn, "buildings").index.tolist() == [f"way/{near}"]
    with psycopg.connect(store) as conn:
        options = conn.execute(
            "SELECT options FROM gridcover.imports WHERE layer = 'buildings'"
        ).fetchone()
    assert options is not None
    assert (options[0]["within"], options[0]["within_layer"]) == ("district.gpkg", "west")


def test_import_osm_command_refuses_layer_without_within(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    extract = OsmExtract().write(tmp_path / "city.osm")
    refused = run("import", "osm", str(extract), "--layer", "west")
    assert refused.returncode == 2
    assert "--within" in refused.stderr


def test_grids_make_command_within_buildings(
    store: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    """Make grids for an extract without boundaries with two commands."""
    city = OsmExtract()
    for x, y in ((0, 0), (400, 0), (0, 300), (400, 300)):
        city.ring(box(x, y, 10, 10), building="yes")
    run("import", "osm", str(city.write(tmp_path / "city.osm")))
    refused = run("grids", "make", "--within", "areas")
    assert refused.returncode == 1
    assert "--within buildings divides the ground" in " ".join(refused.stderr.split())
    run("grids", "make", "--within", "buildings", "--cell", "100")
    with connect(store) as conn:
        grids = read_layer(conn, "grids").to_crs(32650)
        buildings = read_layer(conn, "buildings").to_crs(32650)
        (community,) = read_layer(conn, "areas")[["name", "name_en"]].to_numpy().tolist()
    assert community == ["全域", "Whole area"]
    covered = shapely.union_all(grids.geometry.values)
    hull = shapely.convex_hull(shapely.union_all(buildings.geometry.values))
    assert shapely.symmetric_difference(covered, hull).area < hull.area * 1e-3
    assert hull.area == pytest.approx(410 * 310, rel=0.02)
    (step,) = (s for s in setup_steps(Holdings(buildings=4)) if s.key == "grids")
    assert step.command == "gridcover grids make --within buildings --cell 250"
