"""The demo district as registers, and its loading into a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from geo.demo.boundaries import boundaries_dir
from geo.demo.buildings import make_buildings
from geo.demo.cameras import make_cameras
from geo.demo.incidents import make_incidents
from geo.demo.key_place_cameras import cover_key_places
from geo.demo.places import make_key_places, make_service_points
from geo.demo.plan import CRS, DISTRICT, make_plan
from geo.demo.staff import make_staff
from geo.demo.streets import make_streets
from geo.errors import StoreError
from geo.schema import LAYERS
from geo.store.queries.cameras import record_status_reports
from geo.store.queries.grids import count_grids_outside_prefix
from geo.store.queries.registers import upsert
from geo.store.queries.runs import analyze
from geo.store.queries.staff import replace_staff

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from geo.store.connection import Conn


def demo_layers() -> dict[str, GeoDataFrame]:
    """Return every register of the demo district.

    Returns
    -------
    dict of str to geopandas.GeoDataFrame
        By layer, in EPSG:4326, the same at every call. Areas, grids and land cover are read from
        the committed boundaries; the others are generated.
    """
    folder = boundaries_dir()
    out = {
        name: gpd.read_file(folder / f"{name}.geojson") for name in ("areas", "grids", "landcover")
    }
    plan = make_plan()
    grids, areas = out["grids"].to_crs(CRS), out["areas"].to_crs(CRS)
    streets = make_streets(plan)
    buildings = make_buildings(plan)
    places = make_key_places(plan)
    cameras = make_cameras(buildings, streets, grids)
    layers = {
        "streets": streets,
        "buildings": buildings,
        "key-places": places,
        "cameras": cover_key_places(cameras, places, buildings),
        "service-points": make_service_points(grids),
        "incidents": make_incidents(grids, streets, areas),
    }
    out |= {name: layer.to_crs("EPSG:4326") for name, layer in layers.items()}
    return {name: _with_all_columns(name, layer) for name, layer in out.items()}


def _with_all_columns(name: str, layer: GeoDataFrame) -> GeoDataFrame:
    """Return a layer with every column of its register, empty where the layer has none."""
    register = LAYERS[name]
    out = layer.copy()
    for column in register.columns:
        if column.name not in out:
            out[column.name] = column.default
        out[column.name] = out[column.name].astype(object).where(out[column.name].notna(), None)
        if column.kind == "integer":
            out[column.name] = [None if v is None else int(v) for v in out[column.name]]
            out[column.name] = out[column.name].astype(object)
    out["extra"] = "{}"
    return out[[*register.names, "extra", out.geometry.name]]


def load_demo(conn: Conn) -> dict[str, int]:
    """Load the demo district into a database that is empty or holds an earlier demo.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of the writing role. The load is one transaction, which is committed.

    Returns
    -------
    dict of str to int
        Number of rows of each layer. Loading twice changes nothing.

    Raises
    ------
    StoreError
        If the database holds grids of another district, with which the demo must not mix.
    """
    if others := count_grids_outside_prefix(conn, DISTRICT):
        conn.rollback()
        raise StoreError(
            f"the database holds {others} grids of a real district; the demo would mix with them. "
            "Unset GRIDCOVER_DATABASE_URL, or name an empty database"
        )
    counts = {}
    try:
        for name, layer in demo_layers().items():
            upsert(conn, LAYERS[name], layer)
            counts[name] = len(layer)
            if name == "cameras":
                record_status_reports(conn, layer)
            if name == "grids":
                staff = pd.DataFrame(make_staff(layer), columns=["grid", "role", "name", "phone"])
                replace_staff(conn, staff)
        conn.commit()
    except BaseException:
        conn.rollback()
        raise
    analyze(conn)
    conn.commit()
    return counts
