"""Incidents over HTTP by any span, category and area, against SQL over the register itself."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from tests.support.service import sign_in

ZONE = ZoneInfo("Asia/Shanghai")
SUBDISTRICT = "990101002"
WHEN = "coalesce(i.occurred_at, i.occurred_from, i.reported_at)"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as found:
        yield found


@pytest.fixture(scope="module")
def rows(demo_store: str) -> pd.DataFrame:
    """The register's incidents with the grid that PostGIS finds them in."""
    with connect(demo_store) as conn:
        found = conn.execute(
            f"SELECT {WHEN} AS at, i.occurred_at IS NOT NULL, i.category, "
            "coalesce(CASE WHEN i.geometry IS NULL THEN (SELECT code FROM grids WHERE code = "
            "i.grid) ELSE "
            "(SELECT min(code) FROM grids g WHERE ST_Intersects(g.geometry, i.geometry)) END, '') "
            "AS grid, "
            "CASE WHEN i.precision IN ('exact', 'road') THEN ST_X(i.geometry) END, "
            "CASE WHEN i.precision IN ('exact', 'road') THEN ST_Y(i.geometry) END FROM incidents i".encode()
        ).fetchall()
    frame = pd.DataFrame(found, columns=["at", "timed", "category", "grid", "lon", "lat"])
    frame["local"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)
    return frame


def chosen(rows: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    return rows[(rows["local"] >= start) & (rows["local"] < end)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-10", "2026-11"),
        ("2026-10-05", "2026-10-12"),
        ("2026-10-05T08", "2026-10-05T20"),
        ("2023-11", "2026-11"),
    ],
)
def test_density(client: TestClient, rows: pd.DataFrame, start: str, end: str) -> None:
    full = {7: "-01", 10: ""}
    some = chosen(rows, *(m + full.get(len(m), ":00") for m in (start, end)))
    told = client.get("/api/v1/incidents/density", params={"from": start, "until": end}).json()
    assert told["total"] == len(some)
    assert told["outside"] == int((some["grid"] == "").sum())
    wanted = Counter(some.loc[some["grid"] != "", "grid"])
    # PostGIS asks in degrees, we in metres: of a point within a millimetre of a border they may
    # differ.
    differs = sum(abs(told["grids"].get(g, 0) - wanted[g]) for g in {*wanted, *told["grids"]})
    assert differs <= 2 * len(some) / 10_000


def test_by_category_and_area(client: TestClient, rows: pd.DataFrame) -> None:
    some = chosen(rows, "2026-01-01", "2026-07-01")
    roots = some["category"].str.split("/").str[0]
    some = some[(roots == roots.iloc[0]) & some["grid"].str.startswith(SUBDISTRICT)]
    told = client.get(
        "/api/v1/incidents/density",
        params={
            "from": "2026-01",
            "until": "2026-07",
            "category": roots.iloc[0],
            "area": SUBDISTRICT,
        },
    ).json()
    assert told["total"] == len(some) > 0
    grid = some["grid"].iloc[0]
    told = client.get(
        "/api/v1/incidents/density",
        params={"from": "2026-01", "until": "2026-07", "category": roots.iloc[0], "area": grid},
    ).json()
    assert told["grids"] == {grid: int((some["grid"] == grid).sum())}


@pytest.mark.parametrize(
    ("step", "freq"), [("hour", "h"), ("day", "D"), ("week", "W-MON"), ("month", "MS")]
)
def test_series(client: TestClient, rows: pd.DataFrame, step: str, freq: str) -> None:
    some = chosen(rows, "2026-08-03", "2026-10-19")
    told = client.get(
        "/api/v1/incidents/time-series",
        params={"from": "2026-08-03", "until": "2026-10-19", "step": step},
    ).json()
    totals: Counter[pd.Timestamp] = Counter()
    for row in told["counts"]:
        totals[pd.Timestamp(row["start"])] += row["count"]
    if step == "month":
        wanted = some["local"].dt.to_period("M").dt.to_timestamp().value_counts()
    elif step == "week":
        wanted = (
            some["local"].dt.normalize() - pd.to_timedelta(some["local"].dt.day_of_week, unit="D")
        ).value_counts()
    else:
        wanted = some["local"].dt.floor(freq).value_counts()
    assert dict(totals) == wanted.to_dict()


def test_hours(client: TestClient, rows: pd.DataFrame) -> None:
    some = chosen(rows, "2026-06-01", "2026-09-01")
    told = client.get(
        "/api/v1/incidents/hour-of-week", params={"from": "2026-06", "until": "2026-09"}
    ).json()
    known = some[some["timed"]]
    table = np.zeros((7, 24), int)
    np.add.at(table, (known["local"].dt.day_of_week, known["local"].dt.hour), 1)
    assert told["hours"] == table.tolist()
    assert told["untimed"] == int((~some["timed"]).sum())


def test_points_in_squares(client: TestClient, rows: pd.DataFrame) -> None:
    some = chosen(rows, "2026-10-01", "2026-11-01").dropna(subset=["lon"])
    fine = client.get(
        "/api/v1/incidents/points", params={"from": "2026-10", "until": "2026-11"}
    ).json()["points"]
    assert sum(n for _, _, n in fine) == len(some)
    wide = client.get(
        "/api/v1/incidents/points", params={"from": "2026-10", "until": "2026-11", "cell": 0.01}
    ).json()["points"]
    assert sum(n for _, _, n in wide) == len(some)
    assert len(wide) < len(fine) / 5
    lat, lon = some["lat"].median(), some["lon"].median()
    box = client.get(
        "/api/v1/incidents/points",
        params={"from": "2026-10", "until": "2026-11", "bbox": f"{lon:.4f},{lat:.4f},180,90"},
    ).json()["points"]
    inside = (some["lon"].round(4) >= round(lon, 4)) & (some["lat"].round(4) >= round(lat, 4))
    assert sum(n for _, _, n in box) == int(inside.sum())


@pytest.mark.parametrize("baseline", ["previous_period", "year_before"])
def test_comparison(client: TestClient, rows: pd.DataFrame, baseline: str) -> None:
    told = client.get(
        "/api/v1/incidents/comparison",
        params={"from": "2026-10-01", "until": "2026-10-29", "baseline": baseline},
    ).json()
    back = dt.timedelta(days=28 if baseline == "previous_period" else 364)
    start, end = dt.datetime(2026, 10, 1), dt.datetime(2026, 10, 29)  # noqa: DTZ001
    now = Counter(chosen(rows, str(start), str(end))["grid"])
    before = Counter(chosen(rows, str(start - back), str(end - back))["grid"])
    everywhere = sorted(set(rows["grid"]) - {""})
    assert told["current"] == sum(now[g] for g in everywhere)
    # The exact test of two Poisson counts, by scipy's own.
    p = {
        g: scipy.stats.binomtest(now[g], now[g] + before[g]).pvalue if now[g] + before[g] else 1.0
        for g in everywhere
    }
    for grid, row in told["grids"].items():
        assert (row["current"], row["previous"]) == (now[grid], before[grid])
    # Grids that never had an incident are tested too: they widen the family.
    every = len(client.get("/api/v1/grids/values").json()["codes"])
    q = scipy.stats.false_discovery_control([*p.values(), *([1.0] * (every - len(p)))])
    for grid, wanted in zip(p, q, strict=False):
        if grid in told["grids"]:
            assert told["grids"][grid]["q_value"] == pytest.approx(wanted, rel=0.006)
            assert (told["grids"][grid]["class"] != "none") == (wanted <= 0.05)


def test_classes_are_those_of_the_run(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        for kind in ("hot_spot", "emerging"):
            wanted = dict(
                conn.execute(
                    f"SELECT grid, {kind} FROM grid_patterns WHERE category = '' AND {kind} IS "
                    "NOT NULL "
                    f"AND {kind} <> 'none'".encode()
                ).fetchall()
            )
            told = client.get("/api/v1/spatial-statistics/hot-spots", params={"kind": kind}).json()[
                "grids"
            ]
            assert {code: row["class"] for code, row in told.items()} == wanted
            assert wanted


def test_the_period_and_the_tree(client: TestClient, rows: pd.DataFrame) -> None:
    told = client.get("/api/v1/incidents/time-range").json()
    assert pd.Timestamp(told["first"]) == rows["local"].min()
    assert pd.Timestamp(told["last"]) == rows["local"].max()
    told = client.get("/api/v1/incidents/categories").json()
    tree = {row["path"]: row["count"] for row in told["categories"]}
    roots = Counter(rows["category"].str.split("/").str[0])
    assert {path: n for path, n in tree.items() if "/" not in path} == dict(roots)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "2026-02-30", "until": "2026-03-01"}, "no date"),
        ({"from": "2026-03", "until": "2026-03"}, "must come after"),
        ({"from": "march", "until": "2026-03"}, "pattern"),
    ],
)
def test_wrong_spans_are_told(client: TestClient, query: dict[str, Any], words: str) -> None:
    answer = client.get("/api/v1/incidents/density", params=query)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    long = client.get(
        "/api/v1/incidents/time-series",
        params={"from": "1990-01", "until": "2026-01", "step": "hour"},
    )
    assert long.status_code == 422
    assert "steps" in long.json()["detail"]
