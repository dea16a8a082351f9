"""Tests of the demo district: reproducible, and as its page describes."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geo
from geo.demo import CRS, boundaries_dir, demo_layers, load_demo, write_boundaries
from geo.errors import StoreError
from geo.incidents.times import incident_times
from geo.ingest.topology import find_tiling_faults
from geo.pipeline.data_quality import check_registers
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer


def test_write_boundaries_reproduces_the_committed_files(tmp_path: Path) -> None:
    write_boundaries(tmp_path)
    for name in ("areas", "grids", "landcover"):
        generated = gpd.read_file(tmp_path / f"{name}.geojson")
        committed = gpd.read_file(boundaries_dir() / f"{name}.geojson")
        assert generated.drop(columns="geometry").equals(committed.drop(columns="geometry"))
        # Another libm may differ in the last of the seven decimals.
        distances = shapely.hausdorff_distance(generated.geometry.values, committed.geometry.values)
        assert distances.max() < 1e-6
        json.loads((boundaries_dir() / f"{name}.geojson").read_text())


def test_demo_grids_tile_the_district_and_codes_nest() -> None:
    folder = boundaries_dir()
    areas, grids = (gpd.read_file(folder / f"{n}.geojson") for n in ("areas", "grids"))
    assert areas["level"].value_counts().to_dict() == {
        "community": 35,
        "subdistrict": 6,
        "district": 1,
    }
    district = areas.geometry[areas["level"] == "district"].iloc[0]
    faults = find_tiling_faults(grids.assign(line=range(len(grids))), district=district)
    assert faults == []
    assert (grids["code"].str[:12] == grids["community"]).all()
    assert set(grids["community"]) == set(areas["code"][areas["level"] == "community"])
    assert (areas["code"].str[:9] == areas["parent"])[areas["level"] == "community"].all()
    district_population = areas["population"][areas["level"] == "district"].iloc[0]
    assert district_population == grids["population"].sum()
    population = areas.groupby("level")["population"].sum()
    assert population["community"] == population["subdistrict"] == population["district"]


@pytest.fixture(scope="module")
def layers() -> dict[str, gpd.GeoDataFrame]:
    return demo_layers()


def test_demo_layers_have_plausible_values(layers: dict[str, gpd.GeoDataFrame]) -> None:
    cameras, incidents, buildings = (layers[n] for n in ("cameras", "incidents", "buildings"))
    assert set(cameras["kind"]) == {"fixed", "dome", "ptz", "panoramic"}
    assert 20 < (cameras["status"] == "offline").sum() < 120
    assert 50 < (cameras["bearing_deg"].isna()).sum() < 200
    assert buildings["height_m"].astype(float).max() > 100
    assert buildings.geometry.is_valid.all()
    assert not buildings.intersects(
        layers["landcover"].query("`class` == 'water'").union_all()
    ).any()
    assert len(incidents) == 60_000
    local = incident_times(incidents).dt.tz_convert("Asia/Shanghai")
    assert (local.min().year, local.max().year) == (2023, 2026)
    is_noise = geo.in_category(incidents["category"], "noise")
    is_evening = local.dt.hour.between(20, 23)
    assert is_evening[is_noise].mean() > 2 * is_evening[~is_noise].mean()
    # Hot spots move: the peaks of the first and of the last months lie apart.
    placed = incidents[incidents.geometry.notna()].to_crs(CRS)
    order = local[placed.index]
    peaks = []
    for rows in (placed[order < "2024-05-01"], placed[order >= "2026-05-01"]):
        x, y = rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy()
        counts, xs, ys = np.histogram2d(x, y, bins=40, range=[[596900, 602900], [3422000, 3428000]])
        peak = np.unravel_index(counts.argmax(), counts.shape)
        peaks.append((xs[peak[0]], ys[peak[1]]))
    assert np.hypot(*(np.array(peaks[0]) - peaks[1])) > 200


def test_load_demo_refuses_a_store_with_real_grids(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO grids (code, name, geometry) VALUES ('110101001001001', 'real', "
            "'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"
        )
        conn.commit()
        with pytest.raises(StoreError, match="real district"):
            load_demo(conn)
        assert len(read_layer(conn, "cameras")) == 0


def test_stored_demo_equals_demo_layers(
    demo_store: str, layers: dict[str, gpd.GeoDataFrame]
) -> None:
    with connect(demo_store) as conn:
        without_head = conn.execute(
            "SELECT count(*) FROM grids g WHERE NOT EXISTS "
            "(SELECT FROM grid_staff s WHERE s.grid = g.code AND s.role = 'head')"
        ).fetchone()
        assert without_head == (7,)
        stored = read_layer(conn, "cameras")
    generated = layers["cameras"].set_index("code", drop=False)
    assert stored["range_m"].equals(generated["range_m"].astype(float))
    assert shapely.equals(stored.geometry.values, generated.geometry.values).all()


def test_check_registers_demo_has_met_and_missed_targets(demo_store: str) -> None:
    with connect(demo_store) as conn:
        _, _, places = check_registers(conn, Settings())
    assert 0.3 < places["met"].mean() < 0.7
    assert places.groupby("kind")["met"].any()[["school", "square"]].all()
    # Of those that miss it, some have no camera and some have a camera out of order.
    missed_shares = places.loc[~places["met"].astype(bool), "covered_share"]
    assert (missed_shares < 0.2).any()
    assert (missed_shares > 0.7).any()
