"""Grid staff (一长四员): who heads each grid and who works there, from a table without geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import geopandas as gpd
import pandas as pd

from geo.errors import ColumnError
from geo.ingest import values
from geo.ingest.cells import Context, parse_column
from geo.ingest.cleaning import Cleaned, repair_texts, require_renames
from geo.ingest.findings import MENDED, NOTED, REJECTED, Finding, Work
from geo.ingest.headers import BUILT_IN, Dictionary, recognise, value_of
from geo.schema import Column, Layer

if TYPE_CHECKING:
    from geo.ingest.raw_table import RawTable

STAFF = Layer(
    "grid-staff", "grid_staff", ("grid", "role", "name"), "point",
    (
        Column("grid", "code", needed=True),
        Column("role", "choice", needed=True,
               choices=("head", "full_time", "part_time", "police", "legal", "fire", "other")),
        Column("name", "text", needed=True),
        Column("phone", "code"),
    ),
    geometry_needed=False,
)  # fmt: skip
NEEDED = ("grid", "role", "name")
"""Columns that a file of staff must have."""


def clean_staff(
    raw: RawTable,
    grids: set[str],
    *,
    rename: dict[str, str] | None = None,
    dictionary: Dictionary = BUILT_IN,
) -> Cleaned:
    """Staff rows that can be used.

    Parameters
    ----------
    raw : from `read_file`.
    grids : codes of the grids in the store.
    rename : header of the file to column of ours.
    dictionary : words of the deployment.

    Returns
    -------
    Rows with the columns `grid`, `role`, `name`, `phone` (None unknown), and the findings. A row without a grid that is known, or without a name, is rejected; a role that is not in the
    dictionary becomes ``other`` and is told.

    Raises
    ------
    ColumnError : a needed column is not there.
    """
    headers = [str(c) for c in raw.cells.columns]
    require_renames(headers, STAFF, rename or {})
    found = recognise(STAFF.name, headers, rename, dictionary).columns
    for name in NEEDED:
        if name not in found:
            raise ColumnError(
                f"grid-staff needs the column {name}, which is none of {', '.join(headers)}; "
                f"name it with --rename COLUMN={name}"
            )
    work = Work.of(STAFF, raw, dictionary)
    repair_texts(raw, STAFF, found)
    role_texts = [values.text_of(cell) for cell in raw.cells[found["role"]]]
    # What is absent is judged row by row below.
    context = Context(ZoneInfo("UTC"))
    text = {
        name: parse_column(
            work,
            replace(STAFF.column(name), needed=False),
            _cells(raw, found.get(name)),
            context,
            "",
        )
        for name in ("grid", "name", "phone")
    }
    rows: dict[tuple[str, str, str], str | None] = {}
    for row, (grid, said, name, phone) in enumerate(
        zip(text["grid"], role_texts, text["name"], text["phone"], strict=True)
    ):
        if not work.keep[row]:
            continue
        if grid not in grids:
            work.tell(
                row, REJECTED, "unknown grid", "grid", f"{grid or ''!r} is no grid of the store"
            )
            continue
        if not name:
            work.tell(row, REJECTED, "empty value", "name", "this column is needed")
            continue
        role = value_of(STAFF.name, "role", said, dictionary)
        if role is None:
            work.tell(row, MENDED, "unknown role", "role", f"{said!r} taken as other")
            role = "other"
        if (grid, role, name) in rows:
            work.tell(row, REJECTED, "repeated row", "name", f"{name} is {role} of {grid} already")
            continue
        rows[grid, role, name] = phone or None
    listed = [(*key, phone) for key, phone in rows.items()]
    frame = gpd.GeoDataFrame(pd.DataFrame(listed, columns=list(STAFF.names), dtype=object))
    for header in headers:
        if header not in found.values() and not raw.cells[header].map(values.blank).all():
            detail = "staff has no further columns"
            work.findings.append(Finding(0, NOTED, "column not stored", header, detail, ""))
    return Cleaned(frame, work.findings, dict(found), [], len(raw.cells) + len(raw.broken))


def _cells(raw: RawTable, header: str | None) -> pd.Series | None:
    return None if header is None else raw.cells[header]
