"""Texts of the interface, in Chinese and English."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

LANGUAGES = ("zh", "en")


def texts(language: str) -> dict[str, str]:
    """Return the texts of the interface by their key.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    dict of str to str
        A copy of ``geo/locales/LANGUAGE.json``; both languages have the same keys.

    Raises
    ------
    ValueError
        If there is no such language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there are no texts in {language!r}; use one of {', '.join(LANGUAGES)}")
    return dict(_read(language))


@cache
def _read(language: str) -> dict[str, str]:
    content = resources.files("geo").joinpath("locales", f"{language}.json").read_text("utf-8")
    by_key: dict[str, str] = json.loads(content)
    return by_key
