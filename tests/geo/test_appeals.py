"""How appeals are served, against counting them one by one."""

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


def district() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
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


def appeals(number: int, seed: int = 1) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    received = pd.Timestamp("2026-01-01", tz=ZONE) + pd.to_timedelta(
        rng.integers(0, 90 * 86_400, number), unit="s"
    )
    received = pd.Series(received)
    accepted = received + pd.to_timedelta(rng.integers(0, 9000, number), unit="s")
    closed = accepted + pd.to_timedelta(rng.exponential(3 * 86_400, number).round(), unit="s")
    return gpd.GeoDataFrame(
        {
            "reported_at": received,
            "accepted_at": accepted.where(rng.random(number) < 0.9),
            "due_at": (received + pd.Timedelta(days=3)).where(rng.random(number) < 0.8),
            "closed_at": closed.where(rng.random(number) < 0.85),
            "satisfaction": np.where(
                rng.random(number) < 0.4, rng.integers(0, 101, number), np.nan
            ),
        },
        geometry=gpd.points_from_xy(rng.uniform(-5, 50, number), np.full(number, 5.0)),
        crs=CRS,
    )


@pytest.mark.parametrize("due_hours", [None, 24.0])
def test_every_figure_is_that_of_counting(due_hours: float | None) -> None:
    grids, areas = district()
    frame = appeals(600)
    now = pd.Timestamp("2026-03-20", tz=ZONE)
    table = geo.service_quality(grids, areas, frame, as_of=now, due_hours=due_hours)
    chain = {
        "g1": ("A1", "A", "D"),
        "g2": ("A1", "A", "D"),
        "g3": ("A2", "A", "D"),
        "g4": ("B1", "B", "D"),
        "g5": ("", "", ""),
        "": ("", "", ""),
    }
    seen: dict[tuple[str, str, str], list[pd.Series]] = {}
    for _, row in frame.iterrows():
        if row["reported_at"] > now:
            continue
        x = row.geometry.x
        grid = "" if x < 0 else f"g{int(x // 10) + 1}"
        month = row["reported_at"].tz_convert(ZONE).strftime("%Y-%m")
        for level, code in zip(
            ("grid", "community", "subdistrict", "district"), (grid, *chain[grid]), strict=True
        ):
            seen.setdefault((level, code, month), []).append(row)
    assert len(table) == len(seen)
    for (level, code, month), got in table.iterrows():
        rows = seen[level, code, month.strftime("%Y-%m")]
        due = met = closed = accepted = 0
        hours, marks = [], []
        for row in rows:
            end = row["due_at"]
            if pd.isna(end) and due_hours:
                end = row["reported_at"] + pd.Timedelta(hours=due_hours)
            done = pd.notna(row["closed_at"]) and row["closed_at"] <= now
            closed += done
            accepted += done or bool(row["accepted_at"] <= now)
            if done:
                hours.append((row["closed_at"] - row["reported_at"]).total_seconds() / 3600)
            if pd.notna(end) and (done or end < now):
                due += 1
                met += done and row["closed_at"] <= end
            if pd.notna(row["satisfaction"]):
                marks.append(row["satisfaction"])
        assert got[["received", "accepted", "closed", "due", "closed_in_time"]].tolist() == [
            len(rows),
            accepted,
            closed,
            due,
            met,
        ]
        assert got["in_time_share"] == pytest.approx(met / due if due else np.nan, nan_ok=True)
        assert got["median_hours"] == pytest.approx(
            np.median(hours) if hours else np.nan, nan_ok=True
        )
        assert got["rated"] == len(marks)
        assert got["satisfaction"] == pytest.approx(
            np.mean(marks) if marks else np.nan, nan_ok=True
        )


def test_levels_add_up_and_months_together() -> None:
    grids, areas = district()
    frame = appeals(400, seed=2)
    table = geo.service_quality(grids, areas, frame)
    whole = table.groupby(["level", "month"])[["received", "closed", "due", "rated"]].sum()
    for name in ("community", "subdistrict", "district"):
        pd.testing.assert_frame_equal(whole.loc[name], whole.loc["grid"])
    all_in_one = geo.service_quality(grids, areas, frame, monthly=False)
    assert all_in_one.loc["district"]["received"].sum() == 400
    assert len(all_in_one.loc["district"]) == 2  # the district, and what lies in no district


def test_appeals_located_by_grid_count_and_bad_input_is_told() -> None:
    grids, areas = district()
    frame = appeals(3)
    frame["grid"] = ["g4", None, None]
    frame.loc[0, "geometry"] = None
    table = geo.service_quality(grids, areas, frame, monthly=False)
    assert table.loc[("grid", "g4"), "received"].sum() >= 1
    wrong = frame.copy()
    wrong.loc[1, "closed_at"] = wrong.loc[1, "reported_at"] - pd.Timedelta(hours=1)
    with pytest.raises(ColumnError, match="closed_at before their receipt"):
        geo.service_quality(grids, areas, wrong)
    with pytest.raises(ColumnError, match="time zone"):
        geo.service_quality(grids, areas, frame, as_of=pd.Timestamp("2026-03-01"))
    loop = areas.copy()
    loop.loc["D", "parent"] = "A1"
    with pytest.raises(ColumnError, match="lead back to itself"):
        geo.service_quality(grids, loop, frame)
    none = geo.service_quality(grids, areas, frame.iloc[:0])
    assert none.empty
