"""Coverage as maps ask for it: one figure of every grid, one grid's card, blind spots in order."""

from __future__ import annotations

from typing import Any, Literal

from psycopg import sql
from psycopg.rows import dict_row

from geo.store.database import Conn, dict_rows
from geo.store.read import GRIDS_BENEATH

Measure = Literal[
    "open_covered_share", "covered_share", "twice_covered_share", "risk", "population"
]
_MINE = f"(%(area)s::text IS NULL OR grid IN ({GRIDS_BENEATH}))"


def grid_values(conn: Conn, measure: Measure, run: int) -> list[tuple[Any, ...]]:
    """Code, community, the figure as of a run, and the ground it is a share of (m²), of all grids.

    `risk` is by year and as of the newest run: incidents expected on ground that no camera sees; the ground
    of `population` is the whole grid.
    """
    if measure == "risk":
        return conn.execute(
            "SELECT g.code, g.community, sum(b.risk), sum(b.area_m2) FROM grids g "
            "LEFT JOIN blind_spots b ON b.grid = g.code GROUP BY g.code ORDER BY g.code"
        ).fetchall()
    if measure == "population":
        return conn.execute(
            "SELECT g.code, g.community, g.population, c.area_m2 FROM grids g LEFT JOIN LATERAL "
            "(SELECT area_m2 FROM grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c ON true "
            "ORDER BY g.code"
        ).fetchall()
    ground = "open_m2" if measure == "open_covered_share" else "area_m2"
    query = sql.SQL(
        "SELECT g.code, g.community, c.{}, c.{} FROM grids g LEFT JOIN LATERAL "
        "(SELECT * FROM grid_coverage WHERE grid = g.code AND run <= %s ORDER BY run DESC LIMIT 1) c "
        "ON true ORDER BY g.code"
    ).format(sql.Identifier(measure), sql.Identifier(ground))
    return conn.execute(query, (run,)).fetchall()


def quality_values(conn: Conn, cameras: str, light: str, image: str) -> list[tuple[Any, ...]]:
    """As `grid_values`, of the open ground that some cameras see in an image of some class."""
    return conn.execute(
        "SELECT g.code, g.community, (q.shares #>> %s)::float8, c.open_m2 FROM grids g "
        "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code LEFT JOIN LATERAL "
        "(SELECT open_m2 FROM grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c ON true "
        "ORDER BY g.code",
        ([cameras, light, image],),
    ).fetchall()


def cameras_used(conn: Conn) -> tuple[int, float]:
    """How many cameras the newest coverage rests on, and of how many of them something was assumed (0 to 1)."""
    row = conn.execute(
        "SELECT count(*), coalesce(avg(assumed::integer), 0)::float8 FROM camera_views"
    ).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


def names_of(conn: Conn, codes: list[str]) -> dict[str, list[str | None]]:
    """Name and English name of some grids and areas."""
    rows = conn.execute(
        "SELECT code, name, name_en FROM grids WHERE code = ANY(%(codes)s) "
        "UNION ALL SELECT code, name, name_en FROM areas WHERE code = ANY(%(codes)s)",
        {"codes": codes},
    ).fetchall()
    return {str(code): [name, name_en] for code, name, name_en in rows}


def grid_card(conn: Conn, code: str) -> dict[str, Any] | None:
    """All that a grid's card tells, but for its people and cameras; None for no such grid."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT g.code, g.name, g.name_en, g.kind, g.population, g.community, "
            "a.name AS community_name, a.name_en AS community_name_en, s.code AS subdistrict, "
            "s.name AS subdistrict_name, s.name_en AS subdistrict_name_en, box_of(g.geometry) AS box, "
            "c.run, r.finished_at AS computed_at, c.area_m2, c.open_m2, c.covered_m2, c.covered_share, "
            "c.open_covered_share, c.twice_covered_share, c.cameras, d.count AS incidents, d.per_km2, "
            "d.per_1000_people, q.shares AS quality, "
            "(SELECT count(*) FROM blind_spots b WHERE b.grid = g.code)::integer AS blind_spots, "
            "(SELECT sum(area_m2) FROM blind_spots b WHERE b.grid = g.code) AS blind_m2, "
            "(SELECT sum(risk) FROM blind_spots b WHERE b.grid = g.code) AS risk "
            "FROM grids g LEFT JOIN areas a ON a.code = g.community LEFT JOIN areas s ON s.code = a.parent "
            "LEFT JOIN LATERAL (SELECT * FROM grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c "
            "ON true LEFT JOIN runs r ON r.id = c.run LEFT JOIN grid_density d ON d.grid = g.code "
            "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code WHERE g.code = %s",
            (code,),
        ).fetchone()
    if row is None:
        return None
    row["trend"] = dict_rows(
        conn,
        "SELECT c.run, r.finished_at AS at, c.open_covered_share, c.covered_share, c.cameras "
        "FROM grid_coverage c JOIN runs r ON r.id = c.run WHERE c.grid = %s ORDER BY c.run",
        (code,),
    )
    row["months"] = dict_rows(
        conn,
        "SELECT to_char(month, 'YYYY-MM') AS month, sum(count)::integer AS count FROM grid_incidents "
        "WHERE grid = %s GROUP BY 1 ORDER BY 1",
        (code,),
    )
    return row


def cameras_of(conn: Conn, code: str, limit: int) -> list[dict[str, Any]]:
    """The cameras that stand in a grid or see some of it, those in it first."""
    return dict_rows(
        conn,
        "WITH g AS (SELECT geometry FROM grids WHERE code = %s) "
        "SELECT c.code, c.name, c.kind, c.status, ST_Intersects(c.geometry, g.geometry) AS inside, "
        "coalesce(v.assumed, false) AS assumed, ST_X(c.geometry) AS lon, ST_Y(c.geometry) AS lat "
        "FROM g JOIN cameras c ON true LEFT JOIN camera_views v ON v.camera = c.code "
        "WHERE (c.geometry && g.geometry AND ST_Intersects(c.geometry, g.geometry)) OR c.code IN "
        "(SELECT camera FROM camera_views w, g WHERE w.geometry && g.geometry "
        "AND ST_Intersects(w.geometry, g.geometry)) "
        "ORDER BY inside DESC, c.code LIMIT %s",
        (code, limit),
    )


def ranked_blind_spots(
    conn: Conn, by: Literal["area", "risk"], area: str | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Blind spots of an area, worst first, and the sums of all of them: `spots`, `area_m2`, `risk`."""
    order = "risk DESC NULLS LAST, area_m2 DESC" if by == "risk" else "area_m2 DESC"
    rows = dict_rows(
        conn,
        f"SELECT b.grid, b.number, g.name AS grid_name, g.name_en AS grid_name_en, b.area_m2, "
        "b.widest_m, b.risk, box_of(b.geometry) AS box FROM (SELECT * FROM blind_spots "
        f"WHERE {_MINE} ORDER BY {order}, grid, number "
        "LIMIT %(limit)s OFFSET %(offset)s) b LEFT JOIN grids g ON g.code = b.grid "
        f"ORDER BY {order}, b.grid, b.number".encode(),
        {"area": area, "limit": limit, "offset": offset},
    )
    for rank, row in enumerate(rows, offset + 1):
        row["rank"] = rank
    sums = dict_rows(
        conn,
        f"SELECT count(*)::integer AS spots, coalesce(sum(area_m2), 0) AS area_m2, sum(risk) AS risk "
        f"FROM blind_spots WHERE {_MINE}".encode(),
        {"area": area},
    )
    return rows, sums[0]


def search(conn: Conn, words: str, limit: int, *, cameras: bool) -> list[dict[str, Any]]:
    """Areas, grids, key places and cameras by code, name or device number; the best match first.

    Parameters
    ----------
    cameras : whether cameras are looked for.

    Returns
    -------
    Rows of `kind`, `code`, `name`, `name_en`, `within` (the name of where it lies), `box`.
    """
    needle = words.strip()
    like = "%" + needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    parts = [
        (
            "SELECT level AS kind, code, name, name_en, (SELECT name FROM areas p WHERE p.code = areas.parent) AS within, "
            "box_of(geometry) AS box FROM areas WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
        (
            "SELECT 'grid', code, name, name_en, (SELECT name FROM areas p WHERE p.code = grids.community), "
            "box_of(geometry) FROM grids WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
        (
            "SELECT 'key_place', code, name, name_en, kind, box_of(geometry) FROM key_places "
            "WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s"
        ),
    ]
    if cameras:
        parts.append(
            "SELECT 'camera', code, name, NULL, owner, box_of(geometry) FROM cameras "
            "WHERE code ILIKE %(like)s OR name ILIKE %(like)s"
        )
    # Of each kind some, so that a thousand cameras do not hide the one area of that name.
    some = " UNION ALL ".join(f"(SELECT * FROM ({part}) t LIMIT 500)" for part in parts)
    statement = (
        f"SELECT * FROM ({some}) found ORDER BY lower(code) = lower(%(needle)s) DESC, "
        "lower(name) = lower(%(needle)s) DESC NULLS LAST, starts_with(lower(coalesce(name, '')), lower(%(needle)s)) "
        "DESC, starts_with(lower(code), lower(%(needle)s)) DESC, array_position(ARRAY['district', 'subdistrict', "
        "'community', 'grid', 'key_place', 'camera'], kind), code LIMIT %(limit)s"
    )
    return dict_rows(conn, statement.encode(), {"like": like, "needle": needle, "limit": limit})
