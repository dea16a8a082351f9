"""What each camera sees: from GeoDataFrames to the sweep kernel and back to polygons."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.coverage._edges import directed_edges, require_polygons
from geo.coverage._sweep import sweep
from geo.coverage.field_of_view import complete_cameras
from geo.crs import north_angle, require_metric
from geo.errors import ColumnError, GeometryError, name_rows
from geo.settings import CameraDefaults

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

MOUNT_GAP_M = 1e-5
"""How far in front of its wall a mounted camera's eye is placed."""
_ON_WALL_M = 1e-6


@dataclass(frozen=True)
class Walls:
    """Footprints as oriented walls (interior on the left) in a bucket grid.

    `segments` rows: x0, y0, x1, y1; those of building b run from offsets[b] to offsets[b + 1].
    """

    segments: NDArray[np.float64]
    offsets: NDArray[np.int64]
    heights: NDArray[np.float64]
    scene: tuple[Any, ...]


def visible_area(
    cameras: GeoDataFrame,
    buildings: GeoDataFrame | None = None,
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> GeoSeries:
    """The ground each camera sees.

    A camera sees the ground inside its sector (near_m to range_m, fov_deg wide about bearing_deg,
    clockwise from true north) that no building hides. A building no lower than the camera, or of
    unknown height, hides everything behind it. A lower one hides the ground from its far wall to
    where the line over its roof meets the ground: a wall at distance d with roof height b, seen
    from height h > b, hides up to d·h/(h−b). Ground under a building is not seen. A camera in or
    on the edge of a footprint at least as tall as itself looks out from that building's nearest
    wall (touching footprints of that height count as one building).

    Parameters
    ----------
    cameras : points in a metric CRS; columns kind, bearing_deg, fov_deg, range_m, near_m,
        height_m, each of which may be absent or empty (see `complete_cameras`).
    buildings : polygons or multipolygons in the same CRS; height_m in metres, empty or absent
        for unknown.
    defaults : what to assume of each kind of camera.

    Returns
    -------
    One valid Polygon or MultiPolygon a camera (empty if it sees nothing), on the index of
    `cameras`, in their CRS. Arcs are chords with a sagitta of at most 0.05 m.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    ColumnError : a camera's value lies outside its domain.
    GeometryError : a camera is no point, or a building is no valid polygon.

    Notes
    -----
    Angular sweep over wall segments with radial intervals; see docs/visibility.md.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [360.0], "range_m": [50.0], "near_m": [0.0], "height_m": [4.0]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650")
    >>> wall = gpd.GeoDataFrame(
    ...     {"height_m": [9.0]}, geometry=[shapely.box(500010, 3999900, 500012, 4000100)],
    ...     crs="EPSG:32650")
    >>> view = geo.visible_area(cameras, wall)
    >>> round(view.bounds.maxx.iloc[0] - 500000, 3)
    10.0
    """
    require_metric(cameras, buildings)
    _require_points(cameras)
    full = complete_cameras(cameras, defaults=defaults)
    values = full.geometry.values
    bearing = full["bearing_deg"].to_numpy(float) + north_angle(full.geometry)
    fov = full["fov_deg"].to_numpy(float)
    eyes = np.column_stack(
        [
            shapely.get_x(values),
            shapely.get_y(values),
            full["height_m"].to_numpy(float),
            full["near_m"].to_numpy(float),
            full["range_m"].to_numpy(float),
        ]
    )
    spans = np.column_stack([np.radians(90.0 - bearing - fov / 2.0), np.radians(fov)])
    walls = _walls(buildings)
    if buildings is not None and len(buildings):
        _mount(eyes, np.asarray(buildings.geometry.values), walls.heights)
    return gpd.GeoSeries(
        _polygons(eyes, spans, walls), index=cameras.index, crs=cameras.crs, name="visible_area"
    )


def _require_points(cameras: GeoDataFrame) -> None:
    values = np.asarray(cameras.geometry.values)
    good = (shapely.get_type_id(values) == 0) & ~shapely.is_empty(values)
    good &= np.isfinite(shapely.get_x(values)) & np.isfinite(shapely.get_y(values))
    if not good.all():
        raise GeometryError(
            f"cameras must be points with coordinates; mend {name_rows(cameras.index[~good])}"
        )


def _walls(buildings: GeoDataFrame | None) -> Walls:
    """Break footprints into oriented walls and file their boxes in a bucket grid."""
    if buildings is None or len(buildings) == 0:
        boxes = np.zeros((0, 4))
        empty: tuple[Any, ...] = (boxes, np.zeros(2, np.int64), np.zeros(0, np.int64))
        scene = (*empty, np.zeros(2), 1.0, 1, 1)
        return Walls(np.zeros((0, 4)), np.zeros(1, np.int64), np.zeros(0), scene)
    require_polygons(buildings, "buildings")
    values = np.asarray(buildings.geometry.values)
    if "height_m" in buildings:
        heights = buildings["height_m"].to_numpy(float, na_value=np.nan)
        if np.any(heights < 0):
            raise ColumnError(
                f"height_m must be 0 or more; wrong at {name_rows(buildings.index[heights < 0])}"
            )
    else:
        heights = np.full(len(buildings), np.nan)
    segments, offsets = directed_edges(values)
    return Walls(segments, offsets, heights, _bucket_grid(shapely.bounds(values)))


def _bucket_grid(boxes: NDArray[np.float64]) -> tuple[Any, ...]:
    """File boxes under every square cell they touch (CSR), about two boxes a cell."""
    low = boxes[:, :2].min(axis=0)
    size = boxes[:, 2:].max(axis=0) - low
    cell = max(float(np.sqrt(size[0] * size[1] / len(boxes) * 2.0)), float(size.max()) / 4000, 1.0)
    cols = int(size[0] // cell) + 1
    rows = int(size[1] // cell) + 1
    first = ((boxes[:, :2] - low) // cell).astype(np.int64)
    last = ((boxes[:, 2:] - low) // cell).astype(np.int64)
    wide = last[:, 0] - first[:, 0] + 1
    count = wide * (last[:, 1] - first[:, 1] + 1)
    item = np.repeat(np.arange(len(boxes)), count)
    rank = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    cells = (first[item, 1] + rank // wide[item]) * cols + first[item, 0] + rank % wide[item]
    order = np.argsort(cells, kind="stable")
    start = np.searchsorted(cells[order], np.arange(cols * rows + 1)).astype(np.int64)
    return (np.ascontiguousarray(boxes), start, item[order], low, cell, cols, rows)


def _mount(
    eyes: NDArray[np.float64], footprints: NDArray[Any], heights: NDArray[np.float64]
) -> None:
    """Move eyes that stand in or on a building to in front of its nearest wall, in place."""
    tree = shapely.STRtree(footprints)
    points = shapely.points(eyes[:, :2])
    camera, building = tree.query(points, predicate="dwithin", distance=_ON_WALL_M)
    if len(camera) == 0:
        return
    order = np.argsort(camera, kind="stable")
    camera, building = camera[order], building[order]
    tall = ~(heights[building] < eyes[camera, 2])
    touching = _touching(tree, footprints, np.unique(building[tall]))
    unions: dict[frozenset[int], Any] = {}

    def union(members: set[int]) -> Any:
        key = frozenset(members)
        if key not in unions:
            unions[key] = shapely.union_all(footprints[list(key)])
        return unions[key]

    blocks: dict[int, Any] = {}
    for eye, members in _groups(camera[tall], building[tall]):
        height = eyes[eye, 2]
        chosen: set[int] = set()
        waiting = members.tolist()
        while waiting:
            here = waiting.pop()
            if here not in chosen:
                chosen.add(here)
                waiting.extend(n for n in touching[here] if not heights[n] < height)
        blocks[eye] = union(chosen)
    low = np.flatnonzero(~tall & ~np.isin(camera, list(blocks)))
    on_edge = low[
        shapely.distance(shapely.boundary(footprints[building[low]]), points[camera[low]])
        <= _ON_WALL_M
    ]
    for eye, members in _groups(camera[on_edge], building[on_edge]):
        blocks[eye] = union(set(members.tolist()))
    _move_out(eyes, np.fromiter(blocks, np.int64), np.array(list(blocks.values()), dtype=object))


def _touching(
    tree: shapely.STRtree, footprints: NDArray[Any], seeds: NDArray[np.int64]
) -> dict[int, list[int]]:
    """The buildings each seed touches or overlaps, and theirs in turn."""
    out: dict[int, list[int]] = {}
    frontier = seeds
    while len(frontier):
        first, other = tree.query(footprints[frontier], predicate="intersects")
        order = np.argsort(first, kind="stable")
        ends = np.searchsorted(first[order], np.arange(1, len(frontier)))
        for here, met in zip(frontier.tolist(), np.split(other[order], ends), strict=True):
            out[here] = met.tolist()
        frontier = np.array(sorted(set(other.tolist()) - out.keys()), np.int64)
    return out


def _groups(
    camera: NDArray[np.int64], building: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each camera with its buildings, from pairs sorted by camera."""
    eyes, starts = np.unique(camera, return_index=True)
    ends = np.append(starts, len(camera))[1:]
    for eye, start, end in zip(eyes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield eye, building[start:end]


def _move_out(eyes: NDArray[np.float64], moved: NDArray[np.int64], blocks: NDArray[Any]) -> None:
    """Put eyes in front of the nearest wall of their block, in place; all at once where clear."""
    points = shapely.points(eyes[moved, :2])
    lines = shapely.shortest_line(points, shapely.boundary(blocks))
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    away = ends[:, 1] - ends[:, 0]
    length = np.hypot(away[:, 0], away[:, 1])
    inside = length > _ON_WALL_M
    targets = ends[:, 1].copy()
    targets[inside] += away[inside] / length[inside, None] * MOUNT_GAP_M
    free = inside & ~shapely.intersects_xy(blocks, targets[:, 0], targets[:, 1])
    eyes[moved[free], :2] = targets[free]
    for k in np.flatnonzero(~free):
        eyes[moved[k], :2] = _in_front(blocks[k], points[k])


def _in_front(block: Any, point: Any) -> tuple[float, float]:
    """A place just outside the block, at the point of its walls nearest to an eye on them."""
    line = shapely.shortest_line(point, shapely.boundary(block))
    x1, y1 = shapely.get_coordinates(line)[-1]
    turns = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    ring = np.column_stack([x1 + MOUNT_GAP_M * np.cos(turns), y1 + MOUNT_GAP_M * np.sin(turns)])
    free = ~shapely.intersects(block, shapely.points(ring))
    if not free.any() or free.all():
        return float(x1), float(y1)
    # The middle of the longest run of free directions is the one farthest from both walls.
    start = int(np.flatnonzero(~free)[0])
    run, best, middle = 0, 0, 0
    for k in range(1, len(turns) + 1):
        if free[(start + k) % len(turns)]:
            run += 1
            if run > best:
                best, middle = run, start + k - run // 2
        else:
            run = 0
    x, y = ring[middle % len(turns)]
    return float(x), float(y)


def _polygons(eyes: NDArray[np.float64], spans: NDArray[np.float64], walls: Walls) -> NDArray[Any]:
    """Run the kernel over all eyes, in chunks on all cores."""
    count = len(eyes)
    workers = os.cpu_count() or 1
    chunk = max(min(4096, -(-count // workers)), 1)
    starts = range(0, count, chunk)

    def work(lo: int) -> NDArray[Any]:
        hi = min(lo + chunk, count)
        xy, rings, offsets = sweep(
            eyes, spans, lo, hi, walls.segments, walls.offsets, walls.heights, walls.scene
        )
        return _assemble(xy, rings, offsets)

    if len(starts) == 0:
        return np.empty(0, dtype=object)
    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(work, starts)))


def _assemble(
    xy: NDArray[np.float64], rings: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[Any]:
    """Rings with their component and sign to valid (multi)polygons, one an eye."""
    count = len(offsets) - 1
    owner = np.repeat(np.arange(count), np.diff(offsets))
    # Of each component the outer ring comes first, its holes after it.
    order = np.lexsort((-rings[:, 3], rings[:, 2], owner))
    rings, owner = rings[order], owner[order]
    lengths = rings[:, 1] - rings[:, 0]
    ends = np.cumsum(lengths)
    rank = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    coordinates = xy[np.repeat(rings[:, 0], lengths) + rank]
    ring_offsets = np.concatenate([[0], ends])
    opens = rings[:, 3] > 0
    polygon_offsets = np.concatenate([np.flatnonzero(opens), [len(rings)]])
    geometry_offsets = np.searchsorted(owner[opens], np.arange(count + 1))
    out = shapely.from_ragged_array(
        shapely.GeometryType.MULTIPOLYGON,
        coordinates,
        (ring_offsets, polygon_offsets, geometry_offsets),
    )
    parts = shapely.get_num_geometries(out)
    single = parts == 1
    out[single] = shapely.get_geometry(out[single], 0)
    out[parts == 0] = shapely.Polygon()
    bad = ~shapely.is_valid(out)
    if bad.any():
        out[bad] = [_mended(view) for view in out[bad]]
    return np.asarray(out)


def _mended(view: Any) -> Any:
    """Rounding can leave rings that touch: keep the polygons of the valid equivalent."""
    parts = shapely.get_parts(shapely.make_valid(view))
    polygons = [p for p in shapely.get_parts(parts) if shapely.get_type_id(p) in (3, 6)]
    return shapely.union_all(polygons) if polygons else shapely.Polygon()
