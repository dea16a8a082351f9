"""Where each row lies: geometry or coordinates, mended, checked and in EPSG:4326."""

from __future__ import annotations

import math
import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from geo.crs import Datum, metric_crs, to_wgs84
from geo.errors import CrsError
from geo.ingest import values
from geo.ingest.angles import angle_of, names_axes, pair_of
from geo.ingest.columns import distinct, plain_numbers
from geo.ingest.findings import MENDED, REJECTED, Work, rows_where
from geo.ingest.headers import LAT, LON, WHERE, normalised
from geo.ingest.notation import PLAIN, Notation
from geo.ingest.wkt import is_wkt, read_wkt


def locate(
    work: Work,
    columns: dict[str, str],
    datum: Datum | None,
    district: Any,
    margin_m: float,
    notation: Notation = PLAIN,
) -> np.ndarray[Any, Any]:
    """Return the geometry of each row in EPSG:4326; None where a row has none or was rejected.

    Raises
    ------
    CrsError : a datum was given for metres, or the coordinates are metres where degrees are named.
    """
    crs = work.raw.crs or pyproj.CRS("EPSG:4326")
    if datum is not None and crs.is_projected:
        raise CrsError(f"--datum {datum} is for degrees, and the coordinates are in {crs.name}")
    placed = _has_grid(work, columns)
    if work.raw.geometry is not None:
        geometry = _shapes(work, np.asarray(work.raw.geometry.values), placed)
    elif WHERE in columns and _hold_wkt(work.raw.cells[columns[WHERE]]):
        geometry = _shapes(work, _written_shapes(work, columns[WHERE], crs), placed)
    else:
        geometry = _points(work, columns, crs, placed, notation)
    if not crs.is_projected:
        geometry = check_degrees(work, geometry, district)
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


def _hold_wkt(cells: pd.Series) -> bool:
    """Whether a column holds WKT other than single points, which are read as pairs."""
    first = next((cell for cell in cells if not values.blank(cell)), "")
    return is_wkt(first) and not re.match(r"\s*(?:SRID=\d+;)?\s*POINT\b", str(first), re.IGNORECASE)


def _written_shapes(work: Work, header: str, crs: pyproj.CRS) -> np.ndarray[Any, Any]:
    """Shapes of a column of WKT; those that cannot be read are rejected here."""
    out = np.full(len(work.raw.cells), None, object)
    for row, cell in enumerate(work.raw.cells[header]):
        if values.blank(cell):
            continue
        shape = read_wkt(cell)
        if isinstance(shape, str):
            work.tell(row, REJECTED, "unreadable geometry", header, shape)
            continue
        if shape.srid is not None and crs.to_epsg() not in (None, shape.srid):
            detail = f"EPSG:{shape.srid} where the file is in {crs.to_string()}; use --crs"
            work.tell(row, REJECTED, "geometry in another CRS", header, detail)
            continue
        if shape.closed:
            work.tell(row, MENDED, "ring closed", header, f"{shape.closed} rings were not closed")
        out[row] = shape.geometry
    return out


def _shapes(
    work: Work, geometry: np.ndarray[Any, Any], placed: NDArray[np.bool_]
) -> np.ndarray[Any, Any]:
    wanted = {"polygon": (3, 6), "line": (1, 5), "point": (0, 4)}[work.layer.shape]
    out = shapely.force_2d(geometry)
    for row in rows_where(shapely.get_type_id(out) == 7):
        out[row] = _wanted_parts(work, row, out[row], wanted)
    kinds = shapely.get_type_id(out)
    empty = shapely.is_missing(out) | shapely.is_empty(out)
    coordinates, owner = shapely.get_coordinates(out, return_index=True)
    empty[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    for row in rows_where(empty & work.keep):
        out[row] = None
        if work.layer.geometry_needed or not placed[row]:
            work.tell(row, REJECTED, "no coordinates", detail="the row has no usable geometry")
    out[empty] = None
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


def _wanted_parts(work: Work, row: int, shape: Any, wanted: tuple[int, int]) -> Any:
    """The parts of a collection that the layer can hold, if there are any; the rest is reported."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    fitting = parts[shapely.get_type_id(parts) == wanted[0]]
    if len(fitting) == 0:
        return shape
    if len(fitting) < len(parts):
        others = sorted({part.geom_type for part in parts if part not in fitting})
        work.tell(
            row, MENDED, "parts of another geometry type", detail=f"{', '.join(others)} left out"
        )
    build = {3: shapely.multipolygons, 1: shapely.multilinestrings, 0: shapely.multipoints}
    return build[wanted[0]](fitting)


_NORTH_IN_LON = "a latitude in the column of longitudes, or the other way round"


def _points(
    work: Work,
    columns: dict[str, str],
    crs: pyproj.CRS,
    placed: NDArray[np.bool_],
    notation: Notation,
) -> np.ndarray[Any, Any]:
    cells = work.raw.cells
    count = len(cells)
    x = np.full(count, np.nan)
    y = np.full(count, np.nan)
    unreadable: dict[int, str] = {}
    if LON in columns and LAT in columns:
        axes: dict[int, dict[str, str]] = {}
        for axis, target in ((LON, x), (LAT, y)):
            header = columns[axis]
            decimal = notation.decimal.get(axis)
            # Where a comma is the decimal's, 357.376 is 357376 metres.
            if not (crs.is_projected and decimal == ","):
                target[:] = plain_numbers(cells[header])
            rest = np.flatnonzero(np.isnan(target))
            for row, cell in zip(rest.tolist(), cells[header].iloc[rest], strict=True):
                if values.blank(cell):
                    continue
                if crs.is_projected:
                    target[row] = values.number_of(cell, decimal or ".")
                else:
                    target[row], named = angle_of(cell)
                    if named is not None:
                        axes.setdefault(row, {})[axis] = named
                if math.isnan(target[row]):
                    unreadable[row] = f"{header} {values.text_of(cell)!r}"
        _exchange_named(work, x, y, axes, unreadable)
    if WHERE in columns:
        _read_pairs(work, columns[WHERE], crs, x, y, unreadable)
    for row, what in unreadable.items():
        work.tell(row, REJECTED, "unreadable coordinates", detail=what)
    missing = np.isnan(x) | np.isnan(y)
    zero = ~missing & (x == 0) & (y == 0)
    for row in rows_where((missing | zero) & work.keep):
        if work.layer.geometry_needed or zero[row] or not placed[row]:
            work.tell(row, REJECTED, "coordinates (0, 0)" if zero[row] else "no coordinates")
    missing |= zero
    out = np.full(count, None, dtype=object)
    out[~missing] = shapely.points(x[~missing], y[~missing])
    return out


def _exchange_named(
    work: Work,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    axes: dict[int, dict[str, str]],
    unreadable: dict[int, str],
) -> None:
    """Put coordinates in their place where their hemispheres say that they are in each other's."""
    for row, named in axes.items():
        wrong = [axis for axis, says in named.items() if axis != says]
        if not wrong:
            continue
        if len(wrong) == len(named) and not (math.isnan(x[row]) or math.isnan(y[row])):
            x[row], y[row] = y[row], x[row]
            work.tell(row, MENDED, "latitude and longitude swapped", detail="by their hemispheres")
        else:
            unreadable[row] = _NORTH_IN_LON


def _read_pairs(
    work: Work,
    header: str,
    crs: pyproj.CRS,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    unreadable: dict[int, str],
) -> None:
    """Fill coordinates that are missing from a column of pairs."""
    lon_first = crs.is_projected or normalised(header) in _LON_FIRST
    for row, cell in enumerate(work.raw.cells[header]):
        if values.blank(cell) or not (math.isnan(x[row]) or math.isnan(y[row])):
            continue
        if not any(c.isdigit() for c in str(cell)):
            continue  # "(,)" is how exports write nothing
        pair = pair_of(cell)
        if pair is None:
            unreadable.setdefault(row, f"{header} {values.text_of(cell)!r}")
            continue
        unreadable.pop(row, None)
        # WKT is written x first, hemispheres say it, `(a, b)` text has the latitude first.
        x[row], y[row] = pair if lon_first or names_axes(cell) else pair[::-1]


_LON_FIRST = frozenset(
    normalised(h) for h in ("lonlat", "lnglat", "lon_lat", "经纬度", "经度纬度", "xy")
)


def check_degrees(
    work: Work, geometry: np.ndarray[Any, Any], district: Any
) -> np.ndarray[Any, Any]:
    """Return shapes whose coordinates are degrees: exchanged ones put right, impossible ones out.

    Latitude and longitude in each other's place are found by the district, else by their domain.

    Raises
    ------
    CrsError : all of them are metres.
    """
    there = ~shapely.is_missing(geometry)
    if not there.any():
        return geometry
    west, south, east, north = shapely.bounds(geometry).T
    far_x = np.fmax(np.abs(west), np.abs(east))
    far_y = np.fmax(np.abs(south), np.abs(north))
    metres = there & ((far_x > _FULL_TURN) | (far_y > _FULL_TURN))
    if metres[there].all():
        first = int(np.flatnonzero(there)[0])
        raise CrsError(
            f"the coordinates are metres ({west[first]:.0f}, {south[first]:.0f}), and the file names "
            f"{'degrees' if work.raw.crs is not None else 'no CRS'}; give theirs with --crs, for "
            f"instance --crs {_metric_crs_near(district)}"
        )
    if district is not None:
        w, s, e, n = district.bounds
        right = _within((west, south, east, north), (w, s, e, n))
        exchanged = ~right & _within((south, west, north, east), (w, s, e, n))
    else:
        exchanged = (far_y > 90) & (far_y <= 180) & (far_x <= 90)
    for row in rows_where(there & exchanged & work.keep):
        geometry[row] = shapely.transform(geometry[row], lambda xy: xy[:, ::-1])
        middle = shapely.centroid(geometry[row])
        work.tell(row, MENDED, "latitude and longitude swapped",
                  detail=f"taken as longitude {middle.x:g}, latitude {middle.y:g}")  # fmt: skip
        far_x[row], far_y[row] = far_y[row], far_x[row]
    impossible = there & ((far_x > 180) | (far_y > 90))
    for row in rows_where(impossible & work.keep):
        work.tell(
            row, REJECTED, "impossible coordinates",
            detail=f"longitude {west[row]:g}, latitude {south[row]:g}",
        )  # fmt: skip
    geometry[impossible] = None
    return geometry


_FULL_TURN = 360.0
_NEAR_DEG = 0.5


def _within(
    boxes: tuple[NDArray[np.float64], ...], bounds: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    """Whether each box touches bounds widened by half a degree."""
    west, south, east, north = boxes
    w, s, e, n = bounds
    return np.asarray(
        (east > w - _NEAR_DEG) & (west < e + _NEAR_DEG)
        & (north > s - _NEAR_DEG) & (south < n + _NEAR_DEG)
    )  # fmt: skip


def _metric_crs_near(district: Any) -> str:
    """A CRS in metres of the deployment's place, as an example."""
    if district is None:
        return "EPSG:32650"
    return metric_crs(gpd.GeoSeries([district], crs="EPSG:4326")).to_string()


def _has_grid(work: Work, columns: dict[str, str]) -> NDArray[np.bool_]:
    """Whether each row says at least its grid."""
    header = columns.get("grid")
    if header is None:
        return np.zeros(len(work.raw.cells), bool)
    codes, found = distinct(work.raw.cells[header])
    return np.array([not values.blank(cell) for cell in found], bool)[codes]


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
