"""Emerging hot spots: Gi* in space and time against esda, and each class on a planted history."""

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
def test_gi_star_is_esda_s_over_grids_times_spans(back: int, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import esda
        import libpysal

    rng = np.random.default_rng(3)
    grids, spans = lattice(5), 7
    near = geo.contiguity_weights(grids) if kind == "queen" else geo.knn_weights(grids, 3)
    cube = pd.DataFrame(rng.poisson(3, (25, spans)))
    got = geo.space_time_hot_spots(cube, near, back=back)
    rows = {}
    for i in range(25):
        around = near.neighbours[near.offsets[i] : near.offsets[i + 1]].tolist()
        for t in range(spans):
            layers = range(max(t - back, 0), t + 1)
            rows[i * spans + t] = [
                j * spans + s for s in layers for j in [i, *around] if (j, s) != (i, t)
            ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = libpysal.weights.W(rows, silence_warnings=True)
        wanted = esda.G_Local(
            cube.to_numpy().ravel(), weights, transform="B", star=True, permutations=0
        )
    np.testing.assert_allclose(got.to_numpy().ravel(), wanted.Zs, atol=1e-10)


HISTORIES = {
    "new_hot": "0000000000 0000000000 1",
    "consecutive_hot": "0000000000 0000000000 11",
    "persistent_hot": "1111111111 1111101111 1",
    "sporadic_hot": "0001100110 0110000000 1",
    "historical_hot": "1111111111 1111111111 0",
    "none": "1111111000 0000000000 0",
}


def planted(history: str, rng: np.random.Generator, high: float = 40.0) -> pd.DataFrame:
    flags = np.array([int(c) for c in history.replace(" ", "")])
    table = rng.poisson(5.0, (225, len(flags)))
    # A block of nine in the corner, far from the border of the noise.
    for cell in (16, 17, 18, 31, 32, 33, 46, 47, 48):
        table[cell] = rng.poisson(np.where(flags == 1, high, 5.0))
    days = pd.date_range("2026-01-05", periods=len(flags), freq="7D")
    return pd.DataFrame(table, columns=days)


@pytest.mark.parametrize("name", list(HISTORIES))
def test_each_class_on_its_history(name: str) -> None:
    near = geo.contiguity_weights(lattice(15))
    cube = planted(HISTORIES[name], np.random.default_rng(5))
    table = geo.emerging_hot_spots(cube, near, back=0)
    assert table["class"].iloc[32] == name
    # Far away nothing emerges.
    away = table["class"].iloc[150:]
    assert (away == "none").mean() > 0.95
    run = len(HISTORIES[name]) - len(HISTORIES[name].rstrip("1"))
    if HISTORIES[name][-1] != "0" and name != "persistent_hot":
        assert table["since"].iloc[32] == cube.columns[-run]
    if name in ("historical_hot", "none"):
        assert pd.isna(table["since"].iloc[32])


def test_a_rising_and_a_falling_one_cold_ones_and_oscillation() -> None:
    near, rng = geo.contiguity_weights(lattice(15)), np.random.default_rng(6)
    block = [16, 17, 18, 31, 32, 33, 46, 47, 48]
    steps = np.linspace(25, 90, 24)
    for levels, wanted in ((steps, "intensifying_hot"), (steps[::-1], "diminishing_hot")):
        table = rng.poisson(5.0, (225, 24))
        table[block] = rng.poisson(np.tile(levels, (9, 1)))
        assert geo.emerging_hot_spots(pd.DataFrame(table), near)["class"].iloc[32] == wanted
    cold = rng.poisson(60.0, (225, 24))
    cold[block] = 0
    assert geo.emerging_hot_spots(pd.DataFrame(cold), near)["class"].iloc[32] == "persistent_cold"
    both = rng.poisson(30.0, (225, 24))
    both[block, :10] = 0
    both[block, 10:20] = 30
    both[block, 20:] = 90
    table = geo.emerging_hot_spots(pd.DataFrame(both), near, back=0)
    assert table["class"].iloc[32] == "oscillating_hot"


def test_noise_equal_figures_islands_and_bad_input() -> None:
    near = geo.contiguity_weights(lattice(15))
    rng = np.random.default_rng(7)
    any_found = [
        (geo.emerging_hot_spots(pd.DataFrame(rng.poisson(9.0, (225, 12))), near)["class"] != "none")
        .to_numpy()
        .any()
        for _ in range(60)
    ]
    # The newest spans, of a cube that holds a false-discovery rate of 5 % as a whole.
    assert np.mean(any_found) <= 0.05
    same = geo.emerging_hot_spots(pd.DataFrame(np.full((225, 6), 4)), near)
    assert (same["class"] == "none").all()
    assert same["since"].isna().all()
    apart = gpd.GeoDataFrame(geometry=[*lattice(3).geometry, shapely.box(50, 50, 51, 51)], crs=CRS)
    table = geo.emerging_hot_spots(
        pd.DataFrame(rng.poisson(5.0, (10, 8))), geo.contiguity_weights(apart)
    )
    assert table["class"].iloc[9] == "island"
    cube = pd.DataFrame(rng.poisson(5.0, (225, 8)))
    for options, words in (({"back": -1}, "back"), ({"level": 1.5}, "level")):
        with pytest.raises(ColumnError, match=words):
            geo.emerging_hot_spots(cube, near, **options)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="225 places"):
        geo.emerging_hot_spots(cube.iloc[:9], near)
    with pytest.raises(ColumnError, match="four spans"):
        geo.emerging_hot_spots(cube.iloc[:, :3], near)
    with pytest.raises(ColumnError, match="known"):
        geo.emerging_hot_spots(cube.astype(float).replace(cube.iloc[0, 0], np.nan), near)
