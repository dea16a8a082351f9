"""Density and risk surfaces against sums of kernels, KDEpy and known intensities."""

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


def make_district(*shapes: shapely.Geometry) -> gpd.GeoSeries:
    return gpd.GeoSeries([shapely.affinity.translate(s, EAST, NORTH) for s in shapes], crs=CRS)


def make_points(xy: np.ndarray) -> gpd.GeoDataFrame:
    coordinates = xy + np.array([EAST, NORTH])
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(*coordinates.T), crs=CRS)


SQUARE = shapely.box(0, 0, 2000, 2000)
CRESCENT = shapely.Point(1000, 1000).buffer(900).difference(shapely.Point(1500, 1000).buffer(700))


def cell_centres(surface: geo.Surface) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = surface.values.shape
    x = surface.west + (np.arange(cols) + 0.5) * surface.cell_m - EAST
    y = surface.north - (np.arange(rows) + 0.5) * surface.cell_m - NORTH
    return np.meshgrid(x, y)


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_density_surface_without_correction_is_the_sum_of_kernels(kernel: str) -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(600, 1400, (40, 2))
    surface = geo.density_surface(
        make_points(xy),
        make_district(SQUARE),
        10.0,
        150.0 if kernel == "quartic" else 60.0,
        kernel=kernel,
        edge_correction=False,
    )
    x, y = cell_centres(surface)
    expected = np.zeros_like(x)
    for px, py in xy:
        squared = (x - px) ** 2 + (y - py) ** 2
        if kernel == "quartic":
            inside = squared < 150.0**2
            expected += np.where(inside, 3 / (np.pi * 150**2) * (1 - squared / 150**2) ** 2, 0)
        else:
            expected += np.exp(-squared / (2 * 60**2)) / (2 * np.pi * 60**2)
    expected *= 1e6
    # Binning to cells of a fifteenth (a sixth) of the bandwidth widens a kernel slightly.
    assert np.abs(surface.values - expected).max() < 0.01 * expected.max()
    assert surface.total == pytest.approx(40, rel=1e-3)


def test_density_surface_gaussian_equals_kdepy() -> None:
    rng = np.random.default_rng(2)
    xy = np.vstack([rng.normal(900, 80, (3000, 2)), rng.normal([1200, 700], 50, (2000, 2))])
    surface = geo.density_surface(
        make_points(xy), make_district(SQUARE), 10.0, 40.0, kernel="gaussian", edge_correction=False
    )
    x, y = cell_centres(surface)
    order = np.lexsort((y.ravel(), x.ravel()))
    points = np.column_stack([x.ravel(), y.ravel()])[order]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = FFTKDE(kernel="gaussian", bw=40.0).fit(xy).evaluate(points) * len(xy) * 1e6
    values = surface.values.ravel()[order]
    assert np.abs(values - reference).max() < 2e-3 * reference.max()


@pytest.mark.parametrize("shape", [SQUARE, CRESCENT])
@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_density_surface_with_correction_keeps_the_total(
    shape: shapely.Geometry, kernel: str
) -> None:
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 2000, (5000, 2))
    inside = shapely.intersects_xy(shape, *xy.T)
    surface = geo.density_surface(make_points(xy), make_district(shape), 12.5, 260.0, kernel=kernel)  # type: ignore[arg-type]
    assert surface.outside == (~inside).sum()
    assert surface.total == pytest.approx(inside.sum(), rel=1e-3)
    assert np.isnan(surface.values).any() == (shape is CRESCENT)
    uncorrected = geo.density_surface(
        make_points(xy), make_district(shape), 12.5, 260.0, kernel=kernel, edge_correction=False
    )  # type: ignore[arg-type]
    assert uncorrected.total < 0.97 * inside.sum()
    weighted = geo.density_surface(
        make_points(xy),
        make_district(shape),
        12.5,
        260.0,
        kernel=kernel,
        weights=np.full(5000, 2.5),
    )  # type: ignore[arg-type]
    assert np.allclose(weighted.values, 2.5 * surface.values, equal_nan=True)


def test_density_surface_error_falls_with_more_points() -> None:
    """The intensity rises from west to east; bandwidths shrink as in theory.

    Cells at the edge are left out: Diggle's correction preserves the sum, not each cell.
    """
    rng = np.random.default_rng(4)
    errors = []
    for count in (1_000, 10_000, 100_000):
        squared_errors = []
        for _ in range(8):
            xy = np.column_stack([2000 * np.sqrt(rng.random(count)), rng.uniform(0, 2000, count)])
            surface = geo.density_surface(
                make_points(xy), make_district(SQUARE), 20.0, 1200.0 * count ** (-1 / 6)
            )
            x, y = cell_centres(surface)
            truth = x / 1000 * count / 4
            is_inner = (np.abs(x - 1000) < 500) & (np.abs(y - 1000) < 500)
            squared_errors.append(
                np.mean(((surface.values - truth)[is_inner] / truth[is_inner].mean()) ** 2)
            )
        errors.append(np.sqrt(np.mean(squared_errors)))
    # n^(-1/3) in theory: 0.46 a decade.
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[2] < 0.04


def test_select_bandwidth_rules() -> None:
    rng = np.random.default_rng(5)
    one_cluster = rng.normal(1000, 120, (4000, 2))
    width = geo.select_bandwidth(
        make_points(one_cluster), make_district(SQUARE), "silverman", kernel="gaussian"
    )
    assert width == pytest.approx(120 * 4000 ** (-1 / 6), rel=0.03)
    assert (
        geo.select_bandwidth(
            make_points(one_cluster), make_district(SQUARE), "scott", kernel="gaussian"
        )
        == width
    )
    quartic = geo.select_bandwidth(make_points(one_cluster), make_district(SQUARE), "silverman")
    assert quartic == pytest.approx(np.sqrt(8) * width)
    # The likelihood agrees for one normal cluster and is much narrower for many small ones.
    chosen = geo.select_bandwidth(
        make_points(one_cluster), make_district(SQUARE), "likelihood", kernel="gaussian"
    )
    assert 0.4 * width < chosen < 2 * width
    many_clusters = np.vstack(
        [rng.normal(c, 15, (200, 2)) for c in rng.uniform(200, 1800, (20, 2))]
    )
    wide = geo.select_bandwidth(
        make_points(many_clusters), make_district(SQUARE), kernel="gaussian"
    )
    narrow = geo.select_bandwidth(
        make_points(many_clusters), make_district(SQUARE), "likelihood", kernel="gaussian"
    )
    assert narrow < 0.3 * wide
    surface = geo.density_surface(
        make_points(many_clusters), make_district(SQUARE), 10.0, "likelihood"
    )
    assert surface.bandwidth_m < 0.3 * np.sqrt(8) * wide


def test_relative_risk_surface_detects_only_real_excess() -> None:
    rng = np.random.default_rng(6)
    homes = np.vstack([rng.uniform(0, 2000, (4000, 2)), rng.normal([600, 600], 150, (3000, 2))])
    homes = homes[shapely.intersects_xy(SQUARE, *homes.T)]
    residents = rng.integers(1, 30, len(homes)).astype(float)
    false_positives = 0
    for _ in range(40):
        chosen = rng.choice(len(homes), 3000, p=residents / residents.sum())
        chance = geo.relative_risk_surface(
            make_points(homes[chosen]),
            make_points(homes),
            make_district(SQUARE),
            40.0,
            250.0,
            people=residents,
        )
        false_positives += bool(chance.significant(0.05).any())
        assert np.nanmedian(chance.surface.values) == pytest.approx(1.0, abs=0.1)
    assert false_positives / 40 <= 0.15
    incidents = np.vstack([homes[chosen], rng.normal([1400, 1400], 60, (150, 2))])
    excess = geo.relative_risk_surface(
        make_points(incidents),
        make_points(homes),
        make_district(SQUARE),
        40.0,
        250.0,
        people=residents,
    )
    x, y = cell_centres(excess.surface)
    is_hot = excess.significant(0.01) & (excess.surface.values > 1)
    assert is_hot[np.hypot(x - 1400, y - 1400) < 60].all()
    assert not is_hot[np.hypot(x - 1400, y - 1400) > 450].any()
    assert not is_hot[np.hypot(x - 600, y - 600) < 150].any(), "many residents, no excess risk"


def test_surface_to_geotiff_and_contours(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    surface = geo.density_surface(
        make_points(rng.normal(1000, 200, (4000, 2))), make_district(CRESCENT), 20.0, 200.0
    )
    surface.to_geotiff(tmp_path / "d.tif")
    with rasterio.open(tmp_path / "d.tif") as dataset:
        assert dataset.crs.to_epsg() == 32650
        assert dataset.transform == surface.transform
        assert np.allclose(dataset.read(1), surface.values, rtol=1e-6, equal_nan=True)
    top = float(np.nanmax(surface.values))
    levels = [0.0, top * 0.25, top * 0.5, top * 0.75, np.inf]
    bands = surface.contours(levels)
    assert bands.is_valid.all()
    assert bands["low"].tolist() == levels[:4]
    overlaps = shapely.area(
        shapely.intersection(bands.geometry.values[:-1], bands.geometry.values[1:])
    )
    assert (overlaps < 1e-3).all()
    for row in bands.itertuples():
        cells_m2 = ((surface.values >= row.low) & (surface.values < row.high)).sum() * 20.0**2
        assert row.geometry.area == pytest.approx(cells_m2, rel=0.15)
    with pytest.raises(ColumnError, match="rise"):
        surface.contours([2, 1])


def test_density_surface_refuses_invalid_input() -> None:
    points = make_points(np.array([[5.0, 5.0], [9.0, 9.0]]))
    area = make_district(SQUARE)
    for call, error, message in (
        (lambda: geo.density_surface(points, area, 0.0, 10.0), ColumnError, "cell_m"),
        (lambda: geo.density_surface(points, area, 10.0, -1.0), ColumnError, "bandwidth_m"),
        (lambda: geo.density_surface(points, area, 10.0, "best"), ColumnError, "silverman"),  # type: ignore[arg-type]
        (lambda: geo.density_surface(points.iloc[:1], area, 10.0), ColumnError, "two different"),
        (lambda: geo.density_surface(points, area, 0.001, 10.0), ColumnError, "larger cell_m"),
        (
            lambda: geo.density_surface(points, area, 10.0, 10.0, weights=[1, -1]),
            ColumnError,
            "weights",
        ),
        (
            lambda: geo.density_surface(points, area.iloc[:0], 10.0, 10.0),
            GeometryError,
            "no ground",
        ),
        (lambda: geo.density_surface(points.to_crs(4326), area, 10.0, 10.0), CrsError, "differ"),
    ):
        with pytest.raises(error, match=message):
            call()
    empty = geo.density_surface(points.iloc[:0], area, 50.0, 100.0)
    assert empty.total == 0.0
