"""What the registers hold, as the set-up checklist asks for it."""

from __future__ import annotations

from geo.governance.setup import Holdings
from geo.store.database import Conn, dict_rows


def holdings(conn: Conn) -> Holdings:
    """Return how many rows the registers hold, and how many of them have what the computation needs.

    Of a camera that looks all round no bearing is asked.
    """
    (row,) = dict_rows(
        conn,
        "SELECT (SELECT count(*) FROM areas)::integer AS areas, (SELECT count(*) FROM grids)::integer AS grids, "
        "c.*, b.*, (SELECT count(*) FROM streets)::integer AS streets, "
        "(SELECT count(*) FROM landcover)::integer AS landcover, "
        "(SELECT count(*) FROM incidents)::integer AS incidents, "
        "(SELECT count(*) FROM key_places)::integer AS key_places, "
        "EXISTS (SELECT 1 FROM latest_run) AS computed, refresh_is_due() AS changed "
        "FROM (SELECT count(*)::integer AS cameras, count(*) FILTER (WHERE directed)::integer AS directed_cameras, "
        "count(*) FILTER (WHERE directed AND bearing_deg IS NOT NULL)::integer AS cameras_with_bearing "
        "FROM (SELECT bearing_deg, kind NOT IN ('ptz', 'panoramic') AND coalesce(fov_deg, 0) < 360 AS directed "
        "FROM cameras) kinds) c, "
        "(SELECT count(*)::integer AS buildings, count(height_m)::integer AS buildings_with_height "
        "FROM buildings) b",
    )
    return Holdings(**row)
