"""Tests of coverage by grid and blind spots against GEOS and against PostGIS."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import geo
from geo.errors import CrsError, GeometryError
from geo.store.connection import connect
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run
from tests.support.scenes import CRS, ORIGIN

corner = st.tuples(st.integers(0, 40), st.integers(0, 40))
boxes = st.lists(st.tuples(corner, st.integers(1, 25), st.integers(1, 25)), min_size=0, max_size=7)


def layer(shapes: list[shapely.Geometry]) -> gpd.GeoSeries:
    shapes_at_origin = [shapely.affinity.translate(s, *ORIGIN) for s in shapes]
    return gpd.GeoSeries(shapes_at_origin, crs=CRS)


def tilted(raw: list[tuple[tuple[int, int], int, int]]) -> list[shapely.Geometry]:
    """Boxes, every second one rotated: shared edges, touching corners and crossings."""
    shapes = []
    for k, ((x, y), w, h) in enumerate(raw):
        shape = shapely.box(x, y, x + w, y + h)
        shapes.append(shapely.affinity.rotate(shape, 37 * (k % 2)))
    return shapes


@settings(max_examples=150)
@given(boxes, boxes)
def test_coverage_by_grid_equals_geos_overlay(raw_views: list, raw_roofs: list) -> None:  # type: ignore[type-arg]
    cells = [shapely.box(5, 5, 30, 30), shapely.Polygon([(30, 5), (48, 9), (40, 44), (30, 30)])]
    grids = gpd.GeoDataFrame(geometry=layer(cells).values, crs=CRS, index=["a", "b"])
    views, roofs = layer(tilted(raw_views)), layer(tilted(raw_roofs))
    buildings = gpd.GeoDataFrame(geometry=roofs, crs=CRS)
    table = geo.coverage_by_grid(grids, views, buildings=buildings)
    union, roof_union = views.union_all(), roofs.union_all()
    for name, cell in grids.geometry.items():
        row = table.loc[name]
        open_ground = cell.difference(roof_union)
        assert row.covered_m2 == pytest.approx(cell.intersection(union).area, abs=1e-6)
        assert row.open_m2 == pytest.approx(open_ground.area, abs=1e-5)
        if open_ground.area > 1e-3:
            expected = open_ground.intersection(union).area / open_ground.area
            assert row.open_covered_share == pytest.approx(expected, abs=1e-6)
        pairs = [a.intersection(b) for k, a in enumerate(views) for b in views[:k]]
        twice = shapely.union_all(pairs).intersection(cell).area / cell.area
        assert row.twice_covered_share == pytest.approx(twice, abs=1e-6)
        shares = [row[f"seen_by_{k}_share"] for k in range(4)]
        assert sum(shares) == pytest.approx(1.0)
        assert row.cameras == sum(v.intersects(cell) for v in views)
    spots = geo.blind_spots(grids, views, buildings=buildings, min_area_m2=0.0)
    blind = spots.groupby("grid")["area_m2"].sum().reindex(grids.index).fillna(0.0)
    seen_open_m2 = table["open_covered_share"].fillna(0.0) * table["open_m2"]
    assert np.allclose(blind + seen_open_m2, table["open_m2"], atol=1e-4)


def test_coverage_of_the_demo_equals_postgis(demo_store: str) -> None:
    """Compare every grid of the demo with ST_Union and ST_Difference in the metric CRS."""
    with connect(demo_store) as conn:
        run = read_latest_run(conn)
        assert run is not None
        srid = int(run.metric_crs.split(":")[1])
        grids = read_layer(conn, "grids").to_crs(srid)
        views = read_camera_views(conn).to_crs(srid)
        conn.execute("CREATE TEMP TABLE g (code text, geom geometry)")
        conn.execute("CREATE TEMP TABLE v (geom geometry)")
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO g VALUES (%s, ST_GeomFromWKB(%s))",
                list(zip(grids.index, shapely.to_wkb(grids.geometry.values), strict=True)),
            )
            cursor.executemany(
                "INSERT INTO v VALUES (ST_GeomFromWKB(%s))",
                [(w,) for w in shapely.to_wkb(views.geometry.values)],
            )
        conn.execute("CREATE INDEX ON v USING gist (geom)")
        # Near the origin and with a robust grid, PostGIS cannot fail on near-coincident edges.
        rows = conn.execute(
            "SELECT code, ST_Area(g.geom), ST_Area(ST_Difference(g.geom, coalesce(u.geom, "
            "'POLYGON EMPTY'::geometry), 1e-7)) FROM g LEFT JOIN LATERAL (SELECT "
            "ST_UnaryUnion(ST_Collect(ST_Intersection(v.geom, g.geom, 1e-7)), 1e-7) AS geom "
            "FROM v WHERE ST_Intersects(v.geom, g.geom)) u ON true"
        ).fetchall()
        conn.rollback()
    sql = pd.DataFrame(rows, columns=["code", "area", "blind"]).set_index("code")
    sql = sql.astype(float).reindex(grids.index)
    table = geo.coverage_by_grid(grids, views.geometry)
    assert len(table) == 297
    assert np.allclose(table["area_m2"], sql["area"], rtol=1e-9)
    difference = np.abs(table["covered_m2"] - (sql["area"] - sql["blind"])) / sql["area"]
    assert difference.max() < 1e-6
    spots = geo.blind_spots(grids, views.geometry, min_area_m2=0.0)
    blind = spots.groupby("grid")["area_m2"].sum().reindex(grids.index).fillna(0.0)
    assert (np.abs(blind - sql["blind"]) / sql["area"]).max() < 1e-6
    assert (np.abs(blind + table["covered_m2"] - table["area_m2"]) / table["area_m2"]).max() < 1e-6
    assert 0.05 < table["covered_share"].mean() < 0.95


def test_blind_spots_widest_m_is_the_largest_circle() -> None:
    cell = shapely.box(0, 0, 100, 40)
    grids = gpd.GeoDataFrame(geometry=layer([cell]).values, crs=CRS, index=["g"])
    spots = geo.blind_spots(grids, layer([shapely.box(30, 0, 100, 40)]))
    assert spots.loc[0, "grid"] == "g"
    assert spots.loc[0, "area_m2"] == pytest.approx(1200.0)
    assert spots.loc[0, "widest_m"] == pytest.approx(30.0, abs=0.5)


def test_blind_spots_omit_small_pieces_and_sort_by_area() -> None:
    grids = gpd.GeoDataFrame(geometry=layer([shapely.box(0, 0, 100, 10)]).values, crs=CRS)
    views = layer([shapely.box(2, 0, 40, 10), shapely.box(50, 0, 80, 10)])
    assert geo.blind_spots(grids, views)["area_m2"].round(6).tolist() == [200.0, 100.0]
    assert len(geo.blind_spots(grids, views, min_area_m2=10.0)) == 3


def test_coverage_of_empty_input_is_empty_and_typed() -> None:
    no_grids = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=CRS), crs=CRS)
    table = geo.coverage_by_grid(no_grids, layer([]))
    assert len(table) == 0
    assert table["covered_share"].dtype == float
    spots = geo.blind_spots(no_grids, layer([]))
    assert len(spots) == 0
    assert spots.crs == CRS


def test_coverage_rejects_bad_input() -> None:
    grids = gpd.GeoDataFrame(geometry=layer([shapely.box(0, 0, 9, 9)]).values, crs=CRS, index=["q"])
    with pytest.raises(CrsError):
        geo.coverage_by_grid(grids, layer([]).to_crs(4326))
    with_point = grids.copy()
    with_point.loc["q", "geometry"] = shapely.Point(1, 1)
    with pytest.raises(GeometryError, match="q"):
        geo.coverage_by_grid(with_point, layer([]))
    with pytest.raises(GeometryError, match="views"):
        geo.blind_spots(grids, layer([shapely.Point(0, 0)]))
