"""`service_quality` of service requests against counting them one by one."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import ColumnError

CRS = "EPSG:32650"
ZONE = "Asia/Shanghai"


def make_district() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    grids = gpd.GeoDataFrame(
        {"community": ["A1", "A1", "A2", "B1", None]},
        geometry=[shapely.box(x, 0, x + 10, 10) for x in range(0, 50, 10)],
        index=["g1", "g2", "g3", "g4", "g5"],
        crs=CRS,
    )
    areas = gpd.GeoDataFrame(
        {
            "level": [
                "district",
                "subdistrict",
                "subdistrict",
                "community",
                "community",
                "community",
            ],
            "parent": [None, "D", "D", "A", "A", "B"],
        },
        geometry=[None] * 6,
        index=["D", "A", "B", "A1", "A2", "B1"],
    )
    return grids, areas


def make_requests(count: int, seed: int = 1) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    received = pd.Timestamp("2026-01-01", tz=ZONE) + pd.to_timedelta(
        rng.integers(0, 90 * 86_400, count), unit="s"
    )
    received = pd.Series(received)
    accepted = received + pd.to_timedelta(rng.integers(0, 9000, count), unit="s")
    closed = accepted + pd.to_timedelta(rng.exponential(3 * 86_400, count).round(), unit="s")
    return gpd.GeoDataFrame(
        {
            "reported_at": received,
            "accepted_at": accepted.where(rng.random(count) < 0.9),
            "due_at": (received + pd.Timedelta(days=3)).where(rng.random(count) < 0.8),
            "closed_at": closed.where(rng.random(count) < 0.85),
            "satisfaction": np.where(rng.random(count) < 0.4, rng.integers(0, 101, count), np.nan),
        },
        geometry=gpd.points_from_xy(rng.uniform(-5, 50, count), np.full(count, 5.0)),
        crs=CRS,
    )


@pytest.mark.parametrize("due_hours", [None, 24.0])
def test_service_quality_equals_counting_one_by_one(due_hours: float | None) -> None:
    grids, areas = make_district()
    frame = make_requests(600)
    now = pd.Timestamp("2026-03-20", tz=ZONE)
    table = geo.service_quality(grids, areas, frame, as_of=now, due_hours=due_hours)
    areas_of_grid = {
        "g1": ("A1", "A", "D"),
        "g2": ("A1", "A", "D"),
        "g3": ("A2", "A", "D"),
        "g4": ("B1", "B", "D"),
        "g5": ("", "", ""),
        "": ("", "", ""),
    }
    requests: dict[tuple[str, str, str], list[pd.Series]] = {}
    for _, row in frame.iterrows():
        if row["reported_at"] > now:
            continue
        x = row.geometry.x
        grid = "" if x < 0 else f"g{int(x // 10) + 1}"
        month = row["reported_at"].tz_convert(ZONE).strftime("%Y-%m")
        for level, code in zip(
            ("grid", "community", "subdistrict", "district"),
            (grid, *areas_of_grid[grid]),
            strict=True,
        ):
            requests.setdefault((level, code, month), []).append(row)
    assert len(table) == len(requests)
    for (level, code, month), figures in table.iterrows():
        rows = requests[level, code, month.strftime("%Y-%m")]
        due = in_time = closed = accepted = 0
        hours, ratings = [], []
        for row in rows:
            deadline = row["due_at"]
            if pd.isna(deadline) and due_hours:
                deadline = row["reported_at"] + pd.Timedelta(hours=due_hours)
            is_closed = pd.notna(row["closed_at"]) and row["closed_at"] <= now
            closed += is_closed
            accepted += is_closed or bool(row["accepted_at"] <= now)
            if is_closed:
                hours.append((row["closed_at"] - row["reported_at"]).total_seconds() / 3600)
            if pd.notna(deadline) and (is_closed or deadline < now):
                due += 1
                in_time += is_closed and row["closed_at"] <= deadline
            if pd.notna(row["satisfaction"]):
                ratings.append(row["satisfaction"])
        assert figures[["received", "accepted", "closed", "due", "closed_in_time"]].tolist() == [
            len(rows),
            accepted,
            closed,
            due,
            in_time,
        ]
        assert figures["in_time_share"] == pytest.approx(
            in_time / due if due else np.nan, nan_ok=True
        )
        assert figures["median_hours"] == pytest.approx(
            np.median(hours) if hours else np.nan, nan_ok=True
        )
        assert figures["rated"] == len(ratings)
        assert figures["satisfaction"] == pytest.approx(
            np.mean(ratings) if ratings else np.nan, nan_ok=True
        )


def test_service_quality_adds_up_by_level_and_month() -> None:
    grids, areas = make_district()
    frame = make_requests(400, seed=2)
    table = geo.service_quality(grids, areas, frame)
    sums = table.groupby(["level", "month"])[["received", "closed", "due", "rated"]].sum()
    for name in ("community", "subdistrict", "district"):
        pd.testing.assert_frame_equal(sums.loc[name], sums.loc["grid"])
    all_months = geo.service_quality(grids, areas, frame, monthly=False)
    assert all_months.loc["district"]["received"].sum() == 400
    assert len(all_months.loc["district"]) == 2  # the district, and requests outside every district


def test_service_quality_counts_by_grid_and_refuses_invalid_input() -> None:
    grids, areas = make_district()
    frame = make_requests(3)
    frame["grid"] = ["g4", None, None]
    frame.loc[0, "geometry"] = None
    table = geo.service_quality(grids, areas, frame, monthly=False)
    assert table.loc[("grid", "g4"), "received"].sum() >= 1
    invalid = frame.copy()
    invalid.loc[1, "closed_at"] = invalid.loc[1, "reported_at"] - pd.Timedelta(hours=1)
    with pytest.raises(ColumnError, match="closed_at before their receipt"):
        geo.service_quality(grids, areas, invalid)
    with pytest.raises(ColumnError, match="time zone"):
        geo.service_quality(grids, areas, frame, as_of=pd.Timestamp("2026-03-01"))
    cyclic_areas = areas.copy()
    cyclic_areas.loc["D", "parent"] = "A1"
    with pytest.raises(ColumnError, match="lead back to itself"):
        geo.service_quality(grids, cyclic_areas, frame)
    empty = geo.service_quality(grids, areas, frame.iloc[:0])
    assert empty.empty
