"""Directions as people write them: degrees, points of the compass, sentences, ranges and lists.

The forms that are read, and their meaning:

==================================  =========================================================
``130``, ``130°``, ``12°30'``       degrees clockwise from true north
``WSW``, ``south-west``, ``西南``     16 points, words of many languages (`geo.directions.compass`)
``259° W``, ``W 259°``              a phone's compass: the number, if the point is within 45°
                                    of it; otherwise nothing
``N 30° E``                         a surveyor's quadrant: 30
``西偏北30度``, ``30° north of west``  from the first point towards the second: 300
``由西向东``, ``from west to east``   the side that is looked to: 90
``45-135``                          a sector, clockwise from the first to the second: bearing 90,
                                    field of view 90; ``315-45`` is 0 and 90
``90;180``, ``N/S``                 several directions of one device
``全向``, ``panoramic``              all round
``facing 130° to the gate``         the one number of the sentence with a degree sign or after a
                                    word for bearing
``looking north-east, gate 3``      the one point of the compass after a word for looking
==================================  =========================================================

The number of a road, junction or house, or a distance, has neither sign nor word, and gives no
direction; nor does the number of a field of view or tilt, or a point that is part of a name
(``North gate``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from geo.directions import ALL_ROUND, Direction, combine_directions, fold
from geo.ingest.bearing_forms import single_direction
from geo.ingest.bearing_sentences import direction_in_sentence
from geo.ingest.values import normalise_signs

__all__ = ["ALL_ROUND", "Direction", "directions_of"]

_LIST = re.compile(r"\s*(?:[;、/|&+\n]|\band\b|\bund\b|\bet\b|和|及|与)\s*")


def directions_of(value: object, *, decimal_comma: bool = False) -> tuple[Direction, ...]:
    """Return the directions that a cell gives, in the order written.

    Parameters
    ----------
    value : object
        A number or text; see the module for its forms.
    decimal_comma : bool, default False
        Whether the column has decimal commas: ``45,90`` is 45.9 then, and gives no direction
        otherwise, since it may be a list.

    Returns
    -------
    tuple of Direction
        Empty where the cell gives no direction. A single number is returned as it is, also beyond
        the full circle.

    Examples
    --------
    >>> directions_of("西偏北30度")
    (Direction(bearing_deg=300.0, fov_deg=None),)
    >>> [direction.bearing_deg for direction in directions_of("90;180")]
    [90.0, 180.0]
    """
    if isinstance(value, bool):
        return ()
    if isinstance(value, int | float):
        return (Direction(float(value)),)
    text = re.sub(r"\s+", " ", fold(normalise_signs(str(value)))).replace("−", "-")
    text = re.sub(
        r"^(?:约|大约|approx\.?|about|circa|ca\.|~)\s*|\s*(?:左右|approx\.?)$",
        "",
        text.strip(" .,:"),
    )
    if decimal_comma:
        text = re.sub(r"(?<![\d,])(\d{1,3}),(\d+)(?![\d,])", r"\1.\2", text)
    direction = single_direction(text)
    if direction is not None:
        return (direction,)
    for parts in _splits(text):
        directions = combine_directions(_in_full_turn(single_direction(part)) for part in parts)
        if directions:
            return directions
    direction = direction_in_sentence(text)
    return () if direction is None else (direction,)


def _in_full_turn(direction: Direction | None) -> Direction | None:
    """Return a direction of a list; None where its number is beyond the full circle."""
    if direction is None or not 0 <= (direction.bearing_deg or 0) <= 360:
        return None
    return direction


def _splits(text: str) -> Iterator[list[str]]:
    """Yield the parts of a text as a list; commas separate only where none is a decimal comma."""
    parts = [part.strip() for part in _LIST.split(text) if part.strip()]
    if len(parts) > 1:
        yield parts
    if re.search(r",\s|,\d{3}(?!\d)|,\D|[°度],", text):
        parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
        if len(parts) > 1:
            yield parts
