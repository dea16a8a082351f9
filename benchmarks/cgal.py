"""Peer in C++: triangular expansion of CGAL, built with full optimisation."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from geo.geometry.polygons import directed_edges

SOURCE = Path(__file__).with_name("cgal_expansion.cpp")


def build(folder: Path) -> Path | None:
    """Build the program; return None without a compiler or CGAL."""
    compiler = shutil.which("g++")
    if compiler is None or not Path("/usr/include/CGAL/version.h").exists():
        return None
    program = folder / "expansion"
    flags = ["-O3", "-DNDEBUG", "-DCGAL_NDEBUG", "-std=c++17", "-w"]
    libraries = ["-lgmp", "-lmpfr"]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(program), *libraries], check=True)
    return program


def visible_rings(
    cameras: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> tuple[float, np.ndarray] | None:
    """Return seconds of arrangement and expansion on one core, and the polygon of each camera.

    Reading the segments and the cut to the disc at the end are not in the time.
    """
    shapes = np.asarray(buildings.geometry.values)
    segments, offsets = directed_edges(shapes)
    tree = shapely.STRtree(shapes)
    positions = shapely.get_coordinates(cameras.geometry.values)
    text: list[str] = []
    for (x, y), reach, point in zip(
        positions, cameras["range_m"].to_numpy(), cameras.geometry.values, strict=True
    ):
        nearby = np.sort(tree.query(point, predicate="dwithin", distance=reach))
        lines = [segments[offsets[building] : offsets[building + 1]] for building in nearby]
        walls = (np.vstack(lines) if lines else np.zeros((0, 4))) - [x, y, x, y]
        side = max(reach, float(np.abs(walls).max(initial=0.0))) + 1.0
        corners = np.array([[-side, -side], [side, -side], [side, side], [-side, side]])
        frame = np.hstack([corners, np.roll(corners, -1, axis=0)])
        rows = np.vstack([walls, frame])
        text.append(f"S {len(rows)} 0 0")
        text += [" ".join(repr(float(v)) for v in row) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        if program is None:
            return None
        completed = subprocess.run(
            [str(program)], input="\n".join(text), text=True, capture_output=True, check=True
        )
    views = []
    for line, (x, y) in zip(completed.stdout.split("\n"), positions, strict=False):
        ring = np.array(line.split(), float).reshape(-1, 2)
        views.append(
            shapely.Polygon(ring + np.array([x, y])) if len(ring) >= 3 else shapely.Polygon()
        )
    return float(completed.stderr), np.array(views, dtype=object)
