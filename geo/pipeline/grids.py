"""Grids made for a store: cells within a boundary, each in a community."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.crs import metric_crs
from geo.errors import ColumnError, GeometryError, ReadError, StoreError
from geo.geometry.shapes import polygon_parts
from geo.governance.lattice import CellShape, make_grids
from geo.ingest.layer_choice import OUTLINE
from geo.ingest.readers import read_file
from geo.schema import AREAS, GRIDS, LAYERS
from geo.settings import Settings
from geo.store.bulk_copy import RowCounts
from geo.store.connection import Conn
from geo.store.queries.areas import read_district
from geo.store.queries.grids import count_grids_except, delete_grids_except
from geo.store.queries.holdings import count_rows
from geo.store.queries.registers import read_layer, upsert

SPANNING = ("buildings", "streets", "cameras")
"""Layers that show where a city is, the best first."""
_EXTENT_TITLE = ("全域", "Whole area")


@dataclass(frozen=True)
class Boundary:
    """Boundary within which grids are made."""

    shapes: gpd.GeoSeries
    """Polygons in EPSG:4326."""
    name: str
    """Name of the file, layer or area."""
    title: tuple[str, str] | None = None
    """Names in Chinese and English of a community made of it; None for its `name`."""


@dataclass(frozen=True)
class PlannedGrids:
    """Grids as they are or would be stored."""

    grids: gpd.GeoDataFrame
    """Columns of the layer, EPSG:4326."""
    metric_crs: str
    """CRS of the lattice; the same CRS is needed for the same codes."""
    community: str | None
    """Code of the community to be made of the boundary; None for none."""
    others: int
    """Number of stored grids with other codes."""
    without_community: int
    """Number of grids that lie in no community."""


def find_boundary(
    conn: Conn, within: str, *, crs: str | None = None, layer: str | None = None
) -> Boundary:
    """Return the boundary given by a file, a layer of the store or the code of an area.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    within : str
        Path of a file, name of a register, or code of an area. For registers other than areas and
        grids the boundary is the convex hull of all rows.
    crs : str, optional
        CRS of a file that names none.
    layer : str, optional
        Name of the layer in a file of several layers; the boundary is named after it.

    Returns
    -------
    Boundary
        Polygons and name.

    Raises
    ------
    ReadError
        If `within` is none of these, the layer is empty, or a file has several layers and `layer`
        names none of them.
    GeometryError
        If there is no polygon.
    """
    path = Path(within)
    title = None
    if path.is_file():
        raw = read_file(path, OUTLINE, crs=crs, part=layer)
        if raw.geometry is None:
            raise ReadError(f"{path.name} has no geometry; give a layer of polygons")
        shapes = raw.geometry.to_crs("EPSG:4326")
        name = (layer or path.name.split(".")[0]).rsplit("/")[-1]
    elif layer is not None:
        raise ReadError(f"{within} is no file; --layer names a layer of a file")
    elif within in LAYERS:
        shapes, name = read_layer(conn, within).geometry, within
        if within == "areas" and (district := read_district(conn)) is not None:
            shapes = gpd.GeoSeries([district], crs="EPSG:4326")
        elif within not in ("areas", "grids") and len(shapes):
            shapes, name, title = _extent(shapes), f"{within}-extent", _EXTENT_TITLE
    else:
        shapes, name = read_layer(conn, "areas", codes=[within]).geometry, within
    if len(shapes) == 0:
        raise ReadError(_nothing_found(conn, within))
    polygons = shapes[np.isin(shapely.get_type_id(np.asarray(shapes.values)), (3, 6))]
    if polygons.empty:
        raise GeometryError(f"{within} has no polygon; give the outline of the district")
    return Boundary(gpd.GeoSeries(polygons), name, title)


def _extent(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the convex hull of all shapes."""
    hull = shapely.convex_hull(shapely.geometrycollections(np.asarray(shapes.dropna().values)))
    return gpd.GeoSeries([hull], crs=shapes.crs)


def _nothing_found(conn: Conn, within: str) -> str:
    what = f"{within} is no file, no layer with rows and no code of an area"
    spanning = [name for name in SPANNING if count_rows(conn, LAYERS[name])]
    if not spanning:
        return f"{what}; give one of these"
    return f"{what}; --within {spanning[0]} divides the ground that the {spanning[0]} span"


def plan_grids(
    conn: Conn,
    boundary: Boundary,
    settings: Settings,
    *,
    cell_m: float = 250.0,
    shape: CellShape = "square",
    prefix: str = "",
    community: str | None = None,
) -> PlannedGrids:
    """Make grids and assign their communities; nothing is stored.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    boundary : Boundary
        Result of `find_boundary`.
    settings : Settings
        Settings of the deployment; the lattice is in its metric CRS, else in the UTM zone of the
        boundary.
    cell_m : float, optional
        Size of a cell in metres, as for `make_grids`.
    shape : str, optional
        ``square`` or ``hexagon``.
    prefix : str, optional
        Text before every code.
    community : str, optional
        Code of the community of all grids; a code that the store does not have is made of the
        boundary. By default each grid belongs to the stored community with the largest part of
        it; if there is none, one is made and named after the boundary.

    Returns
    -------
    PlannedGrids
        Grids for `store_grids`.

    Raises
    ------
    ColumnError
        If the code is of an area of another level, or as `make_grids`.
    GeometryError
        If the boundary has no polygon.
    """
    crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(boundary.shapes)
    made = make_grids(_valid_polygons(boundary.shapes.to_crs(crs)), cell_m, shape, prefix=prefix)
    areas = read_layer(conn, "areas")
    codes, new = _communities(made, areas, boundary, prefix, community)
    frame = gpd.GeoDataFrame(
        {
            "code": made["code"],
            "name": made["code"],
            "name_en": None,
            "community": codes,
            "population": None,
            "kind": "basic",
            "extra": "{}",
        },
        geometry=_degrees(made),
        crs="EPSG:4326",
    )
    missing = sum(code is None for code in codes)
    others = count_grids_except(conn, frame["code"].tolist())
    return PlannedGrids(frame, crs.to_string(), new, others, missing)


def _communities(
    made: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    boundary: Boundary,
    prefix: str,
    community: str | None,
) -> tuple[list[Any], str | None]:
    """Return the code of the community of each grid, and that of a community to be made."""
    communities = areas[areas["level"] == "community"]
    if community is not None:
        if community in areas.index and community not in communities.index:
            level = areas.loc[community, "level"]
            raise ColumnError(f"{community} is a {level}; give the code of a community")
        new = None if community in communities.index else community
        return [community] * len(made), new
    if communities.empty:
        new = re.sub(r"\s+", "-", f"{prefix}{boundary.name}")
        if new in areas.index:
            new += "-1"
        return [new] * len(made), new
    return _largest_part(made, communities.to_crs(made.crs)), None


def store_grids(
    conn: Conn, made: PlannedGrids, boundary: Boundary, *, replace: bool = False
) -> RowCounts:
    """Store grids, and the community made for them.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; the caller commits.
    made : PlannedGrids
        Result of `plan_grids`.
    boundary : Boundary
        Boundary of which a new community is made.
    replace : bool, optional
        Whether to delete the other grids of the store.

    Returns
    -------
    RowCounts
        Numbers of grids inserted, updated and unchanged.

    Raises
    ------
    StoreError
        If the store has other grids and `replace` is false.
    """
    codes = made.grids["code"].tolist()
    if count_grids_except(conn, codes):
        if not replace:
            raise StoreError(
                f"the store has {made.others:,} other grids; "
                "--replace puts the new ones in their place"
            )
        delete_grids_except(conn, codes)
    if made.community is not None:
        upsert(conn, AREAS, _community(made.community, boundary))
    return upsert(conn, GRIDS, made.grids)


def _valid_polygons(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the polygons of outlines as people draw them, repaired where they cross themselves."""
    valid = shapely.make_valid(np.asarray(shapes.dropna().values))
    polygons = polygon_parts(valid)
    return gpd.GeoSeries(polygons[~shapely.is_empty(polygons)], crs=shapes.crs)


def _community(code: str, boundary: Boundary) -> gpd.GeoDataFrame:
    valid = shapely.make_valid(np.asarray(boundary.shapes.values), method="structure")
    name, name_en = boundary.title or (boundary.name, None)
    row = {"code": code, "name": name, "name_en": name_en, "level": "community", "extra": "{}"}
    frame = gpd.GeoDataFrame([row], geometry=[shapely.union_all(valid)], crs="EPSG:4326")
    for column in AREAS.columns:
        if column.name not in frame:
            frame[column.name] = None
    return frame


def _largest_part(grids: gpd.GeoDataFrame, communities: gpd.GeoDataFrame) -> list[str | None]:
    """Return the code of the community with the largest part of each grid."""
    shapes = np.asarray(communities.geometry.values)
    cells = np.asarray(grids.geometry.values)
    cell, area = shapely.STRtree(shapes).query(cells, predicate="intersects")
    shared = shapely.area(shapely.intersection(cells[cell], shapes[area]))
    table = pd.DataFrame({"cell": cell, "code": communities.index[area], "shared": shared})
    table = table[table["shared"] > 0].sort_values(["shared", "code"], ascending=[False, True])
    best = table.drop_duplicates("cell").set_index("cell")["code"].to_dict()
    return [best.get(k) for k in range(len(grids))]


def _degrees(made: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Return the cells in EPSG:4326, repaired where the projection made them invalid."""
    shapes = np.asarray(made.geometry.to_crs("EPSG:4326").values).copy()
    bad = ~shapely.is_valid(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure")
    return gpd.GeoSeries(shapes, index=made.index, crs="EPSG:4326")
