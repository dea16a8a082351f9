"""Rules of the import of an OpenStreetMap extract, and its outcome by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geo.import_reasons import ReasonCode, RowAction, split_reason
from geo.ingest import ImportOutcome
from geo.osm.ground import ADMIN_LEVELS
from geo.osm.measures import STOREY_M

NAME = "osm"
"""Name of an extract where a layer is named."""
_FAULTS = frozenset(
    {
        ReasonCode.CUT_AT_EDGE,
        ReasonCode.RING_NOT_CLOSED,
        ReasonCode.TEXT_NOT_UTF8,
        ReasonCode.NO_COORDINATES,
        ReasonCode.LINE_WITHOUT_LENGTH,
    }
)
"""Reasons that are faults of the extract; others are choices of the import."""


@dataclass(frozen=True)
class Rules:
    """Rules of the import of an extract."""

    within: Path | None = None
    """File of polygons; objects that do not meet them are left out."""
    layers: tuple[str, ...] | None = None
    """Layers to fill; None for all except those that have rows of another source."""
    admin_levels: Mapping[int, str] = field(default_factory=lambda: dict(ADMIN_LEVELS))
    """Level of areas by `admin_level` of boundaries."""
    storey_m: float = STOREY_M
    """Height of a storey for a building whose height is not mapped."""
    replace: bool = False
    """Whether rows of earlier extracts that are not in this one are removed."""
    within_layer: str | None = None
    """Layer of `within`, if that file has several."""


@dataclass
class LayerOutcome:
    """Outcome of one layer."""

    layer: str
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    left_alone: int = 0
    """Number of rows of another source, because of which the layer was not filled."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Number of objects left out, by reason as `geo.import_reasons.reason_of` returns it."""
    noted: Counter[str] = field(default_factory=Counter)
    """Number of remarks on rows, by reason likewise."""

    @property
    def stored(self) -> int:
        """Return the number of rows of the extract that are in the store.

        Returns
        -------
        int
            Rows inserted, updated and unchanged.
        """
        return self.inserted + self.updated + self.unchanged

    @property
    def faults(self) -> int:
        """Return the number of objects left out because of a fault of the extract.

        Returns
        -------
        int
            Number of objects.
        """
        return sum(
            count
            for reason, count in self.skipped.items()
            if action_of(reason) == RowAction.REJECTED
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values for JSON.

        Returns
        -------
        dict of str to object
            The attributes by name, and ``stored``.
        """
        return {
            "layer": self.layer,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "left_alone": self.left_alone,
            "stored": self.stored,
            "skipped": dict(self.skipped),
            "noted": dict(self.noted),
        }


@dataclass(frozen=True)
class OsmOutcome(ImportOutcome):
    """Outcome of the import of an extract, in total and by layer."""

    layers: tuple[LayerOutcome, ...] = ()

    def reasons(self) -> list[tuple[RowAction, str, int]]:
        """Return the reasons of all layers.

        Returns
        -------
        list of tuple of (RowAction, str, int)
            Action, reason as a code and number, the most serious first.
        """
        counts: Counter[tuple[RowAction, str]] = Counter()
        order = list(RowAction)
        for layer in self.layers:
            for reason, count in layer.skipped.items():
                counts[action_of(reason), reason] += count
            for reason, count in layer.noted.items():
                counts[RowAction.NOTED, reason] += count
        ordered = sorted(
            counts.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])
        )
        return [(action, reason, count) for (action, reason), count in ordered]

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values for JSON, in total and by layer.

        Returns
        -------
        dict of str to object
            As `geo.ingest.ImportOutcome.as_dict`, and ``layers``.
        """
        return super().as_dict() | {"layers": [layer.as_dict() for layer in self.layers]}


def action_of(reason: str) -> RowAction:
    """Return whether an object left out for a reason counts as rejected or noted.

    Parameters
    ----------
    reason : str
        Reason to leave the object out, as `geo.import_reasons.reason_of` returns it.

    Returns
    -------
    RowAction
        Rejected for a fault of the extract, else noted.
    """
    code, _ = split_reason(reason)
    return RowAction.REJECTED if code in _FAULTS else RowAction.NOTED
