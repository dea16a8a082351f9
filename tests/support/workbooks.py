"""A register in a language without a dictionary."""

from __future__ import annotations

import io
from typing import Any

import openpyxl

from geo.store.connection import connect

VIETNAMESE_CAMERAS = [
    ["STT", "Điểm lắp đặt", "Toạ độ", "Hướng", "Ghi chú", "Mật khẩu"],
    [1, "Ngã tư Lê Lợi", "31.301, 118.501", "259° W", "mới", "bi-mat-1"],
    [2, "Chợ Bến Thành", "31.302, 118.502", "", "cũ", "bi-mat-2"],
    [3, "Cầu Rồng", "31.303, 118.503", "307°", "", "bi-mat-3"],
]


def workbook(rows: list[list[Any]]) -> bytes:
    """The bytes of a workbook with one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def stored_cameras(store: str) -> dict[str, tuple[Any, ...]]:
    """Name, bearing and position of the cameras, by code."""
    with connect(store) as conn:
        rows = conn.execute(
            "SELECT code, name, bearing_deg, ST_X(geometry), ST_Y(geometry) FROM cameras"
        ).fetchall()
    return {row[0]: (row[1], row[2], round(row[3], 6), round(row[4], 6)) for row in rows}


EXPECTED_CAMERAS = {
    "1": ("Ngã tư Lê Lợi", 259.0, 118.501, 31.301),
    "2": ("Chợ Bến Thành", None, 118.502, 31.302),
    "3": ("Cầu Rồng", 307.0, 118.503, 31.303),
}
