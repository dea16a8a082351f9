"""Saved mappings of headers to columns: applied to a file, and made from an import."""

from __future__ import annotations

from typing import Any

from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.cleaning import CleanedTable
from geo.ingest.dictionary import normalise_word
from geo.ingest.findings import Finding
from geo.ingest.header_vocabulary import EXTRA
from geo.ingest.headers import find_header
from geo.store.queries.imports import SavedMapping


def new_mapping(
    layer: str,
    name: str | None,
    rename: dict[str, str] | None,
    cleaned: CleanedTable,
    options: dict[str, Any],
) -> SavedMapping | None:
    """Return the columns of an import as a mapping to save.

    Parameters
    ----------
    layer : str
        Name of the layer.
    name : str or None
        Name of the mapping; None where it is not to be saved.
    rename : dict of str to str or None
        Header of the file to column of the layer, as the user or an older mapping gave it.
    cleaned : CleanedTable
        The cleaned file, with its recognised columns.
    options : dict of str to Any
        Options of the import that belong to this kind of file; those that are None are left out.

    Returns
    -------
    SavedMapping or None
        None without a name.
    """
    if name is None:
        return None
    as_extra = {header: EXTRA for header, column in (rename or {}).items() if column == EXTRA}
    columns = as_extra | {header: column for column, header in cleaned.recognised.items()}
    given = {option: value for option, value in options.items() if value is not None}
    return SavedMapping(layer, name, columns, given)


def fit_to_headers(
    mapping: SavedMapping, headers: list[str]
) -> tuple[dict[str, str], list[Finding]]:
    """Return the part of a mapping that a file has headers for.

    Parameters
    ----------
    mapping : SavedMapping
        The saved mapping.
    headers : list of str
        Headers of the file.

    Returns
    -------
    columns : dict of str to str
        Header to column, of the headers that the file has.
    findings : list of Finding
        A note for each header that it does not have.
    """
    known = {normalise_word(header) for header in headers}
    fitting = {h: column for h, column in mapping.columns.items() if normalise_word(h) in known}
    findings = [
        Finding(0, RowAction.NOTED, ReasonCode.MAPPED_HEADER_MISSING, h, f"it is {column}", "")
        for h, column in mapping.columns.items()
        if h not in fitting
    ]
    return fitting, findings


def combine_renames(saved: dict[str, str], rename: dict[str, str]) -> dict[str, str]:
    """Return a saved mapping overruled by the headers that are renamed now.

    Parameters
    ----------
    saved : dict of str to str
        Header to column of the saved mapping.
    rename : dict of str to str
        Header to column as the user gives it now.

    Returns
    -------
    dict of str to str
        `rename`, and of `saved` what concerns neither a header nor a column in `rename`.

    Examples
    --------
    >>> combine_renames({"a": "code", "b": "name"}, {"c": "code"})
    {'b': 'name', 'c': 'code'}
    """
    renamed_headers = {find_header(header, saved) for header in rename}
    renamed_columns = set(rename.values()) - {EXTRA}
    remaining = {
        header: column
        for header, column in saved.items()
        if header not in renamed_headers and column not in renamed_columns
    }
    return remaining | rename
