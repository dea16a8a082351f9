"""Where each row lies: geometry or coordinates, mended, checked and in EPSG:4326."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.crs import Datum, metric_crs, to_wgs84
from geo.errors import CrsError
from geo.ingest import values
from geo.ingest.columns import distinct, plain_numbers
from geo.ingest.findings import MENDED, REJECTED, Work, rows_where
from geo.ingest.headers import LAT, LON, WHERE


def locate(
    work: Work, columns: dict[str, str], datum: Datum | None, district: Any, margin_m: float
) -> np.ndarray[Any, Any]:
    """Geometry of each row in EPSG:4326; None where a row has none or was rejected."""
    crs = work.raw.crs or pyproj.CRS("EPSG:4326")
    if datum is not None and crs.is_projected:
        raise CrsError(f"--datum {datum} is for degrees, and the coordinates are in {crs.name}")
    if work.raw.geometry is not None:
        placed = _has_grid(work, columns)
        geometry = _shapes(work, np.asarray(work.raw.geometry.values), placed)
    else:
        geometry = _points(work, columns, crs, district)
    series = gpd.GeoSeries(geometry, crs=crs)
    if datum is not None:
        series = to_wgs84(series, datum)
    series = series.to_crs("EPSG:4326")
    located = ~shapely.is_missing(series.values)
    infinite = located & ~np.isfinite(shapely.bounds(series.values)).all(axis=1)
    for row in rows_where(infinite & work.keep):
        work.tell(
            row,
            REJECTED,
            "coordinates outside the CRS",
            detail=f"not in the area of use of {crs.name}",
        )
    out: np.ndarray[Any, Any] = np.asarray(series.values).copy()
    out[infinite] = None
    if work.layer.shape == "polygon":
        out = _valid_polygons(work, out)
    if district is not None:
        _inside(work, out, district, margin_m)
    return out


def _shapes(
    work: Work, geometry: np.ndarray[Any, Any], placed: NDArray[np.bool_]
) -> np.ndarray[Any, Any]:
    wanted = {"polygon": (3, 6), "line": (1, 5), "point": (0, 4)}[work.layer.shape]
    kinds = shapely.get_type_id(geometry)
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    out = shapely.force_2d(geometry)
    for row in rows_where(empty):
        out[row] = None
        if work.layer.geometry_needed or not placed[row]:
            work.tell(row, REJECTED, "no coordinates", detail="the feature has no geometry")
    for row in rows_where(~empty & ~np.isin(kinds, wanted)):
        work.tell(row, REJECTED, "wrong geometry type",
                  detail=f"{out[row].geom_type} where a {work.layer.shape} is needed")  # fmt: skip
        out[row] = None
    for row in rows_where(~empty & (kinds == 4) & np.isin(kinds, wanted)):
        parts = shapely.get_parts(out[row])
        if len(parts) > 1:
            work.tell(row, MENDED, "several points", detail="their middle was taken")
        out[row] = shapely.centroid(out[row])
    return np.asarray(out)


def _points(
    work: Work, columns: dict[str, str], crs: pyproj.CRS, district: Any
) -> np.ndarray[Any, Any]:
    cells = work.raw.cells
    count = len(cells)
    x = np.full(count, np.nan)
    y = np.full(count, np.nan)
    unreadable: dict[int, str] = {}
    if LON in columns and LAT in columns:
        for target, header in ((x, columns[LON]), (y, columns[LAT])):
            target[:] = plain_numbers(cells[header])
            rest = np.flatnonzero(np.isnan(target))
            for row, cell in zip(rest.tolist(), cells[header].iloc[rest], strict=True):
                if values.blank(cell):
                    continue
                target[row] = values.degrees_of(cell)
                if math.isnan(target[row]):
                    unreadable[row] = f"{header} {values.text_of(cell)!r}"
    if WHERE in columns:
        for row, cell in enumerate(cells[columns[WHERE]]):
            if values.blank(cell) or not (math.isnan(x[row]) or math.isnan(y[row])):
                continue
            if not any(c.isdigit() for c in str(cell)):
                continue  # "(,)" is how exports write nothing
            pair = values.pair_of(cell)
            if pair is None:
                unreadable.setdefault(row, f"{columns[WHERE]} {values.text_of(cell)!r}")
                continue
            unreadable.pop(row, None)
            # WKT is written x first, `(a, b)` text latitude first.
            x[row], y[row] = pair if values.is_wkt(cell) or crs.is_projected else pair[::-1]
    for row, what in unreadable.items():
        work.tell(row, REJECTED, "unreadable coordinates", detail=what)
    missing = np.isnan(x) | np.isnan(y)
    zero = ~missing & (x == 0) & (y == 0)
    placed = _has_grid(work, columns)
    for row in rows_where((missing | zero) & work.keep):
        if work.layer.geometry_needed or zero[row] or not placed[row]:
            work.tell(row, REJECTED, "coordinates (0, 0)" if zero[row] else "no coordinates")
    missing |= zero
    if not crs.is_projected:
        _unswap(work, x, y, ~missing, district)
        outside = ~missing & ((np.abs(x) > 180) | (np.abs(y) > 90))
        for row in rows_where(outside & work.keep):
            work.tell(
                row,
                REJECTED,
                "impossible coordinates",
                detail=f"longitude {x[row]:g}, latitude {y[row]:g}",
            )
        missing |= outside
    out = np.full(count, None, dtype=object)
    out[~missing] = shapely.points(x[~missing], y[~missing])
    return out


def _has_grid(work: Work, columns: dict[str, str]) -> NDArray[np.bool_]:
    """Whether each row says at least its grid."""
    header = columns.get("grid")
    if header is None:
        return np.zeros(len(work.raw.cells), bool)
    codes, found = distinct(work.raw.cells[header])
    return np.array([not values.blank(cell) for cell in found], bool)[codes]


def _unswap(
    work: Work, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], there: Any, district: Any
) -> None:
    """Find latitude and longitude in each other's place: by the district, else by their domain."""
    if district is not None:
        west, south, east, north = district.bounds
        pad = 0.5
        right = (x > west - pad) & (x < east + pad) & (y > south - pad) & (y < north + pad)
        swapped = (
            ~right & (y > west - pad) & (y < east + pad) & (x > south - pad) & (x < north + pad)
        )
    else:
        swapped = (np.abs(y) > 90) & (np.abs(y) <= 180) & (np.abs(x) <= 90)
    for row in rows_where(there & swapped & work.keep):
        x[row], y[row] = y[row], x[row]
        work.tell(
            row,
            MENDED,
            "latitude and longitude swapped",
            detail=f"taken as longitude {x[row]:g}, latitude {y[row]:g}",
        )


def _valid_polygons(work: Work, geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    there = ~shapely.is_missing(geometry)
    for row in rows_where(there & ~shapely.is_valid(geometry) & work.keep):
        why = shapely.is_valid_reason(geometry[row])
        fixed = shapely.make_valid(geometry[row], method="structure", keep_collapsed=False)
        parts = shapely.get_parts(shapely.get_parts(fixed))
        parts = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
        if len(parts) == 0 or shapely.area(parts).sum() == 0:
            work.tell(row, REJECTED, "invalid polygon", detail=f"{why}; nothing is left of it")
            geometry[row] = None
            continue
        geometry[row] = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
        work.tell(row, MENDED, "invalid polygon", detail=why)
    flat = ~shapely.is_missing(geometry) & (shapely.area(geometry) == 0)
    for row in rows_where(flat & work.keep):
        work.tell(row, REJECTED, "polygon without area")
    return geometry


def _inside(work: Work, geometry: np.ndarray[Any, Any], district: Any, margin_m: float) -> None:
    """Reject what lies farther than the margin from the district."""
    there = ~shapely.is_missing(geometry) & work.keep
    rows = np.flatnonzero(there)
    if len(rows) == 0:
        return
    shapely.prepare(district)
    far = rows[~shapely.intersects(district, geometry[rows])]
    if len(far) == 0:
        return
    home = gpd.GeoSeries([district], crs="EPSG:4326")
    crs = metric_crs(home)
    border = home.to_crs(crs).iloc[0]
    distance = shapely.distance(
        border, np.asarray(gpd.GeoSeries(geometry[far], crs="EPSG:4326").to_crs(crs).values)
    )
    for row, metres in zip(far.tolist(), distance, strict=True):
        if not metres <= margin_m:
            told = (
                f"{metres / 1000:.1f} km away"
                if math.isfinite(metres)
                else "on another part of the globe"
            )
            work.tell(row, REJECTED, "outside the district", detail=told)
