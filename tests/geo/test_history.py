"""Who changed what in the registers, from what to what, and that it cannot be changed afterwards."""

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


def told(conn: Conn, key: str, layer: str = "cameras") -> list[tuple[str, Any, Any]]:
    return [
        (row["actor"], row["was"], row["now"]) for row in read_row_history(conn, layer, key, 50)
    ]


def test_every_change_is_told_from_what_to_what(store: str) -> None:
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
            "UPDATE cameras SET geometry = ST_SetSRID(ST_Point(118.5, 31.5), 4326) WHERE code = 'c1'"
        )
        conn.commit()
        conn.execute("DELETE FROM cameras WHERE code = 'c1'")
        conn.commit()
        gone, moved, broken, came = told(conn, "c1")
        assert came[:2] == ("Wang", None)
        assert came[2]["kind"] == "dome"
        assert broken == (
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
        assert gone[0] == "Li"
        assert (gone[1]["code"], gone[2]) == ("c1", None)
        assert len(told(conn, "c2")) == 1
        # One entry of the record a set, each under the name of who did it.
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


def test_by_whatever_hand(store: str) -> None:
    with psycopg.connect(store, options="-c search_path=gridcover,public") as conn:
        conn.execute(CAMERA, (1,))
    with connect(store) as conn:
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.commit()
        by = [row[0] for row in told(conn, "c1")]
    assert by[0].startswith("command line: ")
    assert by[1].startswith("database user ")


def test_many_new_rows_are_told_by_their_keys_and_an_undone_change_by_nothing(store: str) -> None:
    with connect(store) as conn:
        conn.execute(CAMERA, (1500,))
        conn.commit()
        assert [(was, now) for _, was, now in told(conn, "c1500")] == [(None, None)]
        assert told(conn, "c1501") == []
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.rollback()
        assert len(told(conn, "c7")) == 1
        conn.execute("TRUNCATE cameras")
        conn.commit()
        assert told(conn, "c7")[0][1]["code"] == "c7"
        found = read_change_set(conn, read_audit_entries(conn, 1)[0]["detail"]["set"], 10)
        assert found is not None
        assert (found["deleted"], len(found["rows"])) == (1500, 10)
        assert check_audit(conn).broken_change is None


def test_keys_of_several_columns_and_a_changed_key(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO incidents (source, source_id, category, occurred_at, precision) "
            "VALUES ('a', '1', 'theft', now(), 'none')"
        )
        conn.execute("UPDATE incidents SET category = 'fire'")
        conn.execute("UPDATE incidents SET source_id = '2'")
        conn.commit()
        assert told(conn, "a/1", "incidents")[1][1:] == (
            {"category": "theft"},
            {"category": "fire"},
        )
        assert told(conn, "a/1", "incidents")[0][2] is None
        assert told(conn, "a/2", "incidents")[0][1] is None
        assert check_audit(conn).changes == 3


@pytest.mark.parametrize(
    "tampered",
    [
        "UPDATE changed_rows SET was = '{}' WHERE was IS NOT NULL",
        "UPDATE change_sets SET actor = 'somebody' WHERE id = 2",
        "DELETE FROM change_sets WHERE id = 2",
        "INSERT INTO change_sets (actor, layer) VALUES ('a', 'cameras')",
    ],
)
def test_it_cannot_be_changed_unnoticed(store: str, tampered: str) -> None:
    with connect(store) as conn:
        conn.execute(CAMERA, (1,))
        conn.execute("UPDATE cameras SET range_m = 10")
        conn.commit()
        if "INSERT" not in tampered:
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                conn.execute(tampered.encode())
            conn.rollback()
        conn.execute("ALTER TABLE change_sets DISABLE TRIGGER USER")
        conn.execute("ALTER TABLE changed_rows DISABLE TRIGGER USER")
        conn.execute(tampered.encode())
        found = check_audit(conn)
        assert found.broken is None
        assert found.broken_change == (3 if "INSERT" in tampered else 2)


def test_sets_go_with_their_entries(store: str) -> None:
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
        assert len(told(conn, "c1")) == 1
