"""Results of one OpenStreetMap object: rows of registers, or the reason to leave it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geo.import_reasons import ReasonCode

Tags = Mapping[str, str]
"""Tags of an object: value by key."""
Note = tuple[ReasonCode, str, str]
"""Remark on a row: reason, column and text that was not understood."""

LAYERS = ("areas", "landcover", "streets", "buildings", "key-places", "cameras")
"""Layers that an extract can fill, in the order in which they are stored."""
PARTS = "building-parts"
"""Intermediate layer of building parts, which become rows of the layer of buildings."""


@dataclass(frozen=True)
class Row:
    """A row of a layer; its key is that of the object."""

    layer: str
    values: dict[str, Any]
    """Value by column."""
    extra: dict[str, str]
    """Tags that are stored unchanged."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """An object that belongs to a layer by its tags but is left out."""

    layer: str
    reason: ReasonCode
    detail: str
    parameter: str = ""
    """Parameter of the reason, if it has one."""


Result = Row | Skipped


def select_tags(tags: Tags, *keys: str) -> dict[str, str]:
    """Return the tags of the given keys that an object has.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the object.
    *keys : str
        Keys to select.

    Returns
    -------
    dict of str to str
        Value by key.
    """
    return {key: tags[key] for key in keys if key in tags}


def names(tags: Tags) -> tuple[str | None, str | None]:
    """Return the name and the English name of an object.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the object.

    Returns
    -------
    name : str or None
        Chinese name, else the local one, else the English one.
    english : str or None
        ``name:en``, else the local name if it differs from the Chinese one.

    Examples
    --------
    >>> names({"name": "Kauppatori", "name:zh": "集市广场"})
    ('集市广场', 'Kauppatori')
    """
    local = tags.get("name")
    name = tags.get("name:zh-Hans") or tags.get("name:zh") or local
    english = tags.get("name:en") or (local if local != name else None)
    return name or english, english
