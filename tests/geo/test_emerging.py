"""Tests of emerging hot spots: space-time Gi* against esda, and each class on a known history."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import ColumnError

CRS = "EPSG:32650"


def lattice(side: int) -> gpd.GeoDataFrame:
    cells = [shapely.box(x, y, x + 1, y + 1) for y in range(side) for x in range(side)]
    return gpd.GeoDataFrame(geometry=cells, crs=CRS)


@pytest.mark.parametrize("back", [0, 1, 3])
@pytest.mark.parametrize("kind", ["queen", "nearest"])
def test_space_time_hot_spots_equal_esda_g_local(back: int, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import esda
        import libpysal

    rng = np.random.default_rng(3)
    grids, spans = lattice(5), 7
    weights = geo.contiguity_weights(grids) if kind == "queen" else geo.knn_weights(grids, 3)
    cube = pd.DataFrame(rng.poisson(3, (25, spans)))
    scores = geo.space_time_hot_spots(cube, weights, back=back)
    rows = {}
    for i in range(25):
        neighbours = weights.neighbours[weights.offsets[i] : weights.offsets[i + 1]].tolist()
        for t in range(spans):
            steps = range(max(t - back, 0), t + 1)
            rows[i * spans + t] = [
                j * spans + s for s in steps for j in [i, *neighbours] if (j, s) != (i, t)
            ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        esda_weights = libpysal.weights.W(rows, silence_warnings=True)
        expected = esda.G_Local(
            cube.to_numpy().ravel(), esda_weights, transform="B", star=True, permutations=0
        )
    np.testing.assert_allclose(scores.to_numpy().ravel(), expected.Zs, atol=1e-10)


HISTORIES = {
    "new_hot": "0000000000 0000000000 1",
    "consecutive_hot": "0000000000 0000000000 11",
    "persistent_hot": "1111111111 1111101111 1",
    "sporadic_hot": "0001100110 0110000000 1",
    "historical_hot": "1111111111 1111111111 0",
    "none": "1111111000 0000000000 0",
}


def make_cube(history: str, rng: np.random.Generator, high: float = 40.0) -> pd.DataFrame:
    is_high = np.array([int(c) for c in history.replace(" ", "")])
    table = rng.poisson(5.0, (225, len(is_high)))
    # A block of nine cells with higher counts.
    for cell in (16, 17, 18, 31, 32, 33, 46, 47, 48):
        table[cell] = rng.poisson(np.where(is_high == 1, high, 5.0))
    days = pd.date_range("2026-01-05", periods=len(is_high), freq="7D")
    return pd.DataFrame(table, columns=days)


@pytest.mark.parametrize("name", list(HISTORIES))
def test_emerging_hot_spots_class_of_each_history(name: str) -> None:
    weights = geo.contiguity_weights(lattice(15))
    cube = make_cube(HISTORIES[name], np.random.default_rng(5))
    table = geo.emerging_hot_spots(cube, weights, back=0)
    assert table["class"].iloc[32] == name
    # Far from the block there is no class.
    far_classes = table["class"].iloc[150:]
    assert (far_classes == "none").mean() > 0.95
    run_length = len(HISTORIES[name]) - len(HISTORIES[name].rstrip("1"))
    if HISTORIES[name][-1] != "0" and name != "persistent_hot":
        assert table["since"].iloc[32] == cube.columns[-run_length]
    if name in ("historical_hot", "none"):
        assert pd.isna(table["since"].iloc[32])


def test_emerging_hot_spots_trend_cold_and_oscillating_classes() -> None:
    weights, rng = geo.contiguity_weights(lattice(15)), np.random.default_rng(6)
    block = [16, 17, 18, 31, 32, 33, 46, 47, 48]
    steps = np.linspace(25, 90, 24)
    for levels, expected in ((steps, "intensifying_hot"), (steps[::-1], "diminishing_hot")):
        table = rng.poisson(5.0, (225, 24))
        table[block] = rng.poisson(np.tile(levels, (9, 1)))
        assert geo.emerging_hot_spots(pd.DataFrame(table), weights)["class"].iloc[32] == expected
    cold = rng.poisson(60.0, (225, 24))
    cold[block] = 0
    assert (
        geo.emerging_hot_spots(pd.DataFrame(cold), weights)["class"].iloc[32] == "persistent_cold"
    )
    oscillating = rng.poisson(30.0, (225, 24))
    oscillating[block, :10] = 0
    oscillating[block, 10:20] = 30
    oscillating[block, 20:] = 90
    table = geo.emerging_hot_spots(pd.DataFrame(oscillating), weights, back=0)
    assert table["class"].iloc[32] == "oscillating_hot"


def test_emerging_hot_spots_noise_islands_and_bad_input() -> None:
    weights = geo.contiguity_weights(lattice(15))
    rng = np.random.default_rng(7)
    any_class = [
        (
            geo.emerging_hot_spots(pd.DataFrame(rng.poisson(9.0, (225, 12))), weights)["class"]
            != "none"
        )
        .to_numpy()
        .any()
        for _ in range(60)
    ]
    # The false-discovery rate of 5 % holds for the cube, of which the newest spans are a part.
    assert np.mean(any_class) <= 0.05
    constant = geo.emerging_hot_spots(pd.DataFrame(np.full((225, 6), 4)), weights)
    assert (constant["class"] == "none").all()
    assert constant["since"].isna().all()
    with_island = gpd.GeoDataFrame(
        geometry=[*lattice(3).geometry, shapely.box(50, 50, 51, 51)], crs=CRS
    )
    table = geo.emerging_hot_spots(
        pd.DataFrame(rng.poisson(5.0, (10, 8))), geo.contiguity_weights(with_island)
    )
    assert table["class"].iloc[9] == "island"
    cube = pd.DataFrame(rng.poisson(5.0, (225, 8)))
    for options, message in (({"back": -1}, "back"), ({"level": 1.5}, "level")):
        with pytest.raises(ColumnError, match=message):
            geo.emerging_hot_spots(cube, weights, **options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="225 places"):
        geo.emerging_hot_spots(cube.iloc[:9], weights)
    with pytest.raises(ColumnError, match="four spans"):
        geo.emerging_hot_spots(cube.iloc[:, :3], weights)
    with pytest.raises(ColumnError, match="known"):
        geo.emerging_hot_spots(cube.astype(float).replace(cube.iloc[0, 0], np.nan), weights)
