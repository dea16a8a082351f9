"""Tests of `visible_area` without heights against CGAL's triangular expansion."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import shapely

import geo
from geo.geometry.polygons import directed_edges
from tests.support.scenes import ORIGIN, make_scene

SOURCE = Path(__file__).with_name("cgal_visibility.cpp")


@pytest.fixture(scope="module")
def cgal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("g++")
    if compiler is None or not Path("/usr/include/CGAL/version.h").exists():
        pytest.skip("needs g++ and libcgal-dev; scripts/setup.sh test installs them")
    program = tmp_path_factory.mktemp("cgal") / "visibility"
    subprocess.run(
        [compiler, "-O1", "-std=c++17", "-w", str(SOURCE), "-o", str(program), "-lgmp", "-lmpfr"],
        check=True,
    )
    return program


def test_visible_area_equals_cgal_triangular_expansion(cgal: Path) -> None:
    input_lines: list[str] = []
    our_areas: list[float] = []
    for seed in range(150):
        cameras, buildings = make_scene(seed, heights=False)
        cameras["fov_deg"] = 360.0
        cameras["near_m"] = 0.0
        building_distance = cameras.geometry.distance(buildings.union_all())
        # CGAL needs a viewpoint in a face, not on or in a building.
        cameras = cameras[building_distance > 1e-3]
        views = geo.visible_area(cameras, buildings)
        walls, _ = directed_edges(np.asarray(buildings.geometry.values))
        walls = walls - np.tile(ORIGIN, 2)
        for camera, view in zip(cameras.itertuples(), views, strict=True):
            x, y = camera.geometry.x - ORIGIN[0], camera.geometry.y - ORIGIN[1]
            # The limit of the range is the same ring of chords, so that arcs make no difference.
            count = math.ceil(2 * math.pi / (2 * math.acos(1 - 0.05 / camera.range_m)) - 1e-12)
            start = math.radians(90 - camera.bearing_deg - 180)
            angles = start + np.arange(count + 1) * 2 * math.pi / count
            angles[-1] = angles[0]
            rim = np.column_stack(
                [x + camera.range_m * np.cos(angles), y + camera.range_m * np.sin(angles)]
            )
            lines = np.vstack([walls, np.hstack([rim[:-1], rim[1:]])])
            near_box = shapely.box(x - 100, y - 100, x + 100, y + 100)
            is_near = shapely.intersects(near_box, shapely.linestrings(lines.reshape(-1, 2, 2)))
            lines = lines[is_near]
            input_lines.append(f"S {len(lines)} {x!r} {y!r}")
            input_lines += [" ".join(repr(float(v)) for v in line) for line in lines]
            our_areas.append(view.area)
    completed = subprocess.run(
        [str(cgal)], input="\n".join(input_lines), text=True, capture_output=True, check=True
    )
    cgal_areas = np.array([float(line) for line in completed.stdout.split()])
    assert len(cgal_areas) == len(our_areas) > 250
    known = np.isfinite(cgal_areas)
    assert known.mean() > 0.95
    error = np.abs(np.array(our_areas)[known] - cgal_areas[known]) / np.maximum(
        cgal_areas[known], 1.0
    )
    assert error.max() < 1e-6
