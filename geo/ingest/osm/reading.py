"""Results of an extraction as tables for `geo.ingest.cleaning`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from geo.import_reasons import ReasonCode
from geo.ingest.osm.parts import split
from geo.ingest.raw_table import RawTable
from geo.osm.features import PARTS
from geo.osm.ground import KINDS
from geo.osm.request import OUTER_RINGS_FILE
from geo.schema import Layer

Remark = tuple[str, ReasonCode]
"""Key of an object, and the reason to leave it out or note it."""

_WGS84 = pyproj.CRS("EPSG:4326")
_LEVELS = ("district", "subdistrict", "community")
"""Levels of areas, the highest first."""
_COLUMNS = ("key", "values", "extra", "shape")


def batches(folder: Path, layer: str) -> Iterator[pd.DataFrame]:
    """Yield the rows of a layer in batches.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the extraction.
    layer : str
        Name of the layer.

    Yields
    ------
    pandas.DataFrame
        Columns ``key``, ``values`` (dict), ``extra`` (JSON) and ``shape`` (EPSG:4326).
    """
    path = folder / f"{layer}.arrow"
    if not path.exists():
        return
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
        for batch in stream:
            frame = batch.to_pandas()
            yield pd.DataFrame(
                {
                    "key": frame["key"],
                    "values": [json.loads(text) for text in frame["values"]],
                    "extra": frame["extra"],
                    "shape": shapely.from_wkb(frame["wkb"].to_numpy()),
                }
            )


def read_all(folder: Path, layer: str) -> pd.DataFrame:
    """Return all rows of a layer.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the extraction.
    layer : str
        Name of the layer.

    Returns
    -------
    pandas.DataFrame
        Columns as `batches` yields them; empty if the extract has no such object.
    """
    rows = list(batches(folder, layer))
    if not rows:
        return pd.DataFrame({name: [] for name in _COLUMNS}, dtype=object)
    return pd.concat(rows, ignore_index=True)


def buildings(folder: Path) -> Iterator[tuple[pd.DataFrame, list[Remark]]]:
    """Yield the buildings without their parts, then the parts.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the extraction.

    Yields
    ------
    rows : pandas.DataFrame
        Columns as `batches` yields them, and ``height_m``.
    remarks : list of tuple of (str, ReasonCode)
        Key and reason of objects that are left out or noted.
    """
    parts = _with_heights(read_all(folder, PARTS))
    is_inside = np.zeros(len(parts), bool)
    text = (folder / OUTER_RINGS_FILE).read_text(encoding="utf-8")
    relation_of_way: dict[str, str] = json.loads(text)
    ring_heights = _heights_of(folder, set(relation_of_way)) if relation_of_way else {}
    height_of_relation = {relation_of_way[way]: height for way, height in ring_heights.items()}
    for batch in batches(folder, "buildings"):
        is_ring = batch["key"].isin(set(relation_of_way))
        outlines = _with_heights(batch[~is_ring])
        heights = outlines["key"].map(height_of_relation).astype(float)
        outlines["height_m"] = outlines["height_m"].fillna(heights)
        outlines["values"] = _values(outlines)
        result = split(outlines, parts)
        is_inside |= result.within
        is_unknown = parts["height_m"].isna() & result.within
        parts.loc[is_unknown, "height_m"] = result.heights[is_unknown.to_numpy()]
        remarks = [(key, ReasonCode.REPLACED_BY_PARTS) for key in result.replaced]
        remarks += [(key, ReasonCode.OUTER_RING_OF_RELATION) for key in batch["key"][is_ring]]
        yield result.outlines, remarks
    if len(parts):
        parts["values"] = _values(parts)
        yield parts, [(key, ReasonCode.PART_WITHOUT_OUTLINE) for key in parts["key"][~is_inside]]


def _heights_of(folder: Path, keys: set[str]) -> dict[str, float]:
    """Return the heights of the given buildings that are known."""
    height_of: dict[str, float] = {}
    for batch in batches(folder, "buildings"):
        known = _with_heights(batch[batch["key"].isin(keys)]).dropna(subset="height_m")
        height_of |= dict(zip(known["key"], known["height_m"].astype(float), strict=True))
    return height_of


def _values(rows: pd.DataFrame) -> pd.Series:
    """Return the heights as values of the layer, without those that are not known."""
    values = [{} if math.isnan(height) else {"height_m": height} for height in rows["height_m"]]
    return pd.Series(values, rows.index, dtype=object)


def _with_heights(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column ``height_m``, NaN if the height is not known."""
    heights = [values.get("height_m") for values in rows["values"]]
    numbers = pd.to_numeric(pd.Series(heights, rows.index, dtype=object)).astype(float)
    return rows.assign(height_m=numbers)


def key_places(folder: Path) -> tuple[pd.DataFrame, list[Remark]]:
    """Return the key places without points of places that are also mapped as an area.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the extraction.

    Returns
    -------
    rows : pandas.DataFrame
        Columns as `batches` yields them.
    remarks : list of tuple of (str, ReasonCode)
        Key and reason of points that are left out.
    """
    rows = read_all(folder, "key-places")
    if rows.empty:
        return rows, []
    is_point = rows["key"].str.startswith("node/").to_numpy()
    points, areas = rows.index[is_point], rows.index[~is_point]
    point, area = shapely.STRtree(rows["shape"][areas].to_numpy()).query(
        shapely.centroid(rows["shape"][points].to_numpy()), predicate="intersects"
    )
    repeated = sorted(
        {
            int(points[a])
            for a, b in zip(point, area, strict=True)
            if _is_same_place(rows["values"][points[a]], rows["values"][areas[b]])
        }
    )
    return rows.drop(index=repeated), [
        (rows["key"][index], ReasonCode.SAME_PLACE_AS_AREA) for index in repeated
    ]


def _is_same_place(a: dict[str, str], b: dict[str, str]) -> bool:
    """Return whether two places have the same kind, and the same name if both have one."""
    unnamed = KINDS[a["kind"]][0]
    names = {a["name"], b["name"]} - {unnamed}
    return a["kind"] == b["kind"] and len(names) < 2


def areas(folder: Path, stored: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the areas with their parents.

    The parent is an area that contains a point on the surface of the area: of the next higher level
    that has one, the smallest.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the extraction.
    stored : geopandas.GeoDataFrame
        Stored areas in EPSG:4326 by code, with the column ``level``; they can be parents too.

    Returns
    -------
    pandas.DataFrame
        Columns as `batches` yields them; ``values`` has ``parent`` if there is one.
    """
    rows = read_all(folder, "areas")
    if rows.empty:
        return rows
    others = stored[~stored.index.isin(rows["key"])]
    codes = np.array([*rows["key"], *others.index])
    levels = [*(values["level"] for values in rows["values"]), *others["level"]]
    ranks = np.array([_LEVELS.index(level) for level in levels])
    shapes = np.array([*rows["shape"], *others.geometry], object)
    sizes = shapely.area(shapes)
    inner, outer = shapely.STRtree(shapes).query(
        shapely.point_on_surface(rows["shape"].to_numpy()), predicate="intersects"
    )
    for index, values in enumerate(rows["values"]):
        above = [other for other in outer[inner == index] if ranks[other] < ranks[index]]
        if above:
            parent = max(above, key=lambda other: (ranks[other], -sizes[other]))
            values["parent"] = str(codes[parent])
    return rows


def raw_table(rows: pd.DataFrame, layer: Layer) -> RawTable:
    """Return rows as a raw table with a column of cells for each column of the layer.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns as `batches` yields them.
    layer : Layer
        Register to import into.

    Returns
    -------
    RawTable
        Cells and geometries; the line is the position of the row from 1.
    """
    cells = pd.DataFrame(list(rows["values"]), dtype=object).reindex(columns=list(layer.names))
    cells[layer.key[0]] = rows["key"].to_numpy()
    cells = cells.astype(object).where(cells.notna(), None).dropna(axis="columns", how="all")
    lines = np.arange(1, len(rows) + 1, dtype=np.int64)
    geometry = gpd.GeoSeries(rows["shape"].to_numpy(), crs=_WGS84)
    return RawTable(cells, lines, None, geometry, _WGS84, encoding="UTF-8")
