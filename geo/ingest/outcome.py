"""The outcome of an import, and its report of findings as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import shapely
from geopandas import GeoDataFrame

from geo.import_reasons import RowAction, reason_text
from geo.ingest.findings import Finding
from geo.maps.language import texts

SAMPLE = 100
"""Rows of an import that are shown before it is confirmed."""
_REPORT_COLUMNS = ("line", "action", "code", "reason", "column", "detail", "original")
_SAMPLE_TOLERANCE_DEG = 1e-5
"""Tolerance to which the shapes of the sample are simplified: about a metre."""


@dataclass(frozen=True)
class ImportOutcome:
    """The result of an import: counts of rows, recognised columns and findings."""

    layer: str
    """Name of the layer."""
    file: str
    """Name of the file, without its folder."""
    read: int
    """Rows in the file, including those that could not be split into cells."""
    accepted: int
    """Rows that can be stored."""
    repaired: int
    """Rows with at least one repaired value."""
    rejected: int
    """Rows that cannot be used."""
    inserted: int
    """Rows whose key was not in the store."""
    updated: int
    """Rows of the store that were changed."""
    unchanged: int
    """Rows that the store held with the same values."""
    encoding: str
    """Encoding of the texts; empty where the format has only one."""
    recognised: dict[str, str]
    """Column of the layer to the header of the file."""
    extra_headers: list[str]
    """Headers of the columns that are stored with each row in `extra`."""
    findings: list[Finding]
    """Everything that the report says about the file and its rows."""
    report: Path | None
    """Where the report was written; None without findings."""
    dry_run: bool
    """Whether nothing was stored."""
    sample: GeoDataFrame | None = None
    """The first rows as they would be stored, EPSG:4326."""

    def reasons(self) -> list[tuple[RowAction, str, int]]:
        """Return the findings counted by action and reason.

        Returns
        -------
        list of tuple of (RowAction, str, int)
            Action, reason as a code (`geo.import_reasons.reason_of`) and number of findings:
            rejections first, then repairs and notes, the most frequent reason of each first.
        """
        counts = Counter((finding.action, finding.code) for finding in self.findings)
        order = list(RowAction)
        return [
            (action, reason, count)
            for (action, reason), count in sorted(
                counts.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])
            )
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values, with counts in place of the findings.

        Returns
        -------
        dict of str to Any
            All fields but `findings` and `sample`, and `reasons` as a list of objects with
            ``action``, ``reason`` (a code) and ``count``.
        """
        reasons = [
            {"action": action.value, "reason": reason, "count": count}
            for action, reason, count in self.reasons()
        ]
        return {
            "layer": self.layer,
            "file": self.file,
            "read": self.read,
            "accepted": self.accepted,
            "repaired": self.repaired,
            "rejected": self.rejected,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "encoding": self.encoding,
            "recognised": self.recognised,
            "extra_headers": self.extra_headers,
            "reasons": reasons,
            "report": str(self.report) if self.report else None,
            "dry_run": self.dry_run,
        }

    def sample_features(self) -> list[dict[str, Any]]:
        """Return the first rows as GeoJSON features.

        Returns
        -------
        list of dict
            Features in EPSG:4326, their shapes simplified to about a metre; a row without a
            location has a null geometry.
        """
        if self.sample is None:
            return []
        table = pd.DataFrame(self.sample.drop(columns="geometry", errors="ignore"))
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        shapes = self.sample.geometry if "geometry" in self.sample else [None] * len(rows)
        return [_feature(row, shape) for row, shape in zip(rows, shapes, strict=True)]


def _feature(row: dict[Any, Any], shape: shapely.Geometry | None) -> dict[str, Any]:
    """Return a row as a GeoJSON feature; values that JSON has no type for become texts."""
    geometry = None
    if shape is not None and not shape.is_empty:
        geometry = shapely.geometry.mapping(shapely.simplify(shape, _SAMPLE_TOLERANCE_DEG))
    properties = {
        str(name): value if isinstance(value, int | float | bool | None) else str(value)
        for name, value in row.items()
    }
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def write_report(findings: list[Finding], path: Path, *, language: str = "en") -> None:
    """Write findings as CSV in UTF-8 with byte order mark, which spreadsheets open correctly.

    The column ``reason`` has the text of the code in the column ``code``.

    Parameters
    ----------
    findings : list of Finding
        Written by line of the file and action.
    path : pathlib.Path
        File to write; overwritten where it exists.
    language : {'en', 'zh'}, optional
        Language of the reasons.
    """
    words = texts(language)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_REPORT_COLUMNS)
        for finding in sorted(findings, key=lambda finding: (finding.line, finding.action)):
            original = spreadsheet_safe(finding.original)
            writer.writerow(
                [
                    finding.line,
                    finding.action.value,
                    finding.code,
                    reason_text(finding.code, words),
                    finding.column,
                    finding.detail,
                    original,
                ]
            )


def translate_report(report: str, language: str) -> str:
    """Return a report with its reasons in another language.

    Parameters
    ----------
    report : str
        Content of a file that `write_report` wrote, without byte order mark.
    language : {'en', 'zh'}
        Language of the reasons.

    Returns
    -------
    str
        The same rows. A report without the column ``code``, of an older version, is not changed.
    """
    rows = csv.reader(io.StringIO(report, newline=""))
    if next(rows, None) != list(_REPORT_COLUMNS):
        return report
    words = texts(language)
    code_at, reason_at = _REPORT_COLUMNS.index("code"), _REPORT_COLUMNS.index("reason")
    translated = io.StringIO(newline="")
    writer = csv.writer(translated)
    writer.writerow(_REPORT_COLUMNS)
    for row in rows:
        row[reason_at] = reason_text(row[code_at], words)
        writer.writerow(row)
    return translated.getvalue()


def spreadsheet_safe(text: str) -> str:
    """Return a text that a spreadsheet does not run as a formula.

    Parameters
    ----------
    text : str
        Text of a cell.

    Returns
    -------
    str
        The text with an apostrophe before it where it begins like a formula. A text that already
        has such an apostrophe gets another one, so that reading removes exactly one
        (`geo.ingest.values.without_marker`).

    Examples
    --------
    >>> spreadsheet_safe("=1+1"), spreadsheet_safe("'=1+1"), spreadsheet_safe("1+1")
    ("'=1+1", "''=1+1", '1+1')
    """
    return "'" + text if re.match(r"'?[=+\-@\t\r]", text) else text
