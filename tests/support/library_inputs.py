"""Every public function that takes layers or tables, with small inputs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import geo

CRS = "EPSG:32650"
X, Y = 500_000.0, 4_400_000.0
"""South-western corner of the district, where every projection is valid."""


def _box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


@cache
def world() -> dict[str, Any]:
    """Inputs by name: a district of nine grids with its registers, incidents and tables."""
    rng = np.random.default_rng(1)
    codes = [f"g{k}" for k in range(9)]
    cells = [
        _box(100 * x, 100 * y, 100 * x + 100, 100 * y + 100) for y in range(3) for x in range(3)
    ]
    grids = gpd.GeoDataFrame(
        {
            "community": ["c1"] * 5 + ["c2"] * 4,
            "population": np.arange(9) + 20,
            "open_m2": np.full(9, 8000.0),
            "open_covered_share": np.linspace(0, 0.8, 9),
        },
        geometry=cells,
        index=codes,
        crs=CRS,
    )
    areas = gpd.GeoDataFrame(
        {
            "name": ["one", "two", "town"],
            "level": ["community", "community", "subdistrict"],
            "parent": ["s", "s", None],
        },
        geometry=[_box(0, 0, 300, 150), _box(0, 150, 300, 300), _box(0, 0, 300, 300)],
        index=["c1", "c2", "s"],
        crs=CRS,
    )
    cameras = gpd.GeoDataFrame(
        {
            "kind": ["fixed", "dome", "ptz", "panoramic", "unknown", "fixed"],
            "bearing_deg": [10, 80, 120, 200, 270, 330],
            "fov_deg": [70, 90, 360, 360, 100, 60],
            "range_m": [60, 50, 90, 70, 60, 80],
            "near_m": [2, 1, 3, 2, 0, 1],
            "height_m": [5, 4, 8, 6, 6, 5],
            "tilt_deg": [10, 20, 30, 10, 20, 10],
            "vfov_deg": [40, 50, 40, 60, 40, 40],
            "night_range_m": [30, 20, 40, 30, 20, 50],
            "pixels_wide": [1920, 1920, 3840, 2560, 1280, 1920],
            "status": ["working", "faulty", "working", "unknown", "working", "offline"],
            "point_class": ["public", "public", "industry", "private", "public", "industry"],
            "room": ["outdoor", "indoor", "outdoor", "unknown", "outdoor", "outdoor"],
            "network": [True, False, True, True, False, True],
            "owner": list("abcabc"),
            "community": ["c1", "c1", "c2", "c1", "c2", "c2"],
            "installed_on": pd.to_datetime(["2015-03-01", "2018-01-01", "2020-05-01"] * 2),
            "upgraded_on": pd.to_datetime(["2022-03-01", "2021-01-01", "2023-05-01"] * 2),
            "retired_on": pd.to_datetime(["2040-03-01", "2041-01-01", "2042-05-01"] * 2),
            "platform": list("ppqqpp"),
        },
        geometry=[shapely.Point(X + 30 + 45 * k, Y + 55 + 37 * k) for k in range(6)],
        index=[f"k{k}" for k in range(6)],
        crs=CRS,
    )
    buildings = gpd.GeoDataFrame(
        {"height_m": [12, 6, 3, 20], "parapet_m": [1, 0, 0, 1]},
        geometry=[
            _box(60, 60, 90, 80),
            _box(150, 30, 170, 60),
            _box(120, 160, 160, 190),
            _box(220, 220, 250, 250),
        ],
        index=["b0", "b1", "b2", "b3"],
        crs=CRS,
    )
    number = 150
    times = pd.Timestamp("2025-01-01T00:00", tz="UTC") + pd.to_timedelta(
        np.sort(rng.integers(0, 400 * 24, number)), unit="h"
    )
    points = shapely.points(X + rng.uniform(1, 299, number), Y + rng.uniform(1, 299, number))
    incidents = gpd.GeoDataFrame(
        {
            "source": ["desk", "line"] * (number // 2),
            "source_id": [f"n{k}" for k in range(number)],
            "occurred_at": times,
            "occurred_from": times,
            "occurred_to": times + pd.Timedelta(hours=2),
            "reported_at": times,
            "accepted_at": times + pd.Timedelta(hours=1),
            "due_at": times + pd.Timedelta(hours=48),
            "closed_at": times + pd.Timedelta(hours=24),
            "satisfaction": rng.integers(0, 100, number),
            "category": rng.choice(["a", "a/b", "c"], number),
            "grid": rng.choice(codes, number),
        },
        geometry=points,
        index=[f"i{k}" for k in range(number)],
        crs=CRS,
    )
    streets = gpd.GeoDataFrame(
        {"class": ["local", "lane"]},
        geometry=[
            shapely.LineString([(X, Y + 50), (X + 300, Y + 50)]),
            shapely.LineString([(X + 150, Y), (X + 150, Y + 300)]),
        ],
        index=["s0", "s1"],
        crs=CRS,
    )
    demand = gpd.GeoDataFrame(
        {"weight": np.arange(9) + 1},
        geometry=[c.centroid for c in cells],
        index=[f"d{k}" for k in range(9)],
        crs=CRS,
    )
    candidates = gpd.GeoDataFrame(
        {"cost": [1, 2, 3]},
        geometry=[_box(0, 0, 200, 100), _box(0, 0, 100, 300), _box(100, 100, 300, 300)],
        index=["t0", "t1", "t2"],
        crs=CRS,
    )
    views = geo.visible_area(cameras, buildings)
    figures = pd.DataFrame({"open": np.arange(9) * 10, "seen": np.arange(9) * 3}, index=codes)
    cube = pd.DataFrame(
        rng.integers(0, 9, (9, 12)),
        index=codes,
        columns=pd.date_range("2025-01-01", periods=12, freq="MS"),
    )
    findings = pd.DataFrame(
        {"owner": list("aab"), "aspect": ["complete"] * 3, "finding": ["x", "x", "y"]},
        index=["f0", "f1", "f2"],
    )
    key_places = pd.DataFrame(
        {"kind": ["school", "market", "school"], "required_share": [1.0, 0.5, 1.0]},
        index=["p0", "p1", "p2"],
    )
    return {
        "grids": grids,
        "areas": areas,
        "cameras": cameras,
        "buildings": buildings,
        "incidents": incidents,
        "streets": streets,
        "demand": demand,
        "candidates": candidates,
        "views": views,
        "added": views.iloc[:2].copy(),
        "ground": geo.added_ground(views.iloc[2:], views.iloc[:2]),
        "history": pd.DataFrame(
            {
                "camera": ["k0", "k1"],
                "status": ["faulty", "working"],
                "since": pd.to_datetime(["2026-01-01", "2026-02-01"], utc=True),
            },
            index=["h0", "h1"],
        ),
        "staff": pd.DataFrame(
            {"grid": codes[:3], "role": ["head", "police", "head"]}, index=["w0", "w1", "w2"]
        ),
        "figures": figures,
        "cube": cube,
        "findings": findings,
        "key_places": key_places,
        "shares": pd.Series([0.5, 0.6, 1.0], index=key_places.index, name="covered_share"),
        "targets": pd.DataFrame(
            {
                "kind": ["school", "market", "school"],
                "met": [True, False, True],
                "covered_share": [1.0, 0.25, 0.5],
            },
            index=["p0", "p1", "p2"],
        ),
        "counts": pd.Series([3, 0, 5, 9, 12, 1, 0, 2, 4], index=codes, name="count"),
        "people": np.arange(9) + 50,
        "weights": geo.contiguity_weights(grids),
        "categories": pd.Series(["a/b", "a", "c"], index=["x0", "x1", "x2"]),
        "level_table": geo.roll_up(grids, areas, figures),
    }


@dataclass(frozen=True)
class Function:
    """A public function, its inputs and the role of each input.

    ``points``, ``polygons`` and ``lines`` must be complete; ``maybe`` are points that may be
    missing; ``views`` are polygons that may be empty, ``areas`` may also cross themselves;
    ``shapes`` are of any geometry; ``table`` and ``series`` need no geometry, nor do ``values``,
    which may also be a list. With a star, the labels are codes, which must be unique.
    """

    name: str
    call: Callable[[dict[str, Any]], Any]
    inputs: dict[str, str]


def _f(name: str, call: Callable[[dict[str, Any]], Any], **inputs: str) -> Function:
    return Function(name, call, inputs)


PERIOD = ("2025-03-01", "2025-06-01")
# fmt: off
FUNCTIONS = [
    _f(
        "visible_area", lambda w: geo.visible_area(w["cameras"], w["buildings"]), cameras="points",
        buildings="polygons",
    ),
    _f(
        "visible_area_by_tile",
        lambda w: list(
            geo.visible_area_by_tile(w["cameras"], lambda _: w["buildings"], tile_m=150.0)
        ),
        cameras="points", buildings="polygons",
    ),
    _f("prepare_buildings", lambda w: geo.prepare_buildings(w["buildings"]), buildings="polygons"),
    _f(
        "complete_cameras",
        lambda w: geo.complete_cameras(w["cameras"])[
            ["bearing_deg", "fov_deg", "range_m", "near_m", "height_m", "assumed", "lens_deg"]
        ],
        cameras="table",
    ),
    _f(
        "rename_columns", lambda w: list(geo.rename_columns(w["cameras"], "cameras").columns[:5]),
        cameras="table",
    ),
    _f("at_night", lambda w: geo.at_night(w["cameras"])[["range_m", "near_m"]], cameras="table"),
    _f("class_range", lambda w: geo.class_range(w["cameras"], 125.0), cameras="table"),
    _f(
        "cameras_in_use",
        lambda w: len(
            geo.cameras_in_use(
                w["cameras"], at=dt.date(2026, 3, 1), history=w["history"], point_class="public",
                outdoor_only=True,
            )
        ),
        cameras="table*", history="table",
    ),
    _f(
        "quality_coverage",
        lambda w: geo.quality_coverage(w["grids"], w["cameras"], w["buildings"], night=True),
        grids="polygons", cameras="points", buildings="polygons",
    ),
    _f(
        "coverage_by_grid",
        lambda w: geo.coverage_by_grid(w["grids"], w["views"], buildings=w["buildings"]),
        grids="polygons", views="views", buildings="polygons",
    ),
    _f(
        "coverage_by_grid with draws",
        lambda w: geo.coverage_by_grid(
            w["grids"], w["views"], cameras=w["cameras"], draws=2, position_error_m=1.0
        ),
        cameras="points",
    ),
    _f(
        "blind_spots", lambda w: geo.blind_spots(w["grids"], w["views"], buildings=w["buildings"]),
        grids="polygons", views="views", buildings="polygons",
    ),
    _f(
        "cameras_seeing", lambda w: geo.cameras_seeing(w["demand"], w["cameras"], w["views"]),
        demand="points", cameras="points*", views="views*",
    ),
    _f(
        "choose_sites", lambda w: geo.choose_sites(w["candidates"], w["demand"], budget=4.0),
        candidates="views*", demand="points",
    ),
    _f(
        "added_ground", lambda w: geo.added_ground(w["views"], w["added"]), views="views",
        added="views",
    ),
    _f(
        "added_by_grid",
        lambda w: geo.added_by_grid(w["grids"], w["ground"], incidents=w["incidents"]),
        grids="polygons", incidents="maybe",
    ),
    _f("metric_crs", lambda w: geo.metric_crs(w["grids"]).to_epsg(), grids="shapes"),
    _f(
        "assign_admin_units", lambda w: geo.assign_admin_units(w["grids"], w["areas"]),
        grids="table*", areas="table*",
    ),
    _f(
        "roll_up",
        lambda w: geo.roll_up(
            w["grids"], w["areas"], w["figures"], shares={"share": ("seen", "open")}
        ),
        grids="table*", areas="table*", figures="table*",
    ),
    _f("make_grids", lambda w: geo.make_grids(w["areas"], 100.0), areas="polygons"),
    _f(
        "rank_peers", lambda w: geo.rank_peers(w["level_table"], "seen", level="community"),
        level_table="table*",
    ),
    _f(
        "share_within_distance", lambda w: geo.share_within_distance(w["grids"], w["demand"], 40.0),
        grids="polygons", demand="maybe",
    ),
    _f(
        "service_quality", lambda w: geo.service_quality(w["grids"], w["areas"], w["incidents"]),
        grids="polygons*", areas="table*", incidents="maybe",
    ),
    _f(
        "camera_findings",
        lambda w: geo.camera_findings(
            w["cameras"], w["grids"], w["areas"], today=dt.date(2026, 1, 1)
        ),
        cameras="maybe*", grids="polygons*", areas="table*",
    ),
    _f(
        "grid_findings", lambda w: geo.grid_findings(w["grids"], w["areas"], w["staff"]),
        grids="table*", areas="table*", staff="table",
    ),
    _f(
        "incident_findings", lambda w: geo.incident_findings(w["incidents"], w["grids"]),
        incidents="maybe", grids="polygons",
    ),
    _f("findings_by_owner", lambda w: geo.findings_by_owner(w["findings"]), findings="table"),
    _f(
        "camera_targets", lambda w: geo.camera_targets(w["grids"], w["areas"], w["cameras"]),
        grids="polygons*", areas="table*", cameras="maybe",
    ),
    _f(
        "key_place_targets", lambda w: geo.key_place_targets(w["key_places"], w["shares"]),
        key_places="table*", shares="series*",
    ),
    _f("key_place_kinds", lambda w: geo.key_place_kinds(w["targets"]), targets="table"),
    _f("cameras_by_year", lambda w: geo.cameras_by_year(w["cameras"]), cameras="table"),
    _f(
        "grid_positions", lambda w: geo.grid_positions(w["grids"], w["incidents"]),
        grids="polygons", incidents="maybe",
    ),
    _f(
        "density_by_grid",
        lambda w: geo.density_by_grid(w["grids"], w["incidents"], PERIOD, streets=w["streets"]),
        grids="polygons", incidents="maybe", streets="lines",
    ),
    _f(
        "density_by_period",
        lambda w: geo.density_by_period(
            w["grids"], w["incidents"], {"spring": PERIOD}
        ).droplevel(0),
        grids="polygons", incidents="maybe",
    ),
    _f(
        "counts_by_month", lambda w: geo.counts_by_month(w["grids"], w["incidents"]),
        grids="polygons*", incidents="maybe",
    ),
    _f(
        "counts_by_category", lambda w: geo.counts_by_category(w["categories"]),
        categories="series",
    ),
    _f("in_category", lambda w: geo.in_category(w["categories"], "a"), categories="series"),
    _f(
        "compare_with_past", lambda w: geo.compare_with_past(w["grids"], w["incidents"], PERIOD),
        grids="polygons", incidents="maybe",
    ),
    _f(
        "compare_periods",
        lambda w: geo.compare_periods(w["counts"], w["counts"], days_now=30, days_before=20),
        counts="series",
    ),
    _f("empirical_bayes", lambda w: geo.empirical_bayes(w["counts"], w["people"]), counts="series"),
    _f(
        "rank_intervals", lambda w: geo.rank_intervals(w["counts"], w["people"], draws=50),
        counts="series",
    ),
    _f(
        "hot_spots", lambda w: geo.hot_spots(w["grids"], w["incidents"]), grids="polygons",
        incidents="maybe",
    ),
    _f(
        "hot_spots of values", lambda w: geo.hot_spots(w["grids"], values=w["counts"]),
        counts="values*",
    ),
    _f(
        "local_moran", lambda w: geo.local_moran(w["grids"], w["incidents"]), grids="polygons",
        incidents="maybe",
    ),
    _f("contiguity_weights", lambda w: geo.contiguity_weights(w["grids"]), grids="polygons"),
    _f(
        "distance_band_weights", lambda w: geo.distance_band_weights(w["grids"], 120.0),
        grids="shapes",
    ),
    _f("knn_weights", lambda w: geo.knn_weights(w["grids"], 3), grids="shapes"),
    _f(
        "near_repeats",
        lambda w: geo.near_repeats(w["incidents"], distances_m=[30, 60], permutations=9),
        incidents="maybe",
    ),
    _f(
        "density_surface", lambda w: geo.density_surface(w["incidents"], w["grids"], 20.0),
        incidents="maybe", grids="polygons",
    ),
    _f(
        "select_bandwidth", lambda w: geo.select_bandwidth(w["incidents"], w["grids"]),
        incidents="maybe", grids="polygons",
    ),
    _f(
        "relative_risk_surface",
        lambda w: geo.relative_risk_surface(
            w["incidents"], w["demand"], w["grids"], 20.0, 60.0, people=w["people"]
        ).surface,
        incidents="maybe", demand="maybe", grids="polygons",
    ),
    _f(
        "space_time_cube", lambda w: geo.space_time_cube(w["grids"], w["incidents"], aoristic=True),
        grids="polygons", incidents="maybe",
    ),
    _f(
        "hours_of_week", lambda w: geo.hours_of_week(w["incidents"], aoristic=True),
        incidents="table",
    ),
    _f("mann_kendall", lambda w: geo.mann_kendall(w["cube"]), cube="table"),
    _f(
        "space_time_hot_spots", lambda w: geo.space_time_hot_spots(w["cube"], w["weights"]),
        cube="table",
    ),
    _f(
        "emerging_hot_spots", lambda w: geo.emerging_hot_spots(w["cube"], w["weights"]),
        cube="table",
    ),
    _f("cusum", lambda w: geo.cusum(w["cube"]), cube="table"),
    _f("seasonal_expectation", lambda w: geo.seasonal_expectation(w["cube"]), cube="table"),
    _f(
        "forecast", lambda w: geo.forecast(w["grids"], w["incidents"], held_out=2, cell_m=50.0),
        grids="polygons", incidents="maybe",
    ),
    _f(
        "expected_incidents", lambda w: geo.expected_incidents(w["views"], w["incidents"]),
        views="areas", incidents="maybe",
    ),
]
NO_LAYERS = {
    "area_code", "device_number", "parent_codes", "category_path", "class_range", "gini",
    "pixel_density_range", "prediction_accuracy", "read_terrain", "tilted_edges", "to_wgs84",
}
# fmt: on
"""Public functions without layers, or (to_wgs84) with another kind, which has its own test."""
