"""Directions that a camera looks in: points of the compass, sectors, and lists of both.

Readers of files build their own syntax on these (`geo.ingest.bearings`, `geo.osm.directions`);
the register and the analysis read one form of text (`directions_to_text`, `directions_from_text`).
"""

from geo.directions.compass import POINTS, apart, fold, point_of
from geo.directions.sectors import (
    ALL_ROUND,
    MOST_DIRECTIONS,
    Direction,
    combine_directions,
    directions_from_text,
    directions_to_text,
    sector,
)

__all__ = [
    "ALL_ROUND",
    "MOST_DIRECTIONS",
    "POINTS",
    "Direction",
    "apart",
    "combine_directions",
    "directions_from_text",
    "directions_to_text",
    "fold",
    "point_of",
    "sector",
]
