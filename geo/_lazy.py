"""Names of a package that are loaded when they are first asked for."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def lazily(package: str, where: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562).

    Parameters
    ----------
    package : its name.
    where : by module, the names it has, with spaces between them.
    """
    modules = {name: module for module, names in where.items() for name in names.split()}

    def found(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    return found


def cache_folder() -> Path:
    """Return where compiled kernels are cached, as numba chooses it.

    Returns
    -------
    pathlib.Path
        ``NUMBA_CACHE_DIR``, else the folder of the sources, else the user's cache.
    """
    told = os.environ.get("NUMBA_CACHE_DIR")
    if told:
        return Path(told)
    package = Path(__file__).parent
    if os.access(package, os.W_OK):
        return package / "__pycache__"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "numba"


def provide_cache_folder() -> None:
    """Give numba a folder of our own where it would find none it can write.

    An account without a home, with the sources read-only, could not load a single kernel otherwise.
    """
    folder = cache_folder()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return
    own = Path(tempfile.gettempdir()) / f"gridcover-numba-{os.geteuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    state = own.lstat()
    # Compiled code is loaded from there: nobody else may have put it there.
    if own.is_symlink() or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        own = Path(tempfile.mkdtemp(prefix="gridcover-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(own)
