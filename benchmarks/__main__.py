"""Print the tables: ours beside each peer, in one run on one machine."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Callable
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
    """Shortest of several runs, and the last result."""
    shortest, result = np.inf, None
    for _ in range(rounds):
        begun = time.perf_counter()
        result = function()
        shortest = min(shortest, time.perf_counter() - begun)
    return shortest, result


def table(title: str, ours: str = "ours", theirs: str = "peer") -> None:
    print(f"\n{title}\n")
    print(_ROW.format("", ours, theirs, "times"))
    print("|" + "-" * 46 + "|" + "-" * 14 + ":|" + "-" * 14 + ":|" + "-" * 7 + ":|")


def line(what: str, ours: float, theirs: float, unit: str) -> None:
    factor = ours / theirs if unit.endswith("/s") else theirs / ours
    digits = 0 if unit.endswith("/s") else 3
    print(
        _ROW.format(
            what, f"{ours:,.{digits}f} {unit}", f"{theirs:,.{digits}f} {unit}", f"{factor:.1f}"
        )
    )


def sight(count: int) -> None:
    cameras, buildings = city(count)
    flat = buildings.assign(height_m=np.nan)
    around = cameras.assign(fov_deg=360.0, near_m=0.0, range_m=65.0, height_m=4.0)
    walls = geo.prepare_buildings(flat)
    some = np.random.default_rng(0).choice(count, 400, replace=False)
    pairs = shapely.STRtree(walls.footprints).query(
        around.geometry.values[some], predicate="dwithin", distance=65.0
    )[1]
    corners = shapely.get_num_coordinates(walls.footprints[pairs]) - 1
    table(
        f"Sight: {count:,} cameras, {len(buildings):,} buildings, "
        f"{corners.sum() / len(some):.0f} walls within the 65 m of a camera; cameras a second"
    )
    seconds, views = best_of(lambda: geo.visible_area(around, flat), 5)
    ours = count / seconds
    again, lifted = best_of(lambda: geo.visible_area(around, buildings), 3)
    kinds, _ = best_of(lambda: geo.visible_area(cameras, buildings), 3)
    ready, _ = best_of(lambda: geo.visible_area(around, walls), 3)
    sample, sample_flat = around.iloc[some], flat
    begun, shadows = shapely_shadows.visible_area(sample.iloc[:200], sample_flat)
    line("all round, no heights; Shapely shadows", ours, 200 / begun, "/s")
    apart = (shadows.area - views.iloc[some[:200]].area).abs().max()
    with_heights, shadows = shapely_shadows.visible_area(sample.iloc[:200], buildings)
    line("all round, with heights; Shapely shadows", count / again, 200 / with_heights, "/s")
    apart_heights = (shadows.area - lifted.iloc[some[:200]].area).abs().max()
    by_kind, _ = shapely_shadows.visible_area(cameras.iloc[some[:200]], buildings)
    line("kinds of a register, heights; Shapely shadows", count / kinds, 200 / by_kind, "/s")
    theirs = cgal.visible_rings(sample, flat)
    if theirs is None:
        print("CGAL: no compiler or no libcgal-dev here")
    else:
        line("all round, no heights; CGAL, one core", ours, len(sample) / theirs[0], "/s")
        rings = shapely.make_valid(theirs[1])
        # CGAL's rings end at a frame: both are cut to one disc inside the chords of our rim.
        disc = shapely.buffer(sample.geometry.values, 64.9, quad_segs=64)
        cut = [shapely.area(shapely.intersection(s, disc)) for s in (rings, views.values[some])]
        print(
            f"\nLargest difference of areas: Shapely {apart:.1e} m², with heights "
            f"{apart_heights:.1e} m²; CGAL {np.abs(cut[0] - cut[1]).max():.1e} m²."
        )
    _, _, eyes = visibility.viewpoints_of(geo.complete_cameras(around), walls)
    hunt, _ = best_of(lambda: hashes_in_reach(eyes, walls), 3)
    hunt -= best_of(lambda: hashes_in_reach(eyes[:1], walls), 3)[0]
    print(
        f"Walls made ready beforehand: {count / ready:,.0f} a second. Neighbour search alone: "
        f"{hunt / count * 1e6:.2f} µs a camera on one core, of {ready / count * 1e6 * 2:.1f} µs "
        f"of both. Heights cost a factor of {again / seconds:.2f}."
    )


def flat_cost(sizes: list[int]) -> None:
    print("\nStreamed in tiles (`visible_area_by_tile`), kinds of a register, heights\n")
    print("| cameras | µs a camera | peak memory |\n|--------:|------------:|------------:|")
    for size in sizes:
        row = streaming.measure(size)
        assert row["cameras"] == size
        print(
            f"| {size:,} | {row['engine_s'] / size * 1e6:.1f} | {row['peak_mib']:,.0f} MiB |",
            flush=True,
        )


def coverage() -> None:
    cameras, buildings = city(10_000)
    views = geo.visible_area(cameras, buildings)
    side = 8 * SQUARE_M / 32
    low = [CORNER + np.array([c, r]) * side for c in range(32) for r in range(32)]
    grids = gpd.GeoDataFrame(geometry=[shapely.box(*p, *(p + side)) for p in low], crs=cameras.crs)
    table("Coverage: 1,024 grids, 10,000 views; milliseconds a grid")
    seconds, ours = best_of(lambda: geo.coverage_by_grid(grids, views), 5)
    spotting, spots = best_of(lambda: geo.blind_spots(grids, views), 3)
    frame = gpd.GeoDataFrame(geometry=views)
    frame = frame[~frame.is_empty]

    def overlay() -> Any:
        pieces = grids[["geometry"]].reset_index()
        cut = gpd.overlay(pieces, frame, how="intersection", keep_geom_type=True)
        return cut.dissolve("index").area.reindex(range(len(grids))).fillna(0).to_numpy()

    def difference() -> Any:
        left = gpd.overlay(grids, frame, how="difference", keep_geom_type=True)
        left = left.explode(ignore_index=True)
        left = left[left.area >= 25.0]
        left["widest_m"] = 2 * left.maximum_inscribed_circle(tolerance=0.25).length
        return left

    theirs, areas = best_of(overlay, 2)
    each = 1e3 / len(grids)
    line("coverage_by_grid; geopandas.overlay, dissolve", seconds * each, theirs * each, "ms")
    theirs, pieces = best_of(difference, 2)
    line("blind_spots; geopandas.overlay, circles", spotting * each, theirs * each, "ms")
    covering, blind, sql, count = postgis.measure(grids, views)
    line("coverage_by_grid; PostGIS union, difference", seconds * each, covering * each, "ms")
    line("blind_spots; PostGIS union, difference, circles", spotting * each, blind * each, "ms")
    covered = ours["covered_m2"].to_numpy()
    print(
        f"\nLargest difference of a covered area: overlay {np.abs(covered - areas).max():.1e} m², "
        f"PostGIS {np.abs(covered - sql).max():.1e} m². Blind pieces: ours {len(spots):,}, "
        f"overlay {len(pieces):,}, PostGIS {count:,}."
    )
    begun = time.perf_counter()
    geo.coverage_by_grid(
        grids,
        views,
        cameras=cameras,
        buildings=buildings,
        position_error_m=3.0,
        bearing_error_deg=10.0,
        draws=20,
    )
    each_draw = (time.perf_counter() - begun) / 20
    print(f"One Monte Carlo draw of all 10,000 cameras (views and coverage): {each_draw:.2f} s.")


def gathering() -> None:
    table("Incidents; seconds")
    line("grid_of, 1,000,000 × 10,000; geopandas.sjoin", *incidents.join(), "s")
    line("density_surface, 1,000,000 on 1,000²; KDEpy FFT", *incidents.density(), "s")
    ours, theirs, count = incidents.permutations()
    line(f"hot_spots, 999 permutations, {count:,} grids; esda", ours, theirs, "s")
    ours, theirs, count = incidents.repeats()
    line(f"near_repeats, 199 permutations, {count:,} pairs; scipy KD-tree", ours, theirs, "s")


def registers() -> None:
    count = 1_000_000
    found = importing.importing(count)
    table(f"A hotline's export of {count:,} rows (149 MB) into PostGIS; seconds")
    line("import, cleaned, checked; to_postgis as it is", found["ours"], found["to_postgis"], "s")
    line("the same; COPY of the rows, no index", found["ours"], found["copy"], "s")
    print(f"The same file once more, nothing changed: {found['again']:.1f} s.")


def seeing() -> None:
    cameras, buildings = city(100_000)
    views = geo.visible_area(cameras, buildings)
    west, south, east, north = views.total_bounds
    random = np.random.default_rng(0)
    spots = gpd.GeoSeries(
        gpd.points_from_xy(random.uniform(west, east, 1000), random.uniform(south, north, 1000)),
        crs=cameras.crs,
    )
    seconds, found = best_of(lambda: geo.cameras_seeing(spots, cameras, views), 5)
    print(
        f"\n`cameras_seeing`: 1,000 points against 100,000 views: {seconds:.3f} s, "
        f"{len(found):,} sightings."
    )


def changes() -> None:
    print("\nOne change, then `refresh` (median of five), and a whole refresh\n")
    print("| cameras in the store | a camera turned | a building raised | whole |")
    print("|---------------------:|----------------:|------------------:|------:|")
    for count in (1_000, 100_000):
        row = refreshing.measure(count)
        print(
            f"| {count:,} | {row['camera']:.3f} s | {row['building']:.3f} s | {row['whole']:.1f} "
            "s |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="leave out the cities of 100,000 and more"
    )
    quick = parser.parse_args().quick
    cameras, buildings = city(200)
    geo.visible_area(cameras, buildings)  # compiled once, cached on disk after that
    chip = [l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")]  # noqa: E741, PTH123, SIM115
    compiler = subprocess.run(["g++", "-dumpversion"], capture_output=True, text=True, check=False)
    print(
        f"{chip[0] if chip else platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, shapely {shapely.__version__} (GEOS "
        f"{shapely.geos_version_string}), geopandas {gpd.__version__}, g++ "
        f"{compiler.stdout.strip() or 'none'}"
    )
    sight(10_000)
    if not quick:
        sight(100_000)
    coverage()
    gathering()
    if not quick:
        registers()
        seeing()
        flat_cost([1_000, 10_000, 100_000, 1_000_000])
        changes()
        serving.main()


if __name__ == "__main__":
    main()
