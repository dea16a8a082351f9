"""`choose_sites`, `added_ground` and `added_by_grid` against brute force and direct areas."""

from __future__ import annotations

from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError, CrsError, GeometryError

CRS = "EPSG:32650"


def make_scene(
    boxes: list[tuple[int, int, int]], weights: list[float], costs: list[float]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return candidates with square views, and demand on a lattice of ten by ten points."""
    views = [shapely.box(x, y, x + s, y + s) for x, y, s in boxes]
    candidates = gpd.GeoDataFrame(
        {"cost": costs[: len(views)]},
        geometry=views,
        crs=CRS,
        index=[f"s{k}" for k in range(len(views))],
    )
    points = [shapely.Point(x + 0.5, y + 0.5) for x in range(10) for y in range(10)]
    return candidates, gpd.GeoDataFrame({"weight": weights}, geometry=points, crs=CRS)


def covered_weight(
    candidates: gpd.GeoDataFrame, demand: gpd.GeoDataFrame, chosen: list[str]
) -> float:
    covered_area = shapely.union_all(candidates.geometry[list(chosen)].values)
    return float(demand["weight"][shapely.intersects(demand.geometry.values, covered_area)].sum())


def best_covered_weight(
    candidates: gpd.GeoDataFrame, demand: gpd.GeoDataFrame, limit: float, cost: str
) -> float:
    """Return the largest weight that a choice within a limit covers, by trying every choice."""
    costs = candidates["cost"].to_numpy() if cost == "cost" else np.ones(len(candidates))
    is_covered = np.array(
        [shapely.intersects(demand.geometry.values, view) for view in candidates.geometry]
    )
    weights = demand["weight"].to_numpy()
    return max(
        float(weights[is_covered[list(choice)].any(axis=0)].sum())
        for size in range(len(candidates) + 1)
        for choice in combinations(range(len(candidates)), size)
        if costs[list(choice)].sum() <= limit
    )


boxes = st.lists(
    st.tuples(st.integers(-1, 9), st.integers(-1, 9), st.integers(1, 5)), min_size=1, max_size=8
)
weights = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=100, max_size=100)
costs = st.lists(st.sampled_from([1.0, 2.0, 3.5]), min_size=8, max_size=8)


@given(boxes, weights, costs, st.integers(1, 4))
def test_choose_sites_by_number_against_brute_force(
    views: list[tuple[int, int, int]], weight: list[float], cost: list[float], number: int
) -> None:
    candidates, demand = make_scene(views, weight, cost)
    plan = geo.choose_sites(candidates, demand, number=number)
    optimum = best_covered_weight(candidates, demand, number, "")
    assert len(plan.chosen) <= number
    assert plan.gain == pytest.approx(covered_weight(candidates, demand, list(plan.chosen.index)))
    assert plan.gain >= (1 - 1 / np.e) * optimum - 1e-9
    assert plan.gain <= optimum + 1e-9 <= plan.upper_bound + 2e-9
    assert plan.chosen["gain"].is_monotonic_decreasing
    assert (plan.chosen["gain"] > 0).all()
    assert plan.gap == pytest.approx(
        (plan.upper_bound - plan.gain) / plan.upper_bound if plan.upper_bound else 0
    )


@given(boxes, weights, costs, st.sampled_from([1.0, 3.0, 5.5, 8.0]))
def test_choose_sites_by_budget_against_brute_force(
    views: list[tuple[int, int, int]], weight: list[float], cost: list[float], budget: float
) -> None:
    candidates, demand = make_scene(views, weight, cost)
    plan = geo.choose_sites(candidates, demand, budget=budget)
    optimum = best_covered_weight(candidates, demand, budget, "cost")
    assert plan.chosen["cost"].sum() <= budget + 1e-9
    # Khuller, Moss and Naor: the better of greedy and best single reaches half of 1 - 1/e.
    assert (1 - 1 / np.e) / 2 * optimum - 1e-9 <= plan.gain <= optimum + 1e-9
    assert plan.upper_bound >= optimum - 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_choose_sites_exact_is_optimal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    views = [tuple(map(int, rng.integers([-1, -1, 1], [10, 10, 5]))) for _ in range(9)]
    candidates, demand = make_scene(views, list(rng.random(100)), list(rng.random(9) + 0.5))  # type: ignore[arg-type]
    plan = geo.choose_sites(candidates, demand, budget=3.0, time_limit_s=20)
    assert plan.gain == pytest.approx(best_covered_weight(candidates, demand, 3.0, "cost"))
    assert plan.gap < 1e-6


def test_choose_sites_with_empty_and_invalid_input() -> None:
    candidates, demand = make_scene([(0, 0, 3)], [1.0] * 100, [1.0])
    with pytest.raises(ColumnError, match="either"):
        geo.choose_sites(candidates, demand)
    with pytest.raises(ColumnError, match="weight"):
        geo.choose_sites(candidates, demand.assign(weight=-1.0), number=1)
    with pytest.raises(ColumnError, match="cost"):
        geo.choose_sites(candidates.assign(cost=0.0), demand, budget=2)
    with pytest.raises(ColumnError, match="label"):
        geo.choose_sites(candidates.iloc[[0, 0]], demand, number=1)
    with pytest.raises(GeometryError, match="points"):
        geo.choose_sites(candidates, candidates.assign(weight=1.0), number=1)
    with pytest.raises(CrsError):
        geo.choose_sites(candidates.to_crs(4326), demand.to_crs(4326), number=1)
    for sites, points in ((candidates.iloc[:0], demand), (candidates, demand.iloc[:0])):
        plan = geo.choose_sites(sites, points, number=2, time_limit_s=1)
        assert (len(plan.chosen), plan.gain, plan.gap) == (0, 0.0, 0.0)


def test_added_ground_and_added_by_grid_against_areas() -> None:
    existing = gpd.GeoSeries([shapely.box(0, 0, 10, 10), shapely.box(50, 50, 60, 60)], crs=CRS)
    planned = gpd.GeoSeries([shapely.box(5, 0, 15, 10), shapely.box(12, 0, 22, 10)], crs=CRS)
    added = geo.added_ground(existing, planned)
    assert added.area == pytest.approx(120.0)
    assert geo.added_ground(existing, existing).is_empty
    assert geo.added_ground(existing.iloc[:0], planned).area == pytest.approx(170.0)
    grids = gpd.GeoDataFrame(
        {"open_m2": [100.0, 200.0, 50.0], "open_covered_share": [0.5, np.nan, 1.0]},
        geometry=[
            shapely.box(10, 0, 16, 10),
            shapely.box(16, 0, 30, 10),
            shapely.box(90, 0, 99, 9),
        ],
        crs=CRS,
        index=["a", "b", "c"],
    )
    incidents = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy([11, 12, 20, 3, 95], [5, 5, 5, 5, 5]), crs=CRS
    )
    gains = geo.added_by_grid(grids, added, incidents=incidents)
    assert list(gains.index) == ["a", "b"]
    assert list(gains["gained_m2"]) == pytest.approx([60.0, 60.0])
    assert gains["share_after"]["a"] == 1.0
    assert np.isnan(gains["share_after"]["b"])
    assert list(gains["incidents"]) == [2, 1]
    assert geo.added_by_grid(grids, added)["incidents"].isna().all()


def test_added_by_grid_equals_the_change_of_coverage() -> None:
    """The gain is the coverage with the new cameras minus the coverage without them."""
    from benchmarks.city import city

    cameras, buildings = city(193)
    rng = np.random.default_rng(4)
    planned = cameras.iloc[rng.choice(len(cameras), 20, replace=False)].copy()
    existing = cameras.drop(planned.index)
    views, added = geo.visible_area(existing, buildings), geo.visible_area(planned, buildings)
    grids = gpd.GeoDataFrame(
        geometry=[shapely.box(*shapely.total_bounds(buildings.geometry.values))], crs=CRS
    )
    before = geo.coverage_by_grid(grids, views, buildings=buildings)
    after = geo.coverage_by_grid(
        grids, gpd.GeoSeries([*views, *added], crs=CRS), buildings=buildings
    )
    gains = geo.added_by_grid(
        grids.join(before[["open_m2", "open_covered_share"]]), geo.added_ground(views, added)
    )
    assert gains["gained_m2"].iloc[0] == pytest.approx(
        after["covered_m2"].iloc[0] - before["covered_m2"].iloc[0], abs=0.5
    )
    assert gains["share_after"].iloc[0] == pytest.approx(
        after["open_covered_share"].iloc[0], abs=1e-5
    )
