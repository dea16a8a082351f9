"""Grids for a district without grids: squares or hexagons on a fixed lattice, cut at the border."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import require_metric
from geo.errors import ColumnError, GeometryError
from geo.geometry.polygons import require_polygons

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries

CellShape = Literal["square", "hexagon"]
SHAPES: tuple[CellShape, ...] = ("square", "hexagon")
"""Shapes of cells."""
SMALLEST_SHARE = 0.1
"""A cell with less than this share in the district is merged into a neighbour."""
MOST_CELLS = 1_000_000
"""Greatest number of cells around a district."""
Cell = tuple[int, int]
"""Column and row in the lattice."""


def make_grids(
    boundary: GeoDataFrame | GeoSeries,
    cell_m: float,
    shape: CellShape = "square",
    *,
    prefix: str = "",
    smallest_share: float = SMALLEST_SHARE,
) -> GeoDataFrame:
    """Divide a district into cells of one size.

    Parameters
    ----------
    boundary : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons whose union is the district, metric CRS; elevations are dropped.
    cell_m : float
        Side of a square, or width of a hexagon between opposite sides, in metres.
    shape : str, optional
        ``square`` or ``hexagon`` (one corner north).
    prefix : str, optional
        Text before every code.
    smallest_share : float, optional
        A cell with less than this share in the district is merged into the neighbour with which it
        has the longest border, complete neighbours first; a cell without a neighbour stays.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `code` and geometry, in the CRS of the boundary, from north to south and west to
        east. The cells do not overlap and their union is the district.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If the boundary has no row, or one that is no valid polygon.
    ColumnError
        If `cell_m` or `smallest_share` is out of its range, or there would be more than a million
        cells.

    Notes
    -----
    The lattice begins at the origin of the CRS, not at the district, and a code consists of shape,
    size, column and row (``S250E1428N13861``). With the same size and CRS a cell therefore has the
    same code again, even after the border has moved.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> district = gpd.GeoSeries([shapely.box(500000, 4000000, 500600, 4000500)], crs=32650)
    >>> grids = geo.make_grids(district, 250)
    >>> grids["code"].tolist()[:3], [round(a) for a in grids.area][:3]
    (['S250E2000N16001', 'S250E2001N16001', 'S250E2002N16001'], [62500, 62500, 25000])
    """
    require_metric(boundary)
    if shape not in SHAPES:
        raise ColumnError(f"shape is one of {', '.join(SHAPES)}, not {shape!r}")
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise ColumnError("cell_m must be above 0 m; 250 is usual")
    if not 0 <= smallest_share < 1:
        raise ColumnError("smallest_share must be 0 or more and below 1")
    district = _union(boundary)
    cells, outlines = _lattice(district, cell_m, shape)
    parts = _clipped(outlines, district)
    areas = shapely.area(parts)
    shapes = {cells[k]: parts[k] for k in np.flatnonzero(areas > 0).tolist()}
    full = float(shapely.area(outlines[0])) if len(outlines) else 0.0
    _merge_slivers(shapes, smallest_share * full, shape)
    order = sorted(shapes, key=lambda cell: (-cell[1], cell[0]))
    letter = {"square": "S", "hexagon": "H"}[shape]
    codes = [f"{prefix}{letter}{cell_m:g}{_axis(c, 'EW')}{_axis(r, 'NS')}" for c, r in order]
    return gpd.GeoDataFrame(
        {"code": codes}, geometry=[shapes[cell] for cell in order], crs=boundary.crs
    )


def _axis(number: int, letters: str) -> str:
    return f"{letters[0]}{number}" if number >= 0 else f"{letters[1]}{-number}"


def _union(boundary: GeoDataFrame | GeoSeries) -> Any:
    if len(boundary) == 0:
        raise GeometryError("the boundary has no polygon; give the outline of the district")
    polygons, _ = require_polygons(boundary, "the boundary")
    return shapely.union_all(polygons)


def _lattice(
    district: Any, cell_m: float, shape: CellShape
) -> tuple[list[Cell], NDArray[np.object_]]:
    """Return column and row of the cells around a district, and their outlines."""
    west, south, east, north = shapely.bounds(district)
    # Half a cell and a third of a radius are the steps on which all corners lie: corners that
    # cells share are the same numbers, so that rounding makes no gap or overlap.
    half, third = cell_m / 2.0, cell_m / np.sqrt(3.0) / 2.0
    step_y = cell_m if shape == "square" else 3.0 * third
    columns = range(int(np.floor(west / cell_m)) - 1, int(np.floor(east / cell_m)) + 2)
    rows = range(int(np.floor(south / step_y)) - 1, int(np.floor(north / step_y)) + 2)
    if len(columns) * len(rows) > MOST_CELLS:
        raise ColumnError(
            f"cells of {cell_m:g} m would be {len(columns) * len(rows):,}; make them larger"
        )
    cells = list(itertools.product(columns, rows))
    c, r = np.array(cells).T
    if shape == "square":
        return cells, shapely.box(c * cell_m, r * cell_m, (c + 1) * cell_m, (r + 1) * cell_m)
    middle_x, middle_y = 2 * c + r % 2, 3 * r
    ring = [(0, 2), (1, 1), (1, -1), (0, -2), (-1, -1), (-1, 1)]
    corners = [((middle_x + dx) * half, (middle_y + dy) * third) for dx, dy in ring]
    return cells, shapely.polygons(np.stack([np.column_stack(p) for p in corners], axis=1))


def _clipped(outlines: NDArray[np.object_], district: Any) -> NDArray[np.object_]:
    """Return the polygons of each outline inside the district, empty if there are none."""
    shapely.prepare(district)
    clipped = np.full(len(outlines), shapely.Polygon(), object)
    inside = shapely.contains_properly(district, outlines)
    clipped[inside] = outlines[inside]
    for k in np.flatnonzero(~inside & shapely.intersects(district, outlines)).tolist():
        clipped[k] = _polygons(shapely.intersection(outlines[k], district))
    return clipped


def _polygons(shape: Any) -> Any:
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = parts[shapely.get_type_id(parts) == 3]
    if len(polygons) == 1:
        return polygons[0]
    return shapely.multipolygons(polygons) if len(polygons) else shapely.Polygon()


def _neighbours(cell: Cell, shape: CellShape) -> list[Cell]:
    c, r = cell
    if shape == "square":
        return [(c - 1, r), (c + 1, r), (c, r - 1), (c, r + 1)]
    side = r % 2
    above = [(c + side - 1, r + dr) for dr in (-1, 1)] + [(c + side, r + dr) for dr in (-1, 1)]
    return [(c - 1, r), (c + 1, r), *above]


def _merge_slivers(shapes: dict[Cell, Any], smallest_m2: float, shape: CellShape) -> None:
    """Merge cells with too little of the district into a neighbour, the smallest first."""
    members = {cell: [cell] for cell in shapes}
    merged_into = {cell: cell for cell in shapes}
    queue = [(part.area, cell) for cell, part in shapes.items() if part.area < smallest_m2]
    heapq.heapify(queue)
    while queue:
        area, cell = heapq.heappop(queue)
        if cell not in shapes or shapes[cell].area != area:
            continue  # merged into another, or grown by one
        neighbours = {
            merged_into[neighbour]
            for member in members[cell]
            for neighbour in _neighbours(member, shape)
            if neighbour in merged_into
        }
        candidates = [
            (shapes[other].area >= smallest_m2, border, other)
            for other in neighbours - {cell}
            if (border := shapely.intersection(shapes[cell], shapes[other]).length) > 0
        ]
        if not candidates:
            continue
        other = max(candidates)[2]
        shapes[other] = _polygons(shapely.union(shapes[other], shapes.pop(cell)))
        members[other] += members[cell]
        merged_into |= dict.fromkeys(members.pop(cell), other)
        if shapes[other].area < smallest_m2:
            heapq.heappush(queue, (shapes[other].area, other))
