"""Buildings and their parts: which stand on the ground, and how high they are."""

from __future__ import annotations

from geo.osm.features import PARTS, Result, Row, Skipped, Tags, kept_tags
from geo.osm.measures import base_of, height_of

_NOT_STANDING = {
    "no", "proposed", "planned", "demolished", "razed", "removed", "destroyed", "collapsed", "ruins",
}  # fmt: skip
_OPEN_BELOW = {"roof", "carport", "canopy"}
_SEES_BENEATH_M = 2.5
"""From this height of its lower side on, a building is taken as open at the ground."""
_KEPT = (
    "building", "building:part", "height", "building:levels", "roof:height", "roof:levels", "min_height", "name",
)  # fmt: skip


def building(tags: Tags, storey_m: float) -> list[Result]:
    """Return the row of a building or of a part of one."""
    is_part = tags.get("building:part", "no") != "no"
    is_outline = "building" in tags and tags["building"] != "no"
    if not is_part and not is_outline:
        return []
    layer = "buildings" if is_outline else PARTS
    kind = tags["building"] if is_outline else tags["building:part"]
    reason = _why_not(tags, kind)
    if reason is None:
        base = base_of(tags, storey_m)
        if not is_outline and base > 0.0:
            reason = "part above the ground"
        elif base >= _SEES_BENEATH_M:
            reason = "open at the ground"
    if reason is not None:
        return [Skipped("buildings", reason, kind)]
    height, unreadable = height_of(tags, storey_m)
    notes = tuple(("height not understood", "height_m", f"{key}={tags[key]}") for key in unreadable)
    return [Row(layer, {"height_m": height}, kept_tags(tags, *_KEPT), notes)]


def _why_not(tags: Tags, kind: str) -> str | None:
    if kind in _NOT_STANDING:
        return "not standing"
    if kind in _OPEN_BELOW or tags.get("wall") == "no":
        return "open at the ground"
    # A building in a tunnel or on a negative layer lies under the ground that cameras see.
    if tags.get("location") == "underground" or tags.get("layer", "").startswith("-"):
        return "under the ground"
    levels = tags.get("building:levels")
    if levels == "0" and "height" not in tags and "building:levels:underground" in tags:
        return "under the ground"
    return None
