"""Tests of the incidents API by span, category and area against the register in SQL."""

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
EVENT_TIME = "coalesce(i.occurred_at, i.occurred_from, i.reported_at)"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


@pytest.fixture(scope="module")
def register(demo_store: str) -> pd.DataFrame:
    """Incidents of the register with the grid that PostGIS assigns."""
    with connect(demo_store) as conn:
        rows = conn.execute(
            f"SELECT {EVENT_TIME} AS at, i.occurred_at IS NOT NULL, i.category, "
            "coalesce(CASE WHEN i.geometry IS NULL "
            "THEN (SELECT code FROM grids WHERE code = i.grid) "
            "ELSE (SELECT min(code) FROM grids g WHERE ST_Intersects(g.geometry, i.geometry)) "
            "END, '') AS grid, "
            "CASE WHEN i.precision IN ('exact', 'road') THEN ST_X(i.geometry) END, "
            "CASE WHEN i.precision IN ('exact', 'road') THEN ST_Y(i.geometry) END "
            "FROM incidents i".encode()
        ).fetchall()
    frame = pd.DataFrame(rows, columns=["at", "timed", "category", "grid", "lon", "lat"])
    frame["local"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)
    return frame


def select_period(register: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    return register[(register["local"] >= start) & (register["local"] < end)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-10", "2026-11"),
        ("2026-10-05", "2026-10-12"),
        ("2026-10-05T08", "2026-10-05T20"),
        ("2023-11", "2026-11"),
    ],
)
def test_density_agrees_with_register(
    client: TestClient, register: pd.DataFrame, start: str, end: str
) -> None:
    day_suffix = {7: "-01", 10: ""}
    selected = select_period(register, *(m + day_suffix.get(len(m), ":00") for m in (start, end)))
    body = client.get("/api/v1/incidents/density", params={"from": start, "until": end}).json()
    assert body["total"] == len(selected)
    assert body["outside"] == int((selected["grid"] == "").sum())
    expected = Counter(selected.loc[selected["grid"] != "", "grid"])
    # PostGIS computes in degrees, the pipeline in metres: points within a millimetre of a border
    # may differ.
    difference = sum(
        abs(body["grids"].get(g, 0) - expected[g]) for g in {*expected, *body["grids"]}
    )
    assert difference <= 2 * len(selected) / 10_000


def test_density_filters_by_category_and_area(client: TestClient, register: pd.DataFrame) -> None:
    selected = select_period(register, "2026-01-01", "2026-07-01")
    roots = selected["category"].str.split("/").str[0]
    selected = selected[(roots == roots.iloc[0]) & selected["grid"].str.startswith(SUBDISTRICT)]
    body = client.get(
        "/api/v1/incidents/density",
        params={
            "from": "2026-01",
            "until": "2026-07",
            "category": roots.iloc[0],
            "area": SUBDISTRICT,
        },
    ).json()
    assert body["total"] == len(selected) > 0
    grid = selected["grid"].iloc[0]
    body = client.get(
        "/api/v1/incidents/density",
        params={"from": "2026-01", "until": "2026-07", "category": roots.iloc[0], "area": grid},
    ).json()
    assert body["grids"] == {grid: int((selected["grid"] == grid).sum())}


@pytest.mark.parametrize(
    ("step", "freq"), [("hour", "h"), ("day", "D"), ("week", "W-MON"), ("month", "MS")]
)
def test_time_series_agrees_with_register(
    client: TestClient, register: pd.DataFrame, step: str, freq: str
) -> None:
    selected = select_period(register, "2026-08-03", "2026-10-19")
    body = client.get(
        "/api/v1/incidents/time-series",
        params={"from": "2026-08-03", "until": "2026-10-19", "step": step},
    ).json()
    totals: Counter[pd.Timestamp] = Counter()
    for row in body["counts"]:
        totals[pd.Timestamp(row["start"])] += row["count"]
    if step == "month":
        expected = selected["local"].dt.to_period("M").dt.to_timestamp().value_counts()
    elif step == "week":
        expected = (
            selected["local"].dt.normalize()
            - pd.to_timedelta(selected["local"].dt.day_of_week, unit="D")
        ).value_counts()
    else:
        expected = selected["local"].dt.floor(freq).value_counts()
    assert dict(totals) == expected.to_dict()


def test_hour_of_week_agrees_with_register(client: TestClient, register: pd.DataFrame) -> None:
    selected = select_period(register, "2026-06-01", "2026-09-01")
    body = client.get(
        "/api/v1/incidents/hour-of-week", params={"from": "2026-06", "until": "2026-09"}
    ).json()
    timed = selected[selected["timed"]]
    table = np.zeros((7, 24), int)
    np.add.at(table, (timed["local"].dt.day_of_week, timed["local"].dt.hour), 1)
    assert body["hours"] == table.tolist()
    assert body["untimed"] == int((~selected["timed"]).sum())


def test_points_are_aggregated_in_cells(client: TestClient, register: pd.DataFrame) -> None:
    selected = select_period(register, "2026-10-01", "2026-11-01").dropna(subset=["lon"])
    fine = client.get(
        "/api/v1/incidents/points", params={"from": "2026-10", "until": "2026-11"}
    ).json()["points"]
    assert sum(n for _, _, n in fine) == len(selected)
    wide = client.get(
        "/api/v1/incidents/points", params={"from": "2026-10", "until": "2026-11", "cell": 0.01}
    ).json()["points"]
    assert sum(n for _, _, n in wide) == len(selected)
    assert len(wide) < len(fine) / 5
    lat, lon = selected["lat"].median(), selected["lon"].median()
    box = client.get(
        "/api/v1/incidents/points",
        params={"from": "2026-10", "until": "2026-11", "bbox": f"{lon:.4f},{lat:.4f},180,90"},
    ).json()["points"]
    inside = (selected["lon"].round(4) >= round(lon, 4)) & (
        selected["lat"].round(4) >= round(lat, 4)
    )
    assert sum(n for _, _, n in box) == int(inside.sum())


@pytest.mark.parametrize("baseline", ["previous_period", "year_before"])
def test_comparison_agrees_with_exact_tests(
    client: TestClient, register: pd.DataFrame, baseline: str
) -> None:
    body = client.get(
        "/api/v1/incidents/comparison",
        params={"from": "2026-10-01", "until": "2026-10-29", "baseline": baseline},
    ).json()
    offset = dt.timedelta(days=28 if baseline == "previous_period" else 364)
    start, end = dt.datetime(2026, 10, 1), dt.datetime(2026, 10, 29)  # noqa: DTZ001
    now = Counter(select_period(register, str(start), str(end))["grid"])
    before = Counter(select_period(register, str(start - offset), str(end - offset))["grid"])
    grids = sorted(set(register["grid"]) - {""})
    assert body["current"] == sum(now[g] for g in grids)
    # The exact test of two Poisson counts as a binomial test of scipy.
    p = {
        g: scipy.stats.binomtest(now[g], now[g] + before[g]).pvalue if now[g] + before[g] else 1.0
        for g in grids
    }
    for grid, row in body["grids"].items():
        assert (row["current"], row["previous"]) == (now[grid], before[grid])
    # Grids without any incident are tested too and count for the false-discovery rate.
    grid_count = len(client.get("/api/v1/grids/values").json()["codes"])
    q = scipy.stats.false_discovery_control([*p.values(), *([1.0] * (grid_count - len(p)))])
    for grid, expected in zip(p, q, strict=False):
        if grid in body["grids"]:
            assert body["grids"][grid]["q_value"] == pytest.approx(expected, rel=0.006)
            assert (body["grids"][grid]["class"] != "none") == (expected <= 0.05)


def test_hot_spots_are_those_of_the_run(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        for kind in ("hot_spot", "emerging"):
            expected = dict(
                conn.execute(
                    f"SELECT grid, {kind} FROM grid_patterns WHERE category = '' AND {kind} IS "
                    f"NOT NULL AND {kind} <> 'none'".encode()
                ).fetchall()
            )
            response = client.get("/api/v1/spatial-statistics/hot-spots", params={"kind": kind})
            grids = response.json()["grids"]
            assert {code: row["class"] for code, row in grids.items()} == expected
            assert expected


def test_time_range_and_categories_agree_with_register(
    client: TestClient, register: pd.DataFrame
) -> None:
    body = client.get("/api/v1/incidents/time-range").json()
    assert pd.Timestamp(body["first"]) == register["local"].min()
    assert pd.Timestamp(body["last"]) == register["local"].max()
    body = client.get("/api/v1/incidents/categories").json()
    tree = {row["path"]: row["count"] for row in body["categories"]}
    roots = Counter(register["category"].str.split("/").str[0])
    assert {path: n for path, n in tree.items() if "/" not in path} == dict(roots)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"from": "2026-02-30", "until": "2026-03-01"}, "no date"),
        ({"from": "2026-03", "until": "2026-03"}, "must come after"),
        ({"from": "march", "until": "2026-03"}, "pattern"),
    ],
)
def test_density_and_time_series_refuse_invalid_spans(
    client: TestClient, query: dict[str, Any], message: str
) -> None:
    response = client.get("/api/v1/incidents/density", params=query)
    assert response.status_code == 422
    assert message in response.json()["detail"]
    too_long = client.get(
        "/api/v1/incidents/time-series",
        params={"from": "1990-01", "until": "2026-01", "step": "hour"},
    )
    assert too_long.status_code == 422
    assert "steps" in too_long.json()["detail"]
