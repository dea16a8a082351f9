"""Tests of spatial weights, Gi* and local Moran's I: against esda and libpysal, and by hand."""

from __future__ import annotations

import warnings
from itertools import permutations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy import stats

import geo
from geo.errors import ColumnError
from geo.incidents.hot_spots import false_discovery

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import libpysal
    from esda.getisord import G_Local
    from esda.moran import Moran_Local
    from libpysal.examples import get_path


def lattice(rows: int, cols: int, side: float = 100.0) -> gpd.GeoDataFrame:
    cells = [
        shapely.box(x * side, y * side, (x + 1) * side, (y + 1) * side)
        for y in range(rows)
        for x in range(cols)
    ]
    return gpd.GeoDataFrame(geometry=cells, crs=32650)


@pytest.fixture(scope="module")
def columbus() -> gpd.GeoDataFrame:
    return gpd.read_file(get_path("columbus.shp")).set_crs(32617, allow_override=True)


@pytest.fixture(scope="module")
def sids() -> gpd.GeoDataFrame:
    return gpd.read_file(get_path("sids2.shp")).set_crs(32617, allow_override=True)


def to_libpysal(weights: geo.Weights) -> object:
    """Convert our weights to libpysal's."""
    ends = zip(weights.offsets[:-1], weights.offsets[1:], strict=True)
    rows = {i: weights.neighbours[a:b].tolist() for i, (a, b) in enumerate(ends)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return libpysal.weights.W(rows, silence_warnings=True)


def test_contiguity_weights_equal_libpysal(
    columbus: gpd.GeoDataFrame, sids: gpd.GeoDataFrame
) -> None:
    for frame in (columbus, sids, lattice(7, 9)):
        for queen, kind in ((True, libpysal.weights.Queen), (False, libpysal.weights.Rook)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reference = kind.from_dataframe(frame, use_index=False)
            result = geo.contiguity_weights(frame, queen=queen)
            neighbour_sets = [
                set(result.neighbours[a:b])
                for a, b in zip(result.offsets[:-1], result.offsets[1:], strict=True)
            ]
            assert neighbour_sets == [set(reference.neighbors[i]) for i in range(len(frame))]


def test_distance_band_and_knn_weights_equal_libpysal(columbus: gpd.GeoDataFrame) -> None:
    xy = shapely.get_coordinates(columbus.centroid.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        band = libpysal.weights.DistanceBand(xy, 1.5, silence_warnings=True)
        knn = libpysal.weights.KNN(xy, k=5)
    for result, reference in (
        (geo.distance_band_weights(columbus, 1.5), band),
        (geo.knn_weights(columbus, 5), knn),
    ):
        neighbour_sets = [
            set(result.neighbours[a:b])
            for a, b in zip(result.offsets[:-1], result.offsets[1:], strict=True)
        ]
        assert neighbour_sets == [set(reference.neighbors[i]) for i in range(len(columbus))]
    assert (np.diff(geo.knn_weights(columbus, 5).offsets) == 5).all()
    with pytest.raises(ColumnError, match="k must"):
        geo.knn_weights(columbus, len(columbus))


@pytest.mark.parametrize("column", ["CRIME", "HOVAL", "INC"])
@pytest.mark.parametrize("kind", ["queen", "rook", "distance", "nearest"])
def test_hot_spots_equal_esda_g_local(columbus: gpd.GeoDataFrame, column: str, kind: str) -> None:
    weights = {
        "queen": lambda: geo.contiguity_weights(columbus),
        "rook": lambda: geo.contiguity_weights(columbus, queen=False),
        "distance": lambda: geo.distance_band_weights(columbus, 2.0),
        "nearest": lambda: geo.knn_weights(columbus, 4),
    }[kind]()
    y = columbus[column].to_numpy(float)
    result = geo.hot_spots(columbus, values=y, weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = G_Local(y, to_libpysal(weights), transform="B", permutations=0, star=True)
    assert np.allclose(result["gi_star"], reference.Zs, atol=1e-10, rtol=0)
    # The p-value of esda is one-sided.
    assert np.allclose(result["p_value"], 2 * reference.p_norm, atol=1e-10, rtol=0)


@pytest.mark.parametrize("column", ["CRIME", "HOVAL", "INC"])
def test_local_moran_equals_esda_moran_local(columbus: gpd.GeoDataFrame, column: str) -> None:
    y = columbus[column].to_numpy(float)
    weights = geo.contiguity_weights(columbus)
    result = geo.local_moran(columbus, values=y, weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = Moran_Local(y, to_libpysal(weights), transformation="r", permutations=9, seed=1)
    assert np.allclose(result["moran_i"], reference.Is, atol=1e-10, rtol=0)
    assert np.allclose(result["expected_i"], reference.EIc, atol=1e-10, rtol=0)
    assert np.allclose(result["variance_i"], reference.VIc, atol=1e-10, rtol=0)
    names = {1: "high_high", 2: "low_high", 3: "low_low", 4: "high_low"}
    is_classified = result["class"] != "none"
    assert result["class"][is_classified].tolist() == [
        names[q] for q in reference.q[is_classified.to_numpy()]
    ]


def test_hot_spots_and_local_moran_of_three_by_three_by_hand() -> None:
    # Values 1 to 9. The sum about corner 1 is 1 + 2 + 4 + 5 = 12; mean 5, variance 60 / 9.
    table = geo.hot_spots(lattice(3, 3), values=range(1, 10))
    deviation = np.sqrt(60 / 9) * np.sqrt((9 * 4 - 16) / 8)
    assert table["gi_star"].iloc[0] == pytest.approx((12 - 20) / deviation, abs=1e-12)
    assert table["gi_star"].iloc[8] == pytest.approx((5 + 6 + 8 + 9 - 20) / deviation, abs=1e-12)
    # The neighbourhood of the middle is all nine cells: no other cells to compare with.
    assert np.isnan(table["gi_star"].iloc[4])
    moran = geo.local_moran(lattice(3, 3), values=range(1, 10))
    # z of the corner -4, mean z of its neighbours 2, 4, 5: (-3 - 1 + 0) / 3; m2 = 60 / 9.
    assert moran["moran_i"].iloc[0] == pytest.approx(8 / 9 * -4 * (-4 / 3) / (60 / 9), abs=1e-12)


def test_hot_spots_islands_are_classified_and_not_tested() -> None:
    grids = lattice(6, 6)
    island = gpd.GeoDataFrame(geometry=[shapely.box(9000, 9000, 9100, 9100)], crs=grids.crs)
    with_island = gpd.GeoDataFrame(geometry=[*grids.geometry, *island.geometry], crs=grids.crs)
    counts = np.r_[np.where(np.arange(36) % 6 < 2, 40.0, np.arange(36) % 3), 500.0]
    for table in (
        geo.hot_spots(with_island, values=counts),
        geo.local_moran(with_island, values=counts),
        geo.hot_spots(with_island, values=counts, permutations=99),
    ):
        assert table["class"].iloc[-1] == "island"
        assert np.isnan(table["p_value"].iloc[-1])
        assert np.isnan(table["q_value"].iloc[-1])
        assert table["p_value"].iloc[:-1].notna().all()


def test_permutation_p_values_agree_with_esda(columbus: gpd.GeoDataFrame) -> None:
    y = columbus["CRIME"].to_numpy(float)
    for weights in (geo.contiguity_weights(columbus), geo.knn_weights(columbus, 6)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gi = G_Local(
                y,
                to_libpysal(weights),
                transform="B",
                permutations=9999,
                star=True,
                seed=7,
                n_jobs=1,
            )
            moran = Moran_Local(y, to_libpysal(weights), permutations=9999, seed=7, n_jobs=1)
        for result, reference in (
            (geo.hot_spots(columbus, values=y, weights=weights, permutations=9999), gi),
            (geo.local_moran(columbus, values=y, weights=weights, permutations=9999), moran),
        ):
            # Four times the error of 9,999 draws on both sides, which is at most 0.014.
            assert np.allclose(result["p_value"], np.minimum(2 * reference.p_sim, 1), atol=0.056)
            assert result["p_value"].min() < 0.01
    seeded = geo.hot_spots(columbus, values=y, permutations=499, seed=3)
    assert seeded.equals(geo.hot_spots(columbus, values=y, permutations=499, seed=3))
    assert not seeded.equals(geo.hot_spots(columbus, values=y, permutations=499, seed=4))


def test_permutation_p_values_agree_with_full_enumeration() -> None:
    """Compare the pseudo p-values with all arrangements of the seven other values."""
    grids = lattice(2, 4)
    values = np.array([9.0, 1.0, 4.0, 7.0, 2.0, 8.0, 3.0, 16.0])
    weights = geo.contiguity_weights(grids)
    p = geo.hot_spots(grids, values=values, permutations=19_999)["p_value"].to_numpy()
    for i in range(8):
        neighbours = weights.neighbours[weights.offsets[i] : weights.offsets[i + 1]]
        others = np.delete(values, i)
        sums = np.array([sum(a) for a in permutations(others, len(neighbours))])
        share = (sums >= values[neighbours].sum() - 1e-12).mean()
        exact = min(2 * min(share, 1 - share), 1)
        assert p[i] == pytest.approx(exact, abs=0.02)


def test_hot_spots_general_weights_equal_binary_weights(columbus: gpd.GeoDataFrame) -> None:
    weights = geo.contiguity_weights(columbus)
    y = columbus["CRIME"].to_numpy(float)
    perturbed = weights.values * 1.0
    perturbed[0] *= 1 + 1e-12  # no longer equal: the general algorithm
    general = geo.Weights(weights.offsets, weights.neighbours, perturbed)
    first = geo.hot_spots(columbus, values=y, weights=weights, permutations=999)
    second = geo.hot_spots(columbus, values=y, weights=general, permutations=999)
    assert np.allclose(first["p_value"], second["p_value"], atol=1e-9)


def test_hot_spots_false_discovery_rate_under_randomness() -> None:
    grids = lattice(20, 20)
    weights = geo.contiguity_weights(grids)
    rng = np.random.default_rng(1)
    false_discoveries = uncontrolled = 0
    for _ in range(1000):
        table = geo.hot_spots(grids, values=rng.poisson(30, 400), weights=weights)
        false_discoveries += bool((table["q_value"] <= 0.05).any())
        uncontrolled += int((table["p_value"] <= 0.05).sum())
    # The counts are random, so any discovery is false: at most one draw in twenty has one, while
    # without the control one grid in twenty would be a hot spot.
    assert false_discoveries / 1000 <= 0.06
    assert uncontrolled / 400_000 == pytest.approx(0.05, abs=0.005)


def test_hot_spots_detect_and_classify_a_known_cluster() -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(10, 400)
    counts.reshape(20, 20)[4:8, 11:15] += 15
    counts.reshape(20, 20)[14:18, 3:7] //= 5
    table = geo.hot_spots(lattice(20, 20), values=counts)
    classes = table["class"].to_numpy().reshape(20, 20)
    assert (classes[5:7, 12:14] == "hot_99").all()
    assert np.isin(classes[15:17, 4:6], ["cold_99", "cold_95"]).all()
    assert (classes[:, 18:] == "none").mean() > 0.9
    points = [
        shapely.Point((k % 20) * 100 + 50, (k // 20) * 100 + 50)
        for k in range(400)
        for _ in range(counts[k])
    ]
    incidents = gpd.GeoDataFrame(geometry=points, crs=32650)
    assert geo.hot_spots(lattice(20, 20), incidents)["gi_star"].equals(table["gi_star"])


def test_false_discovery_equals_scipy_and_keeps_nan() -> None:
    p = np.array([0.001, np.nan, 0.2, 0.03, 0.04])
    q = false_discovery(p)
    assert np.isnan(q[1])
    assert np.allclose(np.delete(q, 1), stats.false_discovery_control(np.delete(p, 1)))


def test_hot_spots_reject_bad_input() -> None:
    grids = lattice(3, 3)
    for options, message in (
        ({}, "give incidents"),
        ({"values": [1, 2]}, "one a grid"),
        ({"values": [np.nan] * 9}, "leave out"),
        ({"values": range(9), "weights": geo.contiguity_weights(lattice(2, 2))}, "4 places"),
    ):
        with pytest.raises(ColumnError, match=message):
            geo.hot_spots(grids, **options)  # type: ignore[arg-type]
    constant = geo.hot_spots(grids, values=[3] * 9)
    assert constant["gi_star"].isna().all()
    assert (constant["class"] == "none").all()
