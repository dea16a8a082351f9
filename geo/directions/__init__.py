"""Directions that a camera looks in: points of the compass, sectors, and lists of both.

Readers of files build their own syntax on these (`geo.ingest.bearings`, `geo.osm.directions`);
the register and the analysis read one form of text (`to_text`, `from_text`).
"""

from geo.directions.compass import POINTS, apart, fold, point_of
from geo.directions.sectors import (
    ALL_ROUND,
    MOST_DIRECTIONS,
    Direction,
    combined,
    from_text,
    sector,
    to_text,
)

__all__ = [
    "ALL_ROUND",
    "MOST_DIRECTIONS",
    "POINTS",
    "Direction",
    "apart",
    "combined",
    "fold",
    "from_text",
    "point_of",
    "sector",
    "to_text",
]
