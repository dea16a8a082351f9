"""Visible areas of a city by tile, in a separate process to measure its memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

import geo
from benchmarks.city import CAMERAS_PER_SQUARE, CORNER, SQUARE_M, square


def measure(cameras: int) -> dict[str, float]:
    """Return seconds of the engine alone and peak memory in MiB of a separate process."""
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", str(cameras)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(completed.stdout))


def _stream(count: int) -> dict[str, float]:
    side = int(np.ceil(np.sqrt(count / CAMERAS_PER_SQUARE)))
    squares = [(c, r) for c in range(side) for r in range(side)]
    cached = lru_cache(maxsize=10 * side)(square)
    seconds = {"making": 0.0}

    def make_square(col: int, row: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        started = time.perf_counter()
        square_layers = cached(col, row)
        seconds["making"] += time.perf_counter() - started
        return square_layers

    def buildings_in(box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
        low = np.maximum(np.floor((np.array(box[:2]) - CORNER) / SQUARE_M).astype(int), 0)
        high = np.minimum(np.floor((np.array(box[2:]) - CORNER) / SQUARE_M).astype(int), side - 1)
        parts = [
            make_square(c, r)[1]
            for c in range(low[0], high[0] + 1)
            for r in range(low[1], high[1] + 1)
        ]
        started = time.perf_counter()
        buildings = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True))
        inside = buildings.cx[box[0] : box[2], box[1] : box[3]]
        seconds["making"] += time.perf_counter() - started
        return inside

    cameras = pd.concat([make_square(c, r)[0] for c, r in squares], ignore_index=True).iloc[:count]
    seconds["making"] = 0.0
    geo.visible_area(cameras.iloc[:2])
    view_count = 0
    area = 0.0
    started = time.perf_counter()
    for views in geo.visible_area_by_tile(cameras, buildings_in, tile_m=8 * SQUARE_M):
        view_count += len(views)
        area += float(views.area.sum())
    engine_s = time.perf_counter() - started - seconds["making"]
    # Not ru_maxrss, which inherits the peak of the parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return {"cameras": view_count, "engine_s": engine_s, "peak_mib": peak, "area_m2": area}


if __name__ == "__main__":
    print(json.dumps(_stream(int(sys.argv[1]))))
