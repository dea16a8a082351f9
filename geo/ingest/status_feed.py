"""Statuses of cameras that other systems report."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geo.import_reasons import BY_COLUMN, ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.dictionary import Dictionary, normalise_word, read_dictionary, value_of
from geo.ingest.feeds import CLOCK_SLACK, EARLIEST_TIME, TIME_HEADERS, RowAnswer, finding_as_dict
from geo.ingest.findings import Finding
from geo.ingest.headers import match_headers
from geo.schema import LAYERS
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.cameras import (
    delete_later_statuses,
    lock_cameras,
    read_status_history,
    write_statuses,
)


def ingest_statuses(
    conn: Conn, rows: Sequence[dict[str, Any]], *, settings: Settings, now: dt.datetime
) -> list[RowAnswer]:
    """Store the camera statuses of a batch, each from its own moment on; the caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    rows : sequence of dict
        Rows from `parse_batch`: the camera's code and status by the words of the dictionary, and
        ``at``, the moment from which the status applies (`now` unless given).
    settings : Settings
        Settings of the deployment.
    now : datetime.datetime
        The current time, with a zone.

    Returns
    -------
    list of RowAnswer
        One answer a row, in their order. A status that the history has at its moment is
        ``unchanged``, however often and in whatever order it is sent.
    """
    dictionary = read_dictionary(settings.dictionary)
    headers = list(dict.fromkeys(header for row in rows for header in row))
    columns = match_headers("cameras", headers, None, dictionary).columns
    code_header = columns.get("code", "code")
    codes = [values.storable(values.text_of(row.get(code_header))) for row in rows]
    reader = _StatusReader(
        status_header=columns.get("status", "status"),
        time_header=next((h for h in headers if normalise_word(h) in TIME_HEADERS), None),
        known_codes=frozenset(lock_cameras(conn, [code for code in codes if code])),
        dictionary=dictionary,
        settings=settings,
        now=now,
    )
    answers: dict[int, RowAnswer] = {}
    reports: list[_StatusReport] = []
    for number, (row, code) in enumerate(zip(rows, codes, strict=True)):
        report = reader.read(number, row, code)
        if isinstance(report, RowAnswer):
            answers[number] = report
        else:
            reports.append(report)
    answers |= _record_statuses(conn, reports, now)
    return [answers[number] for number in range(len(rows))]


@dataclass(frozen=True, order=True)
class _StatusReport:
    """A status of a known camera; ordered by time and row."""

    since: dt.datetime
    row: int
    code: str
    status: str


@dataclass(frozen=True)
class _StatusReader:
    """Reader of the rows of a batch of statuses."""

    status_header: str
    time_header: str | None
    known_codes: frozenset[str]
    dictionary: Dictionary
    settings: Settings
    now: dt.datetime

    def read(self, number: int, row: dict[str, Any], code: str) -> _StatusReport | RowAnswer:
        """Return the status of a row, or the answer that rejects it."""
        word = values.text_of(row.get(self.status_header))
        status = self._status_of(word)
        moment = row.get(self.time_header) if self.time_header is not None else None
        zone = self.settings.zone
        since = self.now if values.is_blank(moment) else values.time_of(moment, zone)
        if not code:
            problem = (ReasonCode.EMPTY_VALUE, "code", "this column is needed")
        elif code not in self.known_codes:
            problem = (ReasonCode.UNKNOWN_CAMERA, "code", f"{code} is not in the register")
        elif status is None:
            problem = (ReasonCode.UNKNOWN_VALUE, "status", repr(word))
        elif since is None or since < EARLIEST_TIME:
            problem = (ReasonCode.IMPOSSIBLE_DATE, "at", repr(moment))
        elif since > self.now + CLOCK_SLACK:
            problem = (ReasonCode.DATE_IN_FUTURE, "at", since.isoformat())
        else:
            since = min(since, self.now).astimezone(dt.UTC)
            return _StatusReport(since, number, code, status)
        reason, column, detail = problem
        parameter = column if reason in BY_COLUMN else ""
        finding = Finding(number + 1, RowAction.REJECTED, reason, column, detail, "", parameter)
        return RowAnswer(number, code or None, "rejected", [finding_as_dict(finding)])

    def _status_of(self, word: str) -> str | None:
        if word in LAYERS["cameras"].column("status").choices:
            return word
        return value_of("cameras", "status", word, self.dictionary)


def _record_statuses(
    conn: Conn, reports: Sequence[_StatusReport], now: dt.datetime
) -> dict[int, RowAnswer]:
    """Store statuses in the history of their cameras, and return the answers by row."""
    codes = sorted({report.code for report in reports})
    # A status that a clock ahead of ours dated too late would supersede all until then.
    delete_later_statuses(conn, codes, now + CLOCK_SLACK)
    history = read_status_history(conn, codes)
    answers: dict[int, RowAnswer] = {}
    added: dict[tuple[str, dt.datetime], str] = {}
    last_reports: dict[str, dt.datetime] = {}
    for report in sorted(reports):
        code, since, status = report.code, report.since, report.status
        result, is_new = _insert_status(history[code], since, status)
        if is_new:
            added[code, since] = status
        last_reports[code] = max(since, last_reports.get(code, since))
        answers[report.row] = RowAnswer(report.row, code, result, [])
    current = {code: history[code][-1][1] for code in last_reports if history[code]}
    entries = [(code, since, status) for (code, since), status in added.items()]
    write_statuses(conn, entries, current, last_reports)
    return answers


def _insert_status(
    history: list[tuple[dt.datetime, str]], since: dt.datetime, status: str
) -> tuple[str, bool]:
    """Insert a status into the history of a camera, oldest first.

    Returns the result for the answer, and whether the history changed. A status at the moment of
    another one replaces it; the one that applies at its moment already is not inserted.
    """
    position = bisect_right(history, since, key=lambda entry: entry[0])
    if position and history[position - 1][1] == status:
        return "unchanged", False
    result = "recorded" if position == len(history) else "superseded"
    if position and history[position - 1][0] == since:
        history[position - 1] = (since, status)
    else:
        history.insert(position, (since, status))
    return result, True
