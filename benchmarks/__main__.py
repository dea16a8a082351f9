"""Print the tables: ours beside each peer, on the demo district."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

import geo
from benchmarks import shapely_shadows
from geo.demo import demo_layers


def best_of(function: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Shortest of several runs, and the last result."""
    shortest, result = np.inf, None
    for _ in range(rounds):
        begun = time.perf_counter()
        result = function()
        shortest = min(shortest, time.perf_counter() - begun)
    return shortest, result


def main() -> None:
    layers = demo_layers()
    crs = geo.metric_crs(layers["grids"])
    grids, cameras, buildings = (layers[n].to_crs(crs) for n in ("grids", "cameras", "buildings"))
    buildings["height_m"] = buildings["height_m"].astype(float)
    geo.visible_area(cameras.iloc[:4], buildings)  # compiled once, cached on disk after that
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"demo district: {len(cameras)} cameras, {len(buildings)} buildings, {len(grids)} grids\n"
    )
    ours, views = best_of(lambda: geo.visible_area(cameras, buildings), 3)
    theirs, other = best_of(lambda: shapely_shadows.visible_area(cameras, buildings), 1)
    indoors = cameras.geometry.intersects(buildings.union_all())
    apart = (views.area - other.area).abs()[~indoors]
    print(
        f"visible_area       ours {ours:8.3f} s   Shapely shadows {theirs:8.2f} s   ×{theirs / ours:.0f}"
    )
    print(
        f"                   largest difference in the open {apart.max():.2g} m² (chords of the near arc)\n"
    )
    geo.coverage_by_grid(grids.iloc[:2], views)
    ours, table = best_of(lambda: geo.coverage_by_grid(grids, views), 3)
    frame = gpd.GeoDataFrame(geometry=views)
    frame = frame[~frame.is_empty]

    def overlay() -> Any:
        pieces = grids[["geometry"]].reset_index(drop=True).reset_index()
        cut = gpd.overlay(pieces, frame, how="intersection", keep_geom_type=True)
        return cut.dissolve("index").area

    theirs, areas = best_of(overlay, 1)
    covered = areas.reindex(range(len(grids))).fillna(0).to_numpy()
    print(
        f"coverage_by_grid   ours {ours:8.3f} s   geopandas overlay {theirs:6.2f} s   ×{theirs / ours:.0f}"
    )
    print(
        f"                   largest difference {np.abs(covered - table['covered_m2']).max():.2g} m²"
    )
    ours, _ = best_of(lambda: geo.blind_spots(grids, views), 2)

    def difference() -> Any:
        return gpd.overlay(
            grids[["geometry"]], frame, how="difference", keep_geom_type=True
        ).explode()

    theirs, _ = best_of(difference, 1)
    print(
        f"blind_spots        ours {ours:8.3f} s   geopandas overlay {theirs:6.2f} s   ×{theirs / ours:.1f}"
    )
    print(f"\nshapely {shapely.__version__}, geopandas {gpd.__version__}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
