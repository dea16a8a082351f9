"""Kernels are compiled before they are needed: all of them, once, wherever a cache can be written."""

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

import pytest
from numba.core.caching import NullCache
from numba.core.registry import CPUDispatcher

import geo
from geo import cache_folder as cache
from geo import kernels
from geo.errors import StoreError


def test_every_kernel_is_among_the_parts() -> None:
    """In a process of its own, as those of this one may be compiled for other reasons."""
    code = (
        "from geo import kernels\n"
        "from tests.geo.test_kernels import compiled\n"
        "[part() for part in kernels.PARTS.values()]\n"
        "print(*[name for name, signatures in compiled().items() if not signatures])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def compiled() -> dict[str, int]:
    """How many signatures are compiled of each kernel that is cached by itself."""
    signatures: dict[str, int] = {}
    for info in pkgutil.walk_packages(geo.__path__, "geo."):
        if info.name.split(".")[1] in ("geometry", "visibility", "coverage", "incidents", "risk"):
            for name, value in vars(import_module(info.name)).items():
                if isinstance(value, CPUDispatcher) and not isinstance(value._cache, NullCache):
                    signatures[f"{info.name}.{name}"] = len(value.signatures)
    assert len(signatures) > 12
    return signatures


def test_what_is_compiled_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kernels, "PARTS", {})
    assert not kernels._stamp().exists()
    failed = [subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])]
    kernels.wait_for(failed)
    assert not kernels._stamp().exists()  # compiled when used
    kernels.wait_for([subprocess.Popen([sys.executable, "-c", ""])])
    assert kernels._stamp().exists()
    monkeypatch.setattr(kernels, "PARTS", {"none": lambda: None})
    assert kernels.start_compiling() == []
    # Other sources, other kernels.
    source = tmp_path / "kernel.py"
    source.write_text("")
    monkeypatch.setattr(kernels, "_SOURCES", [source])
    assert not kernels._stamp().exists()
    kernels._record()
    assert len(list((tmp_path / "cache").glob("gridcover-kernels-*"))) == 1


def test_compiling_ends_with_the_block_it_runs_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(kernels, "start_compiling", lambda: [subprocess.Popen(endless)])
    with pytest.raises(StoreError), kernels.compiling() as processes:
        assert [process.poll() for process in processes] == [None]
        raise StoreError("the address is taken")
    assert [process.poll() for process in processes] == [-signal.SIGTERM]


def test_an_account_that_can_write_nowhere_has_a_cache_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = os.access

    def access(path: Path, mode: int) -> bool:
        return told(path, mode) and Path(path) not in (nowhere, Path(cache.__file__).parent)

    monkeypatch.setattr(os, "access", access)
    cache.provide_cache_folder()
    own = Path(os.environ["NUMBA_CACHE_DIR"])
    assert own.parent == tmp_path
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    # One that others can write is not trusted.
    own.chmod(0o777)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    cache.provide_cache_folder()
    other = Path(os.environ["NUMBA_CACHE_DIR"])
    assert other != own
    assert stat.S_IMODE(other.stat().st_mode) == 0o700


def test_a_cache_that_can_be_written_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    cache.provide_cache_folder()
    assert "NUMBA_CACHE_DIR" not in os.environ
