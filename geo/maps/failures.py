"""Why a file was refused, in Chinese: what an error message says, and what to do in the browser."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources


def _read_failures() -> tuple[tuple[str, str], ...]:
    content = resources.files("geo").joinpath("locales", "failures_zh.json").read_text("utf-8")
    groups: dict[str, dict[str, str]] = json.loads(content)
    return tuple(pair for group in groups.values() for pair in group.items())


FAILURES = _read_failures()
"""Beginning of each message, with names for its variable parts, and its Chinese text.

The first beginning that matches counts. The file groups them by subject.
"""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    patterns = []
    for english, chinese in FAILURES:
        parts = re.split(r"\{(\w+)\}", english)
        pattern = "".join(
            f"(?P<{part}>.+?)" if position % 2 else re.escape(part)
            for position, part in enumerate(parts)
        )
        patterns.append((re.compile(pattern, re.DOTALL), chinese))
    return tuple(patterns)


def chinese_failure(message: str) -> str | None:
    """Return an error message in Chinese.

    Parameters
    ----------
    message : str
        Message of an error of this project.

    Returns
    -------
    str or None
        The Chinese text; None if the message has none in `FAILURES`.

    Examples
    --------
    >>> chinese_failure("a.csv is empty; give a file with a header line")
    'a.csv 是空文件，请提供有表头和数据的文件'
    """
    for pattern, chinese in _patterns():
        if match := pattern.match(message):
            return chinese.format(**match.groupdict())
    return None


def explain_failure(message: str) -> dict[str, str]:
    """Return an error message for the outcome of a job, in both languages if possible.

    Parameters
    ----------
    message : str
        Message of an error.

    Returns
    -------
    dict of str to str
        The message as `reason`, and its Chinese text as `reason_zh` if there is one.

    Examples
    --------
    >>> explain_failure("ValueError: x")
    {'reason': 'ValueError: x'}
    """
    chinese = chinese_failure(message)
    return {"reason": message} | ({} if chinese is None else {"reason_zh": chinese})
