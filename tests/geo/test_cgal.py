"""`visible_area` without heights against CGAL's triangular expansion."""

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


def test_areas_agree_with_triangular_expansion(cgal: Path) -> None:
    text: list[str] = []
    ours: list[float] = []
    for seed in range(150):
        cameras, buildings = make_scene(seed, heights=False)
        cameras["fov_deg"] = 360.0
        cameras["near_m"] = 0.0
        near = cameras.geometry.distance(buildings.union_all())
        cameras = cameras[near > 1e-3]  # CGAL stands in a face, not on or in a building
        views = geo.visible_area(cameras, buildings)
        walls, _ = directed_edges(np.asarray(buildings.geometry.values))
        walls = walls - np.tile(ORIGIN, 2)
        for camera, view in zip(cameras.itertuples(), views, strict=True):
            x, y = camera.geometry.x - ORIGIN[0], camera.geometry.y - ORIGIN[1]
            # The end of the range is the same ring of chords, so that the arcs play no part.
            count = math.ceil(2 * math.pi / (2 * math.acos(1 - 0.05 / camera.range_m)) - 1e-12)
            start = math.radians(90 - camera.bearing_deg - 180)
            turn = start + np.arange(count + 1) * 2 * math.pi / count
            turn[-1] = turn[0]
            rim = np.column_stack(
                [x + camera.range_m * np.cos(turn), y + camera.range_m * np.sin(turn)]
            )
            lines = np.vstack([walls, np.hstack([rim[:-1], rim[1:]])])
            near_box = shapely.box(x - 100, y - 100, x + 100, y + 100)
            keep = shapely.intersects(near_box, shapely.linestrings(lines.reshape(-1, 2, 2)))
            lines = lines[keep]
            text.append(f"S {len(lines)} {x!r} {y!r}")
            text += [" ".join(repr(float(v)) for v in line) for line in lines]
            ours.append(view.area)
    done = subprocess.run(
        [str(cgal)], input="\n".join(text), text=True, capture_output=True, check=True
    )
    theirs = np.array([float(line) for line in done.stdout.split()])
    assert len(theirs) == len(ours) > 250
    known = np.isfinite(theirs)
    assert known.mean() > 0.95
    error = np.abs(np.array(ours)[known] - theirs[known]) / np.maximum(theirs[known], 1.0)
    assert error.max() < 1e-6
