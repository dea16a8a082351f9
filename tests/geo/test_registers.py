"""Data-quality issues of registers: each planted fault is reported, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from typer.testing import CliRunner

import geo
from geo.cli import app
from geo.governance.findings import COLUMNS, FindingCode
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.migration import migrations
from geo.store.queries.registers import read_layer
from geo.store.queries.staff import read_grid_staff

CRS = "EPSG:32650"
TODAY = dt.date(2026, 11, 1)


def make_district() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return three grids and two communities."""
    grids = gpd.GeoDataFrame(
        {"community": ["C1", "C2", None], "population": [10, None, 5]},
        geometry=[shapely.box(x, 0, x + 100, 100) for x in (0, 100, 200)],
        index=["g1", "g2", "g3"],
        crs=CRS,
    )
    areas = gpd.GeoDataFrame(
        {"name": ["和平社区", "文昌社区"], "level": "community", "parent": None},
        geometry=[None, None],
        index=["C1", "C2"],
    )
    return grids, areas


def make_cameras(**changes: dict[int, object]) -> gpd.GeoDataFrame:
    count = 6
    frame = pd.DataFrame(
        {
            "kind": "fixed",
            "bearing_deg": 90.0,
            "fov_deg": 60.0,
            "range_m": 80.0,
            "near_m": 2.0,
            "height_m": 5.0,
            "pixels_wide": 1920,
            "owner": "街道办",
            "status": "working",
            "network": True,
            "point_class": "public",
            "installed_on": dt.date(2022, 1, 1),
            "upgraded_on": None,
            "retired_on": None,
            "community": "C1",
        },
        index=[f"k{k}" for k in range(count)],
    ).astype(object)
    points = [shapely.Point(10 + 12 * k, 50) for k in range(count)]
    for column, cells in changes.items():
        for row, value in cells.items():
            if column == "place":
                points[row] = value
            else:
                frame.loc[f"k{row}", column] = value
    return gpd.GeoDataFrame(frame, geometry=points, crs=CRS)


def issues_of(frame: gpd.GeoDataFrame, **options: object) -> set[tuple[str, str]]:
    grids, areas = make_district()
    table = geo.camera_findings(frame, grids, areas, today=TODAY, **options)  # type: ignore[arg-type]
    assert tuple(table.columns) == COLUMNS
    return set(zip(table["code"], table["finding"], strict=True))


def test_camera_findings_reports_each_fault_alone() -> None:
    assert issues_of(make_cameras()) == set()
    faults = {
        "bearing_missing": {"bearing_deg": {1: None}},
        "field_of_view_missing": {"fov_deg": {1: None}},
        "range_missing": {"range_m": {1: None}},
        "height_missing": {"height_m": {1: None}},
        "resolution_missing": {"pixels_wide": {1: None}},
        "owner_missing": {"owner": {1: None}},
        "installation_date_missing": {"installed_on": {1: None}},
        "status_unknown": {"status": {1: "unknown"}},
        "kind_unknown": {"kind": {1: "unknown"}},
        "point_class_unknown": {"point_class": {1: None}},
        "network_unknown": {"network": {1: None}},
        "range_above_km/2": {"range_m": {1: 2500.0}},
        "near_edge_beyond_range": {"near_m": {1: 80.0}},
        "mounting_height_above_m/100": {"height_m": {1: 150.0}},
        "fixed_field_of_view_above_deg/180": {"fov_deg": {1: 200.0}},
        "age_above_years/10": {"installed_on": {1: dt.date(2015, 1, 1)}},
        "retired_but_in_use": {"retired_on": {1: dt.date(2026, 1, 1)}},
        "outside_every_grid": {"place": {1: shapely.Point(-50, 50)}},
        "outside_stated_community": {"place": {1: shapely.Point(150, 50)}},
    }
    for finding, change in faults.items():
        assert issues_of(make_cameras(**change)) == {("k1", finding)}, finding  # type: ignore[arg-type]


def test_camera_findings_accepts_valid_cameras() -> None:
    valid_cameras = make_cameras(
        kind={0: "ptz", 1: "panoramic"},
        bearing_deg={0: None, 1: None, 3: 270.0},
        fov_deg={0: None, 1: None},
        installed_on={2: dt.date(2010, 1, 1)},
        upgraded_on={2: dt.date(2020, 1, 1)},
        place={3: shapely.Point(58, 50.2), 4: shapely.Point(58, 50)},
        community={5: "和平社区"},
        status={5: "retired"},
        owner={5: None},
    )
    # Not faults: a turning camera without a bearing, an old one that was upgraded, two back to
    # back, a community given by its name, and a retired one without an owner.
    assert issues_of(valid_cameras) == set()
    duplicates = make_cameras(place={3: shapely.Point(58, 50.2), 4: shapely.Point(58, 50)})
    assert issues_of(duplicates) == {
        ("k3", "same_place_as_another_camera"),
        ("k4", "same_place_as_another_camera"),
    }
    invalid_number = make_cameras().rename(index={"k2": "11010500001180000123"})
    assert issues_of(invalid_number) == {("11010500001180000123", "device_number_invalid")}
    since = pd.Series(pd.Timestamp("2026-10-01", tz="UTC"), index=make_cameras().index)
    since.iloc[2] = pd.Timestamp("2024-01-01", tz="UTC")
    assert issues_of(make_cameras(), status_since=since) == {("k2", "status_older_than_days/365")}
    assert issues_of(make_cameras().iloc[:0]) == set()


def test_grid_findings_and_incident_findings_by_owner() -> None:
    grids, areas = make_district()
    staff = pd.DataFrame({"grid": ["g1", "g2"], "role": ["head", "police"]})
    table = geo.grid_findings(grids, areas, staff)
    assert set(zip(table["code"], table["finding"], strict=True)) == {
        ("g2", "head_missing"),
        ("g3", "head_missing"),
        ("g3", "staff_missing"),
        ("g3", "community_missing"),
        ("g2", "population_unknown"),
    }
    incidents = gpd.GeoDataFrame(
        {
            "source": "12345",
            "source_id": list("abcde"),
            "category": ["noise", "other", "noise", "noise", "noise"],
            "grid": [None, None, None, "g1", None],
            "reported_at": "2026-03-02T08:00Z",
            "accepted_at": [None, None, "2026-03-01T08:00Z", None, None],
            "closed_at": None,
        },
        geometry=[
            shapely.Point(5, 5),
            shapely.Point(5, 5),
            shapely.Point(5, 5),
            None,
            shapely.Point(-5, 5),
        ],
        crs=CRS,
    )
    issues = geo.incident_findings(incidents, grids)
    assert list(zip(issues["code"], issues["finding"], strict=True)) == [
        ("b", "category_missing"),
        ("c", "accepted_before_reported"),
        ("e", "outside_every_grid"),
    ]
    counts_by_owner = geo.findings_by_owner(issues)
    assert counts_by_owner["owner"].tolist() == ["12345"] * 3
    assert counts_by_owner["rows"].sum() == 3


def test_camera_findings_reports_the_faults_of_the_demo(demo_store: str) -> None:
    with connect(demo_store) as conn:
        grids, areas, cameras = (read_layer(conn, n) for n in ("grids", "areas", "cameras"))
        staff = pd.DataFrame(read_grid_staff(conn))
    crs = geo.metric_crs(grids)
    table = geo.camera_findings(
        cameras.to_crs(crs), grids.to_crs(crs), areas, today=dt.date(2026, 11, 1)
    )
    directed = cameras[~cameras["kind"].isin(["ptz", "panoramic"])]
    assert (table["finding"] == "bearing_missing").sum() == directed["bearing_deg"].isna().sum() > 0
    assert not (table["finding"] == "device_number_invalid").any()
    issues = geo.grid_findings(grids, areas, staff)
    assert (issues["finding"] == "head_missing").sum() == len(range(40, 297, 41))


def test_check_command_reports_findings_and_targets(
    demo_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", demo_store)
    get_settings.cache_clear()
    path = tmp_path / "todo.csv"
    result = CliRunner().invoke(app, ["check", "--json", "-o", str(path)])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    rows = pd.read_csv(path, dtype=str)
    assert len(rows) == sum(f["rows"] for f in report["findings"])
    assert set(rows["layer"]) == {"cameras", "grids", "incidents", "buildings", "key-places"}
    outside = next(
        f
        for f in report["findings"]
        if f["finding"] == "outside_every_grid" and f["layer"] == "incidents"
    )
    assert outside["rows"] > 400
    assert {t["point_class"] for t in report["targets"]} == {"all", "public", "industry"}
    plain = CliRunner().invoke(app, ["check"])
    assert "Cameras against the targets" in plain.output
    assert "of 46 key places" in plain.output


def test_migration_21_converts_sentences_to_codes(store: str) -> None:
    """Sentences of earlier versions become codes with their parameter."""
    sentences = {
        "bearing missing": "bearing_missing",
        "fixed, but wider than 180°": "fixed_field_of_view_above_deg/180",
        "older than 10 years": "age_above_years/10",
        "status not told for 365 days": "status_older_than_days/365",
        "no party_branch within a walk": "no_service_within_distance/party_branch",
    }
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) VALUES ('t', '{}', '', '', '', now(), now(), '{}')"
        )
        for sentence in sentences:
            conn.execute(
                "INSERT INTO register_findings (layer, code, aspect, finding, detail, owner, grid, "
                "community, subdistrict, district, run) SELECT 'cameras', 'k', 'complete', %s, '', "
                "'', '', '', '', '', max(id) FROM runs",
                (sentence,),
            )
            conn.execute(
                "INSERT INTO register_counts (layer, aspect, finding, owner, run, rows) "
                "SELECT 'cameras', 'complete', %s, '', max(id), 1 FROM runs",
                (sentence,),
            )
        conn.execute(next(m.sql for m in migrations() if m.number == 21).encode())
        for table in ("register_findings", "register_counts"):
            rows = conn.execute(f"SELECT finding FROM {table}".encode()).fetchall()
            assert {row[0] for row in rows} == set(sentences.values())
    assert {code.split("/")[0] for code in sentences.values()} <= set(FindingCode)
