"""Refresh as readers see it, and processes killed in the middle."""

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


def fill(store: str, folder: Path, cameras: int = 3) -> None:
    cells = [shapely.box(118.0 + k / 500, 30.9, 118.002 + k / 500, 30.902) for k in range(3)]
    grids = gpd.GeoDataFrame(
        {"code": list("abc"), "population": [10, 20, 30]}, geometry=cells, crs=4326
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


def snapshot(store: str) -> dict[str, int]:
    tables = ("grids", "cameras", "incidents", "imports", "runs", "camera_views", "grid_coverage")
    with connect(store) as conn:
        return {
            t: conn.execute(f"SELECT count(*) FROM {t}").fetchone()[0]  # type: ignore[index]
            for t in tables
        }


def test_results_with_provenance(store: str, tmp_path: Path) -> None:
    fill(store, tmp_path)
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
        again = refresh(conn)
        assert (again.run, again.computed) == (first.run, False)
        assert refresh(conn, everything=True).run == first.run + 1
        conn.execute("UPDATE cameras SET range_m = 60 WHERE code = 'c0'")
        conn.commit()
        before = read_camera_views(conn)["inputs_digest"]
        changed = refresh(conn)
        assert changed.computed
        after = read_camera_views(conn)["inputs_digest"]
        assert (before != after).tolist() == [True, False, False]


def test_broken_cameras_do_not_see(store: str, tmp_path: Path) -> None:
    fill(store, tmp_path)
    with connect(store) as conn:
        conn.execute("UPDATE cameras SET status = 'offline' WHERE code = 'c1'")
        conn.commit()
        refresh(conn)
        run = read_latest_run(conn)
        assert run is not None
        # Only what its neighbours see across the border is left of the middle grid.
        assert read_grid_results(conn, run.id)["covered_m2"].tolist()[1] < 100.0
        assert run.summary["cameras_used"] == 2


def test_nothing_to_do_without_grids(store: str) -> None:
    with connect(store) as conn, pytest.raises(StoreError, match="import grids"):
        refresh(conn)


def test_readers_see_the_old_result_until_the_new_one_is_whole(store: str, tmp_path: Path) -> None:
    fill(store, tmp_path)
    seen: list[int] = []
    with connect(store) as conn, connect(store, autocommit=True) as reader:
        old = refresh(conn).run

        def look(step: str) -> None:
            run = read_latest_run(reader)
            assert run is not None
            seen.append(run.id)
            assert len(read_camera_views(reader)) == 3

        new = refresh(conn, everything=True, progress=look).run
        assert set(seen) == {old}
        assert len(seen) >= 4
        look("after")
        assert seen[-1] == new


def wait_for(store: str, text: str, process: subprocess.Popen[str]) -> None:
    """Wait until a session of the process is inside a statement that holds the text."""
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


def test_kill_in_the_middle_of_an_import(store: str, tmp_path: Path, command: Command) -> None:
    fill(store, tmp_path)
    before = snapshot(store)
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
    wait_for(store, "COPY", process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert snapshot(store) == before
    done = subprocess.run(
        [command.python, "import", "cameras", "cameras.csv", "--json"],
        cwd=tmp_path,
        env=command.env,
        text=True,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["unchanged"] == 3


def test_kill_in_the_middle_of_a_refresh(store: str, tmp_path: Path, command: Command) -> None:
    fill(store, tmp_path)
    with connect(store) as conn:
        refresh(conn)
    before = snapshot(store)
    # A lock on the last table makes the refresh wait when everything else is written.
    with connect(store) as holder:
        holder.execute("LOCK TABLE grid_density IN SHARE MODE")
        process = subprocess.Popen(
            [command.python, "refresh", "--all"],
            cwd=tmp_path,
            env=command.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_for(store, 'DELETE FROM "grid_density"', process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        holder.rollback()
    sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    with connect(store, autocommit=True) as conn:
        wait_until(lambda: conn.execute(sessions).fetchone() == (0,))
    assert snapshot(store) == before
    done = subprocess.run(
        [command.python, "refresh", "--all", "--json"],
        cwd=tmp_path,
        env=command.env,
        text=True,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["grids"] == 3
    assert snapshot(store)["grid_coverage"] == 6


@pytest.mark.deep
def test_baltimore_by_the_command_line(
    store: str,
    run: Callable[..., CommandResult],
    baltimore: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The real layers in, and every count equal to an independent one with pandas."""
    monkeypatch.chdir(tmp_path)

    def told(*arguments: str, status: int = 0) -> dict[str, object]:
        done = run(*arguments, "--json")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    grids = told("import", "grids", str(baltimore / "neighborhoods_2248.gpkg"))
    assert grids["inserted"] == 278
    cctv = pd.read_csv(baltimore / "cctv_locations.csv", dtype=str)
    cameras = told(
        "import",
        "cameras",
        str(baltimore / "cctv_locations.csv"),
        "--accept-rejects",
        status=3 if cctv["ID"].duplicated().any() else 0,
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
    assert told(*arguments, status=1)["inserted"] == 0
    arrests = told(*arguments, "--accept-rejects", status=3)
    told("refresh")

    outline = gpd.read_file(baltimore / "neighborhoods_2248.gpkg")
    city = outline.to_crs(32618).union_all()
    inside = gpd.GeoSeries(
        gpd.points_from_xy(cctv["Longitude"].astype(float), cctv["Latitude"].astype(float)),
        crs=4326,
    ).to_crs(32618)
    near = inside.distance(city) <= 100
    assert cameras["accepted"] == cctv[near]["ID"].nunique()

    raw = pd.read_csv(source, dtype=str, keep_default_na=False)
    lat = pd.to_numeric(raw["Latitude"], errors="coerce")
    lon = pd.to_numeric(raw["Longitude"], errors="coerce")
    located = lat.notna() & lon.notna()
    zero = located & (lat == 0) & (lon == 0)
    numbered = raw["ArrestNumb"] != ""  # a row is told once: without a number, for that
    usable = raw[located & ~zero & numbered].copy()
    points = gpd.GeoSeries(gpd.points_from_xy(lon[usable.index], lat[usable.index]), crs=4326)
    points = points.set_axis(usable.index).to_crs(32618)
    usable = usable[points.distance(city) <= 100]
    counted = {r["reason"]: r["count"] for r in arrests["reasons"] if r["action"] == "rejected"}  # type: ignore[attr-defined]
    assert arrests["read"] == len(raw) == 85_463
    assert counted["empty value"] == int((~numbered).sum())
    assert counted["no coordinates"] == int((~located & numbered).sum())
    assert counted["coordinates (0, 0)"] == int((zero & numbered).sum())
    assert arrests["accepted"] == usable["ArrestNumb"].nunique()
    with connect(store) as conn:
        stored = {
            name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # type: ignore[index]
            for name in ("grids", "cameras", "incidents")
        }
        run_ = read_latest_run(conn)
        assert run_ is not None
        result = read_grid_results(conn, run_.id)
    assert stored == {
        "grids": 278,
        "cameras": cameras["accepted"],
        "incidents": arrests["accepted"],
    }
    acres = outline.set_index(outline["OBJECTID"].astype(str))["ACRES"]
    # ACRES is planar in the file's own CRS; ours is UTM, whose scale differs by up to 0.1 %.
    assert np.allclose(result["area_m2"], acres.reindex(result.index) * 4046.873, rtol=2e-3)
    first = usable.drop_duplicates("ArrestNumb")
    joined = gpd.GeoDataFrame(geometry=points[first.index]).sjoin(
        outline.to_crs(32618)[["geometry"]]
    )
    assert int(result["count"].sum()) == joined.index.nunique()


def test_terrain_of_the_settings_enters_the_views(store: str, tmp_path: Path) -> None:
    fill(store, tmp_path)
    step = 0.00005
    ground = np.zeros((80, 240), "float32")
    ground[:, ::12] = 30.0  # ridges higher than any camera, every 57 m
    file = tmp_path / "ground.tif"
    with rasterio.open(
        file,
        "w",
        driver="GTiff",
        width=240,
        height=80,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=rasterio.transform.from_origin(117.998, 30.903, step, step),
    ) as out:
        out.write(ground, 1)
    with connect(store) as conn:
        level = refresh(conn).summary["covered_m2"]
        hilly = refresh(conn, settings=Settings(terrain=file))
        assert hilly.computed, "a terrain is a parameter: it computes everything"
        assert hilly.summary["covered_m2"] < 0.9 * level
        conn.execute("UPDATE cameras SET range_m = 40 WHERE code = 'c1'")
        conn.commit()
        assert refresh(conn, settings=Settings(terrain=file)).views == 1
        partly = conn.execute("SELECT camera, metric_wkb FROM camera_views ORDER BY 1").fetchall()
        refresh(conn, settings=Settings(terrain=file), everything=True)
        whole = conn.execute("SELECT camera, metric_wkb FROM camera_views ORDER BY 1").fetchall()
        assert partly == whole
        with pytest.raises(ReadError, match=r"no\.tif"):
            refresh(conn, settings=Settings(terrain=tmp_path / "no.tif"))
