"""Density surfaces against sums point by point, KDEpy, and processes of known intensity."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

import geo
from geo.errors import ColumnError, CrsError, GeometryError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from KDEpy import FFTKDE

CRS = "EPSG:32650"
EAST, NORTH = 500_000.0, 4_000_000.0


def district(*shapes: shapely.Geometry) -> gpd.GeoSeries:
    return gpd.GeoSeries([shapely.affinity.translate(s, EAST, NORTH) for s in shapes], crs=CRS)


def spots(xy: np.ndarray) -> gpd.GeoDataFrame:
    moved = xy + np.array([EAST, NORTH])
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(*moved.T), crs=CRS)


SQUARE = shapely.box(0, 0, 2000, 2000)
CRESCENT = shapely.Point(1000, 1000).buffer(900).difference(shapely.Point(1500, 1000).buffer(700))


def centres(surface: geo.Surface) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = surface.values.shape
    x = surface.west + (np.arange(cols) + 0.5) * surface.cell_m - EAST
    y = surface.north - (np.arange(rows) + 0.5) * surface.cell_m - NORTH
    return np.meshgrid(x, y)


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_without_correction_it_is_the_sum_of_kernels(kernel: str) -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(600, 1400, (40, 2))
    got = geo.density_surface(
        spots(xy),
        district(SQUARE),
        10.0,
        150.0 if kernel == "quartic" else 60.0,
        kernel=kernel,
        edge_correction=False,
    )
    x, y = centres(got)
    expected = np.zeros_like(x)
    for px, py in xy:
        squared = (x - px) ** 2 + (y - py) ** 2
        if kernel == "quartic":
            inside = squared < 150.0**2
            expected += np.where(inside, 3 / (np.pi * 150**2) * (1 - squared / 150**2) ** 2, 0)
        else:
            expected += np.exp(-squared / (2 * 60**2)) / (2 * np.pi * 60**2)
    expected *= 1e6
    # Binning to cells a fifteenth (a sixth) of the bandwidth widens a kernel by a trifle.
    assert np.abs(got.values - expected).max() < 0.01 * expected.max()
    assert got.total == pytest.approx(40, rel=1e-3)


def test_gaussian_is_kdepy_s() -> None:
    rng = np.random.default_rng(2)
    xy = np.vstack([rng.normal(900, 80, (3000, 2)), rng.normal([1200, 700], 50, (2000, 2))])
    got = geo.density_surface(
        spots(xy), district(SQUARE), 10.0, 40.0, kernel="gaussian", edge_correction=False
    )
    x, y = centres(got)
    order = np.lexsort((y.ravel(), x.ravel()))
    points = np.column_stack([x.ravel(), y.ravel()])[order]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = FFTKDE(kernel="gaussian", bw=40.0).fit(xy).evaluate(points) * len(xy) * 1e6
    ours = got.values.ravel()[order]
    assert np.abs(ours - theirs).max() < 2e-3 * theirs.max()


@pytest.mark.parametrize("shape", [SQUARE, CRESCENT])
@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_with_correction_nothing_is_lost(shape: shapely.Geometry, kernel: str) -> None:
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 2000, (5000, 2))
    inside = shapely.intersects_xy(shape, *xy.T)
    got = geo.density_surface(spots(xy), district(shape), 12.5, 260.0, kernel=kernel)  # type: ignore[arg-type]
    assert got.outside == (~inside).sum()
    assert got.total == pytest.approx(inside.sum(), rel=1e-3)
    assert np.isnan(got.values).any() == (shape is CRESCENT)
    lost = geo.density_surface(
        spots(xy), district(shape), 12.5, 260.0, kernel=kernel, edge_correction=False
    )  # type: ignore[arg-type]
    assert lost.total < 0.97 * inside.sum()
    heavy = geo.density_surface(
        spots(xy), district(shape), 12.5, 260.0, kernel=kernel, weights=np.full(5000, 2.5)
    )  # type: ignore[arg-type]
    assert np.allclose(heavy.values, 2.5 * got.values, equal_nan=True)


def test_the_error_falls_as_points_grow() -> None:
    """A known intensity, rising from west to east; bandwidths shrink as theory has it.

    Away from the edge: at the edge itself Diggle's correction keeps the sum, not each cell.
    """
    rng = np.random.default_rng(4)
    errors = []
    for count in (1_000, 10_000, 100_000):
        squares = []
        for _ in range(8):
            xy = np.column_stack([2000 * np.sqrt(rng.random(count)), rng.uniform(0, 2000, count)])
            got = geo.density_surface(spots(xy), district(SQUARE), 20.0, 1200.0 * count ** (-1 / 6))
            x, y = centres(got)
            truth = x / 1000 * count / 4
            inner = (np.abs(x - 1000) < 500) & (np.abs(y - 1000) < 500)
            squares.append(np.mean(((got.values - truth)[inner] / truth[inner].mean()) ** 2))
        errors.append(np.sqrt(np.mean(squares)))
    # n^(-1/3) in theory: 0.46 a decade.
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[2] < 0.04


def test_rules_for_the_bandwidth() -> None:
    rng = np.random.default_rng(5)
    one = rng.normal(1000, 120, (4000, 2))
    width = geo.select_bandwidth(spots(one), district(SQUARE), "silverman", kernel="gaussian")
    assert width == pytest.approx(120 * 4000 ** (-1 / 6), rel=0.03)
    assert geo.select_bandwidth(spots(one), district(SQUARE), "scott", kernel="gaussian") == width
    quartic = geo.select_bandwidth(spots(one), district(SQUARE), "silverman")
    assert quartic == pytest.approx(np.sqrt(8) * width)
    # For one normal cluster the likelihood agrees; for many small ones it is much narrower.
    chosen = geo.select_bandwidth(spots(one), district(SQUARE), "likelihood", kernel="gaussian")
    assert 0.4 * width < chosen < 2 * width
    many = np.vstack([rng.normal(c, 15, (200, 2)) for c in rng.uniform(200, 1800, (20, 2))])
    wide = geo.select_bandwidth(spots(many), district(SQUARE), kernel="gaussian")
    narrow = geo.select_bandwidth(spots(many), district(SQUARE), "likelihood", kernel="gaussian")
    assert narrow < 0.3 * wide
    named = geo.density_surface(spots(many), district(SQUARE), 10.0, "likelihood")
    assert named.bandwidth_m < 0.3 * np.sqrt(8) * wide


def test_ratio_finds_what_is_there_and_not_what_is_not() -> None:
    rng = np.random.default_rng(6)
    homes = np.vstack([rng.uniform(0, 2000, (4000, 2)), rng.normal([600, 600], 150, (3000, 2))])
    homes = homes[shapely.intersects_xy(SQUARE, *homes.T)]
    people = rng.integers(1, 30, len(homes)).astype(float)
    false = 0
    for _ in range(40):
        chosen = rng.choice(len(homes), 3000, p=people / people.sum())
        chance = geo.relative_risk_surface(
            spots(homes[chosen]), spots(homes), district(SQUARE), 40.0, 250.0, people=people
        )
        false += bool(chance.significant(0.05).any())
        assert np.nanmedian(chance.surface.values) == pytest.approx(1.0, abs=0.1)
    assert false / 40 <= 0.15
    more = np.vstack([homes[chosen], rng.normal([1400, 1400], 60, (150, 2))])
    found = geo.relative_risk_surface(
        spots(more), spots(homes), district(SQUARE), 40.0, 250.0, people=people
    )
    x, y = centres(found.surface)
    hot = found.significant(0.01) & (found.surface.values > 1)
    assert hot[np.hypot(x - 1400, y - 1400) < 60].all()
    assert not hot[np.hypot(x - 1400, y - 1400) > 450].any()
    assert not hot[np.hypot(x - 600, y - 600) < 150].any(), "many people, not much risk"


def test_geotiff_and_contours(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    got = geo.density_surface(
        spots(rng.normal(1000, 200, (4000, 2))), district(CRESCENT), 20.0, 200.0
    )
    got.to_geotiff(tmp_path / "d.tif")
    with rasterio.open(tmp_path / "d.tif") as file:
        assert file.crs.to_epsg() == 32650
        assert file.transform == got.transform
        assert np.allclose(file.read(1), got.values, rtol=1e-6, equal_nan=True)
    top = float(np.nanmax(got.values))
    levels = [0.0, top * 0.25, top * 0.5, top * 0.75, np.inf]
    bands = got.contours(levels)
    assert bands.is_valid.all()
    assert bands["low"].tolist() == levels[:4]
    pairs = shapely.area(
        shapely.intersection(bands.geometry.values[:-1], bands.geometry.values[1:])
    )
    assert (pairs < 1e-3).all()
    for row in bands.itertuples():
        cells = ((got.values >= row.low) & (got.values < row.high)).sum() * 20.0**2
        assert row.geometry.area == pytest.approx(cells, rel=0.15)
    with pytest.raises(ColumnError, match="rise"):
        got.contours([2, 1])


def test_bad_input_says_what_to_do() -> None:
    some = spots(np.array([[5.0, 5.0], [9.0, 9.0]]))
    here = district(SQUARE)
    for call, error, words in (
        (lambda: geo.density_surface(some, here, 0.0, 10.0), ColumnError, "cell_m"),
        (lambda: geo.density_surface(some, here, 10.0, -1.0), ColumnError, "bandwidth_m"),
        (lambda: geo.density_surface(some, here, 10.0, "best"), ColumnError, "silverman"),  # type: ignore[arg-type]
        (lambda: geo.density_surface(some.iloc[:1], here, 10.0), ColumnError, "two different"),
        (lambda: geo.density_surface(some, here, 0.001, 10.0), ColumnError, "larger cell_m"),
        (
            lambda: geo.density_surface(some, here, 10.0, 10.0, weights=[1, -1]),
            ColumnError,
            "weights",
        ),
        (lambda: geo.density_surface(some, here.iloc[:0], 10.0, 10.0), GeometryError, "no ground"),
        (lambda: geo.density_surface(some.to_crs(4326), here, 10.0, 10.0), CrsError, "differ"),
    ):
        with pytest.raises(error, match=words):
            call()
    none = geo.density_surface(some.iloc[:0], here, 50.0, 100.0)
    assert none.total == 0.0
