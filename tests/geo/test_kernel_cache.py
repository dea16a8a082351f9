"""Tests of the kernel cache: a change of any source file of a kernel compiles it again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geo
from geo.coverage._areas import areas
from geo.kernel_cache import source_files
from geo.visibility.kernels.views import sweep

_MAIN = """
from typing import NamedTuple
from geo.kernel_cache import kernel
from sources.constants import OFFSET
from sources.parts import Pair, double

@kernel
def total(x):
    pair = Pair(x, double(x))
    return pair.first + pair.second + OFFSET
"""
_PARTS = """
from typing import NamedTuple
from geo.kernel_cache import kernel_part

class Pair(NamedTuple):
    first: int
    second: int

@kernel_part
def double(x):
    return 2 * x
"""
_RUN = "from sources.main import total; print(total(5), *total.stats.cache_hits.values())"


def run_kernel(folder: Path) -> list[str]:
    env = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    env["PYTHONPATH"] = os.pathsep.join([str(folder), str(Path(geo.__file__).parents[1])])
    completed = subprocess.run(
        [sys.executable, "-c", _RUN], env=env, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.split()


def test_kernel_is_recompiled_when_a_source_changes(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "constants.py").write_text("OFFSET = 100\n")
    (sources / "parts.py").write_text(_PARTS)
    (sources / "main.py").write_text(_MAIN)
    assert run_kernel(tmp_path) == ["115"]
    status = (sources / "parts.py").stat()
    (sources / "parts.py").write_text(_PARTS.replace("2 * x", "3 * x"))
    os.utime(sources / "parts.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run_kernel(tmp_path) == ["120"]  # with the same time and size of the file
    (sources / "main.py").touch()
    assert run_kernel(tmp_path) == ["120", "1"]  # from the cache: the text is the same
    (sources / "constants.py").write_text("OFFSET = 200\n")
    assert run_kernel(tmp_path) == ["220"]


def test_source_files_of_a_kernel_are_its_imports() -> None:
    package = Path(geo.__file__).parent
    kernels = {
        path for path in (package / "visibility/kernels").glob("*.py") if path.stem != "__init__"
    }
    assert source_files(sweep.py_func) == kernels | {package / "geometry/bucket_grid.py"}
    coverage = package / "coverage"
    assert source_files(areas.py_func) == {coverage / "_areas.py", coverage / "_clipping.py"}
