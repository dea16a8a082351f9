"""Print the benchmark tables: gridcover beside each peer, in one run on one machine."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

import geo
from benchmarks import (
    cgal,
    importing,
    incidents,
    postgis,
    refreshing,
    serving,
    shapely_shadows,
    streaming,
)
from benchmarks.city import CORNER, SQUARE_M, city
from geo.visibility import visibility
from geo.visibility.prepared_buildings import hashes_in_reach

_ROW = "| {:<44} | {:>13} | {:>13} | {:>6} |"


def best_of(function: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Return the shortest duration of several runs, in seconds, and the last result."""
    shortest, result = np.inf, None
    for _ in range(rounds):
        started = time.perf_counter()
        result = function()
        shortest = min(shortest, time.perf_counter() - started)
    return shortest, result


def print_header(title: str, our_title: str = "ours", peer_title: str = "peer") -> None:
    """Print the title and header of a table."""
    print(f"\n{title}\n")
    print(_ROW.format("", our_title, peer_title, "times"))
    print("|" + "-" * 46 + "|" + "-" * 14 + ":|" + "-" * 14 + ":|" + "-" * 7 + ":|")


def print_row(label: str, our_value: float, peer_value: float, unit: str) -> None:
    """Print a row with the factor between both values."""
    factor = our_value / peer_value if unit.endswith("/s") else peer_value / our_value
    digits = 0 if unit.endswith("/s") else 3
    print(
        _ROW.format(
            label,
            f"{our_value:,.{digits}f} {unit}",
            f"{peer_value:,.{digits}f} {unit}",
            f"{factor:.1f}",
        )
    )


def compare_visibility(count: int) -> None:
    """Compare `visible_area` with Shapely shadows and CGAL."""
    cameras, buildings = city(count)
    flat = buildings.assign(height_m=np.nan)
    all_round = cameras.assign(fov_deg=360.0, near_m=0.0, range_m=65.0, height_m=4.0)
    prepared = geo.prepare_buildings(flat)
    sample_indexes = np.random.default_rng(0).choice(count, 400, replace=False)
    pairs = shapely.STRtree(prepared.footprints).query(
        all_round.geometry.values[sample_indexes], predicate="dwithin", distance=65.0
    )[1]
    corners = shapely.get_num_coordinates(prepared.footprints[pairs]) - 1
    print_header(
        f"Sight: {count:,} cameras, {len(buildings):,} buildings, "
        f"{corners.sum() / len(sample_indexes):.0f} walls within the 65 m of a camera; "
        "cameras a second"
    )
    seconds, views = best_of(lambda: geo.visible_area(all_round, flat), 5)
    our_rate = count / seconds
    heights_s, views_with_heights = best_of(lambda: geo.visible_area(all_round, buildings), 3)
    kinds_s, _ = best_of(lambda: geo.visible_area(cameras, buildings), 3)
    prepared_s, _ = best_of(lambda: geo.visible_area(all_round, prepared), 3)
    sample_cameras, sample_flat = all_round.iloc[sample_indexes], flat
    shapely_s, shadows = shapely_shadows.visible_area(sample_cameras.iloc[:200], sample_flat)
    print_row("all round, no heights; Shapely shadows", our_rate, 200 / shapely_s, "/s")
    difference = (shadows.area - views.iloc[sample_indexes[:200]].area).abs().max()
    shapely_heights_s, shadows = shapely_shadows.visible_area(sample_cameras.iloc[:200], buildings)
    print_row(
        "all round, with heights; Shapely shadows", count / heights_s, 200 / shapely_heights_s, "/s"
    )
    heights_difference = (
        (shadows.area - views_with_heights.iloc[sample_indexes[:200]].area).abs().max()
    )
    shapely_kinds_s, _ = shapely_shadows.visible_area(cameras.iloc[sample_indexes[:200]], buildings)
    print_row(
        "kinds of a register, heights; Shapely shadows",
        count / kinds_s,
        200 / shapely_kinds_s,
        "/s",
    )
    cgal_result = cgal.visible_rings(sample_cameras, flat)
    if cgal_result is None:
        print("CGAL: no compiler or no libcgal-dev here")
    else:
        print_row(
            "all round, no heights; CGAL, one core",
            our_rate,
            len(sample_cameras) / cgal_result[0],
            "/s",
        )
        rings = shapely.make_valid(cgal_result[1])
        # CGAL's polygons end at a frame: both results are clipped to one disc inside the range.
        disc = shapely.buffer(sample_cameras.geometry.values, 64.9, quad_segs=64)
        clipped_areas = [
            shapely.area(shapely.intersection(s, disc))
            for s in (rings, views.values[sample_indexes])
        ]
        print(
            f"\nLargest difference of areas: Shapely {difference:.1e} m², with heights "
            f"{heights_difference:.1e} m²; "
            f"CGAL {np.abs(clipped_areas[0] - clipped_areas[1]).max():.1e} m²."
        )
    _, _, eyes = visibility.viewpoints_of(geo.complete_cameras(all_round), prepared)
    search_s, _ = best_of(lambda: hashes_in_reach(eyes, prepared), 3)
    search_s -= best_of(lambda: hashes_in_reach(eyes[:1], prepared), 3)[0]
    print(
        f"Walls made ready beforehand: {count / prepared_s:,.0f} a second. Neighbour search alone: "
        f"{search_s / count * 1e6:.2f} µs a camera on one core, "
        f"of {prepared_s / count * 1e6 * 2:.1f} µs "
        f"of both. Heights cost a factor of {heights_s / seconds:.2f}."
    )


def print_streaming_cost(sizes: list[int]) -> None:
    """Print time and peak memory of `visible_area_by_tile` for cities of several sizes."""
    print("\nStreamed in tiles (`visible_area_by_tile`), kinds of a register, heights\n")
    print("| cameras | µs a camera | peak memory |\n|--------:|------------:|------------:|")
    for size in sizes:
        row = streaming.measure(size)
        assert row["cameras"] == size
        print(
            f"| {size:,} | {row['engine_s'] / size * 1e6:.1f} | {row['peak_mib']:,.0f} MiB |",
            flush=True,
        )


def compare_coverage() -> None:
    """Compare `coverage_by_grid` and `blind_spots` with geopandas and PostGIS."""
    cameras, buildings = city(10_000)
    views = geo.visible_area(cameras, buildings)
    side = 8 * SQUARE_M / 32
    corners = [CORNER + np.array([c, r]) * side for c in range(32) for r in range(32)]
    grids = gpd.GeoDataFrame(
        geometry=[shapely.box(*p, *(p + side)) for p in corners], crs=cameras.crs
    )
    print_header("Coverage: 1,024 grids, 10,000 views; milliseconds a grid")
    seconds, ours = best_of(lambda: geo.coverage_by_grid(grids, views), 5)
    blind_spots_s, spots = best_of(lambda: geo.blind_spots(grids, views), 3)
    frame = gpd.GeoDataFrame(geometry=views)
    frame = frame[~frame.is_empty]

    def overlay() -> Any:
        pieces = grids[["geometry"]].reset_index()
        intersections = gpd.overlay(pieces, frame, how="intersection", keep_geom_type=True)
        return intersections.dissolve("index").area.reindex(range(len(grids))).fillna(0).to_numpy()

    def difference() -> Any:
        uncovered = gpd.overlay(grids, frame, how="difference", keep_geom_type=True)
        uncovered = uncovered.explode(ignore_index=True)
        uncovered = uncovered[uncovered.area >= 25.0]
        uncovered["widest_m"] = 2 * uncovered.maximum_inscribed_circle(tolerance=0.25).length
        return uncovered

    peer_s, areas = best_of(overlay, 2)
    ms_per_grid = 1e3 / len(grids)
    print_row(
        "coverage_by_grid; geopandas.overlay, dissolve",
        seconds * ms_per_grid,
        peer_s * ms_per_grid,
        "ms",
    )
    peer_s, pieces = best_of(difference, 2)
    print_row(
        "blind_spots; geopandas.overlay, circles",
        blind_spots_s * ms_per_grid,
        peer_s * ms_per_grid,
        "ms",
    )
    postgis_covered_s, postgis_blind_s, postgis_areas, postgis_pieces = postgis.measure(
        grids, views
    )
    print_row(
        "coverage_by_grid; PostGIS union, difference",
        seconds * ms_per_grid,
        postgis_covered_s * ms_per_grid,
        "ms",
    )
    print_row(
        "blind_spots; PostGIS union, difference, circles",
        blind_spots_s * ms_per_grid,
        postgis_blind_s * ms_per_grid,
        "ms",
    )
    covered = ours["covered_m2"].to_numpy()
    print(
        f"\nLargest difference of a covered area: overlay {np.abs(covered - areas).max():.1e} m², "
        f"PostGIS {np.abs(covered - postgis_areas).max():.1e} m². "
        f"Blind pieces: ours {len(spots):,}, overlay {len(pieces):,}, PostGIS {postgis_pieces:,}."
    )
    started = time.perf_counter()
    geo.coverage_by_grid(
        grids,
        views,
        cameras=cameras,
        buildings=buildings,
        position_error_m=3.0,
        bearing_error_deg=10.0,
        draws=20,
    )
    draw_s = (time.perf_counter() - started) / 20
    print(f"One Monte Carlo draw of all 10,000 cameras (views and coverage): {draw_s:.2f} s.")


def compare_incident_functions() -> None:
    """Compare functions on incidents with geopandas, KDEpy, esda and scipy."""
    print_header("Incidents; seconds")
    print_row("grid_of, 1,000,000 × 10,000; geopandas.sjoin", *incidents.compare_join(), "s")
    print_row("density_surface, 1,000,000 on 1,000²; KDEpy FFT", *incidents.compare_density(), "s")
    our_s, peer_s, count = incidents.compare_permutations()
    print_row(f"hot_spots, 999 permutations, {count:,} grids; esda", our_s, peer_s, "s")
    our_s, peer_s, count = incidents.compare_near_repeats()
    print_row(f"near_repeats, 199 permutations, {count:,} pairs; scipy KD-tree", our_s, peer_s, "s")


def compare_import() -> None:
    """Compare the import of a hotline export with `to_postgis` and COPY."""
    count = 1_000_000
    seconds = importing.time_imports(count)
    print_header(f"A hotline's export of {count:,} rows (149 MB) into PostGIS; seconds")
    print_row(
        "import, cleaned, checked; to_postgis as it is", seconds["ours"], seconds["to_postgis"], "s"
    )
    print_row("the same; COPY of the rows, no index", seconds["ours"], seconds["copy"], "s")
    print(f"The same file once more, nothing changed: {seconds['again']:.1f} s.")


def time_cameras_seeing() -> None:
    """Time `cameras_seeing` on a city of 100,000 cameras."""
    cameras, buildings = city(100_000)
    views = geo.visible_area(cameras, buildings)
    west, south, east, north = views.total_bounds
    random = np.random.default_rng(0)
    points = gpd.GeoSeries(
        gpd.points_from_xy(random.uniform(west, east, 1000), random.uniform(south, north, 1000)),
        crs=cameras.crs,
    )
    seconds, sightings = best_of(lambda: geo.cameras_seeing(points, cameras, views), 5)
    print(
        f"\n`cameras_seeing`: 1,000 points against 100,000 views: {seconds:.3f} s, "
        f"{len(sightings):,} sightings."
    )


def print_refresh_times() -> None:
    """Print the times of `refresh` after single changes and of a complete one."""
    print("\nOne change, then `refresh` (median of five), and a whole refresh\n")
    print("| cameras in the store | a camera turned | a building raised | whole |")
    print("|---------------------:|----------------:|------------------:|------:|")
    for count in (1_000, 100_000):
        row = refreshing.measure(count)
        print(
            f"| {count:,} | {row['camera']:.3f} s | {row['building']:.3f} s "
            f"| {row['full']:.1f} s |",
            flush=True,
        )


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="leave out the cities of 100,000 and more"
    )
    quick = parser.parse_args().quick
    cameras, buildings = city(200)
    geo.visible_area(cameras, buildings)  # compiles the kernels unless they are cached on disk
    cpu_names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    compiler = subprocess.run(["g++", "-dumpversion"], capture_output=True, text=True, check=False)
    print(
        f"{cpu_names[0] if cpu_names else platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, shapely {shapely.__version__} (GEOS "
        f"{shapely.geos_version_string}), geopandas {gpd.__version__}, g++ "
        f"{compiler.stdout.strip() or 'none'}"
    )
    compare_visibility(10_000)
    if not quick:
        compare_visibility(100_000)
    compare_coverage()
    compare_incident_functions()
    if not quick:
        compare_import()
        time_cameras_seeing()
        print_streaming_cost([1_000, 10_000, 100_000, 1_000_000])
        print_refresh_times()
        serving.main()


if __name__ == "__main__":
    main()
