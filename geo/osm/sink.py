"""Output of an extraction: one Arrow file per layer, and remarks on single objects."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from geo.import_reasons import ReasonCode, reason_of
from geo.osm.features import Row
from geo.osm.request import REMARKS_FILE

MOST_REMARKS = 100_000
"""Largest number of remarks that are written; further ones are only counted."""
_BATCH = 20_000
"""Number of rows that are written together."""


class Sink:
    """Writer of rows and remarks.

    Parameters
    ----------
    folder : pathlib.Path
        Folder for the files.

    Attributes
    ----------
    skipped : collections.Counter
        Number of objects left out, by layer and reason.
    noted : collections.Counter
        Number of remarks on rows, by layer and reason.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[tuple[str, str, str, bytes]]] = {}
        self._writers: dict[str, Any] = {}
        self._remarks = 0
        self._remark_file = (folder / REMARKS_FILE).open("w", encoding="utf-8")
        self.skipped: Counter[tuple[str, str]] = Counter()
        self.noted: Counter[tuple[str, str]] = Counter()

    def add(self, key: str, row: Row, shape: bytes) -> None:
        """Add a row.

        Parameters
        ----------
        key : str
            Key of the object, such as ``way/123``.
        row : Row
            Values and notes.
        shape : bytes
            Geometry as WKB in EPSG:4326.
        """
        for code, column, text in row.notes:
            reason = code.value
            self.noted[row.layer, reason] += 1
            self._remark("noted", row.layer, reason, key, column, text)
        values = {name: value for name, value in row.values.items() if value is not None}
        rows = self._rows.setdefault(row.layer, [])
        rows.append((key, _json(values), _json(row.extra), shape))
        if len(rows) >= _BATCH:
            self._flush(row.layer)

    def skip(
        self, key: str, layer: str, code: ReasonCode, detail: str = "", parameter: str = ""
    ) -> None:
        """Count an object that is left out.

        Parameters
        ----------
        key : str
            Key of the object.
        layer : str
            Layer that it would belong to; empty if not known.
        code : ReasonCode
            Reason.
        detail : str, optional
            Text of the object that explains the reason.
        parameter : str, optional
            Parameter of the reason.
        """
        reason = reason_of(code, parameter)
        self.skipped[layer, reason] += 1
        self._remark("skipped", layer, reason, key, "", detail)

    def _remark(self, *items: str) -> None:
        self._remarks += 1
        if self._remarks <= MOST_REMARKS:
            self._remark_file.write(_json(items) + "\n")

    def _flush(self, layer: str) -> None:
        rows = self._rows.pop(layer, [])
        if not rows:
            return
        keys, values, extras, shapes = zip(*rows, strict=True)
        table = pa.table(
            {
                "key": pa.array(keys),
                "values": pa.array(values),
                "extra": pa.array(extras),
                "wkb": pa.array(shapes, pa.binary()),
            }
        )
        if layer not in self._writers:
            self._writers[layer] = pa.ipc.new_stream(self._folder / f"{layer}.arrow", table.schema)
        self._writers[layer].write_table(table)

    def close(self) -> None:
        """Write the remaining rows and close the files."""
        for layer in list(self._rows):
            self._flush(layer)
        for writer in self._writers.values():
            writer.close()
        self._remark_file.close()


def _json(value: Any) -> str:
    """Return JSON without characters that the database cannot store."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\\u0000", "").encode("utf-8", "ignore").decode()
