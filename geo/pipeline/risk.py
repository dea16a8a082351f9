"""The risk stage: incidents expected on the ground of blind spots."""

from __future__ import annotations

import geopandas as gpd

from geo.incidents.risk import expected_incidents
from geo.pipeline.context import Progress, no_progress
from geo.store.connection import Conn
from geo.store.queries.blind_spots import read_blind_spots_without_risk, write_blind_spot_risk
from geo.store.queries.incidents import read_places_of_last_year
from geo.store.queries.runs import read_latest_run, refresh_transaction
from geo.store.queries.spatial_statistics import read_density_run


def refresh_risk(conn: Conn, progress: Progress = no_progress) -> int:
    """Compute the risk of the blind spots that are new, or of all if the incidents changed.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; it is committed.
    progress : callable, optional
        Called with the text of each step.

    Returns
    -------
    int
        Number of blind spots computed.
    """
    with refresh_transaction(conn):
        run = read_latest_run(conn)
        density_run = read_density_run(conn)
        if run is None or density_run is None:
            return 0
        spots = read_blind_spots_without_risk(conn, density_run)
        if spots.empty:
            return 0
        progress(f"risk of {len(spots):,} blind spots")
        lon, lat = read_places_of_last_year(conn)
        places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326))
        risk = expected_incidents(
            spots.geometry.to_crs(run.metric_crs), places.to_crs(run.metric_crs)
        )
        write_blind_spot_risk(conn, density_run, spots.assign(risk=risk))
        return len(spots)
