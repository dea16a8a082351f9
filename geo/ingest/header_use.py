"""Use of the headers of a file: renames, keys, guesses and extra columns."""

from __future__ import annotations

from geo.errors import ColumnError
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest.dictionary import Dictionary, normalise_word
from geo.ingest.directions import assign_angle
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.header_vocabulary import EXTRA, LAT, LON, OWN_RESULTS, WHERE
from geo.ingest.headers import HeaderMatches, is_secret, match_headers
from geo.ingest.occurrence import KeyRule
from geo.ingest.raw_table import RawTable
from geo.schema import Layer


def select_extra_headers(work: CleaningTable, recognised: HeaderMatches) -> list[str]:
    """Return the headers whose cells are stored in ``extra``, and report those that are not.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added to it.
    recognised : HeaderMatches
        Headers of the table and their columns.

    Returns
    -------
    list of str
        Headers of the file.
    """
    used, layer = recognised.columns, work.layer
    # Coordinates beside better ones are stored with the row like any other column.
    if work.raw.geometry is not None:
        unused_coordinates = [LON, LAT, WHERE]
    else:
        unused_coordinates = [WHERE] if {LON, LAT} <= set(used) else [LON, LAT]
    headers = [
        *recognised.unknown,
        *(used[name] for name in unused_coordinates if name in used),
    ]
    work.findings += [
        Finding(
            0,
            RowAction.NOTED,
            ReasonCode.PASSWORDS_NOT_STORED,
            header,
            "the column was left out",
            "",
        )
        for header in recognised.unknown
        if is_secret(header)
    ]
    headers = [header for header in headers if not is_secret(header)]
    results = OWN_RESULTS.get(layer.name, frozenset())
    if results and results <= set(map(str, work.raw.cells.columns)):
        detail = "they are computed again from what is imported"
        work.findings.append(
            Finding(0, RowAction.NOTED, ReasonCode.EXPORTED_RESULTS_NOT_IMPORTED, "", detail, "")
        )
        headers = [header for header in headers if header not in results]
    return headers


def require_renames(headers: list[str], layer: Layer, rename: dict[str, str]) -> None:
    """Refuse to rename headers that a file lacks, or to columns that a layer lacks or twice to one.

    Parameters
    ----------
    headers : list of str
        Headers of the file.
    layer : Layer
        The layer that its rows belong to.
    rename : dict of str to str
        Header of the file to column of the layer, or to ``extra``.

    Raises
    ------
    ColumnError
        If a header or column is unknown, or two headers are renamed to one column.
    """
    coordinates = () if layer.name == "grid-staff" else (LON, LAT, WHERE)
    columns = {*layer.names, *coordinates, EXTRA}
    known_headers = {normalise_word(header) for header in headers}
    header_of: dict[str, str] = {}
    for header, column in rename.items():
        if column not in columns:
            raise ColumnError(
                f"--rename {header}={column}: {layer.name} has no column {column}; "
                f"it has {', '.join(layer.names)}"
            )
        if normalise_word(header) not in known_headers:
            raise ColumnError(f"--rename {header}={column}: the file has {', '.join(headers)}")
        if column != EXTRA and header_of.setdefault(column, header) != header:
            raise ColumnError(
                f"--rename {header}={column}: {header_of[column]} is renamed to {column} already; "
                f"rename one of the two to {EXTRA} to keep it as it is"
            )


def use_headers(
    raw: RawTable,
    layer: Layer,
    *,
    rename: dict[str, str] | None,
    dictionary: Dictionary,
    key: KeyRule | None,
) -> tuple[HeaderMatches, list[Finding]]:
    """Recognise the headers of a table.

    Parameters
    ----------
    raw : RawTable
        The table.
    layer : Layer
        The layer that its rows belong to.
    rename : dict of str to str or None
        Header of the file to column of the layer, or to ``extra``.
    dictionary : Dictionary
        Words of the deployment.
    key : {'number', 'digest'} or None
        Rule by which keys are made in place of those of the file.

    Returns
    -------
    recognised : HeaderMatches
        Which header is which column.
    findings : list of Finding
        Notes of the headers that match no word exactly, and of the keys that are made.
    """
    headers = [str(header) for header in raw.cells.columns]
    recognised = match_headers(layer.name, headers, rename, dictionary)
    findings = assign_angle(raw, recognised) if layer.name == "cameras" else []
    if key is not None:
        findings += _release_key(recognised, layer, key)
    return recognised, findings + _explain_guesses(recognised)


def _release_key(recognised: HeaderMatches, layer: Layer, rule: KeyRule) -> list[Finding]:
    """Make the column that was recognised as the key an unknown one, and report the keys made."""
    column = layer.key[-1]
    detail = "the row's number" if rule == "number" else "a digest of the row"
    header = recognised.columns.pop(column, None)
    if header is not None:
        recognised.unknown.append(header)
        detail += f"; the column {header} is stored beside it"
    return [Finding(0, RowAction.NOTED, ReasonCode.KEYS_MADE, column, detail, "")]


def _explain_guesses(recognised: HeaderMatches) -> list[Finding]:
    """Return notes of the headers that match no word of the dictionary exactly."""
    column_of = {header: column for column, header in recognised.columns.items()}
    guessed = [
        Finding(
            0,
            RowAction.NOTED,
            ReasonCode.HEADER_RECOGNISED,
            header,
            f"{column_of[header]}: {reason}",
            "",
        )
        for header, reason in recognised.guessed.items()
        if header in column_of
    ]
    unclear = []
    for header, columns in recognised.unclear.items():
        detail = f"it was cut and may be {' or '.join(columns)}; say --rename {header}=COLUMN"
        unclear.append(Finding(0, RowAction.NOTED, ReasonCode.HEADER_NOT_USED, header, detail, ""))
    return guessed + unclear
