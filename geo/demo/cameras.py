"""Cameras of the demo district."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.demo.plan import CRS, DISTRICT, LAST, SEED

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_NUMBER = 1500
_KIND_SHARES = {"fixed": 0.52, "dome": 0.26, "ptz": 0.16, "panoramic": 0.06}
_LABELS = {"fixed": "枪机", "dome": "半球", "ptz": "球机", "panoramic": "全景"}
_TYPICAL = {
    "fixed": (70, 60, 4.5),
    "dome": (100, 40, 3.5),
    "ptz": (360, 120, 8.0),
    "panoramic": (360, 80, 6.0),
}
"""Field of view (degrees), range (metres) and height (metres) of each kind."""


def make_cameras(
    buildings: GeoDataFrame, streets: GeoDataFrame, grids: GeoDataFrame
) -> GeoDataFrame:
    """Return cameras along streets and on buildings, most of them in the centre.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        From `make_buildings`.
    streets : geopandas.GeoDataFrame
        From `make_streets`.
    grids : geopandas.GeoDataFrame
        Grids of the district, in `CRS`.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of `geo.schema.CAMERAS`, points in `CRS`; some values are missing.
    """
    rng = np.random.default_rng(SEED + 4)
    kinds = rng.choice(list(_KIND_SHARES), _NUMBER, p=list(_KIND_SHARES.values()))
    sites = _Sites.of(buildings, streets, grids)
    positions, bearings = [], []
    for kind in kinds:
        on_wall = kind == "dome" or (kind == "fixed" and rng.random() < 0.4)
        position, bearing = sites.on_wall(rng) if on_wall else sites.on_street(rng)
        positions.append(position)
        bearings.append(bearing)
    fov = np.array([_TYPICAL[kind][0] for kind in kinds]) * rng.uniform(0.85, 1.0, _NUMBER)
    fov[np.isin(kinds, ["ptz", "panoramic"])] = 360
    range_m = np.array([_TYPICAL[kind][1] for kind in kinds]) * rng.uniform(0.75, 1.3, _NUMBER)
    height = np.array([_TYPICAL[kind][2] for kind in kinds]) * rng.uniform(0.85, 1.25, _NUMBER)
    bearing_deg = np.mod(bearings, 360).round(0)
    bearing_deg[(rng.random(_NUMBER) < 0.07) & (fov < 360)] = np.nan
    range_m[rng.random(_NUMBER) < 0.04] = np.nan
    installed = pd.to_datetime("2017-01-01") + pd.to_timedelta(
        rng.integers(0, 3300, _NUMBER), unit="D"
    )
    return gpd.GeoDataFrame(
        {
            "code": [f"{DISTRICT}01{10:02d}131{k + 1:07d}" for k in range(_NUMBER)],
            "name": [f"{_LABELS[kind]} {k:04d}" for k, kind in enumerate(kinds, start=1)],
            "kind": kinds,
            "bearing_deg": bearing_deg,
            "fov_deg": fov.round(0),
            "range_m": range_m.round(0),
            "near_m": np.where(kinds == "fixed", 2.0, 1.0),
            "night_range_m": (np.nan_to_num(range_m, nan=40.0) * 0.6).round(0),
            "height_m": height.round(1),
            "pixels_wide": rng.choice([1920, 2560, 3840], _NUMBER, p=[0.6, 0.3, 0.1]),
            "status": rng.choice(["working", "offline", "faulty"], _NUMBER, p=[0.945, 0.035, 0.02]),
            "point_class": _point_classes(_NUMBER),
            "room": np.where(np.arange(_NUMBER) % 41 == 40, "indoor", "outdoor"),
            "network": rng.random(_NUMBER) < 0.96,
            "owner": rng.choice(["公安分局", "街道办", "社区", "物业公司", "学校"], _NUMBER),
            "installed_on": installed.date,
            "upgraded_on": _upgrade_days(installed),
            "platform": rng.choice(["雪亮工程", "天网"], _NUMBER),
        },
        geometry=gpd.points_from_xy(*np.array(positions).T),
        crs=CRS,
    )


@dataclass(frozen=True)
class _Sites:
    """Walls and streets on which cameras are put, with the probability of each."""

    walls: NDArray[np.object_]
    wall_probability: NDArray[np.float64]
    roads: NDArray[np.object_]
    road_probability: NDArray[np.float64]
    lanes: NDArray[np.object_]
    lane_probability: NDArray[np.float64]

    @classmethod
    def of(cls, buildings: GeoDataFrame, streets: GeoDataFrame, grids: GeoDataFrame) -> _Sites:
        centre = shapely.centroid(shapely.union_all(grids.geometry.values))
        distance = shapely.distance(centre, buildings.geometry.values)
        wall_weight = np.exp(-((distance / 1500.0) ** 2)) + 0.12
        wall_weight *= np.where(buildings["zone"].isin(["old", "towers", "podium"]), 1.6, 1.0)
        roads = shapely.get_parts(streets[streets["class"] != "lane"].geometry.values)
        lanes = shapely.get_parts(streets[streets["class"] == "lane"].geometry.values)
        road_weight = shapely.length(roads) * (
            np.exp(-((shapely.distance(centre, roads) / 1400) ** 2)) + 0.15
        )
        lane_weight = shapely.length(lanes)
        return cls(
            buildings.geometry.boundary.values,
            wall_weight / wall_weight.sum(),
            roads,
            road_weight / road_weight.sum(),
            lanes,
            lane_weight / lane_weight.sum(),
        )

    def on_wall(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
        """Return position and bearing of a camera on a wall that looks away from it."""
        wall = self.walls[int(rng.choice(len(self.walls), p=self.wall_probability))]
        p, q = _two_points(wall, rng.uniform(0, shapely.length(wall)), 0.2)
        # Rings run counter-clockwise: outward is to the right.
        outward = _right_of(p, q)
        return p + outward * 0.3, np.degrees(np.arctan2(*outward)) + rng.normal(0, 18)

    def on_street(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
        """Return position and bearing of a camera beside a street that looks along it."""
        if rng.random() < 0.8:
            lines, probability = self.roads, self.road_probability
        else:
            lines, probability = self.lanes, self.lane_probability
        line = lines[int(rng.choice(len(lines), p=probability))]
        p, q = _two_points(line, rng.uniform(0, shapely.length(line)), 0.5)
        along = np.degrees(np.arctan2(*(q - p))) + (180 if rng.random() < 0.5 else 0)
        side = rng.choice([-1, 1]) * rng.uniform(3, 6)
        return p + _right_of(p, q) * side, along + rng.normal(0, 10)


def _two_points(line: Any, distance: float, step: float) -> list[NDArray[np.float64]]:
    """Return two points of a line, at a distance along it and a step farther."""
    return [
        shapely.get_coordinates(shapely.line_interpolate_point(line, distance + more))[0]
        for more in (0, step)
    ]


def _right_of(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vector to the right of the direction from p to q."""
    normal: NDArray[np.float64] = np.array([q[1] - p[1], p[0] - q[0]])
    return normal / max(np.hypot(*(q - p)), 1e-9)


def _upgrade_days(installed: pd.DatetimeIndex) -> NDArray[np.object_]:
    """Return the day on which one in six cameras was given a new lens, after two to five years."""
    rng = np.random.default_rng(SEED + 41)
    upgraded = installed + pd.to_timedelta(rng.integers(700, 1800, len(installed)), unit="D")
    is_upgraded = (rng.random(len(installed)) < 1 / 6) & (upgraded < pd.Timestamp(LAST))
    days = np.array(upgraded.date, object)
    days[~is_upgraded] = None
    return days


def _point_classes(number: int) -> NDArray[np.str_]:
    """Return point classes: three in four public, the others of industries and owners."""
    # A generator of its own: the columns drawn after this one stay those of earlier versions.
    rng = np.random.default_rng(SEED + 40)
    return np.asarray(rng.choice(["public", "industry", "private"], number, p=[0.72, 0.18, 0.10]))
