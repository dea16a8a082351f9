"""Notes on warnings of the libraries that read files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from geo.import_reasons import ReasonCode
from geo.ingest.raw_table import Note

_HARMLESS = re.compile(
    r"More than one layer found"  # the layer is chosen, and the others are reported
    r"|Several features with id|Feature id .* not unique|organizePolygons|driver supports only"
    r"|application_id|user_version|Driver .* does not support|does not contain a valid .*index"
    r"|Print area|Data Validation extension|Conditional Formatting extension|Unknown extension"
    r"|no default style|Cannot parse header or footer|Slicer List|Sparkline|wmf image format"
    r"|Geometry column .* does not contain|Measured \(M\) geometry types|SHAPE_RESTORE_SHX|shx",
    re.IGNORECASE,
)
"""Warnings that do not concern the data, or are reported by other means."""
_KNOWN = (
    (
        r"non closed ring|not closed|unclosed",
        ReasonCode.RING_NOT_CLOSED,
        "look at the shapes of the report",
    ),
    (r"truncat", ReasonCode.VALUES_TRUNCATED, "a value is longer than its column allows"),
    (
        r"out of range|too large|overflow|Integer|serial value outside|marked as a date",
        ReasonCode.VALUES_OUT_OF_RANGE,
        "these cells are empty or text",
    ),
    (
        r"encod|recode|UTF-8|utf8|cpg|codec",
        ReasonCode.ENCODING_DIFFERS_FROM_FILE,
        "check a few names",
    ),
    (
        r"geometry|ring|polygon|coordinate|point",
        ReasonCode.GEOMETRY_AGAINST_FORMAT,
        "features without a usable shape are reported one by one",
    ),
)
"""Pattern of warnings, reason and detail of the note."""
_UNKNOWN = (
    ReasonCode.FILE_AGAINST_FORMAT,
    "compare the number of rows and a few values",
)


def notes_of_warnings(warnings: Sequence[str]) -> list[Note]:
    """Return a note for each kind of warning that concerns the data.

    Parameters
    ----------
    warnings : sequence of str
        Warnings as the libraries word them; their text is not shown to the user.

    Returns
    -------
    list of Note
        At most one note per kind.

    Examples
    --------
    >>> notes = notes_of_warnings(["Value was truncated", "More than one layer found"])
    >>> [note.reason for note in notes]
    [<ReasonCode.VALUES_TRUNCATED: 'values_truncated'>]
    """
    notes: dict[ReasonCode, Note] = {}
    for text in warnings:
        if _HARMLESS.search(text):
            continue
        reason, detail = next(
            (
                (reason, detail)
                for pattern, reason, detail in _KNOWN
                if re.search(pattern, text, re.IGNORECASE)
            ),
            _UNKNOWN,
        )
        notes.setdefault(reason, Note(reason, detail))
    return list(notes.values())
