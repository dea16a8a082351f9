"""Surveillance cameras by their tags."""

from __future__ import annotations

import re
from typing import Any

from geo.directions import Direction, directions_to_text
from geo.import_reasons import ReasonCode
from geo.osm.directions import parse_directions
from geo.osm.features import Note, Result, Row, Skipped, Tags, select_tags
from geo.osm.measures import length_m

_CAMERA_TYPES = {"camera", "alpr", "anpr", "lpr"}
"""Values of `surveillance:type` that are cameras."""
_KINDS = {
    "fixed": "fixed",
    "static": "fixed",
    "bullet": "fixed",
    "dome": "dome",
    "panning": "ptz",
    "ptz": "ptz",
    "panorama": "panoramic",
    "panoramic": "panoramic",
    "fisheye": "panoramic",
    "360": "panoramic",
}
"""Kind by value of `camera:type`."""
_PLACE_KINDS = {
    "traffic": "road",
    "street": "road",
    "bank": "finance",
    "atm": "finance",
    "shop": "commerce",
    "station": "station",
    "public_transport_platform": "station",
    "square": "square",
    "school": "school",
    "hospital": "hospital",
}
"""Kind of place by value of `surveillance:zone`."""
_EXTRA_TAGS = (
    "surveillance",
    "surveillance:type",
    "surveillance:zone",
    "camera:type",
    "camera:mount",
    "camera:direction",
    "direction",
    "camera:angle",
    "height",
    "ref",
    "level",
    "manufacturer",
    "model",
)
_GREATEST_HEIGHT_M = 500.0


def camera(tags: Tags) -> list[Result]:
    """Return the row of a camera; further directions are in ``other_directions``.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the object.

    Returns
    -------
    list of Row or Skipped
        One row, one reason to leave the object out, or nothing if it is no surveillance.

    Examples
    --------
    >>> row = camera({"man_made": "surveillance", "camera:type": "dome", "direction": "NE"})[0]
    >>> row.values["kind"], row.values["bearing_deg"]
    ('dome', 45.0)
    """
    surveillance_type = tags.get("surveillance:type", "").casefold()
    if tags.get("man_made") != "surveillance" and surveillance_type not in _CAMERA_TYPES:
        return []
    if surveillance_type and not _CAMERA_TYPES & {
        part.strip() for part in surveillance_type.split(";")
    }:
        return [
            Skipped("cameras", ReasonCode.NOT_A_CAMERA, f"surveillance:type={surveillance_type}")
        ]
    notes: list[Note] = []
    values: dict[str, Any] = {
        "name": tags.get("name") or tags.get("ref"),
        "kind": _kind(tags, surveillance_type),
        "owner": tags.get("operator"),
        "room": _room(tags),
        "place_kinds": _place_kinds(tags),
        "height_m": _height(tags, notes),
        "tilt_deg": _tilt(tags, notes),
    }
    if any(tags.get(key) == "yes" for key in ("disused", "abandoned", "removed")):
        values["status"] = "retired"
    directions = _directions(tags, notes)
    first, *others = directions or [Direction(None)]
    if others:
        notes.append(
            (ReasonCode.SEVERAL_DIRECTIONS, "bearing_deg", f"{len(directions)} directions")
        )
    values |= {"bearing_deg": first.bearing_deg, "fov_deg": first.fov_deg}
    values["other_directions"] = directions_to_text(others) or None
    return [Row("cameras", values, select_tags(tags, *_EXTRA_TAGS), tuple(notes))]


def _kind(tags: Tags, surveillance_type: str) -> str:
    kind = _KINDS.get(tags.get("camera:type", "").casefold())
    if kind is not None:
        return kind
    return "fixed" if surveillance_type in _CAMERA_TYPES - {"camera"} else "unknown"


def _room(tags: Tags) -> str:
    """Return whether the camera is indoors or outdoors."""
    surveillance = tags.get("surveillance", "")
    if surveillance == "indoor" or tags.get("indoor") in ("yes", "room", "corridor"):
        return "indoor"
    if surveillance in ("outdoor", "public") or tags.get("indoor") == "no":
        return "outdoor"
    return "unknown"


def _place_kinds(tags: Tags) -> str | None:
    """Return the kinds of place under surveillance, separated by slashes."""
    zones = [zone.strip() for zone in tags.get("surveillance:zone", "").split(";") if zone.strip()]
    return "/".join(dict.fromkeys(_PLACE_KINDS.get(zone, zone) for zone in zones)) or None


def _height(tags: Tags, notes: list[Note]) -> float | None:
    """Return the height above the ground in metres; add a note for each unreadable tag."""
    for key in ("height", "camera:height"):
        if key in tags:
            height_m = length_m(tags[key])
            if height_m is not None and 0.0 < height_m <= _GREATEST_HEIGHT_M:
                return height_m
            notes.append((ReasonCode.HEIGHT_NOT_UNDERSTOOD, "height_m", f"{key}={tags[key]}"))
    return None


def _tilt(tags: Tags, notes: list[Note]) -> float | None:
    """Return `camera:angle` as degrees below the horizontal."""
    text = tags.get("camera:angle")
    if text is None:
        return None
    plain = text.strip().removesuffix("°").strip()
    if re.fullmatch(r"[+-]?\d{1,3}(?:\.\d+)?", plain) and abs(float(plain)) <= 90.0:
        return float(plain)
    notes.append((ReasonCode.TILT_NOT_UNDERSTOOD, "tilt_deg", f"camera:angle={text}"))
    return None


def _directions(tags: Tags, notes: list[Note]) -> list[Direction]:
    """Return the directions of a camera; add a note for each unreadable tag."""
    for key in ("camera:direction", "direction"):
        if key in tags:
            directions = parse_directions(tags[key])
            if directions:
                return directions
            notes.append((ReasonCode.DIRECTION_NOT_UNDERSTOOD, "bearing_deg", f"{key}={tags[key]}"))
    return []
