"""The exceptions of gridcover; each message says what is wrong and what to do next."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PACKAGE = str(Path(__file__).parent)


class GridcoverError(Exception):
    """Base class of all errors that gridcover raises."""


class CrsError(GridcoverError, ValueError):
    """The inputs differ in CRS, have none, or need a metric one."""


class ColumnError(GridcoverError, ValueError):
    """A needed column is absent or holds values outside its domain."""


class MissingColumnsError(ColumnError):
    """A file lacks needed columns, as far as its headers show.

    Parameters
    ----------
    message : str
        What is missing, and what to do.
    headers : list of str
        Headers of the file.
    missing : list of str
        Needed columns of the layer that no header is recognised as.
    proposals : list of geo.ingest.proposals.Proposal
        Columns that headers may be, inferred from their cells.
    """

    def __init__(
        self, message: str, headers: list[str], missing: list[str], proposals: list[Any]
    ) -> None:
        super().__init__(message)
        self.headers, self.missing, self.proposals = headers, missing, proposals


class GeometryError(GridcoverError, ValueError):
    """A geometry is empty, invalid, or of the wrong type."""


class ColumnWarning(UserWarning):
    """A column or word was not used although it resembles a known one; a default applies.

    Turn it into an error with ``warnings.simplefilter("error", geo.errors.ColumnWarning)``.
    """


class WriteError(GridcoverError, OSError):
    """A file cannot be written."""


class ReadError(GridcoverError, ValueError):
    """A file cannot be read as the layer that was named."""


class RejectedRows(GridcoverError, ValueError):
    """An import has rows that cannot be used, and was not asked to skip them.

    Parameters
    ----------
    message : str
        How many rows, for which reasons, and what to do.
    outcome : geo.ingest.ImportOutcome
        The outcome of the import, with its findings.
    """

    def __init__(self, message: str, outcome: Any) -> None:
        super().__init__(message)
        self.outcome = outcome


class StoreError(GridcoverError, RuntimeError):
    """The database is missing, unreachable, or not at the expected version."""


class StoreAwayError(StoreError):
    """The database is unreachable or out of space: nothing was changed, a retry may succeed."""


class AssetError(GridcoverError, RuntimeError):
    """The browser assets are not installed."""


def name_rows(labels: Iterable[object], most: int = 5) -> str:
    """Return the first few labels of rows, and how many more there are, for a message.

    Parameters
    ----------
    labels : iterable
        Labels of the rows.
    most : int, default 5
        Labels that are named.

    Returns
    -------
    str
        The labels, separated by commas.

    Examples
    --------
    >>> name_rows(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    listed = [str(label) for label in labels]
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else f"{shown} and {len(listed) - most} more"


def warn(message: str) -> None:
    """Raise a `ColumnWarning` at the line outside the library that called into it.

    Parameters
    ----------
    message : str
        What was not used, and what to do.
    """
    frame, level = sys._getframe(1), 2  # noqa: SLF001
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ColumnWarning, stacklevel=level)
