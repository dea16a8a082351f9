"""Cameras, incidents and grid staff of the demo district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.demo.plan import (
    CATEGORIES,
    CRS,
    DISTRICT,
    DUE_HOURS,
    FIRST,
    GIVEN_NAMES,
    KINDS,
    LAST,
    SEED,
    SURNAMES,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


POINT_KINDS = {"party_branch": ("党群服务站", "Party branch"), "volunteers": ("志愿服务点", "Volunteers"),
               "service_station": ("便民服务站", "Service station")}  # fmt: skip
"""Kinds of service points, with their names."""


def make_service_points(grids: GeoDataFrame) -> GeoDataFrame:
    """Party branches, volunteers' points and service stations, thinner towards the edge."""
    rng = np.random.default_rng(SEED + 8)
    middles = shapely.point_on_surface(np.asarray(grids.geometry.values))
    centre = shapely.centroid(shapely.union_all(middles))
    pull = np.exp(-((shapely.distance(middles, centre) / 1500.0) ** 2)) + 0.05
    rows, places = [], []
    for kind, number in (("party_branch", 30), ("volunteers", 55), ("service_station", 22)):
        zh, en = POINT_KINDS[kind]
        chosen = rng.choice(len(grids), number, replace=False, p=pull / pull.sum())
        for k, at in enumerate(sorted(chosen), start=1):
            rows.append((f"{kind[0].upper()}{k:03d}", f"{zh}{k}", f"{en} {k}", kind))
            shift = rng.uniform(-40, 40, 2)
            places.append(shapely.Point(middles[at].x + shift[0], middles[at].y + shift[1]))
    return gpd.GeoDataFrame(
        rows, columns=["code", "name", "name_en", "kind"], geometry=places, crs=CRS
    )


def make_cameras(
    buildings: GeoDataFrame, streets: GeoDataFrame, grids: GeoDataFrame
) -> GeoDataFrame:
    """Cameras along streets and on buildings, thickest in the middle."""
    rng = np.random.default_rng(SEED + 4)
    number = 1500
    kinds = rng.choice(["fixed", "dome", "ptz", "panoramic"], number, p=[0.52, 0.26, 0.16, 0.06])
    roads = streets[streets["class"] != "lane"].geometry.values
    lanes = streets[streets["class"] == "lane"].geometry.values
    middle = shapely.centroid(shapely.union_all(grids.geometry.values))
    core = shapely.distance(middle, buildings.geometry.values)
    pull = np.exp(-((core / 1500.0) ** 2)) + 0.12
    pull *= np.where(buildings["zone"].isin(["old", "towers", "podium"]), 1.6, 1.0)
    pull /= pull.sum()
    boundary = buildings.geometry.boundary.values
    road_parts = shapely.get_parts(roads)
    lane_parts = shapely.get_parts(lanes)
    road_pull = shapely.length(road_parts) * (
        np.exp(-((shapely.distance(middle, road_parts) / 1400) ** 2)) + 0.15
    )
    places, bearings = [], []
    for k in range(number):
        if kinds[k] == "dome" or (kinds[k] == "fixed" and rng.random() < 0.4):
            b = int(rng.choice(len(buildings), p=pull))
            at = rng.uniform(0, shapely.length(boundary[b]))
            p, q = (
                shapely.get_coordinates(shapely.line_interpolate_point(boundary[b], at + d))[0]
                for d in (0, 0.2)
            )
            # Rings run counter-clockwise: outward is to the right.
            out = np.array([q[1] - p[1], p[0] - q[0]]) / max(np.hypot(*(q - p)), 1e-9)
            places.append(p + out * 0.3)
            bearings.append(np.degrees(np.arctan2(*out)) + rng.normal(0, 18))
        else:
            parts, pulls = (
                (road_parts, road_pull)
                if rng.random() < 0.8
                else (lane_parts, shapely.length(lane_parts))
            )
            line = parts[int(rng.choice(len(parts), p=pulls / pulls.sum()))]
            at = rng.uniform(0, shapely.length(line))
            p, q = (
                shapely.get_coordinates(shapely.line_interpolate_point(line, at + d))[0]
                for d in (0, 0.5)
            )
            along = np.degrees(np.arctan2(*(q - p))) + (180 if rng.random() < 0.5 else 0)
            side = rng.choice([-1, 1]) * rng.uniform(3, 6)
            normal = np.array([q[1] - p[1], p[0] - q[0]]) / max(np.hypot(*(q - p)), 1e-9)
            places.append(p + normal * side)
            bearings.append(along + rng.normal(0, 10))
    base = {
        "fixed": (70, 60, 4.5),
        "dome": (100, 40, 3.5),
        "ptz": (360, 120, 8.0),
        "panoramic": (360, 80, 6.0),
    }
    fov = np.array([base[k][0] for k in kinds]) * rng.uniform(0.85, 1.0, number)
    fov[np.isin(kinds, ["ptz", "panoramic"])] = 360
    reach = np.array([base[k][1] for k in kinds]) * rng.uniform(0.75, 1.3, number)
    height = np.array([base[k][2] for k in kinds]) * rng.uniform(0.85, 1.25, number)
    bearing = np.mod(bearings, 360).round(0)
    bearing[(rng.random(number) < 0.07) & (fov < 360)] = np.nan
    reach[rng.random(number) < 0.04] = np.nan
    started = pd.to_datetime("2017-01-01") + pd.to_timedelta(
        rng.integers(0, 3300, number), unit="D"
    )
    labels = {"fixed": "枪机", "dome": "半球", "ptz": "球机", "panoramic": "全景"}
    return gpd.GeoDataFrame(
        {
            "code": [f"{DISTRICT}01{10:02d}131{k + 1:07d}" for k in range(number)],
            "name": [f"{labels[k]} {i + 1:04d}" for i, k in enumerate(kinds)],
            "kind": kinds,
            "bearing_deg": bearing,
            "fov_deg": fov.round(0),
            "range_m": reach.round(0),
            "near_m": np.where(kinds == "fixed", 2.0, 1.0),
            "night_range_m": (np.nan_to_num(reach, nan=40.0) * 0.6).round(0),
            "height_m": height.round(1),
            "pixels_wide": rng.choice([1920, 2560, 3840], number, p=[0.6, 0.3, 0.1]),
            "status": rng.choice(["working", "offline", "faulty"], number, p=[0.945, 0.035, 0.02]),
            "point_class": _point_class(number),
            "room": np.where(np.arange(number) % 41 == 40, "indoor", "outdoor"),
            "network": rng.random(number) < 0.96,
            "owner": rng.choice(["公安分局", "街道办", "社区", "物业公司", "学校"], number),
            "installed_on": started.date,
            "upgraded_on": _upgraded(started),
            "platform": rng.choice(["雪亮工程", "天网"], number),
        },
        geometry=gpd.points_from_xy(*np.array(places).T),
        crs=CRS,
    )


def _upgraded(started: pd.DatetimeIndex) -> NDArray[np.object_]:
    """One in six was given a new lens two to five years after it was put up."""
    rng = np.random.default_rng(SEED + 41)
    when = started + pd.to_timedelta(rng.integers(700, 1800, len(started)), unit="D")
    done = (rng.random(len(started)) < 1 / 6) & (when < pd.Timestamp(LAST))
    days = np.array(when.date, object)
    days[~done] = None
    return days


def _point_class(number: int) -> NDArray[np.str_]:
    """Three in four run by the government, the others by industries and owners."""
    # Drawn apart, so that the columns drawn after it are those of earlier versions.
    rng = np.random.default_rng(SEED + 40)
    return np.asarray(rng.choice(["public", "industry", "private"], number, p=[0.72, 0.18, 0.10]))


_HOURS = {
    "theft": (2, 2, 2, 2, 1, 1, 1, 2, 3, 4, 5, 5, 4, 4, 5, 6, 7, 8, 9, 9, 8, 7, 5, 3),
    "dispute": (2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 6, 5, 4, 4, 5, 5, 6, 7, 9, 10, 9, 7, 5, 3),
    "traffic": (1, 1, 1, 1, 1, 2, 4, 9, 10, 6, 5, 5, 5, 5, 5, 6, 8, 10, 9, 5, 4, 3, 2, 1),
    "noise": (8, 5, 3, 2, 1, 2, 3, 3, 3, 3, 3, 3, 5, 4, 3, 3, 3, 4, 6, 9, 11, 13, 13, 11),
    "appearance": (1, 1, 1, 1, 1, 2, 5, 8, 10, 9, 8, 6, 4, 5, 7, 8, 8, 8, 8, 7, 5, 3, 2, 1),
    "hazard": (1, 1, 1, 1, 1, 2, 3, 5, 8, 9, 9, 8, 5, 6, 8, 8, 7, 5, 4, 3, 2, 2, 1, 1),
}
_SEASON = {
    "theft": (11, 12, 9, 8, 8, 8, 8, 8, 8, 9, 9, 10),
    "dispute": (9, 12, 8, 8, 8, 9, 10, 10, 8, 8, 8, 8),
    "traffic": (9, 8, 8, 8, 8, 9, 9, 9, 9, 9, 10, 10),
    "noise": (4, 5, 6, 8, 10, 13, 15, 15, 11, 8, 6, 5),
    "appearance": (7, 7, 8, 9, 10, 10, 10, 10, 9, 9, 8, 7),
    "hazard": (10, 9, 7, 7, 7, 8, 9, 9, 8, 8, 9, 11),
}


def make_incidents(grids: GeoDataFrame, streets: GeoDataFrame, areas: GeoDataFrame) -> GeoDataFrame:
    """Three years of incidents with moving hot spots, hours, weekdays and seasons."""
    rng = np.random.default_rng(SEED + 5)
    number = 60_000
    days = (LAST - FIRST).days + 1
    calendar = pd.date_range(FIRST.isoformat(), periods=days, freq="D")
    category = rng.choice(CATEGORIES, number, p=[0.14, 0.24, 0.2, 0.16, 0.17, 0.09])
    when = np.zeros(number, "datetime64[s]")
    day_of = np.zeros(number, np.int64)
    for name in CATEGORIES:
        rows = np.flatnonzero(category == name)
        weight = np.array(_SEASON[name], float)[calendar.month - 1]
        weekend = calendar.day_of_week >= 5
        weight = weight * np.where(
            weekend, {"traffic": 0.75, "noise": 1.35, "hazard": 0.7}.get(name, 1.0), 1.0
        )
        weight = weight * np.linspace(1.0, {"theft": 0.75, "dispute": 1.15}.get(name, 1.0), days)
        day = rng.choice(days, len(rows), p=weight / weight.sum())
        hours = np.array(_HOURS[name], float)
        second = rng.choice(24, len(rows), p=hours / hours.sum()) * 3600 + rng.integers(
            0, 3600, len(rows)
        )
        when[rows] = (calendar.values[day].astype("datetime64[s]")) + second.astype(
            "timedelta64[s]"
        )
        day_of[rows] = day
    # Hot spots live for a while and drift; the rest lies along the streets where people are.
    spots = 16
    west, south, east, north = grids.total_bounds
    middle = np.array([(west + east) / 2, (south + north) / 2])
    home = middle + rng.normal(0, 1, (spots, 2)) * [1100, 850]
    drift = rng.normal(0, 1, (spots, 2)) * 650
    peak = rng.uniform(0, days, spots)
    life = rng.uniform(120, 420, spots)
    taste = rng.dirichlet(np.full(len(CATEGORIES), 0.5), spots)
    strength = rng.lognormal(0, 0.5, spots)
    kind = np.searchsorted(sorted(CATEGORIES), category)
    order = np.argsort(CATEGORIES)
    pull = strength * np.exp(-(((day_of[:, None] - peak) / life) ** 2)) * taste[:, order][:, kind].T
    chance = pull.sum(axis=1)
    in_spot = rng.random(number) < np.minimum(0.62, 0.2 + chance)
    choice = (pull / pull.sum(axis=1, keepdims=True)).cumsum(axis=1)
    spot = (rng.random((number, 1)) > choice).sum(axis=1).clip(0, spots - 1)
    place = home[spot] + drift[spot] * (day_of / days - 0.5)[:, None]
    place = place + rng.normal(0, 1, (number, 2)) * rng.uniform(70, 170, spots)[spot][:, None]
    lines = shapely.get_parts(streets.geometry.values)
    near = np.exp(-((shapely.distance(shapely.Point(*middle), lines) / 2100) ** 2)) + 0.08
    weight = shapely.length(lines) * near
    line = lines[rng.choice(len(lines), number, p=weight / weight.sum())]
    along = shapely.get_coordinates(
        shapely.line_interpolate_point(line, rng.random(number), normalized=True)
    )
    place = np.where(in_spot[:, None], place, along + rng.normal(0, 14, (number, 2)))
    district = areas.geometry[areas["level"] == "district"].iloc[0]
    points = shapely.points(place)
    shapely.prepare(district)
    away = ~shapely.intersects(district, points)
    # Most strays are drawn back to their street; a few stay outside every grid, as in real files.
    back = away & (rng.random(number) < 0.985)
    points[back] = shapely.points(along[back])
    code = np.array([f"{y}{k:06d}" for y, k in zip(when.astype("datetime64[Y]").astype(int) + 1970,
                                                   range(1, number + 1), strict=True)])  # fmt: skip
    zone = "Asia/Shanghai"
    occurred = pd.Series(pd.to_datetime(when)).dt.tz_localize(zone).dt.tz_convert("UTC")
    reported = occurred + pd.to_timedelta(rng.exponential(1800, number).round(), unit="s")
    accepted = reported + pd.to_timedelta(rng.exponential(2400, number).round(), unit="s")
    closed = accepted + pd.to_timedelta(rng.lognormal(10.6, 0.9, number).round(), unit="s")
    # Drawn apart, so that what is drawn after it stays that of earlier versions.
    apart = np.random.default_rng(SEED + 50)
    kinds = [f"{c}/{KINDS[c][k % len(KINDS[c])]}" for c, k in zip(
        category.tolist(), apart.geometric(0.45, number).tolist(), strict=True)]  # fmt: skip
    due = reported + pd.to_timedelta([DUE_HOURS[c] for c in category], unit="h")
    # Of many thefts only the hours between which they happened are known.
    unseen = (category == "theft") & (apart.random(number) < 0.35)
    since = occurred - pd.to_timedelta(apart.exponential(6 * 3600, number).round(), unit="s")
    since = since.where(since >= occurred.min(), occurred.min())
    grid_only = rng.random(number) < 0.012
    holder = rng.integers(0, len(grids), number)
    points = points.astype(object)
    points[grid_only] = None
    return gpd.GeoDataFrame(
        {
            "source": np.where(np.isin(category, ["theft", "traffic"]), "110", "12345"),
            "source_id": code,
            "category": kinds,
            "occurred_at": occurred.where(~unseen),
            "occurred_from": since.where(unseen),
            "occurred_to": reported.where(unseen),
            "reported_at": reported,
            "accepted_at": accepted,
            "due_at": due,
            "closed_at": closed.where(rng.random(number) < 0.96),
            "satisfaction": np.where(
                rng.random(number) < 0.5, rng.choice([60, 80, 90, 100], number), np.nan
            ),
            "grid": np.where(grid_only, grids["code"].to_numpy()[holder], None),
            "precision": np.where(grid_only, "grid", "exact"),
        },
        geometry=gpd.GeoSeries(points, crs=CRS),
        crs=CRS,
    )


def make_staff(grids: GeoDataFrame) -> list[tuple[str, str, str, str]]:
    """Grid, role, name and phone of the grid staff; some grids lack a head."""
    rng = np.random.default_rng(SEED + 7)
    rows: list[tuple[str, str, str, str]] = []
    for k, code in enumerate(grids["code"]):
        roles = ["head", "full_time", "part_time", "police"]
        if k % 41 == 40:
            roles = roles[1:]  # a grid without a head, as the quality report must find
        for role in roles:
            name = str(rng.choice(list(SURNAMES))) + str(rng.choice(GIVEN_NAMES)) + (
                str(rng.choice(GIVEN_NAMES)) if rng.random() < 0.6 else "")  # fmt: skip
            rows.append((str(code), role, name, f"199{rng.integers(0, 100_000_000):08d}"))
    return rows
