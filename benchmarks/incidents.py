"""Incident functions beside geopandas.sjoin, esda, KDEpy and scipy's KD-tree."""

from __future__ import annotations

import time
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

import geo


def _lattice(side: int, metres: float) -> gpd.GeoDataFrame:
    cells = [
        shapely.box(x * metres, y * metres, (x + 1) * metres, (y + 1) * metres)
        for y in range(side)
        for x in range(side)
    ]
    return gpd.GeoDataFrame(geometry=cells, crs="EPSG:32650")


def join(points: int = 1_000_000) -> tuple[float, float]:
    """Seconds of `grid_positions` and of geopandas.sjoin, points to 10,000 grids with bent borders."""
    grids = _lattice(100, 100.0)
    bent = shapely.transform(grids.geometry.values, lambda xy: xy + 30 * np.sin(xy[:, ::-1] / 70))
    grids = grids.set_geometry(gpd.GeoSeries(bent, crs=grids.crs))
    random = np.random.default_rng(0)
    xy = random.uniform(-50, 10_050, (points, 2))
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=grids.crs)
    geo.grid_positions(grids, spots.iloc[:9])
    begun = time.perf_counter()
    ours = geo.grid_positions(grids, spots)
    middle = time.perf_counter()
    theirs = gpd.sjoin(spots, grids[["geometry"]])
    ended = time.perf_counter()
    first = theirs["index_right"].groupby(level=0).min()
    assert (first.reindex(range(points)).fillna(-1).to_numpy() == ours).all()
    return middle - begun, ended - middle


def permutations(side: int = 224) -> tuple[float, float, int]:
    """Seconds of 999 permutations of Gi* in ours and in esda, and the number of grids."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import libpysal
        from esda.getisord import G_Local

        grids = _lattice(side, 100.0)
        values = np.random.default_rng(0).poisson(20, len(grids)).astype(float)
        near = geo.contiguity_weights(grids)
        geo.hot_spots(grids, values=values, weights=near, permutations=9)
        begun = time.perf_counter()
        geo.hot_spots(grids, values=values, weights=near, permutations=999)
        ours = time.perf_counter() - begun
        theirs = libpysal.weights.lat2W(side, side, rook=False)
        small = libpysal.weights.lat2W(7, 7, rook=False)
        G_Local(values[:49], small, transform="B", permutations=9, star=True, n_jobs=1)
        begun = time.perf_counter()
        G_Local(values, theirs, transform="B", permutations=999, star=True, n_jobs=1)
        return ours, time.perf_counter() - begun, len(grids)


def repeats(points: int = 60_000, shuffles: int = 4) -> tuple[float, float, int]:
    """Seconds of 199 permutations of `near_repeats`, of scipy's KD-tree with numpy, and the pairs.

    The tree finds the pairs once; each permutation then compares the times of all of them. A few
    permutations are made and their time scaled up. Both count the same.
    """
    random = np.random.default_rng(0)
    centres = random.uniform(0, 5_500, (60, 2))
    xy = centres[random.integers(0, 60, points)] + random.normal(0, 450, (points, 2))
    day = random.uniform(0, 365, points)
    spots = gpd.GeoDataFrame(
        {"occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")},
        geometry=gpd.points_from_xy(*xy.T),
        crs="EPSG:32650",
    )
    geo.near_repeats(spots.iloc[:99], permutations=1)
    begun = time.perf_counter()
    table = geo.near_repeats(spots, permutations=199)
    ours = time.perf_counter() - begun
    begun = time.perf_counter()
    pairs = cKDTree(xy).query_pairs(400.0, output_type="ndarray")
    band = np.searchsorted([100.0, 200.0, 400.0], np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T))
    found = time.perf_counter() - begun
    moments = (spots["occurred_at"] - spots["occurred_at"].min()) / pd.Timedelta(days=1)
    times = moments.to_numpy(float)
    begun = time.perf_counter()
    for _ in range(shuffles):
        span = np.searchsorted([7.0, 14.0, 28.0], np.abs(times[pairs[:, 0]] - times[pairs[:, 1]]))
        counts = np.bincount(band * 4 + span, minlength=12).reshape(3, 4)[:, :3]
        assert counts.ravel().tolist() == table["pairs"].tolist()
    theirs = found + (time.perf_counter() - begun) / shuffles * 200
    return ours, theirs, len(pairs)


def density(points: int = 1_000_000) -> tuple[float, float]:
    """Seconds of `density_surface` (edge corrected) and of KDEpy's FFT on 1,000 × 1,000 cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from KDEpy import FFTKDE

        random = np.random.default_rng(0)
        xy = np.clip(random.normal(5000, 1500, (points, 2)), 1, 9999)
        spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs="EPSG:32650")
        district = gpd.GeoSeries([shapely.box(0, 0, 10_000, 10_000)], crs=spots.crs)
        geo.density_surface(spots.iloc[:9], district, 10.0, 100.0, kernel="gaussian")
        begun = time.perf_counter()
        geo.density_surface(spots, district, 10.0, 100.0, kernel="gaussian")
        ours = time.perf_counter() - begun
        begun = time.perf_counter()
        FFTKDE(kernel="gaussian", bw=100.0).fit(xy).evaluate((1000, 1000))
        return ours, time.perf_counter() - begun
