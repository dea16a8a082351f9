"""Which layer of a file of several is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geo.errors import ReadError
from geo.ingest.headers import recognise
from geo.ingest.raw_table import Note
from geo.schema import LAYERS

OUTLINE = "outline"
"""In place of a register's name: the polygons of a region, which need no columns."""


@dataclass(frozen=True)
class Offer:
    """A layer that a file has."""

    name: str
    fields: tuple[str, ...]
    shape: str | None
    """Kind of its geometry, such as MultiPolygon; None where it has none."""


def choose_layer(
    file: str, offers: Sequence[Offer], layer: str, part: str | None, notes: list[Note]
) -> Offer:
    """Return the layer to read; the others are added to the notes.

    Parameters
    ----------
    file : its name, for messages.
    offers : the layers it has.
    layer : the register it is for, or `OUTLINE`.
    part : name of the layer that the user wants.
    notes : where layers that are not read are reported.

    Raises
    ------
    ReadError : there is none of that name, none with geometry, or several fit the register.
    """
    names = ", ".join(offer.name for offer in offers)
    if part is not None:
        fitting = [offer for offer in offers if offer.name == part]
        if not fitting:
            raise ReadError(f"{file} has no layer {part}; it has {names}")
    else:
        spatial = [offer for offer in offers if offer.shape is not None]
        if not spatial:
            raise ReadError(f"{file} has no layer with geometry; give a layer with geometry")
        fitting = spatial if len(spatial) == 1 else [o for o in spatial if _fits(o, layer)]
        if len(fitting) != 1:
            which = "several of them fit" if fitting else "none of them clearly fits"
            wanted = "an outline" if layer == OUTLINE else layer
            raise ReadError(
                f"{file} has the layers {names}, and {which} {wanted}; name one with --layer"
            )
    chosen = fitting[0]
    notes += [
        Note("layer not read", f"{offer.name}; --layer NAME reads another one")
        for offer in offers
        if offer is not chosen
    ]
    return chosen


def _fits(offer: Offer, layer: str) -> bool:
    """Whether a layer has the key of the register, and shapes such as its own."""
    shape = (offer.shape or "").casefold()
    if layer == OUTLINE:
        return "polygon" in shape
    if layer not in LAYERS:
        return False
    spec = LAYERS[layer]
    alike = spec.shape in shape or not any(kind in shape for kind in ("point", "line", "polygon"))
    return alike and spec.key[-1] in recognise(layer, offer.fields).columns
