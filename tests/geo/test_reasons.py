"""Reasons of import findings: every code has texts, is used, typed and documented."""

from __future__ import annotations

import ast
import csv
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import geo
from geo.import_reasons import BY_COLUMN, PARAMETRIC, ReasonCode, RowAction, reason_of, split_reason
from geo.ingest.findings import CleaningTable, Finding
from geo.ingest.outcome import translate_report, write_report
from geo.ingest.raw_table import Note
from geo.maps.language import LANGUAGES, texts
from geo.osm.features import Skipped
from geo.osm.sink import Sink

ROOT = Path(geo.__file__).parents[1]
SOURCES = [*(ROOT / "geo/ingest").rglob("*.py"), *(ROOT / "geo/osm").rglob("*.py")]
REASON_AT = {"Finding": 2, "report": 2, "Note": 0, "Skipped": 1, "skip": 2}
"""Position of the reason by the name of the function."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_text(language: str) -> None:
    written = {
        key.removeprefix("reason_"): text
        for key, text in texts(language).items()
        if key.startswith("reason_")
    }
    assert set(written) == {code.value for code in ReasonCode}
    for code in ReasonCode:
        assert written[code].strip()
        assert ("{n}" in written[code]) == (code in PARAMETRIC), code
        assert not written[code].startswith(("=", "+", "-", "@")), "a spreadsheet runs it"
    assert {f"action_{action}" for action in RowAction} <= set(texts(language))


def test_codes_are_stable_names() -> None:
    for code in ReasonCode:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", code.value)
        assert code.value == code.name.lower()


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in REASON_AT:
                yield name, node


def test_no_call_states_a_reason_as_text() -> None:
    """The types are `ReasonCode`, which mypy checks; no literal gets around it."""
    assert typing.get_type_hints(Finding)["reason"] is ReasonCode
    assert typing.get_type_hints(Finding)["action"] is RowAction
    assert typing.get_type_hints(CleaningTable.report)["reason"] is ReasonCode
    assert typing.get_type_hints(CleaningTable.report)["action"] is RowAction
    assert typing.get_type_hints(Note)["reason"] is ReasonCode
    assert typing.get_type_hints(Skipped)["reason"] is ReasonCode
    assert typing.get_type_hints(Sink.skip)["code"] is ReasonCode
    seen = set()
    for path in SOURCES:
        for name, call in _calls(path):
            seen.add(name)
            reason = call.args[REASON_AT[name]]
            assert not isinstance(reason, ast.Constant | ast.JoinedStr), (path, ast.unparse(call))
    assert seen == set(REASON_AT)


def test_every_code_is_used() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in SOURCES if path.name != "reasons.py"
    )
    assert set(re.findall(r"\bReasonCode\.([A-Z]\w+)", sources)) == set(ReasonCode.__members__)


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs/import_reasons.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    chinese, english = texts("zh"), texts("en")
    assert rows == [
        (code.value, english[f"reason_{code}"], chinese[f"reason_{code}"]) for code in ReasonCode
    ]


def test_a_parameter_is_part_of_the_reason() -> None:
    for code in ReasonCode:
        parameter = "owner/a" if code in PARAMETRIC else ""
        assert split_reason(reason_of(code, parameter)) == (code, parameter)
    assert BY_COLUMN < PARAMETRIC
    with pytest.raises(ValueError, match="never_seen"):
        split_reason("never_seen")


def test_a_report_has_codes_and_texts_in_the_language_asked_for(tmp_path: Path) -> None:
    findings = [
        Finding(
            2, RowAction.REPAIRED, ReasonCode.UNKNOWN_VALUE, "status", "'x'", "=1\n2", "status"
        ),
        Finding(0, RowAction.NOTED, ReasonCode.KEYS_MADE, "code", 'a "digest"', ""),
    ]
    reports = {}
    for language in LANGUAGES:
        write_report(findings, tmp_path / language, language=language)
        reports[language] = (tmp_path / language).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(reports["en"].splitlines(keepends=True)))
    assert [(row["action"], row["code"], row["reason"]) for row in rows] == [
        ("noted", "keys_made", "keys made"),
        ("repaired", "unknown_value/status", "unknown value: Status"),
    ]
    assert rows[1]["original"] == "'=1\n2"
    assert "值未知：状态" in reports["zh"]
    for language in LANGUAGES:
        for report in reports.values():
            assert translate_report(report, language) == reports[language]
    older = "line,action,reason,column,detail,original\r\n1,noted,gap,,,\r\n"
    assert translate_report(older, "zh") == older
