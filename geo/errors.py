"""The exceptions of gridcover; each message says what is wrong and what to do next."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PACKAGE = str(Path(__file__).parent)


class GridcoverError(Exception):
    """Anything gridcover refuses or cannot do."""


class CrsError(GridcoverError, ValueError):
    """The inputs differ in CRS, have none, or need a metric one."""


class ColumnError(GridcoverError, ValueError):
    """A needed column is absent or holds values outside its domain."""


class MissingColumnsError(ColumnError):
    """A file lacks needed columns, as far as its headers say.

    `headers` are those of the file, `missing` the columns of the layer, `proposals` what columns
    may be by what they hold (`geo.ingest.proposals.Proposal`).
    """

    def __init__(
        self, message: str, headers: list[str], missing: list[str], proposals: list[Any]
    ) -> None:
        super().__init__(message)
        self.headers, self.missing, self.proposals = headers, missing, proposals


class GeometryError(GridcoverError, ValueError):
    """A geometry is empty, invalid, or of the wrong type."""


class ColumnWarning(UserWarning):
    """A column or word that looks meant was not used, so that a default took its place.

    Turn it into an error with ``warnings.simplefilter("error", geo.errors.ColumnWarning)``.
    """


class WriteError(GridcoverError, OSError):
    """A file cannot be written."""


class ReadError(GridcoverError, ValueError):
    """A file cannot be read as the layer it was given as."""


class RejectedRows(GridcoverError, ValueError):
    """An import met rows it cannot use and was not told to accept that.

    `outcome` is what the import found, a `geo.ingest.Outcome`.
    """

    def __init__(self, message: str, outcome: Any) -> None:
        super().__init__(message)
        self.outcome = outcome


class StoreError(GridcoverError, RuntimeError):
    """The database is missing, unreachable, or not at the expected version."""


class StoreAwayError(StoreError):
    """The database went away or has no room: nothing was changed, and the same can be tried again."""


class AssetError(GridcoverError, RuntimeError):
    """The browser assets are not installed."""


def name_rows(labels: Iterable[object], most: int = 5) -> str:
    """Name the first few offending rows, and how many more there are."""
    listed = [str(label) for label in labels]
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else f"{shown} and {len(listed) - most} more"


def warn(message: str) -> None:
    """Raise a `ColumnWarning` at the line outside the library that called it.

    Parameters
    ----------
    message : str
        What was not used, and what to do.
    """
    frame, level = sys._getframe(1), 2  # noqa: SLF001
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ColumnWarning, stacklevel=level)
