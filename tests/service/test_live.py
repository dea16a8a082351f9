"""Tests of live events: delay, scope, reconnection and limits of streams."""

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
def small_store(store: str) -> str:
    """A store with two grids and a camera in each."""
    with connect(store) as conn:
        insert_grids(conn, "g1", "g2")
        insert_cameras(conn, "c1", "c2")
    return store


@contextmanager
def follow_events(address: str, cookies: dict[str, str], last: str = "") -> Iterator[EventStream]:
    stream = EventStream()
    thread = threading.Thread(target=stream.read, args=(address, cookies, last), daemon=True)
    thread.start()
    if not last:
        assert stream.open.wait(10)
    yield stream
    stream.ended.set()


def test_events_arrive_within_two_seconds_and_by_scope(small_store: str) -> None:
    with serving(small_store) as address:
        all_cookies, own_cookies = sign_in(small_store), sign_in(small_store, "planner", "g1")
        with (
            follow_events(address, all_cookies) as all_events,
            follow_events(address, own_cookies) as own_events,
        ):
            for k, lon in enumerate((118.005, 118.015)):
                with connect(small_store) as conn:
                    conn.execute(INCIDENT, (str(k), lon))
                written = time.monotonic()
                kind, event, received_at = all_events.events.get(timeout=5)
                assert received_at - written < 2.0
                assert (kind, event["category"], event["lon"]) == ("incident", "theft", lon)
            with connect(small_store) as conn:
                conn.execute("UPDATE cameras SET status = 'faulty'")
                conn.execute("UPDATE cameras SET name = 'no matter'")
            statuses = [all_events.events.get(timeout=5) for _ in range(2)]
            assert {(k, t["camera"], t["status"]) for k, t, _ in statuses} == {
                ("status", "c1", "faulty"),
                ("status", "c2", "faulty"),
            }
            received = [own_events.events.get(timeout=5) for _ in range(2)]
            assert [(k, t.get("camera"), t["lon"]) for k, t, _ in received] == [
                ("incident", None, 118.005),
                ("status", "c1", 118.005),
            ]
            with connect(small_store) as conn:
                conn.execute(
                    "INSERT INTO incidents (source, source_id, occurred_at, geometry) SELECT "
                    "'bulk', n::text, now(), ST_SetSRID(ST_Point(118.015, 31.005), 4326) FROM "
                    "generate_series(1, 600) n"
                )
            kind, event, _ = all_events.events.get(timeout=5)
            assert (kind, event["layer"]) == ("many", "incidents")
            assert own_events.events.get(timeout=5)[0] == "many"
            # One message stands for the bulk; the next event is the next incident.
            with connect(small_store) as conn:
                conn.execute(INCIDENT, ("after", 118.005))
            for stream in (all_events, own_events):
                kind, event, _ = stream.events.get(timeout=5)
                assert (kind, event.get("lon")) == ("incident", 118.005)


def test_events_resume_after_last_event_id(small_store: str) -> None:
    with serving(small_store) as address:
        cookies = sign_in(small_store)
        with follow_events(address, cookies) as stream:
            with connect(small_store) as conn:
                conn.execute(INCIDENT, ("1", 118.005))
            stream.events.get(timeout=5)
            last = wait_until(lambda: stream.last)
        with connect(small_store) as conn:
            conn.execute(INCIDENT, ("2", 118.006))
        with follow_events(address, cookies, last) as stream:
            kind, event, _ = stream.events.get(timeout=5)
            assert (kind, event["lon"]) == ("incident", 118.006)
            with connect(small_store) as conn:  # the connection of the listener is lost
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                    "application_name = 'gridcover-live' "
                    "AND datname = current_database()"
                )
                conn.execute(INCIDENT, ("3", 118.007))
            assert stream.events.get(timeout=8)[1]["lon"] == 118.007


def test_read_events_since_includes_late_commits(small_store: str) -> None:
    with (
        connect(small_store) as early,
        connect(small_store) as late,
        connect(small_store, autocommit=True) as reader,
    ):
        snapshot = read_snapshot(reader)
        late.execute(INCIDENT, ("late", 118.005))
        early.execute(INCIDENT, ("early", 118.006))
        early.commit()
        rows, snapshot = read_events_since(reader, snapshot, ["incident"])
        assert [row["lon"] for row in rows] == [118.006]
        late.commit()
        rows, snapshot = read_events_since(reader, snapshot, ["incident"])
        assert [row["lon"] for row in rows] == [118.005]
        assert read_events_since(reader, snapshot, ["incident"])[0] == []


def test_event_clean_up_does_not_block_writers(small_store: str) -> None:
    with connect(small_store) as conn:
        conn.execute(INCIDENT, ("1", 118.005))
        conn.execute("UPDATE live_events SET at = now() - interval '2 hours'")
    with connect(small_store) as first, connect(small_store) as second:
        first.execute(INCIDENT, ("2", 118.005))
        second.execute("SET statement_timeout = '3s'")
        second.execute(INCIDENT, ("3", 118.005))
        second.commit()
        first.commit()
    with connect(small_store) as conn:
        assert conn.execute("SELECT count(*) FROM live_events").fetchone() == (2,)


def test_events_limit_roles_and_streams_per_user(small_store: str) -> None:
    with serving(small_store, Settings(coarse_roles=["analyst"])) as address:
        assert httpx2.get(f"{address}/api/v1/events").status_code == 401
        clerk = httpx2.get(f"{address}/api/v1/events", cookies=sign_in(small_store, "clerk"))
        assert clerk.status_code == 403
        analyst = sign_in(small_store, "analyst")
        streams = [follow_events(address, analyst) for _ in range(MAX_STREAMS_PER_USER)]
        opened = [stream.__enter__() for stream in streams]
        refused = httpx2.get(f"{address}/api/v1/events", cookies=analyst)
        assert refused.status_code == 429
        with connect(small_store) as conn:
            conn.execute("UPDATE cameras SET status = 'faulty'")
            conn.execute(INCIDENT, ("1", 118.005))
        for stream in opened:
            # Coarse roles receive no camera statuses, which contain exact places.
            assert stream.events.get(timeout=5)[0] == "incident"
        for stream in streams:
            stream.__exit__(None, None, None)


def test_reader_role_cannot_insert_live_events(small_store: str) -> None:
    with connect(small_store) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SET ROLE gridcover_reader")
        conn.execute("INSERT INTO live_events (kind, detail) VALUES ('many', '{}')")
