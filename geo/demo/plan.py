"""Lattice of streets on which the demo district lies, and the warp that bends it."""

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
"""Sub-categories of each category."""
DUE_HOURS = {
    "theft": 168,
    "dispute": 72,
    "traffic": 12,
    "noise": 24,
    "appearance": 24,
    "hazard": 48,
}
"""Hours after the report within which a request is due."""
FIRST, LAST = dt.date(2023, 11, 1), dt.date(2026, 10, 31)
COLS, ROWS, RIVER_ROW = 22, 18, 9
SUBDISTRICTS = (
    ("古城街道", "Gucheng"),
    ("临江街道", "Linjiang"),
    ("东岸街道", "Dong'an"),
    ("西苑街道", "Xiyuan"),
    ("新城街道", "Xincheng"),
    ("工园街道", "Gongyuan"),
)
COMMUNITIES = (
    ("和平", "Heping"),
    ("文昌", "Wenchang"),
    ("建设", "Jianshe"),
    ("朝阳", "Chaoyang"),
    ("光明", "Guangming"),
    ("新华", "Xinhua"),
    ("东风", "Dongfeng"),
    ("胜利", "Shengli"),
    ("春晖", "Chunhui"),
    ("梧桐", "Wutong"),
    ("银杏", "Yinxing"),
    ("玉兰", "Yulan"),
    ("桂花", "Guihua"),
    ("望江", "Wangjiang"),
    ("听涛", "Tingtao"),
    ("锦绣", "Jinxiu"),
    ("翠湖", "Cuihu"),
    ("龙泉", "Longquan"),
    ("凤鸣", "Fengming"),
    ("金沙", "Jinsha"),
    ("石桥", "Shiqiao"),
    ("柳营", "Liuying"),
    ("南园", "Nanyuan"),
    ("北门", "Beimen"),
    ("西关", "Xiguan"),
)
ROADS = (
    ("人民路", "Renmin Road"),
    ("解放路", "Jiefang Road"),
    ("中山路", "Zhongshan Road"),
    ("文化路", "Wenhua Road"),
    ("滨江路", "Binjiang Road"),
    ("建设路", "Jianshe Road"),
    ("新华路", "Xinhua Road"),
    ("长江路", "Changjiang Road"),
    ("黄山路", "Huangshan Road"),
    ("迎宾路", "Yingbin Road"),
    ("学府路", "Xuefu Road"),
    ("工业路", "Gongye Road"),
    ("青年路", "Qingnian Road"),
    ("和谐路", "Hexie Road"),
    ("湖滨路", "Hubin Road"),
    ("团结路", "Tuanjie Road"),
)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = tuple("伟芳娜敏静强磊洋艳勇军杰娟涛超明霞平刚玲")


@dataclass(frozen=True)
class Plan:
    """The lattice of streets, and which of its cells are in the district."""

    u: NDArray[np.float64]
    """Positions of the north-south lines, lattice metres, shape (COLS + 1,)."""
    v: NDArray[np.float64]
    """Positions of the east-west lines, lattice metres, shape (ROWS + 1,)."""
    inside: NDArray[np.bool_]
    """Whether each cell is in the district, shape (COLS, ROWS)."""
    zone: NDArray[Any]
    """Kind of development of each cell, shape (COLS, ROWS)."""

    def block(self, c: int, r: int, inset: float = 0.0) -> Any:
        """Return the polygon of a cell on the map.

        Parameters
        ----------
        c, r : int
            Column and row of the cell.
        inset : float, default 0
            Distance from the lines around it, metres.

        Returns
        -------
        shapely.Polygon
            In `CRS`.
        """
        return lattice_block(
            self.u[c] + inset, self.v[r] + inset, self.u[c + 1] - inset, self.v[r + 1] - inset
        )


def plot_size(zone: str) -> tuple[float, float]:
    """Return the size of a plot in an old quarter or a village.

    Parameters
    ----------
    zone : str
        ``old`` or ``village``.

    Returns
    -------
    tuple of float
        Width and depth, lattice metres.
    """
    return (17.5, 17.0) if zone == "old" else (26.0, 24.0)


def warp(uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lattice coordinates on the map: rotated, with slow waves.

    Parameters
    ----------
    uv : numpy.ndarray of float, shape (n, 2)
        Lattice metres.

    Returns
    -------
    numpy.ndarray of float, shape (n, 2)
        Metres in `CRS`.
    """
    u, v = uv[:, 0], uv[:, 1]
    x = u + 190 * np.sin(v / 1300 + 0.6) + 45 * np.sin(u / 700 + v / 900) + 60 * np.sin(v / 640)
    y = v + 300 * np.sin(u / 1050 + 0.3) + 50 * np.sin(u / 520 - v / 1100)
    angle = 0.14
    x, y = x - 2700, y - 2250
    east, north = 599_800.0, 3_425_000.0
    return np.column_stack(
        [
            east + x * np.cos(angle) - y * np.sin(angle),
            north + x * np.sin(angle) + y * np.cos(angle),
        ]
    )


def lattice_line(
    u0: float, v0: float, u1: float, v1: float, step: float = 30.0
) -> NDArray[np.float64]:
    """Return a straight lattice line as points close enough to bend with the warp.

    Parameters
    ----------
    u0, v0, u1, v1 : float
        Its ends, lattice metres.
    step : float, default 30
        Greatest distance between points, metres.

    Returns
    -------
    numpy.ndarray of float, shape (n, 2)
        Lattice metres, both ends included.
    """
    count = max(int(np.ceil(max(abs(u1 - u0), abs(v1 - v0)) / step)), 1)
    t = np.linspace(0.0, 1.0, count + 1)
    return np.column_stack([u0 + t * (u1 - u0), v0 + t * (v1 - v0)])


def lattice_block(u0: float, v0: float, u1: float, v1: float, step: float = 30.0) -> Any:
    """Return a lattice rectangle on the map, its sides bent as the streets are.

    Parameters
    ----------
    u0, v0, u1, v1 : float
        Its corners, lattice metres.
    step : float, default 30
        Greatest distance between points, metres.

    Returns
    -------
    shapely.Polygon
        In `CRS`.
    """
    sides = [lattice_line(u0, v0, u1, v0, step), lattice_line(u1, v0, u1, v1, step)]
    # Opposite sides run the same way, so that neighbours share every vertex to the bit.
    sides += [lattice_line(u0, v1, u1, v1, step)[::-1], lattice_line(u0, v0, u0, v1, step)[::-1]]
    return shapely.Polygon(warp(np.vstack([side[:-1] for side in sides])))


def make_plan() -> Plan:
    """Return the lattice of the district.

    Returns
    -------
    Plan
        The same at every call.
    """
    rng = np.random.default_rng(SEED)
    u = np.concatenate([[0.0], np.cumsum(rng.uniform(200, 290, COLS))])
    v = np.concatenate([[0.0], np.cumsum(rng.uniform(205, 285, ROWS))])
    col, row = np.meshgrid(np.arange(COLS), np.arange(ROWS), indexing="ij")
    x, y = (col + 0.5) / COLS * 2 - 1, (row + 0.5) / ROWS * 2 - 1
    bend = 0.06 * np.sin(5 * np.arctan2(y, x)) + 0.05 * np.cos(3 * np.arctan2(y, x))
    inside = (np.abs(x) ** 2.6 + np.abs(y) ** 2.6) ** (1 / 2.6) < 0.93 + bend
    zone = np.full((COLS, ROWS), "housing", dtype=object)
    north, south = row >= RIVER_ROW, row < RIVER_ROW
    zone[(np.abs(col - 8) <= 3) & north & (row < RIVER_ROW + 5)] = "old"
    zone[(np.abs(col - 11) <= 2) & south & (row >= RIVER_ROW - 4)] = "towers"
    zone[(col >= 17) & (row < 12)] = "industrial"
    zone[(col <= 4) & (row <= 4)] = "village"
    for c, r in ((5, 6), (14, 12), (12, 3), (3, 12), (8, 11), (16, 5)):
        zone[c, r] = "park"
    zone[11, 7] = "square"
    return Plan(u, v, inside, zone)


def group_cells(plan: Plan) -> NDArray[np.int64]:
    """Return the community of each cell.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    numpy.ndarray of int64, shape (COLS, ROWS)
        Block number (blocks of three by three cells, small ones merged with a neighbour), -1
        outside the district.
    """
    # The river's lattice line is a multiple of three, so no community crosses the water.
    block = (np.arange(COLS)[:, None] // 3) * 10 + np.arange(ROWS)[None, :] // 3
    out = np.where(plan.inside, block, -1)
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
    """Return the river, along one lattice line.

    Parameters
    ----------
    plan : Plan
        The lattice of the district.

    Returns
    -------
    shapely.Polygon
        In `CRS`.
    """
    level = plan.v[RIVER_ROW]
    width = 75.0
    line = lattice_line(plan.u[0] - 500, level, plan.u[-1] + 500, level, 25.0)
    wave = 14 * np.sin(line[:, 0] / 310)
    north = line + np.column_stack([np.zeros(len(line)), width + wave])
    south = line + np.column_stack([np.zeros(len(line)), -width + wave])
    return shapely.Polygon(warp(np.vstack([south, north[::-1]])))
