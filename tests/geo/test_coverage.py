"""Coverage by grid and blind spots against GEOS and against PostGIS SQL."""

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
    moved = [shapely.affinity.translate(s, *ORIGIN) for s in shapes]
    return gpd.GeoSeries(moved, crs=CRS)


def tilted(raw: list[tuple[tuple[int, int], int, int]]) -> list[shapely.Geometry]:
    """Boxes, every second one turned: shared edges, touching corners and crossings."""
    out = []
    for k, ((x, y), w, h) in enumerate(raw):
        shape = shapely.box(x, y, x + w, y + h)
        out.append(shapely.affinity.rotate(shape, 37 * (k % 2)))
    return out


@settings(max_examples=150)
@given(boxes, boxes)
def test_areas_equal_overlay(raw_views: list, raw_roofs: list) -> None:  # type: ignore[type-arg]
    cells = [shapely.box(5, 5, 30, 30), shapely.Polygon([(30, 5), (48, 9), (40, 44), (30, 30)])]
    grids = gpd.GeoDataFrame(geometry=layer(cells).values, crs=CRS, index=["a", "b"])
    views, roofs = layer(tilted(raw_views)), layer(tilted(raw_roofs))
    buildings = gpd.GeoDataFrame(geometry=roofs, crs=CRS)
    got = geo.coverage_by_grid(grids, views, buildings=buildings)
    union, built = views.union_all(), roofs.union_all()
    for name, cell in grids.geometry.items():
        row = got.loc[name]
        open_ground = cell.difference(built)
        assert row.covered_m2 == pytest.approx(cell.intersection(union).area, abs=1e-6)
        assert row.open_m2 == pytest.approx(open_ground.area, abs=1e-5)
        if open_ground.area > 1e-3:
            want = open_ground.intersection(union).area / open_ground.area
            assert row.open_covered_share == pytest.approx(want, abs=1e-6)
        pairs = [a.intersection(b) for k, a in enumerate(views) for b in views[:k]]
        twice = shapely.union_all(pairs).intersection(cell).area / cell.area
        assert row.twice_covered_share == pytest.approx(twice, abs=1e-6)
        shares = [row[f"seen_by_{k}_share"] for k in range(4)]
        assert sum(shares) == pytest.approx(1.0)
        assert row.cameras == sum(v.intersects(cell) for v in views)
    spots = geo.blind_spots(grids, views, buildings=buildings, min_area_m2=0.0)
    blind = spots.groupby("grid")["area_m2"].sum().reindex(grids.index).fillna(0.0)
    seen = got["open_covered_share"].fillna(0.0) * got["open_m2"]
    assert np.allclose(blind + seen, got["open_m2"], atol=1e-4)


def test_demo_against_postgis(demo_store: str) -> None:
    """Every grid of the demo: ST_Union and ST_Difference in the metric CRS."""
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
    ours = geo.coverage_by_grid(grids, views.geometry)
    assert len(ours) == 297
    assert np.allclose(ours["area_m2"], sql["area"], rtol=1e-9)
    off = np.abs(ours["covered_m2"] - (sql["area"] - sql["blind"])) / sql["area"]
    assert off.max() < 1e-6
    spots = geo.blind_spots(grids, views.geometry, min_area_m2=0.0)
    blind = spots.groupby("grid")["area_m2"].sum().reindex(grids.index).fillna(0.0)
    assert (np.abs(blind - sql["blind"]) / sql["area"]).max() < 1e-6
    assert (np.abs(blind + ours["covered_m2"] - ours["area_m2"]) / ours["area_m2"]).max() < 1e-6
    assert 0.05 < ours["covered_share"].mean() < 0.95


def test_widest_is_the_largest_circle() -> None:
    cell = shapely.box(0, 0, 100, 40)
    grids = gpd.GeoDataFrame(geometry=layer([cell]).values, crs=CRS, index=["g"])
    spots = geo.blind_spots(grids, layer([shapely.box(30, 0, 100, 40)]))
    assert spots.loc[0, "grid"] == "g"
    assert spots.loc[0, "area_m2"] == pytest.approx(1200.0)
    assert spots.loc[0, "widest_m"] == pytest.approx(30.0, abs=0.5)


def test_small_pieces_are_left_out_and_the_largest_comes_first() -> None:
    grids = gpd.GeoDataFrame(geometry=layer([shapely.box(0, 0, 100, 10)]).values, crs=CRS)
    views = layer([shapely.box(2, 0, 40, 10), shapely.box(50, 0, 80, 10)])
    assert geo.blind_spots(grids, views)["area_m2"].round(6).tolist() == [200.0, 100.0]
    assert len(geo.blind_spots(grids, views, min_area_m2=10.0)) == 3


def test_empty_inputs_give_empty_typed_results() -> None:
    none = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=CRS), crs=CRS)
    table = geo.coverage_by_grid(none, layer([]))
    assert len(table) == 0
    assert table["covered_share"].dtype == float
    spots = geo.blind_spots(none, layer([]))
    assert len(spots) == 0
    assert spots.crs == CRS


def test_bad_input_is_named() -> None:
    grids = gpd.GeoDataFrame(geometry=layer([shapely.box(0, 0, 9, 9)]).values, crs=CRS, index=["q"])
    with pytest.raises(CrsError):
        geo.coverage_by_grid(grids, layer([]).to_crs(4326))
    broken = grids.copy()
    broken.loc["q", "geometry"] = shapely.Point(1, 1)
    with pytest.raises(GeometryError, match="q"):
        geo.coverage_by_grid(broken, layer([]))
    with pytest.raises(GeometryError, match="views"):
        geo.blind_spots(grids, layer([shapely.Point(0, 0)]))
