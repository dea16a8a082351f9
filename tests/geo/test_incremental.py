"""Tests of incremental refresh: its results equal those of a full refresh bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from psycopg import sql

from geo.pipeline import refresh
from geo.pipeline.run import CoverageRefresh
from geo.settings import Settings
from geo.store.connection import Conn, connect
from geo.store.queries.cameras import read_camera_views
from tests.support.random_city import insert_random_city, none_or, random_footprint, random_point

RESULTS = {
    "camera_views": "camera, area_m2, assumed, inputs_digest, metric_wkb, ST_AsBinary(geometry)",
    "blind_spots": "grid, number, area_m2, widest_m, ST_AsBinary(geometry)",
    "grid_incidents": "grid, month, category, count",
    "grid_density": "grid, period_from, period_to, count, per_km2, per_1000_people, per_day",
}


def read_results(conn: Conn) -> dict[str, object]:
    """All results of a run, without the numbers and times of runs."""
    tables: dict[str, object] = {}
    for table, columns in RESULTS.items():
        query = f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3"
        tables[table] = conn.execute(query.encode()).fetchall()
    tables["grid_coverage"] = conn.execute(
        "SELECT DISTINCT ON (grid) grid, inputs_digest, area_m2, covered_m2, covered_share, "
        "open_m2, open_covered_share, cameras, twice_covered_share, seen_by_0_share, "
        "seen_by_1_share, seen_by_2_share, seen_by_3_share FROM grid_coverage "
        "ORDER BY grid, run DESC"
    ).fetchall()
    # `reach_m` is a bound that a later full run may tighten, not a result.
    tables["run"] = conn.execute(
        "SELECT inputs_digest, summary - 'reach_m' FROM latest_run"
    ).fetchone()
    return tables


def make_edit(conn: Conn, rng: np.random.Generator) -> str:
    """Make one random change of a register."""
    kind = str(
        rng.choice(
            [
                "new camera",
                "move camera",
                "turn camera",
                "break camera",
                "rename camera",
                "drop camera",
                "new building",
                "raise building",
                "reshape building",
                "drop building",
                "new incident",
                "several",
                "resize grid",
            ],
            p=[0.1, 0.1, 0.1, 0.1, 0.05, 0.08, 0.12, 0.1, 0.08, 0.1, 0.03, 0.02, 0.02],
        )
    )
    camera = "(SELECT code FROM cameras ORDER BY md5(code || %(s)s) LIMIT 1)"
    building = "(SELECT id FROM buildings ORDER BY md5(id || %(s)s) LIMIT 1)"
    values = {
        "s": str(rng.random()),
        "code": f"{rng.integers(0, 1_000_000):06d}",
        "at": random_point(rng),
        "shape": random_footprint(rng),
        "bearing": none_or(rng, rng.uniform(0, 360)),
        "fov": none_or(rng, rng.choice([60.0, 110.0, 360.0])),
        "range": none_or(rng, rng.choice([20.0, 60.0, 120.0])),
        "height": none_or(rng, rng.uniform(3, 12)),
        "roof": none_or(rng, rng.choice([2.0, 4.0, 30.0])),
        "status": str(rng.choice(["working", "offline", "unknown"])),
    }
    statements = {
        "new camera": "INSERT INTO cameras (code, kind, bearing_deg, fov_deg, range_m, height_m, "
        "status, geometry) VALUES (%(code)s, 'fixed', %(bearing)s, %(fov)s, %(range)s, %(height)s, "
        "%(status)s, %(at)s) ON CONFLICT DO NOTHING",
        "move camera": f"UPDATE cameras SET geometry = %(at)s WHERE code = {camera}",
        "turn camera": "UPDATE cameras SET bearing_deg = %(bearing)s, range_m = %(range)s "
        f"WHERE code = {camera}",
        "break camera": f"UPDATE cameras SET status = %(status)s WHERE code = {camera}",
        "rename camera": f"UPDATE cameras SET name = %(code)s WHERE code = {camera}",
        "drop camera": f"DELETE FROM cameras WHERE code = {camera}",
        "new building": "INSERT INTO buildings (id, height_m, geometry) "
        "VALUES (%(code)s, %(roof)s, %(shape)s) ON CONFLICT DO NOTHING",
        "raise building": f"UPDATE buildings SET height_m = %(roof)s WHERE id = {building}",
        "reshape building": f"UPDATE buildings SET geometry = %(shape)s WHERE id = {building}",
        "drop building": f"DELETE FROM buildings WHERE id = {building}",
        "new incident": "INSERT INTO incidents (source, source_id, reported_at, geometry) "
        "VALUES ('t', %(code)s, '2026-03-04', %(at)s) ON CONFLICT DO NOTHING",
        "several": "UPDATE cameras SET height_m = coalesce(height_m, 5) + 0.5 "
        "WHERE code IN (SELECT code FROM cameras ORDER BY code LIMIT 7)",
        "resize grid": "UPDATE grids SET population = coalesce(population, 0) + 1 "
        "WHERE code = 'g11'",
    }
    conn.execute(statements[kind].encode(), values)
    return kind


@pytest.mark.parametrize("seed", range(4))
def test_refresh_after_random_edits_equals_full_refresh(store: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    settings = Settings(keep_runs=3)
    partial_runs = 0
    with connect(store) as conn:
        insert_random_city(conn, rng)
        refresh(conn, settings=settings)
        for _ in range(12):
            kinds = [make_edit(conn, rng) for _ in range(rng.integers(1, 4))]
            conn.commit()
            incremental = refresh(conn, settings=settings)
            actual = read_results(conn)
            cameras = incremental.summary["cameras_used"]
            partial_runs += incremental.views < cameras
            full = refresh(conn, settings=settings, everything=True)
            assert full.views == cameras
            expected = read_results(conn)
            for name in expected:
                assert actual[name] == expected[name], (seed, kinds, name)
    assert partial_runs >= 6, "hardly any of the refreshes was a partial one"


def test_refresh_computes_affected_views_and_grids_only(store: str) -> None:
    rng = np.random.default_rng(9)
    with connect(store) as conn:
        insert_random_city(conn, rng)
        refresh(conn)

        def refresh_after(statement: str) -> CoverageRefresh:
            conn.execute(statement.encode())
            conn.commit()
            return refresh(conn)

        code = conn.execute("SELECT min(code) FROM cameras").fetchone()[0]  # type: ignore[index]
        name = sql.Literal(code).as_string(conn)
        assert refresh_after(f"UPDATE cameras SET name = 'new' WHERE code = {name}").views == 0
        turned = refresh_after(
            f"UPDATE cameras SET bearing_deg = 3, fov_deg = 50 WHERE code = {name}"
        )
        assert turned.views == 1
        assert 1 <= turned.grids <= 6
        offline = refresh_after(f"UPDATE cameras SET status = 'offline' WHERE code = {name}")
        assert (offline.views, offline.grids >= 1) == (0, True)
        far = "SRID=4326;MULTIPOLYGON(((118.5 31, 118.51 31, 118.51 31.01, 118.5 31)))"
        outside = refresh_after(f"INSERT INTO buildings (id, geometry) VALUES ('far', '{far}')")
        assert (outside.views, outside.grids) == (0, 0)
        # A building within the range of some cameras: only their views are computed.
        camera_place = conn.execute(
            "SELECT ST_AsText(geometry) FROM cameras ORDER BY code DESC"
        ).fetchone()
        near = f"ST_Multi(ST_Expand('SRID=4326;{camera_place[0]}'::geometry, 0.00003))"  # type: ignore[index]
        with_building = refresh_after(
            f"INSERT INTO buildings (id, geometry) VALUES ('near', {near})"
        )
        assert 1 <= with_building.views < with_building.summary["cameras_used"]
        assert (
            refresh_after(
                "INSERT INTO areas (code, name, level, geometry) SELECT 'a', 'a', 'district', "
                "geometry FROM grids LIMIT 1"
            ).computed
            is False
        )
        with_incident = refresh_after(
            "INSERT INTO incidents (source, source_id, reported_at, geometry) "
            "VALUES ('t', '1', '2026-01-01', 'SRID=4326;POINT(118.0005 30.9005)')"
        )
        assert (
            with_incident.computed,
            with_incident.views,
            with_incident.summary["incidents"],
        ) == (True, 0, 1)
        # A statement with too many rows causes a full run.
        conn.execute(
            "INSERT INTO buildings (id, geometry) SELECT 'b' || n, "
            "ST_Multi(ST_Translate(%s::geometry, n * 0.02, 0)) FROM generate_series(1, 5001) n",
            (far,),
        )
        conn.commit()
        bulk = refresh(conn)
        assert bulk.views == bulk.summary["cameras_used"]
        assert bulk.summary["buildings"] == 50 + 2 + 5001


def test_refresh_removes_old_runs_and_keeps_valid_results(store: str) -> None:
    rng = np.random.default_rng(5)
    settings = Settings(keep_runs=2)
    with connect(store) as conn:
        insert_random_city(conn, rng)
        refresh(conn, settings=settings)
        code = conn.execute("SELECT min(code) FROM cameras").fetchone()[0]  # type: ignore[index]
        for bearing in (10, 20, 30, 40, 50):
            conn.execute(
                "UPDATE cameras SET bearing_deg = %s, fov_deg = 40 WHERE code = %s", (bearing, code)
            )
            conn.commit()
            refresh(conn, settings=settings)
        rows = conn.execute("SELECT grid, count(*) FROM grid_coverage GROUP BY grid").fetchall()
        assert len(rows) == 6
        assert all(count <= 3 for _, count in rows)
        runs = conn.execute("SELECT count(*) FROM runs").fetchone()[0]  # type: ignore[index]
        assert runs <= 4


def test_refresh_leaves_concurrent_changes_to_the_next_run(store: str) -> None:
    rng = np.random.default_rng(11)
    with connect(store) as conn, connect(store) as other:
        insert_random_city(conn, rng)
        refresh(conn)
        added_codes: list[str] = []

        def add_camera(step: str) -> None:
            """Add a camera from another session at each step, after the changes are read."""
            added_codes.append(f"sneak{rng.integers(1_000_000)}")
            other.execute(
                "INSERT INTO cameras (code, kind, geometry) VALUES (%s, 'ptz', %s)",
                (added_codes[-1], random_point(rng)),
            )
            other.commit()

        before = conn.execute("SELECT count(*) FROM cameras").fetchone()[0]  # type: ignore[index]
        conn.execute("UPDATE buildings SET height_m = 40 WHERE id < '010'")
        conn.commit()
        for everything in (False, True):
            during = refresh(conn, everything=everything, progress=add_camera)
            assert during.summary["cameras"] == before
            assert added_codes
            after = refresh(conn)
            count = conn.execute("SELECT count(*) FROM cameras").fetchone()[0]  # type: ignore[index]
            assert after.summary["cameras"] == count == before + len(added_codes)
            actual = read_results(conn)
            refresh(conn, everything=True)
            assert actual == read_results(conn)
            before, added_codes = count, []


def test_refresh_omits_and_names_a_distant_camera(store: str) -> None:
    """One wrong position does not affect the other cameras."""
    rng = np.random.default_rng(4)
    with connect(store) as conn:
        insert_random_city(conn, rng)
        before = refresh(conn)
        conn.execute(
            "INSERT INTO cameras (code, geometry) VALUES ('stray', 'SRID=4326;POINT(0 0)')"
        )
        conn.commit()
        for everything in (False, True):
            messages: list[str] = []
            outcome = refresh(conn, everything=everything, progress=messages.append)
            assert any("left out" in line and "stray" in line for line in messages), messages
            assert outcome.summary["cameras"] == before.summary["cameras"] + 1
            assert outcome.summary["cameras_used"] == before.summary["cameras_used"]
            assert outcome.summary["covered_m2"] == before.summary["covered_m2"]
            assert "stray" not in read_camera_views(conn).index
