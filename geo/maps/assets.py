"""Browser assets: the files of npm packages that are served, and their folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from geo.errors import AssetError
from geo.settings import get_settings

FILES = {
    "leaflet/leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet/leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet/images/layers.png": "leaflet/dist/images/layers.png",
    "leaflet/images/layers-2x.png": "leaflet/dist/images/layers-2x.png",
    "leaflet/images/marker-icon.png": "leaflet/dist/images/marker-icon.png",
    "leaflet/LICENSE": "leaflet/LICENSE",
    "fullscreen/Control.FullScreen.js": "leaflet.fullscreen/Control.FullScreen.js",
    "fullscreen/Control.FullScreen.css": "leaflet.fullscreen/Control.FullScreen.css",
    "fullscreen/icon-fullscreen.svg": "leaflet.fullscreen/icon-fullscreen.svg",
    "heat/leaflet-heat.js": "leaflet.heat/dist/leaflet-heat.js",
    "vectorgrid/Leaflet.VectorGrid.js": "leaflet.vectorgrid/dist/Leaflet.VectorGrid.bundled.min.js",
    "uplot/uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
    "jspdf/jspdf.umd.min.js": "jspdf/dist/jspdf.umd.min.js",
    "jspdf/LICENSE": "jspdf/LICENSE",
    "swagger/swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger/swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger/favicon.png": "swagger-ui-dist/favicon-32x32.png",
}
"""Path below node_modules of each served path."""


def install_assets(node_modules: Path, target: Path) -> int:
    """Copy the served files from an npm installation.

    Parameters
    ----------
    node_modules : pathlib.Path
        Folder of the installation.
    target : pathlib.Path
        Folder to write to; it is created if it does not exist.

    Returns
    -------
    int
        Number of files written.

    Raises
    ------
    AssetError
        If a file is missing.
    """
    for served, source in FILES.items():
        origin = node_modules / source
        if not origin.is_file():
            raise AssetError(f"{origin} is missing; run npm ci and try again")
        destination = target / served
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, destination)
    return len(FILES)


def assets_dir() -> Path:
    """Return the folder from which the assets are served.

    Returns
    -------
    pathlib.Path
        The folder of the settings, or the one that the installation fills.

    Raises
    ------
    AssetError
        If a file is missing.
    """
    folder = get_settings().assets_dir
    if folder is None:
        folder = Path(__file__).parents[2] / "service" / "static" / "vendor"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise AssetError(
            f"browser assets are missing from {folder} ({missing[0]}); run scripts/setup.sh, "
            "or point GRIDCOVER_ASSETS_DIR at a folder that has them"
        )
    return folder


if __name__ == "__main__":
    written = install_assets(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stderr.write(f"{written} browser assets in {sys.argv[2]}\n")
