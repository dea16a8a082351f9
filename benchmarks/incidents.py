"""Incident functions beside geopandas.sjoin and esda."""

from __future__ import annotations

import time
import warnings

import geopandas as gpd
import numpy as np
import shapely

import geo


def _lattice(side: int, metres: float) -> gpd.GeoDataFrame:
    cells = [
        shapely.box(x * metres, y * metres, (x + 1) * metres, (y + 1) * metres)
        for y in range(side)
        for x in range(side)
    ]
    return gpd.GeoDataFrame(geometry=cells, crs="EPSG:32650")


def join(points: int = 1_000_000) -> tuple[float, float]:
    """Seconds of `grid_of` and of geopandas.sjoin, points to 10,000 grids with bent borders."""
    grids = _lattice(100, 100.0)
    bent = shapely.transform(grids.geometry.values, lambda xy: xy + 30 * np.sin(xy[:, ::-1] / 70))
    grids = grids.set_geometry(gpd.GeoSeries(bent, crs=grids.crs))
    random = np.random.default_rng(0)
    xy = random.uniform(-50, 10_050, (points, 2))
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*xy.T), crs=grids.crs)
    geo.grid_of(grids, spots.iloc[:9])
    begun = time.perf_counter()
    ours = geo.grid_of(grids, spots)
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
        near = geo.contiguity(grids)
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
