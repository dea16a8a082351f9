"""Tests of `make_grids`: a partition of the district with stable codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo import pipeline
from geo.errors import ColumnError, CrsError, GeometryError, ReadError, StoreError
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer

CRS = "EPSG:32650"
HOME = (500_000.0, 4_000_000.0)


@st.composite
def districts(draw: st.DrawFn) -> Any:
    """Polygons of any form, with and without holes and several parts."""
    count = draw(st.integers(3, 12))
    coordinate = st.floats(-600, 600).map(lambda v: round(v, 2))
    points = draw(st.lists(st.tuples(coordinate, coordinate), min_size=count, max_size=count))
    shape = shapely.make_valid(shapely.Polygon([(HOME[0] + x, HOME[1] + y) for x, y in points]))
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = [p for p in parts if p.geom_type == "Polygon" and p.area > 500]
    if not polygons:
        polygons = [shapely.box(HOME[0], HOME[1], HOME[0] + 321, HOME[1] + 123)]
    return shapely.union_all(polygons)


def series(*shapes: Any) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=CRS)


@pytest.mark.parametrize("shape", ["square", "hexagon"])
@given(
    district=districts(),
    cell=st.sampled_from([90.0, 250.0, 333.3]),
    share=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_make_grids_partitions_the_district(
    shape: Any, district: Any, cell: float, share: float
) -> None:
    grids = geo.make_grids(series(district), cell, shape, smallest_share=share)
    shapes = np.asarray(grids.geometry.values)
    assert grids["code"].is_unique
    assert shapely.is_valid(shapes).all()
    assert np.isin(shapely.get_type_id(shapes), (3, 6)).all()
    assert grids.area.sum() == pytest.approx(district.area, rel=1e-9)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[a[a < b]], shapes[b[a < b]]))
    assert shared.max(initial=0.0) < 1e-6
    assert shapely.symmetric_difference(shapely.union_all(shapes), district).area < 1e-5


@pytest.mark.parametrize("shape", ["square", "hexagon"])
@given(district=districts(), growth_m=st.floats(0.5, 40.0))
def test_make_grids_codes_are_stable_when_the_border_grows(
    shape: Any, district: Any, growth_m: float
) -> None:
    small = geo.make_grids(series(district), 100, shape, smallest_share=0.0)
    repeated = geo.make_grids(series(district), 100, shape, smallest_share=0.0)
    large = geo.make_grids(series(district.buffer(growth_m)), 100, shape, smallest_share=0.0)
    assert small.geom_equals_exact(repeated, 0).all()
    assert small["code"].tolist() == repeated["code"].tolist()
    assert set(small["code"]) <= set(large["code"])
    before, after = (g.set_index("code").geometry for g in (small, large))
    outside = shapely.difference(before.values, after.loc[before.index].values)
    assert shapely.area(outside).max() < 1e-6


@pytest.mark.parametrize("shape", ["square", "hexagon"])
@given(district=districts())
def test_make_grids_merges_slivers_with_neighbours(shape: Any, district: Any) -> None:
    grids = geo.make_grids(series(district), 100, shape, smallest_share=0.3)
    full = 100.0**2 * (1 if shape == "square" else np.sqrt(3) / 2)
    shapes = np.asarray(grids.geometry.values)
    for k in np.flatnonzero(shapely.area(shapes) < 0.3 * full).tolist():
        others = np.delete(shapes, k)
        assert shapely.length(shapely.intersection(shapes[k], others)).max(initial=0.0) < 1e-6


def test_make_grids_inner_cells_are_complete_and_coded_by_position() -> None:
    district = shapely.box(HOME[0] - 30, HOME[1], HOME[0] + 500, HOME[1] + 500)
    squares = geo.make_grids(series(district), 250, prefix="QH-")
    assert squares["code"].tolist() == [
        "QH-S250E1999N16001",
        "QH-S250E2000N16001",
        "QH-S250E2001N16001",
        "QH-S250E1999N16000",
        "QH-S250E2000N16000",
        "QH-S250E2001N16000",
    ]
    assert squares.area.round(6).tolist() == [7500, 62500, 62500] * 2
    merged = geo.make_grids(series(district), 250, smallest_share=0.2)
    assert merged["code"].tolist() == [
        "S250E2000N16001",
        "S250E2001N16001",
        "S250E2000N16000",
        "S250E2001N16000",
    ]
    hexagons = geo.make_grids(series(district.buffer(2000)), 250, "hexagon")
    inner = hexagons[hexagons.within(district.buffer(1500))]
    assert inner.area.to_numpy() == pytest.approx(250**2 * np.sqrt(3) / 2)
    assert (shapely.get_num_coordinates(inner.geometry.values) == 7).all()
    south = geo.make_grids(gpd.GeoSeries([shapely.box(-105, -100, 0, 0)], crs=CRS), 100)
    assert south["code"].tolist() == ["S100W1S1"]


# fmt: off
INVALID_INPUTS = [
    (gpd.GeoSeries([shapely.box(0, 0, 1, 1)], crs=4326), {"cell_m": 250}, CrsError, "metric"),
    (series(shapely.Point(0, 0)), {"cell_m": 250}, GeometryError, "valid polygons"),
    (series(shapely.box(0, 0, 1, 1))[:0], {"cell_m": 250}, GeometryError, "no polygon"),
    (series(shapely.box(0, 0, 9, 9)), {"cell_m": 0}, ColumnError, "above 0"),
    (series(shapely.box(0, 0, 9, 9)), {"cell_m": float("nan")}, ColumnError, "above 0"),
    (
        series(shapely.box(0, 0, 9, 9)), {"cell_m": 1, "shape": "round"}, ColumnError,
        "square, hexagon",
    ),
    (
        series(shapely.box(0, 0, 9, 9)), {"cell_m": 1, "smallest_share": 1}, ColumnError,
        "smallest_share",
    ),
    (series(shapely.box(0, 0, 1e6, 1e6)), {"cell_m": 10}, ColumnError, "larger"),
]
# fmt: on


@pytest.mark.parametrize(("boundary", "options", "error", "message"), INVALID_INPUTS)
def test_make_grids_rejects_bad_input(
    boundary: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        geo.make_grids(boundary, **options)


def write_outline(path: str = "outline.geojson", width: float = 0.02) -> Path:
    frame = gpd.GeoDataFrame(
        {"name": ["x"]}, geometry=[shapely.box(118.5, 31.3, 118.5 + width, 31.31)], crs=4326
    )
    frame.to_file(path)
    return Path(path)


def read_grids(store: str) -> gpd.GeoDataFrame:
    with connect(store) as conn:
        return read_layer(conn, "grids")


def test_grids_make_command_in_an_empty_store(
    store: str, run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["grids", "make", "--within", str(write_outline()), "--cell", "250", "--json"]
    assert json.loads(run(*command, "--dry-run").stdout)["stored"] is False
    assert len(read_grids(store)) == 0
    summary = json.loads(run(*command, "-o", "out.gpkg").stdout)
    assert len(gpd.read_file("out.gpkg")) == summary["grids"]
    assert len(read_grids(store)) == 0
    summary = json.loads(run(*command).stdout)
    grids = read_grids(store)
    assert summary["inserted"] == len(grids) > 20
    assert set(grids["community"]) == {"outline"}
    with connect(store) as conn:
        areas = read_layer(conn, "areas")
        assert areas["level"].to_dict() == {"outline": "community"}
        refreshed = pipeline.refresh_all(conn, get_settings())
    assert refreshed.coverage.summary["grids"] == len(grids)
    # A second run changes nothing; a wider outline keeps the codes.
    assert json.loads(run(*command).stdout)["unchanged"] == len(grids)
    write_outline(width=0.03)
    run(*command)
    assert set(grids.index) <= set(read_grids(store).index)


def test_store_grids_replaces_other_grids_only_on_request(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_outline()
    settings = get_settings()
    with connect(store) as conn:
        boundary = pipeline.find_boundary(conn, "outline.geojson")
        pipeline.store_grids(conn, pipeline.plan_grids(conn, boundary, settings), boundary)
        conn.commit()
        within = pipeline.find_boundary(conn, "areas")
        plan = pipeline.plan_grids(conn, within, settings, cell_m=200, shape="hexagon", prefix="h-")
        assert plan.community is None
        assert plan.without_community == 0
        assert set(plan.grids["community"]) == {"outline"}
        with pytest.raises(StoreError, match="--replace"):
            pipeline.store_grids(conn, plan, within)
        pipeline.store_grids(conn, plan, within, replace=True)
        conn.commit()
        assert set(read_layer(conn, "grids").index) == set(plan.grids["code"])
        assert pipeline.find_boundary(conn, "outline").name == "outline"
        second_plan = pipeline.plan_grids(conn, within, settings, community="new")
        assert second_plan.community == "new"
        with pytest.raises(ReadError, match="no file, no layer"):
            pipeline.find_boundary(conn, "nowhere")
        with pytest.raises(ReadError, match="no layer with rows"):
            pipeline.find_boundary(conn, "buildings")
