"""Incident functions beside geopandas.sjoin, esda, KDEpy and the KD-tree of scipy."""

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


def compare_join(points: int = 1_000_000) -> tuple[float, float]:
    """Return seconds of `grid_positions` and geopandas.sjoin, 10,000 grids with curved borders."""
    grids = _lattice(100, 100.0)
    bent = shapely.transform(
        grids.geometry.values,
        lambda coordinates: coordinates + 30 * np.sin(coordinates[:, ::-1] / 70),
    )
    grids = grids.set_geometry(gpd.GeoSeries(bent, crs=grids.crs))
    random = np.random.default_rng(0)
    coordinates = random.uniform(-50, 10_050, (points, 2))
    incidents = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*coordinates.T), crs=grids.crs)
    geo.grid_positions(grids, incidents.iloc[:9])
    started = time.perf_counter()
    positions = geo.grid_positions(grids, incidents)
    between = time.perf_counter()
    joined = gpd.sjoin(incidents, grids[["geometry"]])
    finished = time.perf_counter()
    first = joined["index_right"].groupby(level=0).min()
    assert (first.reindex(range(points)).fillna(-1).to_numpy() == positions).all()
    return between - started, finished - between


def compare_permutations(side: int = 224) -> tuple[float, float, int]:
    """Return seconds of 999 permutations of Gi* here and in esda, and the number of grids."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import libpysal
        from esda.getisord import G_Local

        grids = _lattice(side, 100.0)
        values = np.random.default_rng(0).poisson(20, len(grids)).astype(float)
        weights = geo.contiguity_weights(grids)
        geo.hot_spots(grids, values=values, weights=weights, permutations=9)
        started = time.perf_counter()
        geo.hot_spots(grids, values=values, weights=weights, permutations=999)
        our_s = time.perf_counter() - started
        peer_weights = libpysal.weights.lat2W(side, side, rook=False)
        small_weights = libpysal.weights.lat2W(7, 7, rook=False)
        G_Local(values[:49], small_weights, transform="B", permutations=9, star=True, n_jobs=1)
        started = time.perf_counter()
        G_Local(values, peer_weights, transform="B", permutations=999, star=True, n_jobs=1)
        return our_s, time.perf_counter() - started, len(grids)


def compare_near_repeats(points: int = 60_000, shuffles: int = 4) -> tuple[float, float, int]:
    """Return seconds of 199 permutations of `near_repeats` and of a KD-tree, and the pairs.

    The tree finds the pairs once; each permutation then compares the times of all of them. A few
    permutations are made and their time scaled up. Both count the same.
    """
    random = np.random.default_rng(0)
    centres = random.uniform(0, 5_500, (60, 2))
    xy = centres[random.integers(0, 60, points)] + random.normal(0, 450, (points, 2))
    day = random.uniform(0, 365, points)
    incidents = gpd.GeoDataFrame(
        {"occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")},
        geometry=gpd.points_from_xy(*xy.T),
        crs="EPSG:32650",
    )
    geo.near_repeats(incidents.iloc[:99], permutations=1)
    started = time.perf_counter()
    table = geo.near_repeats(incidents, permutations=199)
    our_s = time.perf_counter() - started
    started = time.perf_counter()
    pairs = cKDTree(xy).query_pairs(400.0, output_type="ndarray")
    band = np.searchsorted([100.0, 200.0, 400.0], np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T))
    pairs_s = time.perf_counter() - started
    moments = (incidents["occurred_at"] - incidents["occurred_at"].min()) / pd.Timedelta(days=1)
    times = moments.to_numpy(float)
    started = time.perf_counter()
    for _ in range(shuffles):
        span = np.searchsorted([7.0, 14.0, 28.0], np.abs(times[pairs[:, 0]] - times[pairs[:, 1]]))
        counts = np.bincount(band * 4 + span, minlength=12).reshape(3, 4)[:, :3]
        assert counts.ravel().tolist() == table["pairs"].tolist()
    peer_s = pairs_s + (time.perf_counter() - started) / shuffles * 200
    return our_s, peer_s, len(pairs)


def compare_density(points: int = 1_000_000) -> tuple[float, float]:
    """Return seconds of `density_surface` (edge-corrected) and KDEpy FFT on 1,000 × 1,000 cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from KDEpy import FFTKDE

        random = np.random.default_rng(0)
        xy = np.clip(random.normal(5000, 1500, (points, 2)), 1, 9999)
        spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs="EPSG:32650")
        district = gpd.GeoSeries([shapely.box(0, 0, 10_000, 10_000)], crs=spots.crs)
        geo.density_surface(spots.iloc[:9], district, 10.0, 100.0, kernel="gaussian")
        started = time.perf_counter()
        geo.density_surface(spots, district, 10.0, 100.0, kernel="gaussian")
        our_s = time.perf_counter() - started
        started = time.perf_counter()
        FFTKDE(kernel="gaussian", bw=100.0).fit(xy).evaluate((1000, 1000))
        return our_s, time.perf_counter() - started
