"""`roll_up`, `rank_peers`, `gini` and `share_within_distance`: exact sums, ranks, inequality."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError
from geo.store.connection import connect
from geo.store.queries.grids import read_grid_results
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run

CRS = "EPSG:32650"


def test_roll_up_of_the_demo_adds_up_exactly(demo_store: str) -> None:
    with connect(demo_store) as conn:
        run = read_latest_run(conn)
        assert run is not None
        results = read_grid_results(conn, run.id).set_index("code", drop=False)
        grids, areas = read_layer(conn, "grids"), read_layer(conn, "areas")
    results = results.reindex(grids.index)
    figures = results[["area_m2", "covered_m2", "open_m2", "count"]].assign(
        population=grids["population"],
        open_covered_m2=results["open_covered_share"] * results["open_m2"],
    )
    table = geo.roll_up(
        grids, areas, figures, shares={"open_covered_share": ("open_covered_m2", "open_m2")}
    )
    totals = table.groupby(level="level").sum()
    for column in ("grids", *figures.columns):
        assert totals[column].nunique() == 1  # to the last bit
    # The children of each area add up to it, to the last bit and in any order.
    parents = areas["parent"]
    for code in areas.index[areas["level"] == "subdistrict"]:
        children = table.loc["community"].loc[parents.index[parents == code]]
        assert (
            children[figures.columns].iloc[::-1].sum()
            == table.loc[("subdistrict", code), figures.columns]
        ).all()
    populations = areas.loc[areas["level"] == "subdistrict", "population"]
    assert (table.loc["subdistrict"]["population"].reindex(populations.index) == populations).all()
    assert table.loc[("district", "990101"), "open_covered_share"] == pytest.approx(
        run.summary["open_covered_share"], abs=1e-9
    )
    ranked = geo.rank_peers(table, "open_covered_share", level="subdistrict", target=1.0)
    assert len(ranked) == 6
    assert ranked["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert ranked["open_covered_share"].is_monotonic_decreasing
    assert 0 < ranked.attrs["gini"] < 1
    lowest_first = geo.rank_peers(table, "count", level="subdistrict", best="lowest", target=0)
    assert lowest_first["count"].is_monotonic_increasing
    assert (lowest_first["gap"] == lowest_first["count"]).all()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.integers(1, 5))
def test_gini_equals_the_mean_difference(values: list[float], factor: int) -> None:
    figure = np.array(values)
    result = geo.gini(figure)
    if figure.mean() > 1e-9:
        pairs = [abs(a - b) for a, b in itertools.product(values, repeat=2)]
        assert result == pytest.approx(np.mean(pairs) / 2 / figure.mean(), abs=1e-9)
    # A weight n is equivalent to n areas of the same value.
    assert geo.gini(figure, np.full(len(values), 3.0)) == pytest.approx(result, abs=1e-9)
    weights = np.arange(1, len(values) + 1) * factor
    assert geo.gini(figure, weights) == pytest.approx(
        geo.gini(np.repeat(figure, weights)), abs=1e-9
    )


def test_roll_up_and_gini_refuse_invalid_input() -> None:
    for values, weights, message in (
        ([], None, "at least one"),
        ([1, -1], None, "0 or more"),
        ([1, 2], [1, 0], "above 0"),
        ([np.nan], None, "known"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.gini(values, weights)
    assert geo.gini([0, 0]) == 0
    grids = gpd.GeoDataFrame(
        {"community": [None]}, geometry=[shapely.box(0, 0, 9, 9)], index=["a"], crs=CRS
    )
    areas = gpd.GeoDataFrame({"level": [], "parent": []}, geometry=[])
    figures = pd.DataFrame({"n": [1]}, index=["a"])
    table = geo.roll_up(grids, areas, figures)
    assert table.loc[("district", ""), "n"] == 1
    with pytest.raises(ColumnError, match="index"):
        geo.roll_up(grids, areas, figures.reset_index(drop=True))
    with pytest.raises(ColumnError, match="not among"):
        geo.roll_up(grids, areas, figures, shares={"x": ("n", "m")})
    with pytest.raises(ColumnError, match="numbers"):
        geo.roll_up(grids, areas, pd.DataFrame({"n": ["many"]}, index=["a"]))
    for options, message in (
        ({"figure": "x", "level": "grid"}, "no x"),
        ({"figure": "n", "level": "town"}, "no level"),
        ({"figure": "n", "level": "grid", "best": "first"}, "highest or lowest"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.rank_peers(table, **options)  # type: ignore[arg-type]
    assert geo.rank_peers(table, "n", level="district").empty


def test_share_within_distance_of_service_points() -> None:
    boxes = [shapely.box(x, 0, x + 1000, 1000) for x in (0, 1000, 2000)]
    grids = gpd.GeoDataFrame({"name": list("abc")}, geometry=boxes, index=list("abc"), crs=CRS)
    points = gpd.GeoDataFrame(geometry=[shapely.Point(500, 500), None], crs=CRS)
    table = geo.share_within_distance(grids, points, 300.0, columns=["name"])
    # A polygon of 128 corners is 0.04 % smaller than its circle.
    assert table["served_share"].tolist() == [pytest.approx(np.pi * 0.09, rel=5e-4), 0, 0]
    assert table["nearest_m"].tolist() == [0, 1000, 2000]
    without_points = geo.share_within_distance(grids, points.iloc[1:], 300.0)
    assert without_points["served_share"].tolist() == [0, 0, 0]
    assert np.isinf(without_points["nearest_m"]).all()
    with pytest.raises(ColumnError, match="distance_m"):
        geo.share_within_distance(grids, points, 0)
