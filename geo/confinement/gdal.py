"""Leave GDAL, in this process, nothing but the drivers that the file's format needs."""

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
"""Set in the environment of a process before GDAL is loaded there."""


def keep_drivers(names: Collection[str]) -> int:
    """Deregister every driver, of each GDAL that is loaded, except the named ones; returns how many remain.

    GDAL opens a file by its content with any driver it has, some of which read other files, run
    commands of their own or fetch addresses.
    """
    left = 0
    for path in _loaded():
        library = ctypes.CDLL(path)
        library.GDALGetDriver.restype = ctypes.c_void_p
        library.GDALGetDriverShortName.restype = ctypes.c_char_p
        library.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
        library.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
        drivers = [library.GDALGetDriver(k) for k in range(library.GDALGetDriverCount())]
        for driver in drivers:
            if library.GDALGetDriverShortName(driver).decode() not in names:
                library.GDALDeregisterDriver(driver)
        left += library.GDALGetDriverCount()
    return left


def _loaded() -> list[str]:
    """Return the libraries of GDAL in this process; wheels bring one each."""
    found = set()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        name = line[line.find("/") :] if "/" in line else ""
        if os.path.basename(name).startswith("libgdal"):  # noqa: PTH119
            found.add(name)
    return sorted(found)
