"""Tests of ahead-of-time compilation: all kernels, once, into a cache that can be written."""

from __future__ import annotations

import os
import pkgutil
import signal
import stat
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from numba import typeof
from numba.core.caching import NullCache
from numba.core.registry import CPUDispatcher

import geo
from geo import cache_folder as cache
from geo import kernels
from geo.errors import StoreError


def test_kernel_parts_include_every_kernel() -> None:
    """Use a new process: other tests may have compiled kernels in this one."""
    code = (
        "from geo import kernels\n"
        "from tests.geo.test_kernels import compiled\n"
        "[part() for part in kernels.PARTS.values()]\n"
        "print(*[name for name, signatures in compiled().items() if not signatures])"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == []


def compiled() -> dict[str, int]:
    """Number of compiled signatures of each kernel with a cache of its own."""
    signatures: dict[str, int] = {}
    for info in pkgutil.walk_packages(geo.__path__, "geo."):
        if info.name.split(".")[1] in ("geometry", "visibility", "coverage", "incidents", "risk"):
            for name, value in vars(import_module(info.name)).items():
                if isinstance(value, CPUDispatcher) and not isinstance(value._cache, NullCache):
                    signatures[f"{info.name}.{name}"] = len(value.signatures)
    assert len(signatures) > 12
    return signatures


def test_start_compiling_skips_compiled_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kernels, "PARTS", {})
    assert not kernels._stamp().exists()
    failed = [subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])]
    kernels.wait_for(failed)
    assert not kernels._stamp().exists()  # will be compiled on first use
    kernels.wait_for([subprocess.Popen([sys.executable, "-c", ""])])
    assert kernels._stamp().exists()
    monkeypatch.setattr(kernels, "PARTS", {"none": lambda: None})
    assert kernels.start_compiling() == []
    # Changed sources require a new compilation.
    source = tmp_path / "kernel.py"
    source.write_text("")
    monkeypatch.setattr(kernels, "_SOURCES", [source])
    assert not kernels._stamp().exists()
    kernels._record()
    assert len(list((tmp_path / "cache").glob("gridcover-kernels-*"))) == 1


def test_prepared_buildings_have_one_type_with_and_without_heights() -> None:
    footprints = gpd.GeoSeries([shapely.box(0, 0, 8, 8)], crs=32650)
    columns: tuple[dict[str, list[float]], ...] = (
        {},
        {"height_m": [9.0]},
        {"height_m": [9.0], "parapet_m": [1.0]},
    )
    types = {
        typeof(geo.prepare_buildings(gpd.GeoDataFrame(values, geometry=footprints)).obstacles)
        for values in columns
    }
    # Kernels are compiled for another type when it is first used.
    assert len(types) == 1


def test_compiling_stops_at_the_end_of_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(kernels, "start_compiling", lambda: [subprocess.Popen(endless)])
    with pytest.raises(StoreError), kernels.compiling() as processes:
        assert [process.poll() for process in processes] == [None]
        raise StoreError("the address is taken")
    assert [process.poll() for process in processes] == [-signal.SIGTERM]


def test_provide_cache_folder_for_a_read_only_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only = tmp_path / "nowhere"
    read_only.mkdir()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(read_only / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    original_access = os.access

    def access(path: Path, mode: int) -> bool:
        return original_access(path, mode) and Path(path) not in (
            read_only,
            Path(cache.__file__).parent,
        )

    monkeypatch.setattr(os, "access", access)
    cache.provide_cache_folder()
    first = Path(os.environ["NUMBA_CACHE_DIR"])
    assert first.parent == tmp_path
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    # A folder that others can write is not trusted.
    first.chmod(0o777)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    cache.provide_cache_folder()
    second = Path(os.environ["NUMBA_CACHE_DIR"])
    assert second != first
    assert stat.S_IMODE(second.stat().st_mode) == 0o700


def test_provide_cache_folder_keeps_a_writable_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    cache.provide_cache_folder()
    assert "NUMBA_CACHE_DIR" not in os.environ
