"""Surveillance cameras by their tags."""

from __future__ import annotations

import re
from typing import Any

from geo.directions import Direction, to_text
from geo.osm.directions import parse_directions
from geo.osm.features import Result, Row, Skipped, Tags, kept_tags
from geo.osm.measures import length_m

_CAMERAS = {"camera", "alpr", "anpr", "lpr"}
_TYPES = {
    "fixed": "fixed", "static": "fixed", "bullet": "fixed", "dome": "dome", "panning": "ptz", "ptz": "ptz",
    "panorama": "panoramic", "panoramic": "panoramic", "fisheye": "panoramic", "360": "panoramic",
}  # fmt: skip
_ZONES = {
    "traffic": "road", "street": "road", "bank": "finance", "atm": "finance", "shop": "commerce", "station": "station",
    "public_transport_platform": "station", "square": "square", "school": "school", "hospital": "hospital",
}  # fmt: skip
_KEPT = (
    "surveillance", "surveillance:type", "surveillance:zone", "camera:type", "camera:mount", "camera:direction",
    "direction", "camera:angle", "height", "ref", "level", "manufacturer", "model",
)  # fmt: skip


def camera(tags: Tags) -> list[Result]:
    """Return the row of a camera; further directions that it looks in stand beside its bearing."""
    watches = tags.get("surveillance:type", "").casefold()
    if tags.get("man_made") != "surveillance" and watches not in _CAMERAS:
        return []
    if watches and not _CAMERAS & {part.strip() for part in watches.split(";")}:
        return [Skipped("cameras", "no camera", f"surveillance:type={watches}")]
    notes: list[tuple[str, str, str]] = []
    values: dict[str, Any] = {
        "name": tags.get("name") or tags.get("ref"),
        "kind": _kind(tags, watches),
        "owner": tags.get("operator"),
        "room": _room(tags),
        "place_kinds": _zones(tags),
        "height_m": _number(tags, ("height", "camera:height"), "height_m", notes),
        "tilt_deg": _tilt(tags, notes),
    }
    if any(tags.get(key) == "yes" for key in ("disused", "abandoned", "removed")):
        values["status"] = "retired"
    directions = _directions(tags, notes)
    first, *others = directions or [Direction(None)]
    if others:
        notes.append(("several directions", "bearing_deg", f"{len(directions)} directions"))
    values |= {"bearing_deg": first.bearing_deg, "fov_deg": first.fov_deg}
    values["other_directions"] = to_text(others) or None
    return [Row("cameras", values, kept_tags(tags, *_KEPT), tuple(notes))]


def _kind(tags: Tags, watches: str) -> str:
    kind = _TYPES.get(tags.get("camera:type", "").casefold())
    if kind is not None:
        return kind
    return "fixed" if watches in _CAMERAS - {"camera"} else "unknown"


def _room(tags: Tags) -> str:
    word = tags.get("surveillance", "")
    if word == "indoor" or tags.get("indoor") in ("yes", "room", "corridor"):
        return "indoor"
    return "outdoor" if word in ("outdoor", "public") or tags.get("indoor") == "no" else "unknown"


def _zones(tags: Tags) -> str | None:
    zones = [zone.strip() for zone in tags.get("surveillance:zone", "").split(";") if zone.strip()]
    return "/".join(dict.fromkeys(_ZONES.get(zone, zone) for zone in zones)) or None


def _number(
    tags: Tags, keys: tuple[str, ...], column: str, notes: list[tuple[str, str, str]]
) -> float | None:
    for key in keys:
        if key in tags:
            number = length_m(tags[key])
            if number is not None and 0.0 < number <= 500.0:
                return number
            notes.append(("height not understood", column, f"{key}={tags[key]}"))
    return None


def _tilt(tags: Tags, notes: list[tuple[str, str, str]]) -> float | None:
    """Return `camera:angle` as degrees below the horizon: 0 looks level, 90 straight down."""
    text = tags.get("camera:angle")
    if text is None:
        return None
    plain = text.strip().removesuffix("°").strip()
    if re.fullmatch(r"[+-]?\d{1,3}(?:\.\d+)?", plain) and abs(float(plain)) <= 90.0:
        return float(plain)
    notes.append(("angle not understood", "tilt_deg", f"camera:angle={text}"))
    return None


def _directions(tags: Tags, notes: list[tuple[str, str, str]]) -> list[Direction]:
    for key in ("camera:direction", "direction"):
        if key in tags:
            directions = parse_directions(tags[key])
            if directions:
                return directions
            notes.append(("direction not understood", "bearing_deg", f"{key}={tags[key]}"))
    return []
