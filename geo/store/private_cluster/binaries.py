"""The folder of the PostgreSQL programs that run a cluster."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from geo.errors import StoreError

_MINIMUM_VERSION = 14


def find_binaries(version: int | None) -> Path:
    """Return the folder of the PostgreSQL programs for a cluster.

    Parameters
    ----------
    version : int or None
        Major version that made the cluster's data; None for a new cluster, which takes the
        newest installed version with PostGIS.

    Returns
    -------
    pathlib.Path
        The folder with ``initdb``, ``postgres`` and ``pg_ctl``; that of the environment variable
        ``GRIDCOVER_PG_BIN`` if it is set.

    Raises
    ------
    StoreError
        If the version is not installed, or no PostgreSQL 14 or newer with PostGIS is.
    """
    configured = os.environ.get("GRIDCOVER_PG_BIN")
    if configured:
        return Path(configured)
    installed = _installed_versions()
    initdb = shutil.which("initdb")
    if initdb and not installed:
        return Path(initdb).parent
    usable = {
        number: folder
        for number, folder in installed.items()
        if number >= _MINIMUM_VERSION and (folder / "initdb").exists()
    }
    if version is not None:
        if version not in usable:
            raise StoreError(
                f"the data folder was made by PostgreSQL {version}, which is not installed; "
                f"install postgresql-{version}, or dump it there and restore it here"
            )
        return usable[version]
    with_postgis = [number for number in usable if _has_postgis(number)]
    if not with_postgis:
        raise StoreError(
            "PostgreSQL 14 or newer with PostGIS is not installed; run scripts/setup.sh "
            "(or: apt-get install postgresql postgresql-postgis), or set GRIDCOVER_DATABASE_URL"
        )
    return usable[max(with_postgis)]


def _installed_versions() -> dict[int, Path]:
    """Return the folders of programs by major version, where Debian and Ubuntu install them."""
    installed: dict[int, Path] = {}
    for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"):
        with contextlib.suppress(ValueError):
            installed[int(path.parts[-3])] = path.parent
    return installed


def _has_postgis(version: int) -> bool:
    return Path(f"/usr/share/postgresql/{version}/extension/postgis.control").exists()
