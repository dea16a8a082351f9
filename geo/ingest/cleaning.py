"""Raw rows to clean ones: every row is kept, mended or rejected, and the report says why."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.crs import Datum, metric_crs, to_wgs84
from geo.errors import ColumnError, CrsError
from geo.ingest import values
from geo.ingest.headers import (
    DIRECTIONS,
    FALSE_WORDS,
    LAT,
    LON,
    TRUE_WORDS,
    WHERE,
    normalised,
    recognise,
    value_of,
)
from geo.ingest.readers import RawTable
from geo.schema import Column, Layer

Action = str
REJECTED, MENDED, NOTED = "rejected", "mended", "noted"


@dataclass(frozen=True)
class Finding:
    """One thing the report tells of a row."""

    line: int
    action: Action
    reason: str
    column: str
    detail: str
    original: str


@dataclass
class Cleaned:
    """The rows that can be used, and what was found on the way."""

    frame: gpd.GeoDataFrame
    findings: list[Finding] = field(default_factory=list)
    recognised: dict[str, str] = field(default_factory=dict)
    kept_as_extra: list[str] = field(default_factory=list)
    read: int = 0

    def count(self, action: Action) -> int:
        """Rows with at least one finding of this action."""
        return len({f.line for f in self.findings if f.action == action})


@dataclass
class _Work:
    layer: Layer
    raw: RawTable
    keep: np.ndarray[Any, np.dtype[np.bool_]]
    findings: list[Finding]

    def tell(
        self, row: int, action: Action, reason: str, column: str = "", detail: str = ""
    ) -> None:
        self.findings.append(
            Finding(
                int(self.raw.lines[row]), action, reason, column, detail, self.raw.originals[row]
            )
        )
        if action == REJECTED:
            self.keep[row] = False


def clean(
    raw: RawTable,
    layer: Layer,
    *,
    zone: ZoneInfo,
    rename: dict[str, str] | None = None,
    datum: Datum | None = None,
    district: Any = None,
    margin_m: float = 100.0,
    source: str = "file",
    now: dt.datetime | None = None,
) -> Cleaned:
    """Clean one raw table.

    Parameters
    ----------
    raw : from `read_file`.
    layer : the register it is for.
    zone : time zone of times that name none.
    rename : header of the file to column of ours.
    datum : of the coordinates; WGS 84 unless given.
    district : (multi)polygon in EPSG:4326; rows farther than `margin_m` from it are rejected,
        and it tells swapped coordinates. None: not checked.
    source : the source system of incidents that name none.
    now : the moment after which a date is impossible.

    Returns
    -------
    Clean rows in EPSG:4326 with a `line` column, and the findings.

    Raises
    ------
    ColumnError : a needed column is not there, or a renamed one is not one of the layer's.
    CrsError : a datum was given for coordinates in metres.
    """
    headers = [str(c) for c in raw.cells.columns]
    known = {*layer.names, LON, LAT, WHERE}
    for header, target in (rename or {}).items():
        if target not in known:
            raise ColumnError(
                f"--rename {header}={target}: {layer.name} has no column {target}; "
                f"it has {', '.join(layer.names)}"
            )
        if normalised(header) not in {normalised(h) for h in headers}:
            raise ColumnError(f"--rename {header}={target}: the file has {', '.join(headers)}")
    found = recognise(layer.name, headers, rename)
    work = _Work(layer, raw, np.ones(len(raw.cells), bool), [])
    for line, reason, text in raw.broken:
        work.findings.append(Finding(line, REJECTED, "wrong number of cells", "", reason, text))
    _require_columns(layer, found.columns, raw, headers)
    out: dict[str, Any] = {}
    for column in layer.columns:
        named = found.columns.get(column.name)
        cells = raw.cells[named] if named is not None else None
        out[column.name] = _column(work, column, cells, zone, source)
    _complete(work, out, found.columns)
    geometry = _geometry(work, found.columns, datum, district, margin_m)
    _check_dates(work, out, now or dt.datetime.now(dt.UTC))
    _check_keys(work, out, geometry)
    unused = [
        h
        for h in found.columns.values()
        if raw.geometry is not None and h == found.columns.get(WHERE)
    ]
    extra_headers = [*found.unknown, *unused]
    extra = raw.cells[extra_headers].to_dict("records") if extra_headers else [{}] * len(raw.cells)
    out["extra"] = [
        {k: values.text_of(v) for k, v in row.items() if not values.blank(v)} for row in extra
    ]
    out["line"] = raw.lines
    frame = gpd.GeoDataFrame(pd.DataFrame(out), geometry=gpd.GeoSeries(geometry, crs="EPSG:4326"))
    frame = frame[work.keep].reset_index(drop=True)
    return Cleaned(
        frame, work.findings, dict(found.columns), extra_headers, len(raw.cells) + len(raw.broken)
    )


def _rows(mask: Any) -> list[int]:
    return [int(row) for row in np.flatnonzero(mask)]


def _require_columns(
    layer: Layer, columns: dict[str, str], raw: RawTable, headers: list[str]
) -> None:
    located = raw.geometry is not None or WHERE in columns or {LON, LAT} <= set(columns)
    if layer.geometry_needed and not located:
        raise ColumnError(
            f"no coordinates found among {', '.join(headers)}; name them with --rename X=lon "
            "--rename Y=lat, or --rename COLUMN=where for text such as WKT"
        )
    # A name can be told from the code; a source from the option; the rest must be there.
    for column in layer.columns:
        if column.needed and column.name not in columns and column.name not in ("name", "source"):
            raise ColumnError(
                f"{layer.name} needs the column {column.name}, which is none of "
                f"{', '.join(headers)}; name it with --rename COLUMN={column.name}"
            )
    if layer.name == "incidents" and not {"occurred_at", "occurred_from", "reported_at"} & set(
        columns
    ):
        raise ColumnError(
            f"incidents need a time, and none was found among {', '.join(headers)}; "
            "name it with --rename COLUMN=occurred_at"
        )


def _column(
    work: _Work, column: Column, cells: pd.Series | None, zone: ZoneInfo, source: str
) -> list[Any]:
    count = len(work.raw.cells)
    if cells is None:
        return [source if column.name == "source" else column.default] * count
    parse = _PARSERS[column.kind]
    out: list[Any] = []
    memo: dict[Any, tuple[Any, str]] = {}
    for row, cell in enumerate(cells):
        if values.blank(cell):
            if column.needed and column.name not in ("name", "source"):
                work.tell(row, REJECTED, "empty value", column.name, "this column is needed")
            out.append(source if column.name == "source" else column.default)
            continue
        # Registers repeat their values: parse each distinct one once.
        slot = (type(cell), cell)
        if slot not in memo:
            memo[slot] = parse(work.layer, column, cell, zone)
        value, problem = memo[slot]
        if problem:
            fatal = value is None and column.needed
            work.tell(row, REJECTED if fatal else MENDED, problem, column.name, f"{values.text_of(cell)!r}"
                      + ("" if value is None else f" taken as {value}"))  # fmt: skip
        out.append(column.default if value is None else value)
    return out


def _parse_text(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    return values.text_of(cell).replace("\x00", ""), ""


def _parse_code(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = values.text_of(cell).replace("\x00", "")
    digits = text.replace(".", "").replace("+", "").casefold()
    if (isinstance(cell, float) and abs(cell) >= 1e15) or (
        "e" in digits[1:-1] and values.number_of(text) >= 1e11
    ):
        return None, "code in scientific notation: digits are lost, store it as text"
    return text, ""


def _parse_number(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    if column.name == "pixels_wide":
        number = values.pixels_of(cell)
    elif column.angle:
        named = DIRECTIONS.get(normalised(str(cell)))
        number = named if named is not None else values.degrees_of(cell)
    else:
        number = values.number_of(cell)
    if math.isnan(number) or math.isinf(number):
        return None, "not a number"
    problem = ""
    if column.angle and not 0 <= number <= 360 and -360 <= number <= 720:
        number, problem = number % 360, "angle beyond a full turn"
    low = column.low if column.low is not None else -math.inf
    high = column.high if column.high is not None else math.inf
    if number < low or number > high or (column.open_low and number == low):
        # Registers write 0 for "not reported".
        silent = column.open_low and number == 0
        return None, "" if silent else f"impossible value for {column.name}"
    return (round(number) if column.kind == "integer" else number), problem


def _parse_boolean(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = normalised(values.text_of(cell))
    if text in TRUE_WORDS:
        return True, ""
    if text in FALSE_WORDS:
        return False, ""
    return None, "neither yes nor no"


def _parse_choice(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    text = values.text_of(cell)
    if text in column.choices:
        return text, ""
    found = value_of(layer.name, column.name, text)
    return (found, "") if found else (None, f"unknown {column.name}")


def _parse_time(layer: Layer, column: Column, cell: Any, zone: ZoneInfo) -> tuple[Any, str]:  # noqa: ARG001
    moment = values.time_of(cell, zone)
    if moment is None or moment < values.EARLIEST:
        return None, "impossible date"
    return (moment.date() if column.kind == "date" else moment), ""


_PARSERS: dict[str, Callable[[Layer, Column, Any, ZoneInfo], tuple[Any, str]]] = {
    "text": _parse_text, "code": _parse_code, "number": _parse_number, "integer": _parse_number,
    "boolean": _parse_boolean, "choice": _parse_choice, "date": _parse_time, "time": _parse_time,
}  # fmt: skip


def _complete(work: _Work, out: dict[str, Any], columns: dict[str, str]) -> None:
    """Fill a missing name from the key."""
    if "name" in out and work.layer.column("name").needed:
        key = work.layer.key[0]
        unnamed = [row for row, name in enumerate(out["name"]) if not name]
        for row in unnamed:
            out["name"][row] = out[key][row]
            if "name" in columns:
                work.tell(row, MENDED, "no name", "name", "named by its code")


def _geometry(
    work: _Work, columns: dict[str, str], datum: Datum | None, district: Any, margin_m: float
) -> np.ndarray[Any, Any]:
    crs = work.raw.crs or pyproj.CRS("EPSG:4326")
    if datum is not None and crs.is_projected:
        raise CrsError(f"--datum {datum} is for degrees, and the coordinates are in {crs.name}")
    if work.raw.geometry is not None:
        geometry = _shapes(work, np.asarray(work.raw.geometry.values))
    else:
        geometry = _points(work, columns, crs, district)
    series = gpd.GeoSeries(geometry, crs=crs)
    if datum is not None:
        series = to_wgs84(series, datum)
    series = series.to_crs("EPSG:4326")
    located = ~shapely.is_missing(series.values)
    infinite = located & ~np.isfinite(shapely.bounds(series.values)).all(axis=1)
    for row in _rows(infinite & work.keep):
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


def _shapes(work: _Work, geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    wanted = {"polygon": (3, 6), "line": (1, 5), "point": (0, 4)}[work.layer.shape]
    kinds = shapely.get_type_id(geometry)
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    out = shapely.force_2d(geometry)
    for row in _rows(empty):
        out[row] = None
        if work.layer.geometry_needed:
            work.tell(row, REJECTED, "no coordinates", detail="the feature has no geometry")
    for row in _rows(~empty & ~np.isin(kinds, wanted)):
        work.tell(row, REJECTED, "wrong geometry type",
                  detail=f"{out[row].geom_type} where a {work.layer.shape} is needed")  # fmt: skip
        out[row] = None
    for row in _rows(~empty & (kinds == 4) & np.isin(kinds, wanted)):
        parts = shapely.get_parts(out[row])
        if len(parts) > 1:
            work.tell(row, MENDED, "several points", detail="their middle was taken")
        out[row] = shapely.centroid(out[row])
    return np.asarray(out)


def _points(
    work: _Work, columns: dict[str, str], crs: pyproj.CRS, district: Any
) -> np.ndarray[Any, Any]:
    cells = work.raw.cells
    count = len(cells)
    x = np.full(count, np.nan)
    y = np.full(count, np.nan)
    unreadable: dict[int, str] = {}
    text_order: dict[int, bool] = {}
    if LON in columns and LAT in columns:
        for target, header in ((x, columns[LON]), (y, columns[LAT])):
            for row, cell in enumerate(cells[header]):
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
            text_order[row] = True
    for row, what in unreadable.items():
        work.tell(row, REJECTED, "unreadable coordinates", detail=what)
    missing = np.isnan(x) | np.isnan(y)
    zero = ~missing & (x == 0) & (y == 0)
    for row in _rows((missing | zero) & work.keep):
        if work.layer.geometry_needed or zero[row] or not _has_grid(work, columns, row):
            work.tell(row, REJECTED, "coordinates (0, 0)" if zero[row] else "no coordinates")
    missing |= zero
    if not crs.is_projected:
        _unswap(work, x, y, ~missing, district)
        outside = ~missing & ((np.abs(x) > 180) | (np.abs(y) > 90))
        for row in _rows(outside & work.keep):
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


def _has_grid(work: _Work, columns: dict[str, str], row: int) -> bool:
    header = columns.get("grid")
    return header is not None and not values.blank(work.raw.cells[header].iloc[row])


def _unswap(
    work: _Work, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], there: Any, district: Any
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
    for row in _rows(there & swapped & work.keep):
        x[row], y[row] = y[row], x[row]
        work.tell(
            row,
            MENDED,
            "latitude and longitude swapped",
            detail=f"taken as longitude {x[row]:g}, latitude {y[row]:g}",
        )


def _valid_polygons(work: _Work, geometry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    there = ~shapely.is_missing(geometry)
    for row in _rows(there & ~shapely.is_valid(geometry) & work.keep):
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
    for row in _rows(flat & work.keep):
        work.tell(row, REJECTED, "polygon without area")
    return geometry


def _inside(work: _Work, geometry: np.ndarray[Any, Any], district: Any, margin_m: float) -> None:
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


def _check_dates(work: _Work, out: dict[str, Any], now: dt.datetime) -> None:
    for column in work.layer.columns:
        if column.kind not in ("time", "date"):
            continue
        limit: Any = now + dt.timedelta(days=1)
        if column.kind == "date":
            limit = limit.date()
        for row, value in enumerate(out[column.name]):
            if value is not None and value > limit and column.name != "retired_on":
                work.tell(row, MENDED, "date in the future", column.name, f"{value} dropped")
                out[column.name][row] = None
    if "retired_on" in out:
        for row, (start, end) in enumerate(
            zip(out["installed_on"], out["retired_on"], strict=True)
        ):
            if start is not None and end is not None and end < start:
                work.tell(row, MENDED, "retired before installed", "retired_on", f"{end} dropped")
                out["retired_on"][row] = None
    if work.layer.name != "incidents":
        return
    for row in _rows(work.keep):
        start, end = out["occurred_from"][row], out["occurred_to"][row]
        if start is not None and end is not None and end < start:
            out["occurred_from"][row], out["occurred_to"][row] = end, start
            work.tell(row, MENDED, "end before start", "occurred_to", "the two were exchanged")
        if all(out[c][row] is None for c in ("occurred_at", "occurred_from", "reported_at")):
            work.tell(row, REJECTED, "no usable time", "occurred_at")


def _check_keys(work: _Work, out: dict[str, Any], geometry: np.ndarray[Any, Any]) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    whole: dict[str, int] = {}
    for row in _rows(work.keep):
        key = tuple(out[k][row] for k in work.layer.key)
        if key not in seen:
            seen[key] = row
            whole[work.raw.originals[row]] = row
            continue
        first = seen[key]
        line = int(work.raw.lines[first])
        named = "/".join(str(k) for k in key)
        same = work.raw.originals[row] == work.raw.originals[first] and (
            geometry[row] == geometry[first]
        )
        work.tell(row, REJECTED, "repeated row" if same else "repeated key", work.layer.key[-1],
                  f"{named} is on line {line} already")  # fmt: skip
    if work.layer.name == "incidents":
        for row in _rows(work.keep):
            if geometry[row] is None and out["precision"][row] not in ("grid", "none"):
                out["precision"][row] = "grid"
