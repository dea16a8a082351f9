"""The risk of blind spots: what incidents are to be expected where no camera sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd

from geo.incidents.risk import expected_incidents
from geo.store.connection import Conn
from geo.store.queries.blind_spots import read_blind_spots_without_risk, write_blind_spot_risk
from geo.store.queries.incidents import read_places_of_last_year
from geo.store.queries.runs import read_latest_run, refresh_transaction
from geo.store.queries.spatial_statistics import newest_density_run

if TYPE_CHECKING:
    from collections.abc import Callable


def refresh_risk(conn: Conn, progress: Callable[[str], None] = lambda _: None) -> int:
    """Work out the risk of the blind spots that are new, or of all where the incidents are.

    The caller's connection is committed.

    Returns
    -------
    How many blind spots were looked at.
    """
    with refresh_transaction(conn):
        run = read_latest_run(conn)
        counted = newest_density_run(conn)
        if run is None or counted is None:
            return 0
        spots = read_blind_spots_without_risk(conn, counted)
        if spots.empty:
            return 0
        progress(f"risk of {len(spots):,} blind spots")
        lon, lat = read_places_of_last_year(conn)
        places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326))
        risk = expected_incidents(
            spots.geometry.to_crs(run.metric_crs), places.to_crs(run.metric_crs)
        )
        write_blind_spot_risk(conn, counted, spots.assign(risk=risk))
        return len(spots)
