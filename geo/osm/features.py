"""What one OpenStreetMap object becomes: rows of our layers, or a reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tags = Mapping[str, str]
Geometry = Literal["itself", "disc", "middle"]

LAYERS = ("areas", "landcover", "streets", "buildings", "key-places", "cameras")
"""Layers that an extract can fill, in the order in which they are stored."""
PARTS = "building-parts"
"""Parts of buildings on their way to the layer of buildings."""


@dataclass(frozen=True)
class Row:
    """A row of a layer; its key is that of the object."""

    layer: str
    values: dict[str, Any]
    extra: dict[str, str]
    notes: tuple[tuple[str, str, str], ...] = ()
    """Reason, column and text of what was not understood."""


@dataclass(frozen=True)
class Skipped:
    """An object that belongs to a layer by its tags, and why it is left out."""

    layer: str
    reason: str
    detail: str


Result = Row | Skipped


def kept_tags(tags: Tags, *keys: str) -> dict[str, str]:
    """Return those of the tags that stay with a row as they are."""
    return {key: tags[key] for key in keys if key in tags}


def names(tags: Tags) -> tuple[str | None, str | None]:
    """Return the name and the English name of an object.

    The name is the Chinese one where there is one, else the local one; the English name is
    ``name:en``, else the local name where that is not the name already.
    """
    local = tags.get("name")
    name = tags.get("name:zh-Hans") or tags.get("name:zh") or local
    english = tags.get("name:en") or (local if local != name else None)
    return name or english, english
