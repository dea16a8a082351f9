"""Choice of the layer to read from a file that has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geo.errors import ReadError
from geo.import_reasons import ReasonCode
from geo.ingest.headers import match_headers
from geo.ingest.raw_table import Note
from geo.schema import LAYERS

OUTLINE = "outline"
"""Used instead of the name of a register: the polygons of a region, which need no columns."""


@dataclass(frozen=True)
class FileLayer:
    """A layer of a file, as the file describes it."""

    name: str
    fields: tuple[str, ...]
    geometry_type: str | None
    """Type of the geometry (``MultiPolygon``); None if the layer has none."""


def choose_layer(
    file: str,
    available: Sequence[FileLayer],
    register: str,
    wanted: str | None,
    notes: list[Note],
) -> FileLayer:
    """Return the layer to read and add a note for each other one.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    available : sequence of FileLayer
        Layers of the file.
    register : str
        Name of the register to import into, or `OUTLINE`.
    wanted : str or None
        Name of the layer that the user selected; None to choose by geometry and headers.
    notes : list of Note
        Extended by one note for each layer that is not read.

    Returns
    -------
    FileLayer
        The selected layer, or the only one with geometry that fits the register.

    Raises
    ------
    ReadError
        If there is no layer of that name or none with geometry, or not exactly one fits.
    """
    names = ", ".join(layer.name for layer in available)
    if wanted is not None:
        candidates = [layer for layer in available if layer.name == wanted]
        if not candidates:
            raise ReadError(f"{file} has no layer {wanted}; it has {names}")
    else:
        spatial = [layer for layer in available if layer.geometry_type is not None]
        if not spatial:
            raise ReadError(f"{file} has no layer with geometry; give a layer with geometry")
        candidates = spatial
        if len(spatial) > 1:
            candidates = [layer for layer in spatial if _fits(layer, register)]
        if len(candidates) != 1:
            reason = "several of them fit" if candidates else "none of them clearly fits"
            purpose = "an outline" if register == OUTLINE else register
            raise ReadError(
                f"{file} has the layers {names}, and {reason} {purpose}; name one with --layer"
            )
    chosen = candidates[0]
    notes += [
        Note(ReasonCode.LAYER_NOT_READ, f"{layer.name}; --layer NAME reads another one")
        for layer in available
        if layer is not chosen
    ]
    return chosen


def _fits(layer: FileLayer, register: str) -> bool:
    """Return whether a layer has the key of the register and a geometry type that it accepts."""
    geometry_type = (layer.geometry_type or "").casefold()
    if register == OUTLINE:
        return "polygon" in geometry_type
    if register not in LAYERS:
        return False
    spec = LAYERS[register]
    is_generic = not any(kind in geometry_type for kind in ("point", "line", "polygon"))
    if not is_generic and spec.shape not in geometry_type:
        return False
    return spec.key[-1] in match_headers(register, layer.fields).columns
