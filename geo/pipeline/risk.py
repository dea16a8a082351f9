"""The risk of blind spots: what incidents are to be expected where no camera sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd

from geo.risk import expected_incidents
from geo.store import incidents as stored
from geo.store import read, write
from geo.store.database import Conn

if TYPE_CHECKING:
    from collections.abc import Callable


def refresh_risk(conn: Conn, progress: Callable[[str], None] = lambda _: None) -> int:
    """Work out the risk of the blind spots that are new, or of all where the incidents are.

    The caller's connection is committed.

    Returns
    -------
    How many blind spots were looked at.
    """
    with write.refreshing(conn):
        run = read.latest_run(conn)
        counted = stored.newest_density(conn)
        if run is None or counted is None:
            return 0
        spots = read.spots_without_risk(conn, counted)
        if spots.empty:
            return 0
        progress(f"risk of {len(spots):,} blind spots")
        lon, lat = stored.places_of_last_year(conn)
        places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326))
        risk = expected_incidents(
            spots.geometry.to_crs(run.metric_crs), places.to_crs(run.metric_crs)
        )
        write.write_risk(conn, counted, spots.assign(risk=risk))
        return len(spots)
