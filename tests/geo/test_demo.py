"""The demo district is what its page says, and the same every time."""

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


def test_committed_boundaries_are_what_the_seed_makes(tmp_path: Path) -> None:
    write_boundaries(tmp_path)
    for name in ("areas", "grids", "landcover"):
        made = gpd.read_file(tmp_path / f"{name}.geojson")
        kept = gpd.read_file(boundaries_dir() / f"{name}.geojson")
        assert made.drop(columns="geometry").equals(kept.drop(columns="geometry"))
        # Another libm may differ in the last of the seven decimals.
        gap = shapely.hausdorff_distance(made.geometry.values, kept.geometry.values)
        assert gap.max() < 1e-6
        json.loads((boundaries_dir() / f"{name}.geojson").read_text())


def test_grids_tile_the_district_and_codes_nest() -> None:
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
    whole = areas["population"][areas["level"] == "district"].iloc[0]
    assert whole == grids["population"].sum()
    by = areas.groupby("level")["population"].sum()
    assert by["community"] == by["subdistrict"] == by["district"]


@pytest.fixture(scope="module")
def layers() -> dict[str, gpd.GeoDataFrame]:
    return demo_layers()


def test_registers_are_believable(layers: dict[str, gpd.GeoDataFrame]) -> None:
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
    night = geo.in_category(incidents["category"], "noise")
    evening = local.dt.hour.between(20, 23)
    assert evening[night].mean() > 2 * evening[~night].mean()
    # Hot spots move: the middle of the first and the last half-year's crowds lie apart.
    placed = incidents[incidents.geometry.notna()].to_crs(CRS)
    order = local[placed.index]
    heads = []
    for rows in (placed[order < "2024-05-01"], placed[order >= "2026-05-01"]):
        x, y = rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy()
        counts, xs, ys = np.histogram2d(x, y, bins=40, range=[[596900, 602900], [3422000, 3428000]])
        peak = np.unravel_index(counts.argmax(), counts.shape)
        heads.append((xs[peak[0]], ys[peak[1]]))
    assert np.hypot(*(np.array(heads[0]) - heads[1])) > 200


def test_the_demo_does_not_mix_with_a_real_district(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO grids (code, name, geometry) VALUES ('110101001001001', 'real', "
            "'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"
        )
        conn.commit()
        with pytest.raises(StoreError, match="real district"):
            load_demo(conn)
        assert len(read_layer(conn, "cameras")) == 0


def test_loading_twice_changes_nothing(
    demo_store: str, layers: dict[str, gpd.GeoDataFrame]
) -> None:
    with connect(demo_store) as conn:
        headless = conn.execute(
            "SELECT count(*) FROM grids g WHERE NOT EXISTS "
            "(SELECT FROM grid_staff s WHERE s.grid = g.code AND s.role = 'head')"
        ).fetchone()
        assert headless == (7,)
        stored = read_layer(conn, "cameras")
    made = layers["cameras"].set_index("code", drop=False)
    assert stored["range_m"].equals(made["range_m"].astype(float))
    assert shapely.equals(stored.geometry.values, made.geometry.values).all()


def test_some_key_places_meet_their_target_and_some_do_not(demo_store: str) -> None:
    with connect(demo_store) as conn:
        _, _, places = check_registers(conn, Settings())
    assert 0.3 < places["met"].mean() < 0.7
    assert places.groupby("kind")["met"].any()[["school", "square"]].all()
    # Of those that are not, some lack a camera and some only one that works.
    short = places.loc[~places["met"].astype(bool), "covered_share"]
    assert (short < 0.2).any()
    assert (short > 0.7).any()
