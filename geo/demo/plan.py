"""The lattice of streets that the demo district lies on, and the warp that bends it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS = "EPSG:32650"
DISTRICT = "990101"
SEED = 20261124
CATEGORIES = ("theft", "dispute", "traffic", "noise", "appearance", "hazard")
KINDS = {
    "theft": ("bicycle", "shop", "home", "pocket"),
    "dispute": ("neighbours", "family", "wages", "contract"),
    "traffic": ("collision", "parking", "obstruction"),
    "noise": ("construction", "square_dance", "business"),
    "appearance": ("litter", "stalls", "advertising"),
    "hazard": ("fire_exit", "gas", "wiring", "manhole"),
}
"""What lies beneath each category."""
DUE_HOURS = {
    "theft": 168,
    "dispute": 72,
    "traffic": 12,
    "noise": 24,
    "appearance": 24,
    "hazard": 48,
}
FIRST, LAST = dt.date(2023, 11, 1), dt.date(2026, 10, 31)
COLS, ROWS, RIVER_ROW = 22, 18, 9
SUBDISTRICTS = (
    ("古城街道", "Gucheng"), ("临江街道", "Linjiang"), ("东岸街道", "Dong'an"),
    ("西苑街道", "Xiyuan"), ("新城街道", "Xincheng"), ("工园街道", "Gongyuan"),
)  # fmt: skip
COMMUNITIES = (
    ("和平", "Heping"), ("文昌", "Wenchang"), ("建设", "Jianshe"), ("朝阳", "Chaoyang"), ("光明", "Guangming"),
    ("新华", "Xinhua"), ("东风", "Dongfeng"), ("胜利", "Shengli"), ("春晖", "Chunhui"), ("梧桐", "Wutong"),
    ("银杏", "Yinxing"), ("玉兰", "Yulan"), ("桂花", "Guihua"), ("望江", "Wangjiang"), ("听涛", "Tingtao"),
    ("锦绣", "Jinxiu"), ("翠湖", "Cuihu"), ("龙泉", "Longquan"), ("凤鸣", "Fengming"), ("金沙", "Jinsha"),
    ("石桥", "Shiqiao"), ("柳营", "Liuying"), ("南园", "Nanyuan"), ("北门", "Beimen"), ("西关", "Xiguan"),
)  # fmt: skip
ROADS = (
    ("人民路", "Renmin Road"), ("解放路", "Jiefang Road"), ("中山路", "Zhongshan Road"), ("文化路", "Wenhua Road"),
    ("滨江路", "Binjiang Road"), ("建设路", "Jianshe Road"), ("新华路", "Xinhua Road"), ("长江路", "Changjiang Road"),
    ("黄山路", "Huangshan Road"), ("迎宾路", "Yingbin Road"), ("学府路", "Xuefu Road"), ("工业路", "Gongye Road"),
    ("青年路", "Qingnian Road"), ("和谐路", "Hexie Road"), ("湖滨路", "Hubin Road"), ("团结路", "Tuanjie Road"),
)  # fmt: skip
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = (
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
class Plan:
    """The lattice and what each cell is."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    kept: NDArray[np.bool_]
    zone: NDArray[Any]


def warp(uv: NDArray[np.float64]) -> NDArray[np.float64]:
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


def lattice_line(
    u0: float, v0: float, u1: float, v1: float, step: float = 30.0
) -> NDArray[np.float64]:
    """A straight lattice line as points close enough to bend with the warp."""
    count = max(int(np.ceil(max(abs(u1 - u0), abs(v1 - v0)) / step)), 1)
    t = np.linspace(0.0, 1.0, count + 1)
    return np.column_stack([u0 + t * (u1 - u0), v0 + t * (v1 - v0)])


def lattice_block(u0: float, v0: float, u1: float, v1: float, step: float = 30.0) -> Any:
    """A lattice rectangle, its sides bent as the streets are."""
    sides = [lattice_line(u0, v0, u1, v0, step), lattice_line(u1, v0, u1, v1, step)]
    # Opposite sides run the same way, so that neighbours share every vertex to the bit.
    sides += [lattice_line(u0, v1, u1, v1, step)[::-1], lattice_line(u0, v0, u0, v1, step)[::-1]]
    return shapely.Polygon(warp(np.vstack([side[:-1] for side in sides])))


def make_plan() -> Plan:
    """Spacing of the lattice, which cells are kept, and what each is."""
    rng = np.random.default_rng(SEED)
    u = np.concatenate([[0.0], np.cumsum(rng.uniform(200, 290, COLS))])
    v = np.concatenate([[0.0], np.cumsum(rng.uniform(205, 285, ROWS))])
    col, row = np.meshgrid(np.arange(COLS), np.arange(ROWS), indexing="ij")
    x, y = (col + 0.5) / COLS * 2 - 1, (row + 0.5) / ROWS * 2 - 1
    bend = 0.06 * np.sin(5 * np.arctan2(y, x)) + 0.05 * np.cos(3 * np.arctan2(y, x))
    kept = (np.abs(x) ** 2.6 + np.abs(y) ** 2.6) ** (1 / 2.6) < 0.93 + bend
    zone = np.full((COLS, ROWS), "housing", dtype=object)
    north, south = row >= RIVER_ROW, row < RIVER_ROW
    zone[(np.abs(col - 8) <= 3) & north & (row < RIVER_ROW + 5)] = "old"
    zone[(np.abs(col - 11) <= 2) & south & (row >= RIVER_ROW - 4)] = "towers"
    zone[(col >= 17) & (row < 12)] = "industrial"
    zone[(col <= 4) & (row <= 4)] = "village"
    for c, r in ((5, 6), (14, 12), (12, 3), (3, 12), (8, 11), (16, 5)):
        zone[c, r] = "park"
    zone[11, 7] = "square"
    return Plan(u, v, kept, zone)


def group_cells(plan: Plan) -> NDArray[np.int64]:
    """Community number of each cell (blocks of three by three, thin ones joined), -1 outside."""
    # The river's lattice line is a multiple of three, so no community crosses the water.
    block = (np.arange(COLS)[:, None] // 3) * 10 + np.arange(ROWS)[None, :] // 3
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


def make_river(plan: Plan) -> Any:
    """The river, along one lattice line."""
    level = plan.v[RIVER_ROW]
    width = 75.0
    line = lattice_line(plan.u[0] - 500, level, plan.u[-1] + 500, level, 25.0)
    wave = 14 * np.sin(line[:, 0] / 310)
    north = line + np.column_stack([np.zeros(len(line)), width + wave])
    south = line + np.column_stack([np.zeros(len(line)), -width + wave])
    return shapely.Polygon(warp(np.vstack([south, north[::-1]])))
