"""Compile kernels with numba and cache them on disk, keyed to all source files they are made of.

numba checks its cache against the file of the function that is called. A kernel whose parts are in
several files would continue to run old parts after one of them has changed; here the cache is
checked against the contents of all of them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

_files_of_module: dict[str, frozenset[Path]] = {}
"""Files of each module with kernels: its own, and those of what its kernels import."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, without the GIL, and cache it on disk.

    Parameters
    ----------
    function : callable
        In the subset of Python that numba compiles. What it uses of other modules is imported by
        name at the top of its module (``from module import part``), so that its files are known.

    Returns
    -------
    numba.core.dispatcher.Dispatcher
        The compiled function.

    Examples
    --------
    >>> from geo.geometry.bucket_grid import edge_boxes
    >>> import numpy as np
    >>> edges = np.array([[0.0, 0.0, 2.0, 1.0], [2.0, 1.0, 0.0, 0.0]])
    >>> edge_boxes(edges, np.array([0, 2])).tolist()
    [[0.0, 0.0, 2.0, 1.0]]
    """
    compiled = njit(nogil=True)(function)
    compiled._cache = _KernelCache(function)  # noqa: SLF001 - as Dispatcher.enable_caching does
    return compiled


def kernel_part(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call; it is inlined and cached as a part of them.

    Parameters
    ----------
    function : callable
        As for `kernel`; it may not allocate arrays.

    Returns
    -------
    numba.core.dispatcher.Dispatcher
        The compiled function.
    """
    return njit(
        nogil=True, _nrt=False, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)


def allocating_part(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call and that allocates or returns arrays.

    Parameters
    ----------
    function : callable
        As for `kernel`.

    Returns
    -------
    numba.core.dispatcher.Dispatcher
        The compiled function.
    """
    return njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def source_files(function: Callable[..., Any]) -> frozenset[Path]:
    """Return the files that a kernel is made of.

    Parameters
    ----------
    function : callable
        The kernel before it is compiled.

    Returns
    -------
    frozenset of pathlib.Path
        The file of the function, and those of the compiled functions and named tuples in its
        module, and of what these use in turn.
    """
    module = function.__module__
    if module not in _files_of_module:
        files = {Path(function.__code__.co_filename)}
        for value in function.__globals__.values():
            if isinstance(value, Dispatcher) and value.py_func.__module__ != module:
                files |= source_files(value.py_func)
            elif isinstance(value, type) and issubclass(value, tuple):
                source = getattr(sys.modules.get(value.__module__), "__file__", None)
                if source is not None and hasattr(value, "_fields"):
                    files.add(Path(source))
        _files_of_module[module] = frozenset(files)
    return _files_of_module[module]


def _fingerprint(function: Callable[..., Any]) -> str:
    """Return a digest of the sources of a kernel, and of the numbers its module imports."""
    digest = hashlib.sha256()
    for path in sorted(source_files(function)):
        digest.update(path.read_bytes())
    for name, value in sorted(function.__globals__.items()):
        if isinstance(value, int | float | np.number) and name.isupper():
            digest.update(f"{name}={value!r}\n".encode())
    return digest.hexdigest()


class _KernelCache(FunctionCache):
    """numba's cache of a function, compared with all sources of it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_fingerprint(function),
        )
