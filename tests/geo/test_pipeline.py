"""`refresh`: results, isolation from readers, and imports and refreshes killed midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from geo.errors import ReadError, StoreError
from geo.ingest import ImportOptions, import_file
from geo.pipeline import refresh
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.grids import read_grid_results
from geo.store.queries.incidents import read_incident_months
from geo.store.queries.runs import read_latest_run
from tests.support.commands import Command, CommandResult
from tests.support.waiting import wait_until


def import_sample(store: str, folder: Path, cameras: int = 3) -> None:
    """Import three grids in a row, a camera in each, and three incidents."""
    boxes = [shapely.box(118.0 + k / 500, 30.9, 118.002 + k / 500, 30.902) for k in range(3)]
    grids = gpd.GeoDataFrame(
        {"code": list("abc"), "population": [10, 20, 30]}, geometry=boxes, crs=4326
    )
    grids.to_file(folder / "grids.geojson")
    rows = "".join(f"c{k},{118.0005 + k / 500},{30.901},ptz,50,6\n" for k in range(cameras))
    (folder / "cameras.csv").write_text("code,lon,lat,kind,range_m,height_m\n" + rows)
    (folder / "incidents.csv").write_text(
        "id,date,lon,lat\n1,2026-01-05,118.001,30.901\n2,2026-02-05,118.001,30.901\n"
        "3,2026-02-05,118.0066,30.9015\n"
    )
    with connect(store) as conn:
        for layer in ("grids", "cameras", "incidents"):
            path = folder / f"{layer}.{'geojson' if layer == 'grids' else 'csv'}"
            import_file(conn, layer, path, ImportOptions(report=folder / "report.csv"))


def row_counts(store: str) -> dict[str, int]:
    """Return the number of rows of the tables that imports and refreshes write."""
    tables = ("grids", "cameras", "incidents", "imports", "runs", "camera_views", "grid_coverage")
    with connect(store) as conn:
        return {
            table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]
            for table in tables
        }


def test_refresh_stores_results_with_provenance(store: str, tmp_path: Path) -> None:
    import_sample(store, tmp_path)
    with connect(store) as conn:
        first = refresh(conn)
        run = read_latest_run(conn)
        assert run is not None
        assert run.metric_crs == "EPSG:32650"
        assert run.summary["incidents_outside"] == 1
        assert run.summary["assumed_share"] == 1.0  # no field of view on record
        result = read_grid_results(conn, run.id)
        assert result["count"].tolist() == [2, 0, 0]
        assert np.allclose(result["covered_m2"], np.pi * (50**2 - 3**2), rtol=0.01)
        assert result.loc["a", "per_1000_people"] == pytest.approx(200.0)
        months = read_incident_months(conn)
        assert [(str(m["month"]), m["count"], m["outside"]) for m in months] == [
            ("2026-01-01", 1, 0),
            ("2026-02-01", 2, 1),
        ]
        unchanged = refresh(conn)
        assert (unchanged.run, unchanged.computed) == (first.run, False)
        assert refresh(conn, everything=True).run == first.run + 1
        conn.execute("UPDATE cameras SET range_m = 60 WHERE code = 'c0'")
        conn.commit()
        before = read_camera_views(conn)["inputs_digest"]
        changed = refresh(conn)
        assert changed.computed
        after = read_camera_views(conn)["inputs_digest"]
        assert (before != after).tolist() == [True, False, False]


def test_refresh_ignores_offline_cameras(store: str, tmp_path: Path) -> None:
    import_sample(store, tmp_path)
    with connect(store) as conn:
        conn.execute("UPDATE cameras SET status = 'offline' WHERE code = 'c1'")
        conn.commit()
        refresh(conn)
        run = read_latest_run(conn)
        assert run is not None
        # Of the middle grid only ground seen by cameras of adjacent grids is covered.
        assert read_grid_results(conn, run.id)["covered_m2"].tolist()[1] < 100.0
        assert run.summary["cameras_used"] == 2


def test_refresh_requires_grids(store: str) -> None:
    with connect(store) as conn, pytest.raises(StoreError, match="import grids"):
        refresh(conn)


def test_refresh_results_appear_only_when_complete(store: str, tmp_path: Path) -> None:
    import_sample(store, tmp_path)
    run_ids: list[int] = []
    with connect(store) as conn, connect(store, autocommit=True) as reader:
        old_run = refresh(conn).run

        def record_run(step: str) -> None:
            run = read_latest_run(reader)
            assert run is not None
            run_ids.append(run.id)
            assert len(read_camera_views(reader)) == 3

        new_run = refresh(conn, everything=True, progress=record_run).run
        assert set(run_ids) == {old_run}
        assert len(run_ids) >= 4
        record_run("after")
        assert run_ids[-1] == new_run


def wait_for_statement(store: str, text: str, process: subprocess.Popen[str]) -> None:
    """Wait until a session of the process executes a statement that contains the text."""
    with connect(store, autocommit=True) as conn:

        def in_statement() -> bool:
            row = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND query LIKE %s AND state <> 'idle'",
                (f"%{text}%",),
            ).fetchone()
            assert process.poll() is None, process.communicate()
            return row != (0,)

        wait_until(in_statement, what=text)


def test_import_killed_midway_stores_nothing(store: str, tmp_path: Path, command: Command) -> None:
    import_sample(store, tmp_path)
    before = row_counts(store)
    rows = (f"n{k},{118 + k % 1000 / 500000},30.9005\n" for k in range(150_000))
    (tmp_path / "many.csv").write_text("code,lon,lat\n" + "".join(rows))
    process = subprocess.Popen(
        [command.python, "import", "cameras", "many.csv"],
        cwd=tmp_path,
        env=command.env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for_statement(store, "COPY", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert row_counts(store) == before
    completed = subprocess.run(
        [command.python, "import", "cameras", "cameras.csv", "--json"],
        cwd=tmp_path,
        env=command.env,
        text=True,
        capture_output=True,
        check=True,
    )
    assert json.loads(completed.stdout)["unchanged"] == 3


def test_refresh_killed_midway_changes_nothing(
    store: str, tmp_path: Path, command: Command
) -> None:
    import_sample(store, tmp_path)
    with connect(store) as conn:
        refresh(conn)
    before = row_counts(store)
    # A lock on the last table blocks the refresh after everything else has been written.
    with connect(store) as locker:
        locker.execute("LOCK TABLE grid_density IN SHARE MODE")
        process = subprocess.Popen(
            [command.python, "refresh", "--all"],
            cwd=tmp_path,
            env=command.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_for_statement(store, 'DELETE FROM "grid_density"', process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        locker.rollback()
    sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    with connect(store, autocommit=True) as conn:
        wait_until(lambda: conn.execute(sessions).fetchone() == (0,))
    assert row_counts(store) == before
    completed = subprocess.run(
        [command.python, "refresh", "--all", "--json"],
        cwd=tmp_path,
        env=command.env,
        text=True,
        capture_output=True,
        check=True,
    )
    assert json.loads(completed.stdout)["grids"] == 3
    assert row_counts(store)["grid_coverage"] == 6


@pytest.mark.deep
def test_import_of_baltimore_equals_counts_of_pandas(
    store: str,
    run: Callable[..., CommandResult],
    baltimore: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each count of an import of real layers equals an independent one by pandas."""
    monkeypatch.chdir(tmp_path)

    def run_json(*arguments: str, status: int = 0) -> dict[str, object]:
        completed = run(*arguments, "--json")
        assert completed.returncode == status, completed.stderr
        return json.loads(completed.stdout)  # type: ignore[no-any-return]

    grids = run_json("import", "grids", str(baltimore / "neighborhoods_2248.gpkg"))
    assert grids["inserted"] == 278
    cctv_rows = pd.read_csv(baltimore / "cctv_locations.csv", dtype=str)
    cameras = run_json(
        "import",
        "cameras",
        str(baltimore / "cctv_locations.csv"),
        "--accept-rejects",
        status=3 if cctv_rows["ID"].duplicated().any() else 0,
    )
    source = baltimore / "arrests_2017_on.csv.gz"
    arguments = (
        "import",
        "incidents",
        str(source),
        "--rename",
        "ArrestNumb=source_id",
        "--rename",
        "ArrestDate=occurred_at",
        "--source",
        "arrests",
    )
    assert run_json(*arguments, status=1)["inserted"] == 0
    arrests = run_json(*arguments, "--accept-rejects", status=3)
    run_json("refresh")

    outline = gpd.read_file(baltimore / "neighborhoods_2248.gpkg")
    city = outline.to_crs(32618).union_all()
    camera_points = gpd.GeoSeries(
        gpd.points_from_xy(
            cctv_rows["Longitude"].astype(float), cctv_rows["Latitude"].astype(float)
        ),
        crs=4326,
    ).to_crs(32618)
    is_near = camera_points.distance(city) <= 100
    assert cameras["accepted"] == cctv_rows[is_near]["ID"].nunique()

    raw = pd.read_csv(source, dtype=str, keep_default_na=False)
    lat = pd.to_numeric(raw["Latitude"], errors="coerce")
    lon = pd.to_numeric(raw["Longitude"], errors="coerce")
    has_coordinates = lat.notna() & lon.notna()
    is_zero = has_coordinates & (lat == 0) & (lon == 0)
    has_number = raw["ArrestNumb"] != ""  # a row is reported once, for its missing number
    usable = raw[has_coordinates & ~is_zero & has_number].copy()
    points = gpd.GeoSeries(gpd.points_from_xy(lon[usable.index], lat[usable.index]), crs=4326)
    points = points.set_axis(usable.index).to_crs(32618)
    usable = usable[points.distance(city) <= 100]
    rejected_counts = {
        r["reason"]: r["count"] for r in arrests["reasons"] if r["action"] == "rejected"
    }  # type: ignore[attr-defined]
    assert arrests["read"] == len(raw) == 85_463
    assert rejected_counts["empty_value"] == int((~has_number).sum())
    assert rejected_counts["no_coordinates"] == int((~has_coordinates & has_number).sum())
    assert rejected_counts["zero_coordinates"] == int((is_zero & has_number).sum())
    assert arrests["accepted"] == usable["ArrestNumb"].nunique()
    with connect(store) as conn:
        stored = {
            name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # type: ignore[index]
            for name in ("grids", "cameras", "incidents")
        }
        latest_run = read_latest_run(conn)
        assert latest_run is not None
        result = read_grid_results(conn, latest_run.id)
    assert stored == {
        "grids": 278,
        "cameras": cameras["accepted"],
        "incidents": arrests["accepted"],
    }
    acres = outline.set_index(outline["OBJECTID"].astype(str))["ACRES"]
    # ACRES is planar in the CRS of the file; the scale of UTM differs by up to 0.1 %.
    assert np.allclose(result["area_m2"], acres.reindex(result.index) * 4046.873, rtol=2e-3)
    first_rows = usable.drop_duplicates("ArrestNumb")
    joined = gpd.GeoDataFrame(geometry=points[first_rows.index]).sjoin(
        outline.to_crs(32618)[["geometry"]]
    )
    assert int(result["count"].sum()) == joined.index.nunique()


def test_refresh_uses_the_terrain_of_the_settings(store: str, tmp_path: Path) -> None:
    import_sample(store, tmp_path)
    step = 0.00005
    ground = np.zeros((80, 240), "float32")
    ground[:, ::12] = 30.0  # ridges higher than any camera, every 57 m
    path = tmp_path / "ground.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=240,
        height=80,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.transform.from_origin(117.998, 30.903, step, step),
    ) as dataset:
        dataset.write(ground, 1)
    with connect(store) as conn:
        flat_covered_m2 = refresh(conn).summary["covered_m2"]
        hilly = refresh(conn, settings=Settings(terrain=path))
        assert hilly.computed, "a terrain is a parameter: it computes everything"
        assert hilly.summary["covered_m2"] < 0.9 * flat_covered_m2
        conn.execute("UPDATE cameras SET range_m = 40 WHERE code = 'c1'")
        conn.commit()
        assert refresh(conn, settings=Settings(terrain=path)).views == 1
        incremental_views = conn.execute(
            "SELECT camera, metric_wkb FROM camera_views ORDER BY 1"
        ).fetchall()
        refresh(conn, settings=Settings(terrain=path), everything=True)
        full_views = conn.execute(
            "SELECT camera, metric_wkb FROM camera_views ORDER BY 1"
        ).fetchall()
        assert incremental_views == full_views
        with pytest.raises(ReadError, match=r"no\.tif"):
            refresh(conn, settings=Settings(terrain=tmp_path / "no.tif"))
