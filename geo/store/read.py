"""Reading registers and results as GeoDataFrames and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from psycopg import sql
from psycopg.rows import dict_row

from geo.schema import LAYERS
from geo.store.changes import box_around, box_arrays
from geo.store.database import Conn, dict_rows
from geo.store.runs import Run, count_rows, latest_run, newest_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray


__all__ = ["Run", "count_rows", "latest_run", "newest_runs"]  # read beside the layers
Frame = TypeVar("Frame", bound=pd.DataFrame)


def frame_of(conn: Conn, query: sql.SQL | sql.Composed, params: Any = None) -> gpd.GeoDataFrame:
    """Rows of a query whose `geometry` is WKB of EPSG:4326."""
    with conn.cursor(binary=True) as cursor:
        cursor.execute(query, params)
        names = [c.name for c in cursor.description or ()]
        rows = cursor.fetchall()
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    shapes = shapely.from_wkb(np.array(columns.pop("geometry"), dtype=object))
    frame = pd.DataFrame(columns)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))


def keyed(frame: Frame, key: str) -> Frame:
    """Return a frame indexed by a column, which stays.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame or pandas.DataFrame
        Any table.
    key : str
        The column.

    Returns
    -------
    geopandas.GeoDataFrame or pandas.DataFrame
        The same rows. The index has no name: with that of the column, neither ``to_file`` nor
        ``to_parquet`` nor ``reset_index`` could tell the two apart.
    """
    return frame.set_index(key, drop=False).rename_axis(None)


_IN_BOXES = (
    " WHERE {key} IN (SELECT t.{key} FROM unnest(%(west)s::float8[], %(south)s::float8[], "
    "%(east)s::float8[], %(north)s::float8[]) AS b (w, s, e, n) "
    "JOIN {table} t ON t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326))"
)


# Of few boxes, the one around all of them finds the rows by the index; of many, each of them does.
_IN_FEW_BOXES = (
    " WHERE {key} = ANY(ARRAY(SELECT t.{key} FROM {table} t "
    "WHERE t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326) AND EXISTS (SELECT 1 FROM "
    "unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) AS b (w, s, e, n) "
    "WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326))))"
)
_FEW = 60


def _filter(
    table: str, key: str, codes: list[str] | None, boxes: Any
) -> tuple[sql.Composable, dict[str, Any]]:
    if codes is not None:
        return sql.SQL(" WHERE {} = ANY(%(codes)s)").format(sql.Identifier(key)), {"codes": codes}
    if boxes is not None:
        params = box_arrays(boxes)
        few = len(params["west"]) <= _FEW
        condition = sql.SQL(_IN_FEW_BOXES if few else _IN_BOXES).format(
            key=sql.Identifier(key), table=sql.Identifier(table)
        )
        return condition, params | box_around(boxes)
    return sql.SQL(""), {}


def read_layer(
    conn: Conn, name: str, *, codes: list[str] | None = None, boxes: Any = None
) -> gpd.GeoDataFrame:
    """One register in EPSG:4326, indexed by its key (kept as columns where it has two parts).

    Only the rows with the given keys, or whose box meets one of the given ones (west, south,
    east, north), where that is asked. Numbers that are missing are NaN; times are timezone-aware.
    """
    layer = LAYERS[name]
    columns = sql.SQL(", ").join(map(sql.Identifier, layer.names))
    where, params = _filter(layer.table, layer.key[0], codes, boxes)
    query = sql.SQL("SELECT {}, ST_AsBinary(geometry) AS geometry FROM {}{} ORDER BY {}").format(
        columns,
        sql.Identifier(layer.table),
        where,
        sql.SQL(", ").join(sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key),
    )
    frame = frame_of(conn, query, params)
    for column in layer.columns:
        if column.kind in ("number", "integer"):
            frame[column.name] = pd.to_numeric(frame[column.name]).astype(float)
        elif column.kind == "time":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True)
    return keyed(frame, layer.key[0]) if len(layer.key) == 1 else frame


def grid_codes(conn: Conn) -> set[str]:
    """Codes of all grids."""
    return {str(row[0]) for row in conn.execute("SELECT code FROM grids").fetchall()}


def area_codes(conn: Conn) -> set[str]:
    """Codes of all areas."""
    return {str(row[0]) for row in conn.execute("SELECT code FROM areas").fetchall()}


def area_levels(conn: Conn) -> list[str]:
    """Return the levels of which there are areas."""
    rows = conn.execute("SELECT DISTINCT level FROM areas ORDER BY level").fetchall()
    return [str(row[0]) for row in rows]


def count_other_grids(conn: Conn, prefix: str) -> int:
    """How many grids have a code that does not begin with `prefix`."""
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE NOT starts_with(code, %s)", (prefix,)
    ).fetchone()
    return int(row[0]) if row else 0


def district(conn: Conn) -> Any:
    """The district's (multi)polygon: its own area, else all areas, else all grids; or None."""
    for query in (
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM areas WHERE level = 'district'",
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM areas",
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM grids",
    ):
        row = conn.execute(query.encode()).fetchone()
        if row is not None and row[0] is not None:
            return shapely.from_wkb(bytes(row[0]))
    return None


def metric_crs_of(conn: Conn, run: int) -> str:
    """In which CRS a run measured."""
    row = conn.execute("SELECT metric_crs FROM runs WHERE id = %s", (run,)).fetchone()
    assert row is not None  # noqa: S101
    return str(row[0])


def grid_results(conn: Conn, run: int) -> gpd.GeoDataFrame:
    """Grids with their coverage as of a run and their density, indexed by code."""
    query = sql.SQL(
        "SELECT g.code, g.name, g.name_en, g.community, g.population, g.kind, "
        "c.area_m2, c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share, c.cameras, "
        "c.twice_covered_share, c.seen_by_0_share, c.seen_by_1_share, c.seen_by_2_share, "
        "c.seen_by_3_share, d.count, d.per_km2, d.per_1000_people, d.per_day, "
        "a.name AS community_name, a.name_en AS community_name_en, "
        "s.name AS subdistrict_name, s.name_en AS subdistrict_name_en, h.name AS head, "
        "ST_AsBinary(g.geometry) AS geometry "
        "FROM grids g LEFT JOIN LATERAL (SELECT * FROM grid_coverage WHERE grid = g.code "
        "AND run <= %(run)s ORDER BY run DESC LIMIT 1) c ON true "
        "LEFT JOIN grid_density d ON d.grid = g.code "
        "LEFT JOIN areas a ON a.code = g.community LEFT JOIN areas s ON s.code = a.parent "
        "LEFT JOIN LATERAL (SELECT name FROM grid_staff WHERE grid = g.code AND role = 'head' "
        "ORDER BY name LIMIT 1) h ON true ORDER BY g.code"
    )
    return keyed(frame_of(conn, query, {"run": run}), "code")


def blind_spot_results(conn: Conn, limit: int) -> gpd.GeoDataFrame:
    """The largest blind spots, ranked."""
    query = sql.SQL(
        "SELECT row_number() OVER (ORDER BY b.area_m2 DESC, b.grid, b.number)::integer AS rank, "
        "b.grid, g.name AS grid_name, g.name_en AS grid_name_en, b.area_m2, b.widest_m, "
        "ST_AsBinary(b.geometry) AS geometry FROM "
        "(SELECT * FROM blind_spots ORDER BY area_m2 DESC, grid, number LIMIT %s) b "
        "LEFT JOIN grids g ON g.code = b.grid ORDER BY rank"
    )
    return frame_of(conn, query, (limit,))


def camera_results(conn: Conn) -> gpd.GeoDataFrame:
    """Cameras with the area of their view."""
    query = sql.SQL(
        "SELECT c.code, c.name, c.kind, c.status, c.bearing_deg, c.fov_deg, c.range_m, "
        "v.area_m2, v.assumed, ST_AsBinary(c.geometry) AS geometry "
        "FROM cameras c LEFT JOIN camera_views v ON v.camera = c.code ORDER BY c.code"
    )
    return frame_of(conn, query)


def camera_views(
    conn: Conn, *, codes: list[str] | None = None, boxes: Any = None
) -> gpd.GeoDataFrame:
    """The stored views, indexed by camera; some of them as in `read_layer`.

    `metric_wkb` is the view in the run's metric CRS, to the last bit.
    """
    where, params = _filter("camera_views", "camera", codes, boxes)
    query = sql.SQL(
        "SELECT camera, run, area_m2, assumed, inputs_digest, metric_wkb, "
        'ST_AsBinary(geometry) AS geometry FROM camera_views{} ORDER BY camera COLLATE "C"'
    ).format(where)
    return keyed(frame_of(conn, query, params), "camera")


def coverage_digests(conn: Conn, grids: list[str]) -> list[str]:
    """What the newest coverage of some grids rests on."""
    rows = conn.execute(
        "SELECT DISTINCT ON (grid) inputs_digest FROM grid_coverage WHERE grid = ANY(%s) "
        "ORDER BY grid, run DESC",
        (grids,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def coverage_figures(conn: Conn) -> NDArray[np.float64]:
    """Area, covered, open, and share of the open that is covered (0 without any), of all grids."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT area_m2, covered_m2, open_m2, coalesce(open_covered_share, 0) FROM "
            "(SELECT DISTINCT ON (grid) * FROM grid_coverage ORDER BY grid, run DESC) c "
            "WHERE EXISTS (SELECT 1 FROM grids g WHERE g.code = c.grid)"
        ).fetchall()
    return np.array(rows, float).reshape(-1, 4).T


def open_ground(conn: Conn) -> pd.Series:
    """Open ground of each grid by its newest coverage, m²."""
    rows = conn.execute(
        "SELECT DISTINCT ON (grid) grid, open_m2 FROM grid_coverage ORDER BY grid, run DESC"
    ).fetchall()
    return pd.Series([row[1] for row in rows], index=[row[0] for row in rows], dtype=float)


def open_coverage(conn: Conn, grids: list[str]) -> pd.DataFrame:
    """Open ground (m²) and the share of it that is seen, of some grids by their newest coverage."""
    rows = conn.execute(
        "SELECT DISTINCT ON (grid) grid, open_m2, open_covered_share FROM grid_coverage "
        "WHERE grid = ANY(%s) ORDER BY grid, run DESC",
        (grids,),
    ).fetchall()
    table = pd.DataFrame(rows, columns=["grid", "open_m2", "open_covered_share"])
    return table.set_index("grid").astype(float)


def any_grid(conn: Conn, boxes: Any) -> list[bool]:
    """Whether each of some boxes (west, south, east, north) meets the box of a grid."""
    rows = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM grids g WHERE g.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)) "
        "FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) "
        "WITH ORDINALITY AS b (w, s, e, n, k) ORDER BY b.k",
        box_arrays(boxes),
    ).fetchall()
    return [bool(row[0]) for row in rows]


GRIDS_BENEATH = (
    "WITH RECURSIVE down AS (SELECT code FROM areas WHERE code = %(area)s "
    "UNION SELECT a.code FROM areas a JOIN down d ON a.parent = d.code) "
    "SELECT code FROM grids WHERE code = %(area)s OR community IN (SELECT code FROM down)"
)
"""The grids of the area (or the grid) `area`, and of all beneath it."""


def grids_beneath(conn: Conn, area: str | None) -> list[str]:
    """Codes of the grids of an area and all beneath it, of one grid, or of all."""
    if area is None:
        return sorted(grid_codes(conn))
    rows = conn.execute(f"{GRIDS_BENEATH} ORDER BY code".encode(), {"area": area}).fetchall()
    return [str(row[0]) for row in rows]


def blind_spots_of(conn: Conn, grids: list[str]) -> gpd.GeoDataFrame:
    """Blind spots of some grids."""
    query = sql.SQL(
        "SELECT grid, number, area_m2, widest_m, ST_AsBinary(geometry) AS geometry FROM blind_spots "
        "WHERE grid = ANY(%s) ORDER BY grid, number"
    )
    return frame_of(conn, query, (grids,))


def spots_without_risk(conn: Conn, run: int) -> gpd.GeoDataFrame:
    """Blind spots whose risk does not rest on this run of the density."""
    query = sql.SQL(
        "SELECT grid, number, ST_AsBinary(geometry) AS geometry FROM blind_spots "
        "WHERE risk_run IS DISTINCT FROM %s ORDER BY grid, number"
    )
    return frame_of(conn, query, (run,))


def stale_patterns(conn: Conn) -> int | None:
    """The run whose density has no patterns yet; None where all is up to date."""
    row = conn.execute(
        "SELECT d.run FROM (SELECT max(run) AS run FROM grid_density) d WHERE d.run IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM grid_patterns p WHERE p.run = d.run)"
    ).fetchone()
    return int(row[0]) if row else None


def stale_quality(conn: Conn) -> dict[str, list[str]]:
    """Grids whose coverage is newer than their quality, and the key places that meet those."""
    grids = [
        str(row[0])
        for row in conn.execute(
            "SELECT g.code FROM grids g JOIN LATERAL (SELECT run FROM grid_coverage "
            "WHERE grid = g.code ORDER BY run DESC LIMIT 1) c ON true "
            "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code "
            "WHERE q.run IS NULL OR q.run < c.run ORDER BY g.code"
        ).fetchall()
    ]
    places = [
        str(row[0])
        for row in conn.execute(
            "SELECT p.code FROM key_places p "
            "LEFT JOIN area_quality q ON q.layer = 'key-places' AND q.code = p.code "
            "WHERE q.run IS NULL OR EXISTS (SELECT 1 FROM grids g "
            "WHERE g.code = ANY(%s) AND g.geometry && p.geometry) ORDER BY p.code",
            (grids,),
        ).fetchall()
    ]
    return {"grids": grids, "key-places": places}


def area_quality(conn: Conn, layer: str) -> pd.DataFrame:
    """Stored quality of the grids or key places: code, run, shares by cameras, light and class."""
    rows = dict_rows(
        conn, "SELECT code, run, shares FROM area_quality WHERE layer = %s ORDER BY code", (layer,)
    )
    return keyed(pd.DataFrame(rows, columns=["code", "run", "shares"]), "code")


def grid_staff(conn: Conn) -> list[dict[str, Any]]:
    """Staff of the grids: grid, role, name; phones are not told here."""
    return dict_rows(conn, "SELECT grid, role, name FROM grid_staff ORDER BY grid, role, name")


def staff_of(conn: Conn, grid: str, *, phones: bool) -> list[dict[str, Any]] | None:
    """Staff of one grid, with their phones only where that is asked; None for no such grid."""
    with conn.cursor(row_factory=dict_row) as cursor:
        if cursor.execute("SELECT 1 FROM grids WHERE code = %s", (grid,)).fetchone() is None:
            return None
        return cursor.execute(
            "SELECT role, name, CASE WHEN %s THEN phone END AS phone FROM grid_staff "
            "WHERE grid = %s ORDER BY role <> 'head', role, name",
            (phones, grid),
        ).fetchall()


def camera_record(conn: Conn, code: str) -> dict[str, Any] | None:
    """All that is known of one camera: its row, its status history, its areas; None for no such."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT c.*, ST_X(c.geometry) AS lon, ST_Y(c.geometry) AS lat, h.at AS status_told_at, "
            "v.area_m2 AS view_m2, v.assumed, g.code AS in_grid, g.name AS in_grid_name "
            "FROM cameras c LEFT JOIN camera_heard h ON h.camera = c.code "
            "LEFT JOIN camera_views v ON v.camera = c.code "
            "LEFT JOIN LATERAL (SELECT code, name FROM grids WHERE ST_Intersects(geometry, c.geometry) "
            "ORDER BY code LIMIT 1) g ON true WHERE c.code = %s",
            (code,),
        ).fetchone()
        if row is None:
            return None
        row.pop("geometry")
        row["history"] = cursor.execute(
            "SELECT since, status FROM camera_status WHERE camera = %s ORDER BY since DESC LIMIT 100",
            (code,),
        ).fetchall()
    return row


def camera_heard(conn: Conn) -> pd.Series:
    """When each camera's status was last told, UTC, by code."""
    rows = conn.execute(
        "SELECT camera, max(at) FROM (SELECT camera, since AS at FROM camera_status "
        "UNION ALL SELECT camera, at FROM camera_heard) t GROUP BY camera"
    ).fetchall()
    index = [str(row[0]) for row in rows]
    return pd.Series(pd.to_datetime([row[1] for row in rows], utc=True), index=index)


def camera_status_history(conn: Conn) -> pd.DataFrame:
    """Every status of every camera: camera, status, since."""
    rows = dict_rows(conn, "SELECT camera, status, since FROM camera_status ORDER BY camera, since")
    return pd.DataFrame(rows, columns=["camera", "status", "since"])


def names_of_areas(conn: Conn) -> list[dict[str, Any]]:
    """Areas with a place to write their name."""
    return dict_rows(
        conn,
        "SELECT code, name, name_en, level, parent, ST_Y(p.at) AS lat, ST_X(p.at) AS lon, "
        "box_of(geometry) AS box FROM areas, "
        "LATERAL (SELECT ST_PointOnSurface(geometry) AS at) p ORDER BY code",
    )


def areas_with_grids(conn: Conn) -> list[dict[str, Any]]:
    """Areas from the top down, each before those beneath it, with the number of its grids."""
    return dict_rows(
        conn,
        "WITH RECURSIVE down AS ("
        "SELECT code, name, name_en, level, 0 AS depth, ARRAY[code] AS path FROM areas "
        "WHERE parent IS NULL OR parent NOT IN (SELECT code FROM areas) "
        "UNION ALL SELECT a.code, a.name, a.name_en, a.level, d.depth + 1, d.path || a.code "
        "FROM areas a JOIN down d ON a.parent = d.code WHERE d.depth < 10) "
        "SELECT code, name, name_en, level, depth, (SELECT count(*) FROM grids g JOIN down b ON b.code = g.community "
        "WHERE down.code = ANY(b.path))::integer AS grids FROM down ORDER BY path",
    )


def path_of_area(conn: Conn, code: str) -> list[dict[str, Any]]:
    """An area or grid and the areas it lies in, from the top; empty for none of this code."""
    return dict_rows(
        conn,
        "WITH RECURSIVE up AS ("
        "SELECT code, name, name_en, level, parent, 0 AS steps FROM areas WHERE code = %(code)s "
        "UNION ALL (SELECT code, name, name_en, 'grid', community, 0 FROM grids "
        "WHERE code = %(code)s AND NOT EXISTS (SELECT 1 FROM areas WHERE code = %(code)s)) "
        "UNION ALL SELECT a.code, a.name, a.name_en, a.level, a.parent, up.steps + 1 "
        "FROM up JOIN areas a ON a.code = up.parent WHERE up.steps < 10) "
        "SELECT code, name, name_en, level FROM up ORDER BY steps DESC",
        {"code": code},
    )


def extent(conn: Conn) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the grids; where there are none, of the first register that has rows."""
    for table in ("grids", "areas", "cameras", "buildings", "streets", "incidents"):
        query = sql.SQL(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) "
            "FROM (SELECT ST_Extent(geometry) AS e FROM {}) t"
        ).format(sql.Identifier(table))
        row = conn.execute(query).fetchone()
        if row is not None and row[0] is not None:
            return (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
    return None
