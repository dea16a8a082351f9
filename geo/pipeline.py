"""Refresh: read the registers, compute coverage and density, write results with their run."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

import geo
from geo.coverage.field_of_view import complete_cameras
from geo.coverage.gaps import blind_spots, coverage_by_grid
from geo.coverage.visibility import visible_area
from geo.crs import metric_crs
from geo.errors import StoreError
from geo.incidents.density import counts_by_month, density_by_grid, incident_times
from geo.settings import Settings, get_settings
from geo.store import read, write
from geo.store.database import Conn, require_current

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

IN_USE = ("working", "unknown")
"""States of a camera that count as seeing."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did."""

    run: int
    computed: bool
    """False when nothing had changed since the run named."""
    summary: dict[str, Any]


def refresh(
    conn: Conn,
    *,
    settings: Settings | None = None,
    everything: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Refreshed:
    """Bring the result tables up to date, in one transaction.

    Readers see the old results until the new ones are whole; a second refresh waits for the
    first. The caller's connection is committed.

    Parameters
    ----------
    conn : an open connection to a migrated database.
    everything : compute even if no input changed.
    progress : told each step.

    Raises
    ------
    StoreError : there are no grids, or the database is not at this version.
    """
    settings = settings or get_settings()
    require_current(conn)
    conn.commit()
    started = dt.datetime.now(dt.UTC)
    try:
        conn.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        write.lock_refresh(conn)
        progress("reading the registers")
        grids = read.read_layer(conn, "grids")
        if grids.empty:
            raise StoreError(  # noqa: TRY301
                "there are no grids; import them with `gridcover import grids FILE`"
            )
        cameras = read.read_layer(conn, "cameras")
        buildings = read.read_layer(conn, "buildings")
        incidents = read.read_layer(conn, "incidents")
        crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
        parameters = {
            "min_blind_spot_m2": settings.blind_spot_min_area_m2,
            "camera_status": list(IN_USE),
            "camera_defaults": {k: v.model_dump() for k, v in settings.cameras.items()},
            "timezone": settings.timezone,
            "metric_crs": crs.to_string(),
            "software": geo.__version__,
        }
        digest = _digest(grids, cameras, buildings, incidents, repr(parameters))
        last = read.latest_run(conn)
        if last is not None and last.inputs_digest == digest and not everything:
            conn.rollback()
            return Refreshed(last.id, False, last.summary)
        result = _compute(grids, cameras, buildings, incidents, crs, settings, progress)
        progress("writing the results")
        run = write.write_run(
            conn,
            kind="refresh",
            parameters=parameters,
            inputs_digest=digest,
            software_version=geo.__version__,
            metric_crs=crs.to_string(),
            started_at=started,
            summary=result.summary,
        )
        write.clear_views(conn)
        write.write_table(conn, "camera_views", result.views.assign(run=run), shape="polygon")
        write.write_table(conn, "grid_coverage", result.coverage.assign(run=run))
        write.write_table(conn, "blind_spots", result.spots.assign(run=run), shape="exact")
        write.write_table(conn, "grid_incidents", result.months.assign(run=run))
        write.write_table(conn, "grid_density", result.density.assign(run=run))
        write.prune_runs(conn, settings.keep_runs)
        conn.commit()
    except BaseException:
        conn.rollback()
        raise
    conn.execute("ANALYZE camera_views")
    conn.commit()
    return Refreshed(run, True, result.summary)


@dataclass(frozen=True)
class _Result:
    views: GeoDataFrame
    coverage: pd.DataFrame
    spots: GeoDataFrame
    months: pd.DataFrame
    density: pd.DataFrame
    summary: dict[str, Any]


def _compute(
    grids: GeoDataFrame,
    cameras: GeoDataFrame,
    buildings: GeoDataFrame,
    incidents: GeoDataFrame,
    crs: pyproj.CRS,
    settings: Settings,
    progress: Callable[[str], None],
) -> _Result:
    grids_m, cameras_m, buildings_m = (layer.to_crs(crs) for layer in (grids, cameras, buildings))
    incidents_m = incidents.to_crs(crs)
    # Projecting bends edges by rounding only, but that can make a sliver of a polygon invalid.
    for layer in (grids_m, buildings_m):
        bad = ~layer.geometry.is_valid
        if bad.any():
            layer.loc[bad, layer.geometry.name] = layer.geometry[bad].make_valid(method="structure")
    full = complete_cameras(cameras_m, defaults=settings.cameras)
    used = full[full["status"].isin(IN_USE)]
    progress(f"what {len(used):,} cameras see among {len(buildings_m):,} buildings")
    views = visible_area(used, buildings_m, defaults=settings.cameras)
    progress(f"coverage of {len(grids_m):,} grids")
    coverage = coverage_by_grid(grids_m, views, buildings=buildings_m)
    progress("blind spots")
    spots = blind_spots(
        grids_m, views, buildings=buildings_m, min_area_m2=settings.blind_spot_min_area_m2
    )
    progress(f"density of {len(incidents_m):,} incidents")
    density = density_by_grid(grids_m, incidents_m)
    months = counts_by_month(grids_m, incidents_m, timezone=settings.timezone)
    times = incident_times(incidents_m).dropna()
    open_m2 = float(coverage["open_m2"].sum())
    seen = float((coverage["open_covered_share"].fillna(0) * coverage["open_m2"]).sum())
    summary = {
        "grids": len(grids),
        "cameras": len(cameras),
        "cameras_used": len(used),
        "cameras_assumed": int(used["assumed"].sum()),
        "assumed_share": float(used["assumed"].mean()) if len(used) else 0.0,
        "buildings": len(buildings),
        "area_m2": float(coverage["area_m2"].sum()),
        "covered_m2": float(coverage["covered_m2"].sum()),
        "open_m2": open_m2,
        "open_covered_share": seen / open_m2 if open_m2 else None,
        "blind_spots": len(spots),
        "incidents": len(incidents),
        "incidents_outside": int(density.attrs["outside"]),
        "incidents_from": times.min().isoformat() if len(times) else None,
        "incidents_to": times.max().isoformat() if len(times) else None,
    }
    return _Result(
        _view_rows(used, views, buildings_m),
        coverage.rename_axis("grid").reset_index(),
        _spot_rows(spots),
        months,
        _density_rows(density),
        summary,
    )


def _view_rows(used: GeoDataFrame, views: gpd.GeoSeries, buildings: GeoDataFrame) -> GeoDataFrame:
    now = dt.datetime.now(dt.UTC)
    digests = view_digests(used, buildings)
    area = views.area
    return gpd.GeoDataFrame(
        {
            "camera": used.index,
            "area_m2": area.to_numpy(),
            "assumed": used["assumed"].to_numpy(),
            "inputs_digest": digests,
            "computed_at": now,
        },
        geometry=gpd.GeoSeries(views.values, crs=views.crs).to_crs("EPSG:4326"),
    )


def view_digests(cameras: GeoDataFrame, buildings: GeoDataFrame) -> list[str]:
    """Digest of what each view rests on: the camera's sector and the buildings in reach.

    Parameters
    ----------
    cameras : completed cameras, metric CRS.
    buildings : footprints, same CRS.

    Returns
    -------
    One hexadecimal text a camera; it changes when the view can change, and does not depend on
    the order of the buildings.
    """
    columns = ["bearing_deg", "fov_deg", "range_m", "near_m", "height_m"]
    shapes = np.asarray(buildings.geometry.values)
    heights = buildings["height_m"].to_numpy(float) if len(buildings) else np.zeros(0)
    marks = np.array(
        [
            int.from_bytes(
                hashlib.blake2b(wkb + np.float64(h).tobytes(), digest_size=8).digest(), "little"
            )
            for wkb, h in zip(shapely.to_wkb(shapes), heights, strict=True)
        ],
        dtype=np.uint64,
    )
    points = np.asarray(cameras.geometry.values)
    sums = np.zeros(len(cameras), np.uint64)
    if len(shapes) and len(points):
        camera, building = shapely.STRtree(shapes).query(
            points, predicate="dwithin", distance=cameras["range_m"].to_numpy(float)
        )
        np.add.at(sums, camera, marks[building])
    sector = cameras[columns].to_numpy(float)
    places = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    return [
        hashlib.blake2b(p.tobytes() + s.tobytes() + m.tobytes(), digest_size=16).hexdigest()
        for p, s, m in zip(places, sector, sums, strict=True)
    ]


def _spot_rows(spots: GeoDataFrame) -> GeoDataFrame:
    out = spots.to_crs("EPSG:4326")
    out.insert(0, "rank", np.arange(1, len(out) + 1))
    return out


def _density_rows(density: pd.DataFrame) -> pd.DataFrame:
    start, end = density.attrs["period"]
    if start is None:
        return pd.DataFrame(columns=["grid", "period_from", "period_to", "count"])
    out = density.rename_axis("grid").reset_index()
    outside = pd.DataFrame([{"grid": "", "count": density.attrs["outside"]}])
    out = pd.concat([out, outside], ignore_index=True)
    out["period_from"] = start.to_pydatetime()
    out["period_to"] = end.to_pydatetime()
    return out


def _digest(*inputs: GeoDataFrame | str) -> str:
    whole = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            whole.update(item.encode())
            continue
        plain = pd.DataFrame(item.drop(columns=item.geometry.name))
        whole.update(_hashes(plain).tobytes())
        for wkb in shapely.to_wkb(np.asarray(item.geometry.values)):
            whole.update(wkb or b"\x00")
    return whole.hexdigest()


def _hashes(plain: pd.DataFrame) -> NDArray[np.uint64]:
    return np.asarray(pd.util.hash_pandas_object(plain.astype(str), index=False), np.uint64)
