"""Request to the process that reads an extract, and names that both sides use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geo.osm.features import LAYERS
from geo.osm.ground import ADMIN_LEVELS
from geo.osm.measures import STOREY_M

OUTER_RINGS_FILE = "outer_rings.json"
"""File of the relation by way, for ways that are outer rings of buildings."""
OUTCOME_FILE = "outcome.json"
"""File of the counts or the error of the process."""
REMARKS_FILE = "remarks.jsonl"
"""File of the remarks on single objects, one per line."""


@dataclass(frozen=True)
class Request:
    """File to read, and the rules for it."""

    file: str
    """Path of the extract."""
    format: str
    """``pbf`` or ``osm``."""
    folder: str
    """Folder for the results."""
    layers: tuple[str, ...] = LAYERS
    """Layers to fill."""
    admin_levels: dict[int, str] = field(default_factory=lambda: dict(ADMIN_LEVELS))
    """Level of areas by level of boundaries."""
    storey_m: float = STOREY_M
    """Height of a storey."""
    within: str | None = None
    """(Multi)polygon in EPSG:4326 as hexadecimal WKB; objects outside are left out."""
    memory_bytes: int = 0
    """Memory limit; 0 for none."""
    cpu_s: int = 0
    """Limit of processor time; 0 for none."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> Request:
        """Return the request that was written as JSON.

        Parameters
        ----------
        data : dict of str to object
            Attributes as `dataclasses.asdict` and JSON return them.

        Returns
        -------
        Request
            The request.
        """
        levels = {int(level): name for level, name in data["admin_levels"].items()}
        return cls(**data | {"layers": tuple(data["layers"]), "admin_levels": levels})
