"""Tests of identifiers with slashes and other reserved characters in the OGC API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from geo.ingest import import_file
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from tests.support.service import serving

KEYS = ["W/1", "O'Brien", "50%#x?y&z", "a/b/c", "plain", "../up", "{x}"]


@pytest.fixture
def client(store: str, tmp_path: Path) -> Iterator[httpx2.Client]:
    path = tmp_path / "i.csv"
    rows = "".join(f'"{key}",theft,2026-02-13 08:00:00,118.501,31.301\n' for key in KEYS)
    path.write_text("id,category,occurred_at,lon,lat\n" + rows)
    with connect(store) as conn:
        import_file(conn, "incidents", path)
        token = make_token(conn, "t", ["data:read"], days=1, role="administrator", areas=["*"])
        conn.commit()
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving(store) as address,
        httpx2.Client(base_url=address, headers=headers, timeout=60) as test_client,
    ):
        yield test_client


@pytest.mark.parametrize("form", ["geojson", "json", "html", "csv"])
def test_items_with_special_identifiers_are_served(client: httpx2.Client, form: str) -> None:
    response = client.get("/ogc/collections/incidents/items", params={"f": form})
    assert response.status_code == 200, response.text


def test_item_links_reach_special_identifiers(client: httpx2.Client) -> None:
    collection = client.get("/ogc/collections/incidents/items", params={"f": "geojson"}).json()
    assert len(collection["features"]) == len(KEYS)
    for feature in collection["features"]:
        link = next(entry["href"] for entry in feature["links"] if entry["rel"] == "item")
        item = client.get(link)
        assert item.status_code == 200, (link, item.text)
        assert item.json()["id"] == feature["id"]
    assert client.get("/ogc/collections/incidents/items/none/of/them").status_code == 404
