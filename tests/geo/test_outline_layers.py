"""Outlines in files of several layers: which one `--within` reads, for grids and for extracts."""

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


def several(folder: Path, **layers: list[shapely.Geometry]) -> Path:
    """A GeoPackage of several layers, put together by GDAL's own program from GeoJSON."""
    target = folder / "district.gpkg"
    for name, shapes in layers.items():
        part = folder / f"{name}.geojson"
        gpd.GeoDataFrame({"label": [name] * len(shapes)}, geometry=shapes, crs=4326).to_file(part)
        more = ["-update", "-append"] if target.exists() else []
        subprocess.run(
            ["ogr2ogr", "-f", "GPKG", *more, "-t_srs", "EPSG:32650", "-nln", name, target, part],
            check=True,
            capture_output=True,
        )
    return target


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return several(tmp_path, west=[WEST], east=[EAST], lamps=[shapely.Point(114, 30)])


def codes(store: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read_layer(conn, "grids")


def test_grids_within_a_layer(store: str, run: Callable[..., Any], two: Path) -> None:
    make = ["grids", "make", "--within", str(two), "--cell", "100"]
    asked = run(*make)
    said = " ".join(asked.stderr.split())
    assert asked.returncode == 1
    assert "has the layers west, east, lamps, and several of them fit an outline" in said
    assert "name one with --layer" in said
    assert len(codes(store)) == 0
    result = json.loads(run(*make, "--layer", "east", "--json").stdout)
    made = codes(store)
    assert result["inserted"] == len(made) > 20
    ground = shapely.union_all(made.geometry.values)
    assert shapely.symmetric_difference(ground, EAST).area < EAST.area * 1e-3
    assert set(made["community"]) == {"east"}


def test_a_layer_that_is_not_there_or_no_polygons(store: str, two: Path) -> None:
    with connect(store) as conn:
        with pytest.raises(ReadError, match="no layer north; it has west, east, lamps"):
            pipeline.find_boundary(conn, str(two), layer="north")
        with pytest.raises(GeometryError, match="has no polygon"):
            pipeline.find_boundary(conn, str(two), layer="lamps")
        with pytest.raises(ReadError, match="areas is no file; --layer names a layer of a file"):
            pipeline.find_boundary(conn, "areas", layer="west")


def test_the_only_layer_of_polygons_needs_no_name(store: str, tmp_path: Path) -> None:
    file = several(tmp_path, lamps=[shapely.Point(114, 30)], border=[WEST])
    with connect(store) as conn:
        boundary = pipeline.find_boundary(conn, str(file))
    assert shapely.symmetric_difference(boundary.shapes.iloc[0], WEST).area < WEST.area * 1e-6


def test_a_zip_of_several_shapefiles(store: str, tmp_path: Path) -> None:
    for name, shape in (("west", WEST), ("east", EAST)):
        gpd.GeoDataFrame({"label": [name]}, geometry=[shape], crs=4326).to_file(
            tmp_path / f"{name}.shp"
        )
    file = tmp_path / "borders.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for part in sorted(tmp_path.glob("*.*")):
            if part.suffix != ".zip":
                archive.write(part, f"borders/{part.name}")
    with connect(store) as conn:
        with pytest.raises(ReadError, match="name one with --layer"):
            pipeline.find_boundary(conn, str(file))
        boundary = pipeline.find_boundary(conn, str(file), layer="borders/east")
    assert boundary.shapes.iloc[0].equals(EAST)
    assert boundary.name == "east"


def test_an_extract_within_a_layer(
    store: str, run: Callable[..., Any], two: Path, tmp_path: Path
) -> None:
    city = OsmExtract()
    near = city.ring(box(0, 0, 10, 10), building="yes")
    city.ring(box(1200, 0, 10, 10), building="yes")
    extract = city.write(tmp_path / "city.osm")
    asked = run("import", "osm", str(extract), "--within", str(two))
    assert asked.returncode == 1
    assert "name one with --layer" in " ".join(asked.stderr.split())
    run("import", "osm", str(extract), "--within", str(two), "--layer", "west")
    with connect(store) as conn:
        assert read_layer(conn, "buildings").index.tolist() == [f"way/{near}"]
    with psycopg.connect(store) as conn:
        options = conn.execute(
            "SELECT options FROM gridcover.imports WHERE layer = 'buildings'"
        ).fetchone()
    assert options is not None
    assert (options[0]["within"], options[0]["within_layer"]) == ("district.gpkg", "west")


def test_a_layer_without_within_is_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    extract = OsmExtract().write(tmp_path / "city.osm")
    refused = run("import", "osm", str(extract), "--layer", "west")
    assert refused.returncode == 2
    assert "--within" in refused.stderr


def test_grids_over_the_ground_that_buildings_span(
    store: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    """An extract without a boundary of its own: two commands make the grids."""
    city = OsmExtract()
    for x, y in ((0, 0), (400, 0), (0, 300), (400, 300)):
        city.ring(box(x, y, 10, 10), building="yes")
    run("import", "osm", str(city.write(tmp_path / "city.osm")))
    asked = run("grids", "make", "--within", "areas")
    assert asked.returncode == 1
    assert "--within buildings divides the ground" in " ".join(asked.stderr.split())
    run("grids", "make", "--within", "buildings", "--cell", "100")
    with connect(store) as conn:
        made = read_layer(conn, "grids").to_crs(32650)
        houses = read_layer(conn, "buildings").to_crs(32650)
        (community,) = read_layer(conn, "areas")[["name", "name_en"]].to_numpy().tolist()
    assert community == ["全域", "Whole area"]
    ground = shapely.union_all(made.geometry.values)
    hull = shapely.convex_hull(shapely.union_all(houses.geometry.values))
    assert shapely.symmetric_difference(ground, hull).area < hull.area * 1e-3
    assert hull.area == pytest.approx(410 * 310, rel=0.02)
    (step,) = (s for s in setup_steps(Holdings(buildings=4)) if s.key == "grids")
    assert step.command == "gridcover grids make --within buildings --cell 250"
