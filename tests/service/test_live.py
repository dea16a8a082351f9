"""What happens now, in open maps within two seconds, for whose it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import psycopg
import pytest

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.live_events import read_events_since, read_snapshot
from service.api.events import MAX_STREAMS_PER_USER
from tests.support.event_stream import EventStream
from tests.support.rows import insert_cameras, insert_grids
from tests.support.service import serving, sign_in
from tests.support.waiting import wait_until

INCIDENT = (
    "INSERT INTO incidents (source, source_id, category, occurred_at, geometry) "
    "VALUES ('t', %s, 'theft', now(), ST_SetSRID(ST_Point(%s, 31.005), 4326))"
)


@pytest.fixture
def here(store: str) -> str:
    """Two grids with a camera each."""
    with connect(store) as conn:
        insert_grids(conn, "g1", "g2")
        insert_cameras(conn, "c1", "c2")
    return store


@contextmanager
def followed(address: str, cookies: dict[str, str], last: str = "") -> Iterator[EventStream]:
    stream = EventStream()
    thread = threading.Thread(target=stream.read, args=(address, cookies, last), daemon=True)
    thread.start()
    if not last:
        assert stream.open.wait(10)
    yield stream
    stream.ended.set()


def test_events_reach_maps_within_two_seconds_and_only_theirs(here: str) -> None:
    with serving(here) as address:
        whole, first = sign_in(here), sign_in(here, "planner", "g1")
        with followed(address, whole) as all_, followed(address, first) as mine:
            for k, lon in enumerate((118.005, 118.015)):
                with connect(here) as conn:
                    conn.execute(INCIDENT, (str(k), lon))
                written = time.monotonic()
                kind, told, at = all_.events.get(timeout=5)
                assert at - written < 2.0
                assert (kind, told["category"], told["lon"]) == ("incident", "theft", lon)
            with connect(here) as conn:
                conn.execute("UPDATE cameras SET status = 'faulty'")
                conn.execute("UPDATE cameras SET name = 'no matter'")
            found = [all_.events.get(timeout=5) for _ in range(2)]
            assert {(k, t["camera"], t["status"]) for k, t, _ in found} == {
                ("status", "c1", "faulty"),
                ("status", "c2", "faulty"),
            }
            got = [mine.events.get(timeout=5) for _ in range(2)]
            assert [(k, t.get("camera"), t["lon"]) for k, t, _ in got] == [
                ("incident", None, 118.005),
                ("status", "c1", 118.005),
            ]
            with connect(here) as conn:
                conn.execute(
                    "INSERT INTO incidents (source, source_id, occurred_at, geometry) SELECT "
                    "'bulk', n::text, now(), "
                    "ST_SetSRID(ST_Point(118.015, 31.005), 4326) FROM generate_series(1, 600) n"
                )
            kind, told, _ = all_.events.get(timeout=5)
            assert (kind, told["layer"]) == ("many", "incidents")
            assert mine.events.get(timeout=5)[0] == "many"
            # The one message stands for all of them: the next event is the next incident.
            with connect(here) as conn:
                conn.execute(INCIDENT, ("after", 118.005))
            for stream in (all_, mine):
                kind, event, _ = stream.events.get(timeout=5)
                assert (kind, event.get("lon")) == ("incident", 118.005)


def test_nothing_is_missed_while_a_map_was_away(here: str) -> None:
    with serving(here) as address:
        cookies = sign_in(here)
        with followed(address, cookies) as stream:
            with connect(here) as conn:
                conn.execute(INCIDENT, ("1", 118.005))
            stream.events.get(timeout=5)
            last = wait_until(lambda: stream.last)
        with connect(here) as conn:
            conn.execute(INCIDENT, ("2", 118.006))
        with followed(address, cookies, last) as stream:
            kind, told, _ = stream.events.get(timeout=5)
            assert (kind, told["lon"]) == ("incident", 118.006)
            with connect(here) as conn:  # the bell's own connection is lost
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "application_name = 'gridcover-live' "
                    "AND datname = current_database()"
                )
                conn.execute(INCIDENT, ("3", 118.007))
            assert stream.events.get(timeout=8)[1]["lon"] == 118.007


def test_one_that_commits_late_is_not_missed(here: str) -> None:
    with connect(here) as early, connect(here) as late, connect(here, autocommit=True) as reader:
        seen = read_snapshot(reader)
        late.execute(INCIDENT, ("late", 118.005))
        early.execute(INCIDENT, ("early", 118.006))
        early.commit()
        rows, seen = read_events_since(reader, seen, ["incident"])
        assert [row["lon"] for row in rows] == [118.006]
        late.commit()
        rows, seen = read_events_since(reader, seen, ["incident"])
        assert [row["lon"] for row in rows] == [118.005]
        assert read_events_since(reader, seen, ["incident"])[0] == []


def test_two_writers_do_not_meet_over_old_events(here: str) -> None:
    with connect(here) as conn:
        conn.execute(INCIDENT, ("1", 118.005))
        conn.execute("UPDATE live_events SET at = now() - interval '2 hours'")
    with connect(here) as first, connect(here) as second:
        first.execute(INCIDENT, ("2", 118.005))
        second.execute("SET statement_timeout = '3s'")
        second.execute(INCIDENT, ("3", 118.005))
        second.commit()
        first.commit()
    with connect(here) as conn:
        assert conn.execute("SELECT count(*) FROM live_events").fetchone() == (2,)


def test_who_may_follow_and_how_many(here: str) -> None:
    with serving(here, Settings(coarse_roles=["analyst"])) as address:
        assert httpx2.get(f"{address}/api/v1/events").status_code == 401
        clerk = httpx2.get(f"{address}/api/v1/events", cookies=sign_in(here, "clerk"))
        assert clerk.status_code == 403
        analyst = sign_in(here, "analyst")
        streams = [followed(address, analyst) for _ in range(MAX_STREAMS_PER_USER)]
        entered = [stream.__enter__() for stream in streams]
        over = httpx2.get(f"{address}/api/v1/events", cookies=analyst)
        assert over.status_code == 429
        with connect(here) as conn:
            conn.execute("UPDATE cameras SET status = 'faulty'")
            conn.execute(INCIDENT, ("1", 118.005))
        for stream in entered:
            # Where cameras are is told to them only roughly: no status with its place.
            assert stream.events.get(timeout=5)[0] == "incident"
        for stream in streams:
            stream.__exit__(None, None, None)


def test_a_reader_cannot_notify_for_others(here: str) -> None:
    with connect(here) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SET ROLE gridcover_reader")
        conn.execute("INSERT INTO live_events (kind, detail) VALUES ('many', '{}')")
