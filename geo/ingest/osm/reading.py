"""What the extraction wrote, as tables that the cleaning of imports takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from geo.ingest.osm.parts import split
from geo.ingest.raw_table import RawTable
from geo.osm.features import PARTS
from geo.osm.ground import KINDS
from geo.osm.request import AGAIN
from geo.schema import Layer

_WGS84 = pyproj.CRS("EPSG:4326")
RING = "outer ring of a relation"
_ORDER = ("district", "subdistrict", "community")
SAME_PLACE, REPLACED, PART_ALONE = (
    "same place as an area",
    "replaced by its parts",
    "part by itself",
)


def batches(folder: Path, layer: str) -> Iterator[pd.DataFrame]:
    """Yield the rows of a layer, some at a time: ``key``, ``values``, ``extra`` and ``shape``."""
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


def whole(folder: Path, layer: str) -> pd.DataFrame:
    """Return all rows of a layer."""
    rows = list(batches(folder, layer))
    if not rows:
        return pd.DataFrame({"key": [], "values": [], "extra": [], "shape": []}, dtype=object)
    return pd.concat(rows, ignore_index=True)


def buildings(folder: Path) -> Iterator[tuple[pd.DataFrame, list[tuple[str, str]]]]:
    """Yield the buildings with their parts cut out, then the parts; and key and reason of what is left out or noted."""
    parts = _with_heights(whole(folder, PARTS))
    inside = np.zeros(len(parts), bool)
    again: dict[str, str] = json.loads((folder / AGAIN).read_text(encoding="utf-8"))
    heights = _heights_of(folder, set(again)) if again else {}
    known_by_ring = {again[way]: height for way, height in heights.items()}
    for batch in batches(folder, "buildings"):
        rings = batch["key"].isin(set(again))
        outlines = _with_heights(batch[~rings])
        ring_heights = outlines["key"].map(known_by_ring)
        outlines["height_m"] = outlines["height_m"].fillna(ring_heights.astype(float))
        outlines["values"] = _values(outlines)
        done = split(outlines, parts)
        inside |= done.within
        unknown = parts["height_m"].isna() & done.within
        parts.loc[unknown, "height_m"] = done.heights[unknown.to_numpy()]
        remarks = [(key, REPLACED) for key in done.replaced]
        yield done.outlines, remarks + [(key, RING) for key in batch["key"][rings]]
    if len(parts):
        parts["values"] = _values(parts)
        yield parts, [(key, PART_ALONE) for key in parts["key"][~inside]]


def _heights_of(folder: Path, keys: set[str]) -> dict[str, float]:
    """The heights of some buildings, where they are known."""
    out: dict[str, float] = {}
    for batch in batches(folder, "buildings"):
        some = _with_heights(batch[batch["key"].isin(keys)]).dropna(subset="height_m")
        out |= dict(zip(some["key"], some["height_m"].astype(float), strict=True))
    return out


def _values(rows: pd.DataFrame) -> pd.Series:
    heights = rows["height_m"].tolist()
    known = [{"height_m": height} if height == height else {} for height in heights]
    return pd.Series(known, rows.index, dtype=object)


def _with_heights(rows: pd.DataFrame) -> pd.DataFrame:
    heights = [values.get("height_m") for values in rows["values"]]
    numbers = pd.to_numeric(pd.Series(heights, rows.index, dtype=object)).astype(float)
    return rows.assign(height_m=numbers)


def key_places(folder: Path) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Return the key places, those left out that are mapped both as a point and as an area."""
    rows = whole(folder, "key-places")
    if rows.empty:
        return rows, []
    points = rows["key"].str.startswith("node/").to_numpy()
    at, areas = rows.index[points], rows.index[~points]
    near, holder = shapely.STRtree(rows["shape"][areas].to_numpy()).query(
        shapely.centroid(rows["shape"][at].to_numpy()), predicate="intersects"
    )
    same = {
        int(at[a])
        for a, b in zip(near, holder, strict=True)
        if _same_place(rows["values"][at[a]], rows["values"][areas[b]])
    }
    return rows.drop(index=sorted(same)), [(rows["key"][k], SAME_PLACE) for k in sorted(same)]


def _same_place(a: dict[str, str], b: dict[str, str]) -> bool:
    unnamed = KINDS[a["kind"]][0]
    names = {a["name"], b["name"]} - {unnamed}
    return a["kind"] == b["kind"] and len(names) < 2


def areas(folder: Path, there: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the areas, each with the smallest area of a level above that holds its middle.

    Parameters
    ----------
    folder : where the extraction wrote.
    there : areas of the store, which may be above those of the extract.
    """
    rows = whole(folder, "areas")
    if rows.empty:
        return rows
    others = there[~there.index.isin(rows["key"])]
    codes = np.array([*rows["key"], *others.index])
    ranks = np.array([_ORDER.index(v["level"]) for v in rows["values"]]
                     + [_ORDER.index(level) for level in others["level"]])  # fmt: skip
    shapes = np.array([*rows["shape"], *others.geometry], object)
    sizes = shapely.area(shapes)
    inner, outer = shapely.STRtree(shapes).query(
        shapely.point_on_surface(rows["shape"].to_numpy()), predicate="intersects"
    )
    for k, values in enumerate(rows["values"]):
        above = [o for o in outer[inner == k] if ranks[o] < ranks[k]]
        if above:
            # The nearest level above, and of that the smallest.
            values["parent"] = str(codes[max(above, key=lambda o: (ranks[o], -sizes[o]))])
    return rows


def raw_table(rows: pd.DataFrame, layer: Layer) -> RawTable:
    """Return rows as the cleaning of imports takes them: a cell a column of the layer."""
    cells = pd.DataFrame(list(rows["values"]), dtype=object).reindex(columns=list(layer.names))
    cells[layer.key[0]] = rows["key"].to_numpy()
    cells = cells.astype(object).where(cells.notna(), None).dropna(axis="columns", how="all")
    lines = np.arange(1, len(rows) + 1, dtype=np.int64)
    geometry = gpd.GeoSeries(rows["shape"].to_numpy(), crs=_WGS84)
    return RawTable(cells, lines, None, geometry, _WGS84, encoding="UTF-8")
