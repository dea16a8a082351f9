"""Grid staff (一长四员): head and staff of each grid, from a table without geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd

from geo.errors import ColumnError
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.cells import CellContext, parse_column
from geo.ingest.cleaning import CleanedTable, repair_texts
from geo.ingest.dictionary import BUILT_IN, Dictionary, value_of
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.header_use import require_renames
from geo.ingest.headers import match_headers
from geo.schema import Column, Layer

if TYPE_CHECKING:
    from geo.ingest.raw_table import RawTable

STAFF = Layer(
    "grid-staff",
    "grid_staff",
    ("grid", "role", "name"),
    "point",
    (
        Column("grid", "code", needed=True),
        Column(
            "role",
            "choice",
            needed=True,
            choices=("head", "full_time", "part_time", "police", "legal", "fire", "other"),
        ),
        Column("name", "text", needed=True),
        Column("phone", "code"),
    ),
    geometry_needed=False,
)
"""Register of grid staff."""
REQUIRED_COLUMNS = ("grid", "role", "name")
"""Columns that a file of staff must have."""
_TEXT_COLUMNS = ("grid", "name", "phone")


def clean_staff(
    raw: RawTable,
    grids: set[str],
    *,
    rename: dict[str, str] | None = None,
    dictionary: Dictionary = BUILT_IN,
) -> CleanedTable:
    """Return the staff rows that can be used, and findings about the others.

    A row without a known grid or without a name is rejected. A role that is not in the dictionary
    becomes ``other`` with a finding.

    Parameters
    ----------
    raw : RawTable
        Table as `geo.ingest.readers.read_file` returns it.
    grids : set of str
        Codes of the stored grids.
    rename : dict of str to str or None, optional
        Column by header of the file.
    dictionary : Dictionary, optional
        Words of the deployment.

    Returns
    -------
    CleanedTable
        Rows with the columns ``grid``, ``role``, ``name`` and ``phone`` (None if unknown), and
        the findings.

    Raises
    ------
    ColumnError
        If a needed column is missing.
    """
    headers = [str(header) for header in raw.cells.columns]
    require_renames(headers, STAFF, rename or {})
    columns = match_headers(STAFF.name, headers, rename, dictionary).columns
    for name in REQUIRED_COLUMNS:
        if name not in columns:
            raise ColumnError(
                f"grid-staff needs the column {name}, which is none of {', '.join(headers)}; "
                f"name it with --rename COLUMN={name}"
            )
    work = CleaningTable.of(STAFF, raw, dictionary)
    repair_texts(raw, STAFF, columns)
    rows = _usable_rows(work, columns, grids)
    records = [(*key, phone) for key, phone in rows.items()]
    frame = gpd.GeoDataFrame(pd.DataFrame(records, columns=list(STAFF.names), dtype=object))
    for header in headers:
        if header not in columns.values() and not raw.cells[header].map(values.is_blank).all():
            detail = "staff has no further columns"
            work.findings.append(
                Finding(0, RowAction.NOTED, ReasonCode.COLUMN_NOT_STORED, header, detail, "")
            )
    return CleanedTable(frame, work.findings, dict(columns), [], len(raw.cells) + len(raw.broken))


def _usable_rows(
    work: CleaningTable, columns: dict[str, str], grids: set[str]
) -> dict[tuple[str, str, str], str | None]:
    """Return phone by grid, role and name; reject the other rows."""
    roles = [values.text_of(cell) for cell in work.raw.cells[columns["role"]]]
    texts = _text_columns(work, columns)
    phone_of: dict[tuple[str, str, str], str | None] = {}
    for row, (grid, role_text, name, phone) in enumerate(
        zip(texts["grid"], roles, texts["name"], texts["phone"], strict=True)
    ):
        if not work.accepted[row]:
            continue
        if grid not in grids:
            detail = f"{grid or ''!r} is no grid of the store"
            work.report(row, RowAction.REJECTED, ReasonCode.UNKNOWN_GRID, "grid", detail)
            continue
        if not name:
            work.report(
                row, RowAction.REJECTED, ReasonCode.EMPTY_VALUE, "name", "this column is needed"
            )
            continue
        role = value_of(STAFF.name, "role", role_text, work.dictionary)
        if role is None:
            work.report(
                row,
                RowAction.REPAIRED,
                ReasonCode.UNKNOWN_VALUE,
                "role",
                f"{role_text!r} taken as other",
            )
            role = "other"
        if (grid, role, name) in phone_of:
            work.report(
                row,
                RowAction.REJECTED,
                ReasonCode.REPEATED_ROW,
                "name",
                f"{name} is {role} of {grid} already",
            )
            continue
        phone_of[grid, role, name] = phone or None
    return phone_of


def _text_columns(work: CleaningTable, columns: dict[str, str]) -> dict[str, Any]:
    """Return the parsed text columns; empty values are left to the check of each row."""
    context = CellContext(ZoneInfo("UTC"))
    texts = {}
    for name in _TEXT_COLUMNS:
        header = columns.get(name)
        cells = None if header is None else work.raw.cells[header]
        texts[name] = parse_column(
            work, replace(STAFF.column(name), needed=False), cells, context, ""
        )
    return texts
