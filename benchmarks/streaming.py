"""A city of any number of cameras, seen tile by tile; run apart, so that its memory is its own."""

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
from benchmarks.city import CAMERAS_A_SQUARE, CORNER, SQUARE_M, square


def measure(cameras: int) -> dict[str, float]:
    """Seconds of the engine alone and peak memory in MiB, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", str(cameras)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def _stream(count: int) -> dict[str, float]:
    side = int(np.ceil(np.sqrt(count / CAMERAS_A_SQUARE)))
    squares = [(c, r) for c in range(side) for r in range(side)]
    cached = lru_cache(maxsize=10 * side)(square)
    spent = {"making": 0.0}

    def made(col: int, row: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        begun = time.perf_counter()
        out = cached(col, row)
        spent["making"] += time.perf_counter() - begun
        return out

    def buildings_in(box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
        low = np.maximum(np.floor((np.array(box[:2]) - CORNER) / SQUARE_M).astype(int), 0)
        high = np.minimum(np.floor((np.array(box[2:]) - CORNER) / SQUARE_M).astype(int), side - 1)
        parts = [
            made(c, r)[1] for c in range(low[0], high[0] + 1) for r in range(low[1], high[1] + 1)
        ]
        begun = time.perf_counter()
        whole = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True))
        inside = whole.cx[box[0] : box[2], box[1] : box[3]]
        spent["making"] += time.perf_counter() - begun
        return inside

    places = pd.concat([made(c, r)[0] for c, r in squares], ignore_index=True).iloc[:count]
    spent["making"] = 0.0
    geo.visible_area(places.iloc[:2])
    seen = 0
    area = 0.0
    begun = time.perf_counter()
    for views in geo.visible_area_by_tile(places, buildings_in, tile_m=8 * SQUARE_M):
        seen += len(views)
        area += float(views.area.sum())
    engine = time.perf_counter() - begun - spent["making"]
    # Not ru_maxrss, which keeps the parent's peak through exec.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return {"cameras": seen, "engine_s": engine, "peak_mib": peak, "area_m2": area}


if __name__ == "__main__":
    print(json.dumps(_stream(int(sys.argv[1]))))
