"""Tests of `chinese_failure`: every refusal of an import has a Chinese text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from geo import ingest
from geo.maps.failures import FAILURES, chinese_failure, explain_failure

ERRORS = {
    "ReadError",
    "CrsError",
    "ColumnError",
    "MissingColumnsError",
    "StoreError",
    "RejectedRows",
}
FOLDER = Path(ingest.__file__).parent
ELSEWHERE = {"feeds.py", "osm"}
"""Modules that no upload reaches: batches of feeds and options of the command line."""


def messages(path: Path) -> list[str]:
    """Messages of the errors that a module raises, with X in place of values."""

    def text(node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(
                text(part) if isinstance(part, ast.Constant) else "X" for part in node.values
            )
        if isinstance(node, ast.BinOp):
            return text(node.left) + text(node.right)
        return ""

    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    texts = [text(n.args[0]) for n in calls if n.func.id in ERRORS and n.args]  # type: ignore[attr-defined]
    return [message for message in texts if message]


MODULES = [
    path
    for path in [*FOLDER.rglob("*.py"), *(FOLDER.parent / "confinement").glob("*.py")]
    if not set(path.relative_to(FOLDER.parent).parts) & ELSEWHERE
] + [FOLDER.parent / "store/queries" / name for name in ("registers.py", "imports.py", "staff.py")]
RAISED = sorted({message for path in MODULES for message in messages(path)})


def test_refusals_are_collected() -> None:
    assert len(RAISED) > 60


@pytest.mark.parametrize("message", RAISED)
def test_chinese_failure_of_every_refusal(message: str) -> None:
    if message.startswith("X X"):  # the length of a line: both forms are tested below
        return
    assert chinese_failure(message)


# fmt: off
MESSAGES_WITH_VALUES = [
    ("a.csv is empty; give a file with a header line", "a.csv 是空文件，请提供有表头和数据的文件"),
    (
        "a, b.csv, line 12: a quotation mark opens a cell and is not closed before the end; "
        "close it",
        "a, b.csv 第 12 行的引号没有闭合，请补上引号，或删除该引号",
    ),
    (
        "a.csv begins with a line of more than 16,777,216 characters; give",
        "a.csv 的第一行过长，请提供每行一条记录的表格",
    ),
    (
        "a.csv has a line, 3, of more than 16,777,216 characters; give",
        "a.csv 第 3 行过长，请提供每行一条记录的表格",
    ),
    (
        "cameras needs coordinates (lon and lat, or where), code, which no header says; the "
        "file has a",
        "没有表头对应字段 coordinates (lon and lat, or where), "
        "code。请为文件表头选择对应字段，再次预览",
    ),
    (
        "3 of 5 rows cannot be used (3 empty value); nothing",
        "5 行中有 3 行无法使用，未写入任何数据。请下载报告查看原因并修改文件，或只导入可用的行",
    ),
    ("a.csv takes more than 600 s to read; import", "a.csv 读取超过 600 秒，请分成几部分导入"),
]
# fmt: on


@pytest.mark.parametrize(("message", "chinese"), MESSAGES_WITH_VALUES)
def test_explain_failure_keeps_the_values(message: str, chinese: str) -> None:
    assert explain_failure(message) == {"reason": message, "reason_zh": chinese}


def test_explain_failure_keeps_unknown_messages() -> None:
    assert explain_failure("ValueError: x") == {"reason": "ValueError: x"}


def test_chinese_failure_prefers_the_specific_text() -> None:
    for english, chinese in FAILURES:
        sample = english
        for name in ("{line}", "{n}", "{row}"):
            sample = sample.replace(name, "7")
        sample = sample.replace("{", "").replace("}", "")
        actual = chinese_failure(sample)
        assert actual is not None
        start = chinese.split("{")[0]
        assert actual.startswith(start), (english, actual)
