"""Codes with a parameter, written as ``CODE/PARAMETER``, and their texts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


def join_code(code: StrEnum, parameter: str = "") -> str:
    """Return a code with its parameter, as it is stored and reported.

    Parameters
    ----------
    code : StrEnum
        The code.
    parameter : str, optional
        Its parameter; empty if it has none.

    Returns
    -------
    str
        ``CODE`` or ``CODE/PARAMETER``.
    """
    return f"{code.value}/{parameter}" if parameter else code.value


def code_text(joined: str, texts: Mapping[str, str], *, prefix: str, labels: str) -> str:
    """Return the text of a code in the language of the texts.

    Parameters
    ----------
    joined : str
        Code and parameter as `join_code` returns them.
    texts : mapping of str to str
        Texts of the interface by key, as `geo.maps.language.texts` returns them.
    prefix : str
        Texts of the codes are under ``PREFIX_CODE``.
    labels : str
        Labels of parameters are under ``LABELS_PARAMETER``; one without is written as it is.

    Returns
    -------
    str
        The text, with the parameter in place of ``{n}`` and ``{kind}``; `joined` itself where
        there is no text.

    Examples
    --------
    >>> texts = {"finding_age_above_years": "Older than {n} years"}
    >>> code_text("age_above_years/10", texts, prefix="finding", labels="kind")
    'Older than 10 years'
    """
    code, _, parameter = joined.partition("/")
    text = texts.get(f"{prefix}_{code}")
    if text is None:
        return joined
    label = texts.get(f"{labels}_{parameter}", parameter)
    return text.replace("{kind}", label).replace("{n}", label)
