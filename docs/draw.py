"""Draw the figures of the pages in this folder, each by calling the functions it explains.

Run as ``python docs/draw.py [FOLDER]``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import shapely
from matplotlib import pyplot as plt

import geo

mpl.use("svg")
mpl.rcParams |= {
    "svg.fonttype": "none",
    "svg.hashsalt": "gridcover",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
CRS = "EPSG:32650"
EAST, NORTH = 500_000.0, 4_000_000.0
SEEN, LOW, TALL, EYE, INK = "#8ecae6", "#f4c095", "#5c677d", "#c1121f", "#222222"


def layer(shapes: list[Any], **columns: Any) -> gpd.GeoDataFrame:
    """Return shapes in local metres on the central meridian, where grid north is true north."""
    moved = [shapely.affinity.translate(s, EAST, NORTH) for s in shapes]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=CRS)


def camera(x: float, y: float, **record: float) -> gpd.GeoDataFrame:
    """Return a camera at local metres, all-round unless the record says otherwise."""
    values = {"fov_deg": 360.0, "bearing_deg": 0.0, "range_m": 50.0, "near_m": 0.0, "height_m": 4.0}
    return layer([shapely.Point(x, y)], **{k: [v] for k, v in (values | record).items()})


def paint(axes: Any, shape: Any, **style: Any) -> None:
    """Draw the polygons of a shape in local metres."""
    local = shapely.affinity.translate(shape, -EAST, -NORTH)
    for part in shapely.get_parts(local):
        path = mpl.path.Path.make_compound_path(
            *[
                mpl.path.Path(shapely.get_coordinates(r), closed=True)
                for r in shapely.get_rings(part)
            ]
        )
        axes.add_patch(mpl.patches.PathPatch(path, **{"linewidth": 0.6, "edgecolor": INK} | style))


def scene(
    axes: Any, cameras: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame | None, title: str = ""
) -> Any:
    """Draw cameras, their visible areas and the buildings; return the visible areas."""
    views = geo.visible_area(cameras, buildings)
    for view in views:
        paint(axes, view, facecolor=SEEN, alpha=0.75)
    if buildings is not None:
        for shape, height in zip(buildings.geometry, buildings["height_m"], strict=True):
            paint(axes, shape, facecolor=LOW if height < cameras["height_m"].iloc[0] else TALL)
    axes.plot(cameras.geometry.x - EAST, cameras.geometry.y - NORTH, "o", color=EYE, markersize=4)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.autoscale_view()
    axes.set_title(title, fontsize=9)
    return views


# fmt: off
TOWN = layer(
    [
        shapely.box(12, 6, 26, 16), shapely.box(-28, 10, -14, 22), shapely.box(-8, 18, 4, 26),
        shapely.box(-30, -22, -12, -12).difference(shapely.box(-26, -19, -16, -15)),
        shapely.affinity.rotate(shapely.box(10, -24, 30, -14), 20), shapely.box(2, -12, 8, -7),
    ],
    height_m=[20.0, np.nan, 1.6, 9.0, 30.0, 1.5],
)
# fmt: on


def sight() -> Any:
    """Visible area of a camera among buildings lower and higher than itself."""
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    scene(axes, camera(0, 0), TOWN)
    line = {"arrowstyle": "-", "linewidth": 0.5}
    axes.annotate(
        "lower than the eye:\nits shadow ends", (-4, 38), (-48, 46), fontsize=8, arrowprops=line
    )
    axes.annotate(
        "no lower, or unknown:\nall behind is hidden",
        (32, -28),
        (22, -46),
        fontsize=8,
        arrowprops=line,
    )
    return figure


def sweep() -> Any:
    """Rays from a camera to the corners of its visible area."""
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    views = scene(axes, camera(0, 0), TOWN)
    corners = shapely.get_coordinates(views.iloc[0]) - [EAST, NORTH]
    angles = np.unique(np.round(np.arctan2(corners[:, 1], corners[:, 0]), 6))
    for angle in angles:
        axes.plot([0, 50 * np.cos(angle)], [0, 50 * np.sin(angle)], color=INK, linewidth=0.3)
    return figure


def edges() -> Any:
    """Special cases: cameras in and on buildings, courts and flat shapes."""
    figure, all_axes = plt.subplots(2, 3, figsize=(8.4, 5.8))
    tower = shapely.box(-10, -10, 10, 10)
    row = [shapely.box(x, -8, x + 8, 8) for x in (-20, -12, -4, 4)]
    court = shapely.box(-18, 8, 18, 34).difference(shapely.box(-12, 12, 12, 30))
    # fmt: off
    cases: list[tuple[str, gpd.GeoDataFrame, gpd.GeoDataFrame]] = [
        ("in a tower: from its nearest wall", camera(7, 2), layer([tower], height_m=[30.0])),
        ("in a row: the party wall is no way out", camera(4.5, 3), layer(row, height_m=[9.0] * 4)),
        ("on a corner: along its free middle", camera(10, 10), layer([tower], height_m=[30.0])),
        ("on a roof: past its edge, k times as far", camera(0, 0, height_m=8.0),
         layer([tower], height_m=[4.0])),
        ("over a low court: shadows end inside", camera(0, 0), layer([court], height_m=[1.2])),
        ("pond of height 0: only itself", camera(0, 0),
         layer([shapely.box(8, 8, 24, 20)], height_m=[0.0])),
    ]
    # fmt: on
    for axes, (title, cameras, buildings) in zip(all_axes.flat, cases, strict=True):
        scene(axes, cameras, buildings, title)
    figure.tight_layout()
    return figure


def heights() -> Any:
    """Profile of a shadow behind a roof and behind its parapet."""
    figure, axes = plt.subplots(figsize=(7, 2.4))
    height, wall, roof, parapet = 6.0, 12.0, 2.0, 1.5
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.add_patch(mpl.patches.Rectangle((8, 0), wall - 8, roof, facecolor=LOW, edgecolor=INK))
    axes.plot([wall, wall], [roof, roof + parapet], color=INK, linewidth=2)
    axes.plot(0, height, "o", color=EYE)
    for top, name in ((roof, "roof"), (roof + parapet, "parapet")):
        end = wall * height / (height - top)
        axes.plot([0, end], [height, 0], color=EYE, linewidth=0.8)
        seen = geo.visible_area(
            camera(0, 0, height_m=height),
            layer([shapely.box(-9, 8, 9, wall)], height_m=[roof], parapet_m=[top - roof]),
        ).iloc[0]
        up = shapely.LineString([(EAST, NORTH + wall + 0.1), (EAST, NORTH + 50)]).intersection(seen)
        axes.plot(up.bounds[1] - NORTH, 0, "|", color=INK, markersize=14)
        axes.annotate(
            f"over the {name}: {up.bounds[1] - NORTH:.1f} m",
            (end, 0),
            (end - 4, 2.2),
            arrowprops={"arrowstyle": "-", "linewidth": 0.5},
            fontsize=8,
        )
    axes.set(xlim=(-1, 38), ylim=(-0.5, 7), xlabel="metres from the camera", ylabel="height, m")
    figure.tight_layout()
    return figure


def error() -> Any:
    """Share of a full disc that its chords leave out, measured and by the formula."""
    figure, axes = plt.subplots(figsize=(5.2, 2.8))
    reach = np.geomspace(2, 2000, 40)
    cameras = gpd.GeoDataFrame(
        {"fov_deg": 360.0, "range_m": reach, "near_m": 0.0},
        geometry=[shapely.Point(EAST, NORTH)] * 40,
        crs=CRS,
    )
    area = geo.visible_area(cameras).area.to_numpy()
    axes.loglog(
        reach, 1 - area / (np.pi * reach**2), "o", markersize=3, color=EYE, label="measured"
    )
    axes.loglog(reach, 4 / 3 * 0.05 / reach, color=INK, linewidth=0.8, label="4/3 · 0.05 m / range")
    axes.set(xlabel="range, m", ylabel="share of the disc left out")
    axes.legend(frameon=False)
    figure.tight_layout()
    return figure


def classes() -> Any:
    """Ranges of the classes of IEC 62676-4:2025 for one camera."""
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    cameras = camera(0, 0, fov_deg=80.0, bearing_deg=60.0, range_m=60.0).assign(pixels_wide=2560)
    scene(axes, cameras, TOWN)
    shades = plt.get_cmap("viridis_r")
    names = list(geo.PIXEL_DENSITY["2025"].items())
    for n, (name, density) in enumerate(names):
        reach = float(geo.class_range(cameras, density).iloc[0])
        paint(
            axes,
            geo.visible_area(cameras.assign(range_m=reach), TOWN).iloc[0],
            facecolor=shades(n / len(names)),
            alpha=0.8,
        )
        axes.plot([], [], "s", color=shades(n / len(names)), label=f"{name}: {reach:.1f} m")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.4), fontsize=8)
    axes.set(xlim=(-12, 62), ylim=(-18, 58))
    return figure


def draws() -> Any:
    """Coverage of grids with the spread of 200 Monte Carlo simulations."""
    figure, axes = plt.subplots(figsize=(5.2, 2.6))
    random = np.random.default_rng(2)
    spots = [shapely.Point(*p) for p in random.uniform(-60, 60, (14, 2))]
    cameras = layer(
        spots, fov_deg=[80.0] * 14, bearing_deg=random.uniform(0, 360, 14), range_m=[45.0] * 14
    )
    cells = [shapely.box(x, y, x + 40, y + 40) for x in (-60, -20, 20) for y in (-60, -20, 20)]
    table = geo.coverage_by_grid(
        layer(cells),
        geo.visible_area(cameras, TOWN),
        buildings=TOWN,
        cameras=cameras,
        position_error_m=3.0,
        bearing_error_deg=10.0,
        draws=200,
    ).sort_values("open_covered_share", ignore_index=True)
    middle, low, high = (table[f"open_covered_share_{s}"] for s in ("mean", "p05", "p95"))
    axes.errorbar(
        table.index,
        middle,
        [middle - low, high - middle],
        fmt="o",
        color=INK,
        markersize=3,
        linewidth=0.8,
        label="mean, 5 to 95 % of 200 draws",
    )
    axes.plot(table.index, table["open_covered_share"], "x", color=EYE, label="as on record")
    axes.set(xlabel="grid", ylabel="open ground covered")
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


FIGURES = (sight, sweep, edges, heights, error, classes, draws)


def main(folder: Path) -> None:
    """Write all figures to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in FIGURES:
        figure = draw()
        figure.savefig(
            folder / f"{draw.__name__}.svg", metadata={"Date": None}, bbox_inches="tight"
        )
        if len(sys.argv) > 2:
            figure.savefig(folder / f"{draw.__name__}.png", dpi=90, bbox_inches="tight")
        plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "figures")
