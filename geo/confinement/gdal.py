"""Restriction of GDAL in this process to the drivers that a format needs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection
from pathlib import Path

OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_DRIVER_PATH": "disable",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "/none",
    "GDAL_CACHEMAX": "64",
    "GDAL_NUM_THREADS": "1",
    "PROJ_NETWORK": "OFF",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "OGR_SQLITE_PRAGMA": "trusted_schema=OFF",
}
"""Environment variables to set for a process before it loads GDAL."""


def keep_drivers(names: Collection[str]) -> int:
    """Deregister the drivers of each loaded GDAL library except the named ones.

    GDAL opens a file by its content with any of its drivers, and some of them read other files, run
    commands or fetch URLs.

    Parameters
    ----------
    names : collection of str
        Short names of the drivers to keep.

    Returns
    -------
    int
        Number of drivers that remain, over all libraries.
    """
    remaining = 0
    for path in _loaded_libraries():
        library = ctypes.CDLL(path)
        library.GDALGetDriver.restype = ctypes.c_void_p
        library.GDALGetDriverShortName.restype = ctypes.c_char_p
        library.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
        library.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
        drivers = [library.GDALGetDriver(index) for index in range(library.GDALGetDriverCount())]
        for driver in drivers:
            if library.GDALGetDriverShortName(driver).decode() not in names:
                library.GDALDeregisterDriver(driver)
        remaining += library.GDALGetDriverCount()
    return remaining


def _loaded_libraries() -> list[str]:
    """Return the paths of the GDAL libraries in this process; each wheel brings its own."""
    libraries = set()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        path = line[line.find("/") :] if "/" in line else ""
        if os.path.basename(path).startswith("libgdal"):  # noqa: PTH119
            libraries.add(path)
    return sorted(libraries)
