"""Buildings and building parts by their tags: whether they block views, and their height."""

from __future__ import annotations

from geo.import_reasons import ReasonCode
from geo.osm.features import PARTS, Result, Row, Skipped, Tags, select_tags
from geo.osm.measures import base_of, height_of

_NOT_STANDING = frozenset(
    (
        "no",
        "proposed",
        "planned",
        "demolished",
        "razed",
        "removed",
        "destroyed",
        "collapsed",
        "ruins",
    )
)
_OPEN_BELOW = frozenset(("roof", "carport", "canopy"))
_OPEN_BASE_M = 2.5
"""Height of the lower side from which a building counts as open at the ground."""
_EXTRA_TAGS = (
    "building",
    "building:part",
    "height",
    "building:levels",
    "roof:height",
    "roof:levels",
    "min_height",
    "name",
)


def building(tags: Tags, storey_m: float) -> list[Result]:
    """Return the row of a building or building part.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the object.
    storey_m : float
        Height of a storey in metres, for a building whose height is not mapped.

    Returns
    -------
    list of Row or Skipped
        One row, one reason to leave the object out, or nothing if it is no building.

    Examples
    --------
    >>> building({"building": "yes", "building:levels": "6"}, 3.0)[0].values
    {'height_m': 18.0}
    """
    is_part = tags.get("building:part", "no") != "no"
    is_outline = "building" in tags and tags["building"] != "no"
    if not is_part and not is_outline:
        return []
    layer = "buildings" if is_outline else PARTS
    kind = tags["building"] if is_outline else tags["building:part"]
    reason = _exclusion(tags, kind)
    if reason is None:
        base_m = base_of(tags, storey_m)
        if not is_outline and base_m > 0.0:
            reason = ReasonCode.PART_ABOVE_GROUND
        elif base_m >= _OPEN_BASE_M:
            reason = ReasonCode.OPEN_AT_GROUND
    if reason is not None:
        return [Skipped("buildings", reason, kind)]
    height_m, unreadable = height_of(tags, storey_m)
    notes = tuple(
        (ReasonCode.HEIGHT_NOT_UNDERSTOOD, "height_m", f"{key}={tags[key]}") for key in unreadable
    )
    return [Row(layer, {"height_m": height_m}, select_tags(tags, *_EXTRA_TAGS), notes)]


def _exclusion(tags: Tags, kind: str) -> ReasonCode | None:
    """Return the reason to leave a building out; None if it blocks views at the ground."""
    if kind in _NOT_STANDING:
        return ReasonCode.NOT_STANDING
    if kind in _OPEN_BELOW or tags.get("wall") == "no":
        return ReasonCode.OPEN_AT_GROUND
    # A building on a negative layer is below the ground that cameras see.
    if tags.get("location") == "underground" or tags.get("layer", "").startswith("-"):
        return ReasonCode.UNDERGROUND
    levels = tags.get("building:levels")
    if levels == "0" and "height" not in tags and "building:levels:underground" in tags:
        return ReasonCode.UNDERGROUND
    return None
