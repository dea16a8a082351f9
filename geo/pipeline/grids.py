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
    """Within what grids are made."""

    shapes: gpd.GeoSeries
    """Polygons in EPSG:4326."""
    name: str
    title: tuple[str, str] | None = None
    """Names in Chinese and English of a community made of it; its `name` unless given."""


@dataclass(frozen=True)
class MadeGrids:
    """Grids as they are or would be stored."""

    grids: gpd.GeoDataFrame
    """Columns of the layer and EPSG:4326."""
    metric_crs: str
    """In which the lattice lies; the same must be used for the same codes."""
    community: str | None
    """Code of the community that is made of the boundary."""
    others: int
    """Grids of the store that have other codes."""
    without_community: int


def find_boundary(
    conn: Conn, within: str, *, crs: str | None = None, layer: str | None = None
) -> Boundary:
    """Return the boundary that a file, a layer of the store or the code of an area names.

    Parameters
    ----------
    conn : an open connection.
    within : path of a file, name of a register, or code of an area. Of a register other than areas and
        grids it is the convex hull of all rows.
    crs : of a file that names none.
    layer : name of the layer of a file of several; the grids are named after it.

    Raises
    ------
    ReadError : it is none of these, the layer is empty, or the file has several layers and none, or none
        of that name, was chosen.
    GeometryError : there is no polygon in it.
    """
    path = Path(within)
    title = None
    if path.is_file():
        raw = read_file(path, OUTLINE, crs=crs, part=layer)
        if raw.geometry is None:
            raise ReadError(f"{path.name} has no geometry; give a layer of polygons")
        shapes, name = (
            raw.geometry.to_crs("EPSG:4326"),
            (layer or path.name.split(".")[0]).rsplit("/")[-1],
        )
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
        raise ReadError(_nothing_there(conn, within))
    polygons = shapes[np.isin(shapely.get_type_id(np.asarray(shapes.values)), (3, 6))]
    if polygons.empty:
        raise GeometryError(f"{within} has no polygon; give the outline of the district")
    return Boundary(gpd.GeoSeries(polygons), name, title)


def _extent(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the ground that rows which are no outline themselves span: their convex hull."""
    hull = shapely.convex_hull(shapely.geometrycollections(np.asarray(shapes.dropna().values)))
    return gpd.GeoSeries([hull], crs=shapes.crs)


def _nothing_there(conn: Conn, within: str) -> str:
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
) -> MadeGrids:
    """Make grids and find their communities; nothing is stored.

    Parameters
    ----------
    boundary : from `find_boundary`.
    settings : its metric CRS, else the boundary's UTM zone, holds the lattice.
    cell_m, shape, prefix : as for `make_grids`.
    community : code of the community of all; one that the store does not have is made of the
        boundary. Unless given, each grid belongs to the stored community with the largest part of
        it; where the store has none, one is made, named as the boundary.

    Raises
    ------
    ColumnError, GeometryError : as `make_grids`.
    """
    crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(boundary.shapes)
    made = make_grids(boundary.shapes.to_crs(crs), cell_m, shape, prefix=prefix)
    areas = read_layer(conn, "areas")
    communities = areas[areas["level"] == "community"]
    new = None
    if community is not None:
        if community in areas.index and community not in communities.index:
            level = areas.loc[community, "level"]
            raise ColumnError(f"{community} is a {level}; give the code of a community")
        codes: list[Any] = [community] * len(made)
        new = None if community in communities.index else community
    elif communities.empty:
        new = re.sub(r"\s+", "-", f"{prefix}{boundary.name}")
        if new in areas.index:
            new += "-1"
        codes = [new] * len(made)
    else:
        codes = _largest_part(made, communities.to_crs(crs))
    frame = gpd.GeoDataFrame(
        {
            "code": made["code"], "name": made["code"], "name_en": None, "community": codes,
            "population": None, "kind": "basic", "extra": "{}",
        },
        geometry=_degrees(made),
        crs="EPSG:4326",
    )  # fmt: skip
    missing = sum(code is None for code in codes)
    others = count_grids_except(conn, frame["code"].tolist())
    return MadeGrids(frame, crs.to_string(), new, others, missing)


def store_grids(
    conn: Conn, made: MadeGrids, boundary: Boundary, *, replace: bool = False
) -> RowCounts:
    """Store grids, and the community made for them; the caller commits.

    Parameters
    ----------
    made : from `plan_grids`.
    boundary : of which a new community is made.
    replace : delete the grids that the store has besides; without it they are a reason to refuse.

    Raises
    ------
    StoreError : the store has other grids.
    """
    codes = made.grids["code"].tolist()
    if count_grids_except(conn, codes):
        if not replace:
            raise StoreError(
                f"the store has {made.others:,} other grids; --replace puts the new ones in their place"
            )
        delete_grids_except(conn, codes)
    if made.community is not None:
        upsert(conn, AREAS, _community(made.community, boundary))
    return upsert(conn, GRIDS, made.grids)


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
    """The community with the largest part of each grid."""
    shapes = np.asarray(communities.geometry.values)
    cells = np.asarray(grids.geometry.values)
    cell, area = shapely.STRtree(shapes).query(cells, predicate="intersects")
    shared = shapely.area(shapely.intersection(cells[cell], shapes[area]))
    table = pd.DataFrame({"cell": cell, "code": communities.index[area], "shared": shared})
    table = table[table["shared"] > 0].sort_values(["shared", "code"], ascending=[False, True])
    best = table.drop_duplicates("cell").set_index("cell")["code"].to_dict()
    return [best.get(k) for k in range(len(grids))]


def _degrees(made: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Cells in EPSG:4326, valid there too."""
    shapes = np.asarray(made.geometry.to_crs("EPSG:4326").values).copy()
    bad = ~shapely.is_valid(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure")
    return gpd.GeoSeries(shapes, index=made.index, crs="EPSG:4326")
