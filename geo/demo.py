"""The demo district: seeded, made up, and believable at first sight.

Everything lies on a lattice of streets, bent by a smooth warp: lattice cells are the grids, so
that grids follow streets; a river runs along one lattice line; an old quarter of lanes, towers,
slab housing and an industrial edge fill the blocks.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.schema import LAYERS
from geo.store import write

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geo.store.database import Conn

CRS = "EPSG:32650"
CENTRE = (118.05, 30.95)
DISTRICT = "990101"
SEED = 20261124
CATEGORIES = ("theft", "dispute", "traffic", "noise", "appearance", "hazard")
FIRST, LAST = dt.date(2023, 11, 1), dt.date(2026, 10, 31)
_COLS, _ROWS, _RIVER_ROW = 22, 18, 9
_SUBDISTRICTS = (
    ("古城街道", "Gucheng"), ("临江街道", "Linjiang"), ("东岸街道", "Dong'an"),
    ("西苑街道", "Xiyuan"), ("新城街道", "Xincheng"), ("工园街道", "Gongyuan"),
)  # fmt: skip
_COMMUNITY = (
    ("和平", "Heping"), ("文昌", "Wenchang"), ("建设", "Jianshe"), ("朝阳", "Chaoyang"), ("光明", "Guangming"),
    ("新华", "Xinhua"), ("东风", "Dongfeng"), ("胜利", "Shengli"), ("春晖", "Chunhui"), ("梧桐", "Wutong"),
    ("银杏", "Yinxing"), ("玉兰", "Yulan"), ("桂花", "Guihua"), ("望江", "Wangjiang"), ("听涛", "Tingtao"),
    ("锦绣", "Jinxiu"), ("翠湖", "Cuihu"), ("龙泉", "Longquan"), ("凤鸣", "Fengming"), ("金沙", "Jinsha"),
    ("石桥", "Shiqiao"), ("柳营", "Liuying"), ("南园", "Nanyuan"), ("北门", "Beimen"), ("西关", "Xiguan"),
)  # fmt: skip
_ROADS = (
    ("人民路", "Renmin Road"), ("解放路", "Jiefang Road"), ("中山路", "Zhongshan Road"), ("文化路", "Wenhua Road"),
    ("滨江路", "Binjiang Road"), ("建设路", "Jianshe Road"), ("新华路", "Xinhua Road"), ("长江路", "Changjiang Road"),
    ("黄山路", "Huangshan Road"), ("迎宾路", "Yingbin Road"), ("学府路", "Xuefu Road"), ("工业路", "Gongye Road"),
    ("青年路", "Qingnian Road"), ("和谐路", "Hexie Road"), ("湖滨路", "Hubin Road"), ("团结路", "Tuanjie Road"),
)  # fmt: skip
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = (
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "超",
    "明",
    "霞",
    "平",
    "刚",
    "玲",
)


@dataclass(frozen=True)
class _Plan:
    """The lattice and what each cell is."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    kept: NDArray[np.bool_]
    zone: NDArray[Any]


def boundaries_dir() -> Path:
    """The folder of the committed boundaries, in a checkout or an installed package."""
    checkout = Path(__file__).parents[1] / "data" / "boundaries"
    return checkout if checkout.is_dir() else Path(__file__).parent / "_boundaries"


def _warp(uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lattice metres to map metres: a slight turn and slow waves."""
    u, v = uv[:, 0], uv[:, 1]
    x = u + 190 * np.sin(v / 1300 + 0.6) + 45 * np.sin(u / 700 + v / 900) + 60 * np.sin(v / 640)
    y = v + 300 * np.sin(u / 1050 + 0.3) + 50 * np.sin(u / 520 - v / 1100)
    turn = 0.14
    x, y = x - 2700, y - 2250
    east, north = 599_800.0, 3_425_000.0
    return np.column_stack(
        [east + x * np.cos(turn) - y * np.sin(turn), north + x * np.sin(turn) + y * np.cos(turn)]
    )


def _line(u0: float, v0: float, u1: float, v1: float, step: float = 30.0) -> NDArray[np.float64]:
    count = max(int(np.ceil(max(abs(u1 - u0), abs(v1 - v0)) / step)), 1)
    t = np.linspace(0.0, 1.0, count + 1)
    return np.column_stack([u0 + t * (u1 - u0), v0 + t * (v1 - v0)])


def _block(u0: float, v0: float, u1: float, v1: float, step: float = 30.0) -> Any:
    """A lattice rectangle, its sides bent as the streets are."""
    sides = [_line(u0, v0, u1, v0, step), _line(u1, v0, u1, v1, step)]
    # Opposite sides run the same way, so that neighbours share every vertex to the bit.
    sides += [_line(u0, v1, u1, v1, step)[::-1], _line(u0, v0, u0, v1, step)[::-1]]
    return shapely.Polygon(_warp(np.vstack([side[:-1] for side in sides])))


def _plan() -> _Plan:
    rng = np.random.default_rng(SEED)
    u = np.concatenate([[0.0], np.cumsum(rng.uniform(200, 290, _COLS))])
    v = np.concatenate([[0.0], np.cumsum(rng.uniform(205, 285, _ROWS))])
    col, row = np.meshgrid(np.arange(_COLS), np.arange(_ROWS), indexing="ij")
    x, y = (col + 0.5) / _COLS * 2 - 1, (row + 0.5) / _ROWS * 2 - 1
    bend = 0.06 * np.sin(5 * np.arctan2(y, x)) + 0.05 * np.cos(3 * np.arctan2(y, x))
    kept = (np.abs(x) ** 2.6 + np.abs(y) ** 2.6) ** (1 / 2.6) < 0.93 + bend
    zone = np.full((_COLS, _ROWS), "housing", dtype=object)
    north, south = row >= _RIVER_ROW, row < _RIVER_ROW
    zone[(np.abs(col - 8) <= 3) & north & (row < _RIVER_ROW + 5)] = "old"
    zone[(np.abs(col - 11) <= 2) & south & (row >= _RIVER_ROW - 4)] = "towers"
    zone[(col >= 17) & (row < 12)] = "industrial"
    zone[(col <= 4) & (row <= 4)] = "village"
    for c, r in ((5, 6), (14, 12), (12, 3), (3, 12), (8, 11), (16, 5)):
        zone[c, r] = "park"
    zone[11, 7] = "square"
    return _Plan(u, v, kept, zone)


def _group(plan: _Plan) -> NDArray[np.int64]:
    """Community number of each cell (blocks of three by three, thin ones joined), -1 outside."""
    # The river's lattice line is a multiple of three, so no community crosses the water.
    block = (np.arange(_COLS)[:, None] // 3) * 10 + np.arange(_ROWS)[None, :] // 3
    out = np.where(plan.kept, block, -1)
    sizes = {b: int((out == b).sum()) for b in np.unique(out) if b >= 0}
    for b in sorted(sizes):
        if sizes[b] < 4:
            near = [n for n in (b - 10, b + 10) if sizes.get(n, 0) >= 4]
            near += [
                n for n in (b - 1, b + 1) if sizes.get(n, 0) >= 4 and (n % 10 < 3) == (b % 10 < 3)
            ]
            if near:
                out[out == b] = near[0]
    return out


def make_boundaries() -> dict[str, GeoDataFrame]:
    """Areas, grids and land cover in EPSG:4326, made anew from the seed."""
    plan = _plan()
    rng = np.random.default_rng(SEED + 1)
    community = _group(plan)
    numbers = [int(b) for b in np.unique(community) if b >= 0]
    sub_of = {b: (0 if b % 10 >= 3 else 3) + min((b // 10) * 3 // 8, 2) for b in numbers}
    cells: list[Any] = []
    rows: list[dict[str, Any]] = []
    members: dict[int, list[Any]] = {b: [] for b in numbers}
    sequence: dict[int, int] = {}
    codes: dict[int, str] = {}
    serial: dict[int, int] = {}
    for b in sorted(numbers, key=lambda b: (sub_of[b], b // 10, -(b % 10))):
        sub = sub_of[b]
        serial[sub] = serial.get(sub, 0) + 1
        codes[b] = f"{DISTRICT}{sub + 1:03d}{serial[sub]:03d}"
    people = {"old": 1500, "housing": 1900, "towers": 900, "village": 700, "industrial": 120,
              "park": 15, "square": 40}  # fmt: skip
    names = {b: _COMMUNITY[k % len(_COMMUNITY)] for k, b in enumerate(sorted(numbers))}
    doubled = {b: k >= len(_COMMUNITY) for k, b in enumerate(sorted(numbers))}
    for b in numbers:
        where = np.argwhere(community == b)
        for c, r in sorted(map(tuple, where), key=lambda cr: (cr[0], -cr[1])):
            sequence[b] = sequence.get(b, 0) + 1
            shape = _block(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1])
            zone = plan.zone[c, r]
            zh, en = names[b]
            zh, en = (f"{zh}新", f"{en} New") if doubled[b] else (zh, en)
            special = zone in ("square", "park") or (zone == "industrial" and rng.random() < 0.25)
            cells.append(shape)
            members[b].append(shape)
            rows.append(
                {
                    "code": f"{codes[b]}{sequence[b]:03d}",
                    "name": f"{zh}社区第{sequence[b]}网格",
                    "name_en": f"{en} Grid {sequence[b]}",
                    "community": codes[b],
                    "population": int(people[zone] * rng.uniform(0.7, 1.3)),
                    "kind": "special" if special else "basic",
                }
            )
    grids = gpd.GeoDataFrame(rows, geometry=cells, crs=CRS)
    areas: list[tuple[Any, ...]] = []
    by_community = grids.groupby("community")["population"].sum()
    for b in numbers:
        zh, en = names[b]
        zh, en = (f"{zh}新", f"{en} New") if doubled[b] else (zh, en)
        areas.append((codes[b], f"{zh}社区", f"{en} Community", "community", codes[b][:9],
                      int(by_community[codes[b]]), shapely.union_all(members[b])))  # fmt: skip
    for sub in sorted(set(sub_of.values())):
        code = f"{DISTRICT}{sub + 1:03d}"
        inside = [a for a in areas if a[3] == "community" and a[4] == code]
        zh, en = _SUBDISTRICTS[sub]
        areas.append((code, zh, f"{en} Sub-district", "subdistrict", DISTRICT,
                      sum(a[5] for a in inside), shapely.union_all([a[6] for a in inside])))  # fmt: skip
    areas.append((DISTRICT, "清河区（示例）", "Qinghe District (demo)", "district", None,
                  int(grids["population"].sum()), shapely.union_all(cells)))  # fmt: skip
    columns = ["code", "name", "name_en", "level", "parent", "population"]
    layer = gpd.GeoDataFrame([a[:6] for a in reversed(areas)], columns=columns,
                             geometry=[a[6] for a in reversed(areas)], crs=CRS)  # fmt: skip
    return {
        "areas": layer.to_crs("EPSG:4326"),
        "grids": grids.to_crs("EPSG:4326"),
        "landcover": _landcover(plan).to_crs("EPSG:4326"),
    }


def _river(plan: _Plan) -> Any:
    level = plan.v[_RIVER_ROW]
    width = 75.0
    line = _line(plan.u[0] - 500, level, plan.u[-1] + 500, level, 25.0)
    wave = 14 * np.sin(line[:, 0] / 310)
    north = line + np.column_stack([np.zeros(len(line)), width + wave])
    south = line + np.column_stack([np.zeros(len(line)), -width + wave])
    return shapely.Polygon(_warp(np.vstack([south, north[::-1]])))


def _landcover(plan: _Plan) -> GeoDataFrame:
    whole = shapely.union_all(
        [
            _block(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1])
            for c, r in np.argwhere(plan.kept)
        ]
    )
    river = shapely.intersection(_river(plan), shapely.buffer(whole, 400))
    rows: list[tuple[str, str, str, str, Any]] = [("water-1", "清河", "Qing River", "water", river)]
    for k, (c, r) in enumerate(np.argwhere(plan.kept)):
        zone = plan.zone[c, r]
        inset = {"park": 12, "square": 25, "industrial": 6}.get(zone)
        if inset is None:
            continue
        shape = _block(
            plan.u[c] + inset, plan.v[r] + inset, plan.u[c + 1] - inset, plan.v[r + 1] - inset
        )
        kind = {"park": "green", "square": "square", "industrial": "industrial"}[zone]
        zh, en = {
            "park": ("公园", "Park"),
            "square": ("市民广场", "Civic Square"),
            "industrial": ("", ""),
        }[zone]
        rows.append(
            (f"{kind}-{k}", zh, en, kind, shapely.difference(shape, shapely.buffer(river, 12)))
        )
        if zone == "park":
            u, v = (plan.u[c] + plan.u[c + 1]) / 2, (plan.v[r] + plan.v[r + 1]) / 2
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            pond = np.column_stack(
                [u + 55 * np.cos(turns), v + (30 + 8 * np.sin(3 * turns)) * np.sin(turns)]
            )
            rows.append((f"pond-{k}", "湖", "Pond", "water", shapely.Polygon(_warp(pond))))
    rows = [row for row in rows if not row[4].is_empty]
    return gpd.GeoDataFrame(
        [row[:4] for row in rows], columns=["id", "name", "name_en", "class"],
        geometry=[row[4] for row in rows], crs=CRS,
    )  # fmt: skip


def _footprints(plan: _Plan) -> tuple[list[Any], list[float], list[str]]:
    """Buildings of every cell in lattice metres, bent, with height and zone."""
    rng = np.random.default_rng(SEED + 2)
    shapes: list[Any] = []
    heights: list[float] = []
    zones: list[str] = []

    def put(u: float, v: float, w: float, d: float, height: float, zone: str) -> None:
        corners = np.array([[u, v], [u + w, v], [u + w, v + d], [u, v + d]])
        if zone in ("old", "village") and rng.random() < 0.25:
            corners = np.array([[u, v], [u + w, v], [u + w, v + d * 0.5], [u + w * 0.55, v + d * 0.5],
                                [u + w * 0.55, v + d], [u, v + d]])  # fmt: skip
        shapes.append(shapely.Polygon(_warp(corners)))
        heights.append(round(height, 1))
        zones.append(zone)

    for c, r in np.argwhere(plan.kept):
        zone = str(plan.zone[c, r])
        u0, v0, u1, v1 = plan.u[c] + 16, plan.v[r] + 16, plan.u[c + 1] - 16, plan.v[r + 1] - 16
        if zone in ("old", "village"):
            u, v = (17.5, 17.0) if zone == "old" else (26.0, 24.0)
            for i, a in enumerate(np.arange(u0, u1 - u * 0.7, u)):
                for j, b in enumerate(np.arange(v0, v1 - v * 0.7, v)):
                    # Every third row or column leaves a lane.
                    if rng.random() < 0.9:
                        w = u - (4.0 if i % 3 == 2 else 0.6 + rng.uniform(0, 1.5))
                        d = v - (4.0 if j % 2 == 1 else 0.8 + rng.uniform(0, 2.0))
                        put(
                            a,
                            b,
                            w,
                            d,
                            rng.choice([3.2, 3.6, 4.2, 6.5, 7.0], p=[0.3, 0.25, 0.2, 0.15, 0.1]),
                            zone,
                        )
        elif zone == "housing":
            floors = int(rng.choice([6, 6, 7, 11, 18, 26]))
            length, gap = (46.0, 27.0) if floors <= 7 else (33.0, 38.0)
            for b in np.arange(v0, v1 - 13, gap):
                a = u0 + rng.uniform(0, 8)
                while a + length < u1:
                    if rng.random() < 0.93:
                        put(
                            a,
                            b,
                            length,
                            rng.uniform(11, 14),
                            floors * 2.9 + rng.uniform(0, 2),
                            zone,
                        )
                    a += length + rng.uniform(9, 16)
            for a in np.arange(u0, u1 - 12, 22.0):
                if rng.random() < 0.75:
                    put(a, v1 - 8, rng.uniform(12, 19), 8, rng.choice([3.8, 4.5, 7.5]), zone)
        elif zone == "towers":
            for a in np.arange(u0, u1 - 38, 62.0):
                for b in np.arange(v0, v1 - 38, 64.0):
                    height = rng.uniform(45, 160)
                    put(a, b, 46, 40, rng.uniform(9, 18), "podium")
                    put(a + 8, b + 6, rng.uniform(22, 30), rng.uniform(22, 28), height, zone)
        elif zone == "industrial":
            for a in np.arange(u0, u1 - 50, 74.0):
                for b in np.arange(v0, v1 - 30, 52.0):
                    if rng.random() < 0.85:
                        put(
                            a, b, rng.uniform(45, 66), rng.uniform(24, 40), rng.uniform(6, 12), zone
                        )
        elif zone == "park":
            for _ in range(3):
                put(rng.uniform(u0, u1 - 12), rng.uniform(v0, v0 + 20), 9, 7, 3.5, zone)
    return shapes, heights, zones


def _streets(plan: _Plan) -> GeoDataFrame:
    rows: list[tuple[str, str | None, str | None, str, Any]] = []
    river = _river(plan)

    def edge_kept(c: int, r: int, along_u: bool) -> bool:
        for dc, dr in ((0, 0), (0, -1) if along_u else (-1, 0)):
            if 0 <= c + dc < _COLS and 0 <= r + dr < _ROWS and plan.kept[c + dc, r + dr]:
                return True
        return False

    def add(kind: str, index: int, along_u: bool, pieces: list[Any]) -> None:
        if not pieces:
            return
        name = (
            _ROADS[(index // 3 * 2 + along_u) % len(_ROADS)] if kind == "primary" else (None, None)
        )
        merged = shapely.line_merge(shapely.multilinestrings(pieces))
        rows.append((f"{'h' if along_u else 'v'}{index:02d}", name[0], name[1], kind, merged))

    for r in range(_ROWS + 1):
        if r == _RIVER_ROW:
            continue
        kind = "primary" if r % 3 == 0 else "secondary"
        add(kind, r, True, [shapely.LineString(_warp(_line(plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r])))
                            for c in range(_COLS) if edge_kept(c, r, True)])  # fmt: skip
    for c in range(_COLS + 1):
        bridge = c % 3 == 0 and 2 < c < 20
        kind = "primary" if c % 3 == 0 else "secondary"
        pieces = [shapely.LineString(_warp(_line(plan.u[c], plan.v[r], plan.u[c], plan.v[r + 1])))
                  for r in range(_ROWS) if edge_kept(c, r, False)]  # fmt: skip
        if not bridge:
            pieces = [
                q
                for p in pieces
                for q in shapely.get_parts(shapely.difference(p, shapely.buffer(river, 14)))
            ]
        add(kind, c, False, pieces)
    for side in (-1, 1):
        level = plan.v[_RIVER_ROW] + side * 100
        spans = [shapely.LineString(_warp(_line(plan.u[c], level, plan.u[c + 1], level)))
                 for c in range(_COLS) if plan.kept[c, _RIVER_ROW - (side < 0)]]  # fmt: skip
        rows.append((f"bank{side:+d}", "滨江路", "Binjiang Road", "secondary",
                     shapely.line_merge(shapely.multilinestrings(spans))))  # fmt: skip
    for k, (c, r) in enumerate(np.argwhere(plan.kept)):
        zone = plan.zone[c, r]
        u0, v0, u1, v1 = plan.u[c], plan.v[r], plan.u[c + 1], plan.v[r + 1]
        lanes: list[NDArray[np.float64]] = []
        if zone in ("old", "village"):
            u, v = (17.5, 17.0) if zone == "old" else (26.0, 24.0)
            lanes += [_line(a - 2, v0, a - 2, v1) for a in np.arange(u0 + 16, u1 - 30, u * 3)[1:]]
            lanes += [_line(u0, b - 2, u1, b - 2) for b in np.arange(v0 + 16, v1 - 30, v * 2)[1::2]]
        elif zone in ("housing", "industrial"):
            middle = (v0 + v1) / 2
            lanes.append(_line(u0, middle, u1, middle))
        if lanes:
            lines = shapely.multilinestrings([shapely.LineString(_warp(lane)) for lane in lanes])
            dry = shapely.difference(lines, shapely.buffer(river, 14))
            if not dry.is_empty:
                kind = "lane" if zone in ("old", "village") else "local"
                rows.append((f"{kind}-{k:03d}", None, None, kind, dry))
    return gpd.GeoDataFrame(
        [row[:4] for row in rows], columns=["id", "name", "name_en", "class"],
        geometry=[row[4] for row in rows], crs=CRS,
    )  # fmt: skip


def _buildings(plan: _Plan) -> GeoDataFrame:
    shapes, heights, zones = _footprints(plan)
    frame = gpd.GeoDataFrame({"height_m": heights, "zone": zones}, geometry=shapes, crs=CRS)
    wet = [_river(plan), *_landcover(plan).query("`class` == 'water'").geometry]
    frame = frame[~frame.intersects(shapely.buffer(shapely.union_all(wet), 16))].reset_index(
        drop=True
    )
    rng = np.random.default_rng(SEED + 3)
    frame.loc[rng.random(len(frame)) < 0.015, "height_m"] = np.nan
    frame.insert(0, "id", [f"B{k + 1:05d}" for k in range(len(frame))])
    return frame


def _cameras(buildings: GeoDataFrame, streets: GeoDataFrame, grids: GeoDataFrame) -> GeoDataFrame:
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
            "network": rng.random(number) < 0.96,
            "owner": rng.choice(["公安分局", "街道办", "社区", "物业公司", "学校"], number),
            "installed_on": started.date,
            "platform": rng.choice(["雪亮工程", "天网"], number),
        },
        geometry=gpd.points_from_xy(*np.array(places).T),
        crs=CRS,
    )


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


def _incidents(grids: GeoDataFrame, streets: GeoDataFrame, areas: GeoDataFrame) -> GeoDataFrame:
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
    grid_only = rng.random(number) < 0.012
    holder = rng.integers(0, len(grids), number)
    points = points.astype(object)
    points[grid_only] = None
    return gpd.GeoDataFrame(
        {
            "source": np.where(np.isin(category, ["theft", "traffic"]), "110", "12345"),
            "source_id": code,
            "category": category,
            "occurred_at": occurred,
            "reported_at": reported,
            "accepted_at": accepted,
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


def _key_places(plan: _Plan) -> GeoDataFrame:
    rng = np.random.default_rng(SEED + 6)
    kinds = (
        ("学校", "School", "school"),
        ("医院", "Hospital", "hospital"),
        ("农贸市场", "Market", "market"),
    )
    rows = []
    cells = np.argwhere(plan.kept & np.isin(plan.zone.astype(str), ["housing", "old"]))
    for k, (c, r) in enumerate(cells[rng.choice(len(cells), 45, replace=False)]):
        zh, en, kind = kinds[int(rng.choice(3, p=[0.6, 0.15, 0.25]))]
        u, v = (
            rng.uniform(plan.u[c] + 15, plan.u[c] + 80),
            rng.uniform(plan.v[r] + 15, plan.v[r] + 80),
        )
        rows.append(
            (
                f"K{k + 1:03d}",
                f"{zh}{k + 1}",
                f"{en} {k + 1}",
                kind,
                1.0,
                _block(u, v, u + 90, v + 70),
            )
        )
    for c, r in np.argwhere(plan.zone == "square"):
        rows.append(("K900", "市民广场", "Civic Square", "square", 1.0,
                     _block(plan.u[c] + 25, plan.v[r] + 25, plan.u[c + 1] - 25, plan.v[r + 1] - 25)))  # fmt: skip
    return gpd.GeoDataFrame(
        [row[:5] for row in rows], columns=["code", "name", "name_en", "kind", "required_share"],
        geometry=[row[5] for row in rows], crs=CRS,
    )  # fmt: skip


def demo_layers() -> dict[str, GeoDataFrame]:
    """Every register of the demo district, in EPSG:4326, the same at every call.

    Areas, grids and land cover are read from the committed boundaries; the rest is made.
    """
    folder = boundaries_dir()
    out = {
        name: gpd.read_file(folder / f"{name}.geojson") for name in ("areas", "grids", "landcover")
    }
    plan = _plan()
    grids, areas = out["grids"].to_crs(CRS), out["areas"].to_crs(CRS)
    streets = _streets(plan)
    buildings = _buildings(plan)
    made = {
        "streets": streets,
        "buildings": buildings,
        "key-places": _key_places(plan),
        "cameras": _cameras(buildings, streets, grids),
        "incidents": _incidents(grids, streets, areas),
    }
    out |= {name: layer.to_crs("EPSG:4326") for name, layer in made.items()}
    return {name: _contract(name, layer) for name, layer in out.items()}


def _contract(name: str, layer: GeoDataFrame) -> GeoDataFrame:
    """Every column of the layer's contract, absent ones empty."""
    contract = LAYERS[name]
    out = layer.copy()
    for column in contract.columns:
        if column.name not in out:
            out[column.name] = column.default
        out[column.name] = out[column.name].astype(object).where(out[column.name].notna(), None)
        if column.kind == "integer":
            out[column.name] = [None if v is None else int(v) for v in out[column.name]]
            out[column.name] = out[column.name].astype(object)
    out["extra"] = [{} for _ in range(len(out))]
    return out[[*contract.names, "extra", out.geometry.name]]


def _staff(grids: GeoDataFrame) -> list[tuple[str, str, str, str]]:
    rng = np.random.default_rng(SEED + 7)
    rows: list[tuple[str, str, str, str]] = []
    for k, code in enumerate(grids["code"]):
        roles = ["head", "full_time", "part_time", "police"]
        if k % 41 == 40:
            roles = roles[1:]  # a grid without a head, as the quality report must find
        for role in roles:
            name = str(rng.choice(list(_SURNAMES))) + str(rng.choice(_GIVEN)) + (
                str(rng.choice(_GIVEN)) if rng.random() < 0.6 else "")  # fmt: skip
            rows.append((str(code), role, name, f"199{rng.integers(0, 100_000_000):08d}"))
    return rows


def load_demo(conn: Conn) -> dict[str, int]:
    """Put the demo district into an empty or earlier demo store, in one transaction.

    Returns
    -------
    Rows of each layer. Loading twice changes nothing.
    """
    counts = {}
    try:
        for name, layer in demo_layers().items():
            write.upsert(conn, LAYERS[name], layer)
            counts[name] = len(layer)
            if name == "grids":
                write.replace_staff(conn, _staff(layer))
        conn.commit()
    except BaseException:
        conn.rollback()
        raise
    write.analyze(conn)
    conn.commit()
    return counts


def write_boundaries(folder: Path) -> None:
    """Write the boundaries that are committed."""
    for name, layer in make_boundaries().items():
        layer.geometry = shapely.set_precision(layer.geometry.values, 1e-7, mode="pointwise")
        layer.to_file(folder / f"{name}.geojson", driver="GeoJSON", COORDINATE_PRECISION=7)
        text = json.loads((folder / f"{name}.geojson").read_text())
        text.pop("name", None)
        lines = ",\n".join(
            json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in text["features"]
        )
        (folder / f"{name}.geojson").write_text(
            '{"type":"FeatureCollection","features":[\n' + lines + "\n]}\n"
        )


if __name__ == "__main__":
    write_boundaries(Path(sys.argv[1]) if len(sys.argv) > 1 else boundaries_dir())
