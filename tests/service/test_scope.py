"""Tests of results computed within a scope: ranks among its grids."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from tests.support.service import sign_in

OWN_AREA = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings())) as test_client:
        yield test_client


def _grids(client: TestClient, demo_store: str, *areas: str, category: str = "") -> pd.DataFrame:
    client.cookies.clear()
    client.cookies.update(sign_in(demo_store, "planner", *areas))
    response = client.get("/api/v1/spatial-statistics", params={"category": category})
    return pd.DataFrame(response.json()["grids"]).set_index("grid")


@pytest.mark.parametrize("category", ["", "dispute"])
def test_ranks_are_computed_within_the_scope(
    client: TestClient, demo_store: str, category: str
) -> None:
    everywhere = _grids(client, demo_store, category=category)
    own = _grids(client, demo_store, OWN_AREA, category=category)
    assert everywhere["rank"].max() > len(own)
    assert own["rank"].max() <= own["rank"].notna().sum()
    assert (own[["rank_p05", "rank_p95"]].max() <= own["rank"].notna().sum()).all()
    with connect(demo_store) as conn:
        rows = conn.execute(
            "SELECT p.grid, p.year_count, g.population FROM grid_patterns p JOIN grids g ON "
            "g.code = p.grid WHERE p.category = %s AND starts_with(p.grid, %s)",
            (category, OWN_AREA),
        ).fetchall()
    table = (
        pd.DataFrame(rows, columns=["grid", "count", "population"]).set_index("grid").sort_index()
    )
    assert set(table.index) == set(own.index)
    rate = (table["count"] / table["population"]).where(table["population"] > 0).dropna()
    # Independent rank: the number of own grids with a higher rate, plus one.
    expected = pd.Series([(rate > value).sum() + 1 for value in rate], index=rate.index)
    assert own.loc[rate.index, "rank"].astype(int).equals(expected.astype(int))
    # Ranks of the whole deployment have the same order among these grids.
    deployment_ranks = everywhere.loc[rate.index, "rank"].rank(method="min").astype(int)
    assert deployment_ranks.equals(expected.astype(int))
    assert "year_count" not in own
    assert "population" not in own


def test_ranks_without_scope_are_those_of_the_refresh(client: TestClient, demo_store: str) -> None:
    shown = _grids(client, demo_store)
    with connect(demo_store) as conn:
        stored = dict(
            conn.execute("SELECT grid, rank FROM grid_patterns WHERE category = ''").fetchall()
        )
    assert {k: None if pd.isna(v) else int(v) for k, v in shown["rank"].items()} == stored
