"""Compile the numba kernels ahead of use: ``python -m geo.kernels``, or in the background.

numba caches what it compiled beside the sources, in the user's cache where those are not writable,
or in ``NUMBA_CACHE_DIR``. The first use on a machine takes about a minute; later ones load the
cache.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from geo.cache_folder import cache_folder

_SOURCES = sorted(
    path
    for folder in ("coverage", "geometry", "incidents", "visibility", "visibility/kernels", ".")
    for path in (Path(__file__).parent / folder).glob("*.py")
    if path.name != "__main__.py"
)


def _compile_visibility() -> None:
    """Compile the kernels of visibility and terrain."""
    import geopandas as gpd
    import numpy as np
    import pyproj
    import shapely

    import geo

    crs = pyproj.CRS("EPSG:32650")
    cameras = gpd.GeoDataFrame(
        {"bearing_deg": [0.0, 90.0], "fov_deg": [90.0, 360.0], "range_m": [50.0, 60.0]},
        geometry=[shapely.Point(5e5, 4.4e6), shapely.Point(5e5 + 25, 4.4e6 + 5)],
        crs=crs,
    )
    buildings = gpd.GeoDataFrame(
        {"height_m": [3.0, 20.0]},
        crs=crs,
        geometry=[
            shapely.box(5e5 + 10, 4.4e6, 5e5 + 20, 4.4e6 + 10),
            shapely.box(5e5 + 20, 4.4e6, 5e5 + 30, 4.4e6 + 10),
        ],
    )
    walls = geo.prepare_buildings(buildings)
    geo.visible_area(cameras, walls)
    ground = geo.Terrain(np.zeros((40, 40)), 5e5 - 100, 4.4e6 + 100, 5.0, crs)
    geo.visible_area(cameras, walls, terrain=ground)
    from geo.visibility.prepared_buildings import hashes_in_reach

    hashes_in_reach(np.zeros((1, 6)), walls)


def _compile_statistics() -> None:
    """Compile the kernels of coverage and incidents."""
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import shapely

    import geo

    crs = "EPSG:32650"
    cells = [shapely.box(x, 0, x + 50, 50) for x in (5e5, 5e5 + 50, 5e5 + 100, 5e5 + 150)]
    grids = gpd.GeoDataFrame(geometry=cells, crs=crs)
    views = gpd.GeoSeries([shapely.Point(5e5 + 30, 25).buffer(20)], crs=crs)
    days = pd.date_range("2026-01-01", periods=40, tz="UTC")
    points = gpd.points_from_xy(5e5 + np.arange(40.0) * 4, np.arange(40.0))
    incidents = gpd.GeoDataFrame({"occurred_at": days}, geometry=points, crs=crs)
    geo.coverage_by_grid(grids, views, buildings=grids.iloc[:1])
    geo.blind_spots(grids, views)
    geo.hot_spots(grids, incidents, permutations=9)
    uneven = geo.Weights(
        np.arange(0, 9, 2), np.array([1, 2, 0, 2, 1, 3, 1, 2]), np.arange(1.0, 9.0)
    )
    geo.hot_spots(grids, incidents, weights=uneven, permutations=9)
    geo.density_surface(incidents, grids, 5.0, 20.0)
    geo.near_repeats(incidents, permutations=9)
    geo.mann_kendall(pd.DataFrame(np.arange(12.0).reshape(2, 6)))
    geo.expected_incidents(views, incidents)


PARTS: dict[str, Callable[[], None]] = {
    "visibility": _compile_visibility,
    "statistics": _compile_statistics,
}
"""Kernels in parts that are compiled in parallel processes."""


def start_compiling() -> list[subprocess.Popen[bytes]]:
    """Compile in the background what has not been compiled on this machine.

    Returns
    -------
    list of subprocess.Popen
        The processes, none where all is compiled; pass them to `wait_for`, or end them.
    """
    if _stamp().exists():
        return []
    command = [sys.executable, "-m", "geo.kernels"]
    return [
        subprocess.Popen([*command, part], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for part in PARTS
    ]


@contextmanager
def compiling() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Compile in the background for as long as a block runs; what is not ready then is given up.

    Yields
    ------
    list of subprocess.Popen
        From `start_compiling`.
    """
    processes = start_compiling()
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def wait_for(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until the kernels are compiled.

    Parameters
    ----------
    processes : list of subprocess.Popen
        From `start_compiling`. If one fails, the kernels are compiled when they are used.
    """
    exit_codes = [process.wait() for process in processes]
    if processes and not any(exit_codes):
        _record()


def compile_all() -> None:
    """Compile every kernel, in parallel processes, unless that is done."""
    wait_for(start_compiling())


def _record() -> None:
    """Record that the kernels of these sources are compiled."""
    stamp = _stamp()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    for old in stamp.parent.glob("gridcover-kernels-*"):
        old.unlink(missing_ok=True)
    stamp.touch()


def _stamp() -> Path:
    """Return the path of a file that exists if the kernels of these sources are compiled here."""
    parts = [sys.version, metadata.version("numba"), metadata.version("numpy"), platform.machine()]
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = cpu.read_text(encoding="utf-8", errors="replace").splitlines()
        parts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    for path in _SOURCES:
        state = path.stat()
        parts.append(f"{path} {state.st_mtime_ns} {state.st_size}")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return cache_folder() / f"gridcover-kernels-{digest}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PARTS[sys.argv[1]]()
    else:
        compile_all()
