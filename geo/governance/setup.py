"""The set-up checklist: which inputs are present, partial or missing, and the next command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["present", "partial", "missing"]
_ENOUGH = 0.9
"""From this share of rows on, an attribute counts as present."""


@dataclass(frozen=True)
class Holdings:
    """Numbers of rows of the registers, and of rows with the values that results need."""

    areas: int = 0
    """Rows of the register; so are the other counts without a text of their own."""
    grids: int = 0
    cameras: int = 0
    directed_cameras: int = 0
    """Cameras that are not omnidirectional."""
    cameras_with_bearing: int = 0
    buildings: int = 0
    buildings_with_height: int = 0
    streets: int = 0
    landcover: int = 0
    incidents: int = 0
    key_places: int = 0
    computed: bool = False
    """Whether there are results."""
    changed: bool = False
    """Whether a register changed since the last computation."""


@dataclass(frozen=True)
class Step:
    """One line of the checklist."""

    key: str
    """Name of the step, such as ``grids``."""
    state: State
    """Whether the input is present, partial or missing."""
    essential: bool
    """Whether there is no map without it."""
    count: int | None
    """Number of rows; None where rows are not counted."""
    share: float | None
    """Share of the rows with the attribute, 0 to 1; None where none is needed."""
    command: str | None
    """Command to run next; None where nothing is missing."""


def setup_steps(have: Holdings) -> list[Step]:
    """Return the lines of the checklist, in the recommended order.

    Parameters
    ----------
    have : Holdings
        Numbers of rows of the registers.

    Returns
    -------
    list of Step
        One line per input, and one for the computation.

    Examples
    --------
    >>> [step.key for step in setup_steps(Holdings()) if step.essential]
    ['grids', 'cameras', 'refresh']
    """
    layers = (("areas", have.areas), ("buildings", have.buildings), ("streets", have.streets))
    within = next((layer for layer, rows in layers if rows), "FILE")
    make_grids = f"gridcover grids make --within {within} --cell 250"
    refreshed: State = "missing" if not have.computed else "partial" if have.changed else "present"
    refresh = None if refreshed == "present" else "gridcover refresh"
    return [
        _rows("areas", have.areas, "gridcover import areas FILE"),
        _rows("grids", have.grids, make_grids, essential=True),
        _rows("cameras", have.cameras, "gridcover import cameras FILE", essential=True),
        _rows("buildings", have.buildings, "gridcover import osm FILE.osm.pbf"),
        Step("refresh", refreshed, True, None, None, refresh),
        _share(
            "bearings",
            have.directed_cameras,
            have.cameras_with_bearing,
            "gridcover import cameras FILE",
        ),
        _share(
            "heights",
            have.buildings,
            have.buildings_with_height,
            "gridcover import buildings FILE",
        ),
        _rows("streets", have.streets, "gridcover import osm FILE.osm.pbf"),
        _rows("landcover", have.landcover, "gridcover import osm FILE.osm.pbf"),
        _rows("incidents", have.incidents, "gridcover import incidents FILE"),
        _rows("key_places", have.key_places, "gridcover import key-places FILE"),
    ]


def next_step(steps: list[Step]) -> Step | None:
    """Return the first missing line without which there is no map.

    Parameters
    ----------
    steps : list of Step
        Lines of the checklist.

    Returns
    -------
    Step or None
        None if there is a map.

    Examples
    --------
    >>> next_step(setup_steps(Holdings())).key
    'grids'
    """
    return next((step for step in steps if step.essential and step.state == "missing"), None)


def _rows(key: str, count: int, command: str, *, essential: bool = False) -> Step:
    state: State = "present" if count else "missing"
    return Step(key, state, essential, count, None, None if count else command)


def _share(key: str, rows: int, known: int, command: str) -> Step:
    share = known / rows if rows else None
    state: State = "missing" if not known else "present" if known >= _ENOUGH * rows else "partial"
    return Step(key, state, False, known, share, None if state == "present" else command)
