"""What the process that reads an extract is asked for, and its words for what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geo.osm.features import LAYERS
from geo.osm.ground import ADMIN_LEVELS
from geo.osm.measures import STOREY_M

CUT, UNCLOSED, OUTSIDE = "cut at the extract's edge", "ring not closed", "outside the given area"
AGAIN = "again.json"
"""File of the ways that are buildings once more, as outer rings of relations; by way the relation."""


@dataclass(frozen=True)
class Request:
    """What to read, and under which rules."""

    file: str
    format: str
    folder: str
    layers: tuple[str, ...] = LAYERS
    admin_levels: dict[int, str] = field(default_factory=lambda: dict(ADMIN_LEVELS))
    storey_m: float = STOREY_M
    within: str | None = None
    """(Multi)polygon in EPSG:4326 as WKB in hex."""
    memory_bytes: int = 0
    cpu_s: int = 0

    @classmethod
    def of(cls, data: dict[str, Any]) -> Request:
        """Return the request that `dataclasses.asdict` and JSON made of one."""
        levels = {int(level): name for level, name in data["admin_levels"].items()}
        return cls(**data | {"layers": tuple(data["layers"]), "admin_levels": levels})
