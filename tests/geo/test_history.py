"""Tests of the change history of registers: who, from what, to what; protected from changes."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from geo.store.connection import Conn, connect
from geo.store.queries.audit import (
    AuditCheck,
    check_audit,
    prune_audit,
    read_audit_entries,
    read_change_set,
    read_row_history,
    set_actor,
)
from tests.support.waiting import wait_until

CAMERA = (
    "INSERT INTO cameras (code, kind, geometry) SELECT 'c' || n, 'dome', "
    "ST_SetSRID(ST_Point(118.001 + n * 0.001, 31.005), 4326) FROM generate_series(1, %s) n"
)


def row_history(conn: Conn, key: str, layer: str = "cameras") -> list[tuple[str, Any, Any]]:
    return [
        (row["actor"], row["was"], row["now"]) for row in read_row_history(conn, layer, key, 50)
    ]


def test_row_history_states_old_and_new_values(store: str) -> None:
    with connect(store) as conn:
        set_actor(conn, "Wang")
        conn.execute(CAMERA, (2,))
        conn.commit()
        set_actor(conn, "Li", session=True)
        conn.execute("UPDATE cameras SET status = 'faulty', range_m = 40 WHERE code = 'c1'")
        conn.execute("UPDATE cameras SET status = 'faulty' WHERE code = 'c1'")
        conn.commit()
        set_actor(conn, "Zhao")
        conn.execute(
            "UPDATE cameras SET geometry = ST_SetSRID(ST_Point(118.5, 31.5), 4326) "
            "WHERE code = 'c1'"
        )
        conn.commit()
        conn.execute("DELETE FROM cameras WHERE code = 'c1'")
        conn.commit()
        deleted, moved, updated, inserted = row_history(conn, "c1")
        assert inserted[:2] == ("Wang", None)
        assert inserted[2]["kind"] == "dome"
        assert updated == (
            "Li",
            {"status": "unknown", "range_m": None},
            {"status": "faulty", "range_m": 40},
        )
        assert moved[0] == "Zhao"
        assert moved[1]["geometry"]["coordinates"] == [118.002, 31.005]
        assert moved[2] == {
            "geometry": {"type": "Point", "coordinates": [118.5, 31.5]}
            | ({"crs": moved[2]["geometry"]["crs"]} if "crs" in moved[2]["geometry"] else {})
        }
        assert deleted[0] == "Li"
        assert (deleted[1]["code"], deleted[2]) == ("c1", None)
        assert len(row_history(conn, "c2")) == 1
        # One entry of the audit log per change set, under the name of the actor.
        entries = [
            (e["actor"], e["object"], e["detail"]["updated"]) for e in read_audit_entries(conn, 50)
        ]
        assert entries == [
            ("Li", "cameras", 0),
            ("Zhao", "cameras", 1),
            ("Li", "cameras", 1),
            ("Wang", "cameras", 0),
        ]
        assert check_audit(conn) == AuditCheck(4, None, 4, None)


def test_row_history_names_actors_outside_the_service(store: str) -> None:
    with psycopg.connect(store, options="-c search_path=gridcover,public") as conn:
        conn.execute(CAMERA, (1,))
    with connect(store) as conn:
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.commit()
        actors = [row[0] for row in row_history(conn, "c1")]
    assert actors[0].startswith("command line: ")
    assert actors[1].startswith("database user ")


def test_row_history_bulk_inserts_rollback_and_truncate(store: str) -> None:
    with connect(store) as conn:
        conn.execute(CAMERA, (1500,))
        conn.commit()
        assert [(was, now) for _, was, now in row_history(conn, "c1500")] == [(None, None)]
        assert row_history(conn, "c1501") == []
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.rollback()
        assert len(row_history(conn, "c7")) == 1
        conn.execute("TRUNCATE cameras")
        conn.commit()
        assert row_history(conn, "c7")[0][1]["code"] == "c7"
        change_set = read_change_set(conn, read_audit_entries(conn, 1)[0]["detail"]["set"], 10)
        assert change_set is not None
        assert (change_set["deleted"], len(change_set["rows"])) == (1500, 10)
        assert check_audit(conn).broken_change is None


def test_row_history_of_composite_and_changed_keys(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO incidents (source, source_id, category, occurred_at, precision) "
            "VALUES ('a', '1', 'theft', now(), 'none')"
        )
        conn.execute("UPDATE incidents SET category = 'fire'")
        conn.execute("UPDATE incidents SET source_id = '2'")
        conn.commit()
        assert row_history(conn, "a/1", "incidents")[1][1:] == (
            {"category": "theft"},
            {"category": "fire"},
        )
        assert row_history(conn, "a/1", "incidents")[0][2] is None
        assert row_history(conn, "a/2", "incidents")[0][1] is None
        assert check_audit(conn).changes == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changed_rows SET was = '{}' WHERE was IS NOT NULL",
        "UPDATE change_sets SET actor = 'somebody' WHERE id = 2",
        "DELETE FROM change_sets WHERE id = 2",
        "INSERT INTO change_sets (actor, layer) VALUES ('a', 'cameras')",
    ],
)
def test_check_audit_detects_changes_of_the_history(store: str, statement: str) -> None:
    with connect(store) as conn:
        conn.execute(CAMERA, (1,))
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.commit()
        if "INSERT" not in statement:
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                conn.execute(statement.encode())
            conn.rollback()
        conn.execute("ALTER TABLE change_sets DISABLE TRIGGER USER")
        conn.execute("ALTER TABLE changed_rows DISABLE TRIGGER USER")
        conn.execute(statement.encode())
        outcome = check_audit(conn)
        assert outcome.broken is None
        assert outcome.broken_change == (3 if "INSERT" in statement else 2)


def test_prune_audit_removes_change_sets_of_pruned_entries(store: str) -> None:
    with connect(store) as conn:
        conn.execute(CAMERA, (1,))
        conn.commit()
        wait_until(
            lambda: (
                conn.execute("SELECT clock_timestamp() > max(at) FROM audit").fetchone() == (True,)
            )
        )
        assert prune_audit(conn, 0) == 1
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.commit()
        assert check_audit(conn) == AuditCheck(1, None, 1, None)
        assert len(row_history(conn, "c1")) == 1
