"""Categories as a tree: paths such as `dispute/neighbours`, counted with all that lies beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.frames import texts

if TYPE_CHECKING:
    from pandas import DataFrame, Series

SEPARATOR = "/"


def category_path(category: str) -> tuple[str, ...]:
    """The steps of a category from its root down; blanks round a step, and empty steps, go.

    Examples
    --------
    >>> import geo
    >>> geo.category_path("dispute / neighbours")
    ('dispute', 'neighbours')
    """
    return tuple(step.strip() for step in category.split(SEPARATOR) if step.strip())


def in_category(categories: Series, *wanted: str) -> Series:
    """Which categories are one of those wanted, or lie beneath one.

    Parameters
    ----------
    categories : texts; a missing one is ``other``.
    wanted : categories of any depth.

    Returns
    -------
    Booleans on the index of `categories`.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> geo.in_category(pd.Series(["dispute/noise", "disputed", "dispute"]), "dispute").tolist()
    [True, False, True]
    """
    nodes = [category_path(w) for w in wanted]
    words = texts(categories).fillna("other").astype(str)
    answer = {
        text: any(category_path(text)[: len(node)] == node for node in nodes)
        for text in words.unique()
    }
    return words.map(answer).astype(bool).rename(None)


def counts_by_category(categories: Series) -> DataFrame:
    """The tree of the categories met, each with its own incidents and those beneath it.

    Parameters
    ----------
    categories : texts, one an incident; a missing one is ``other``.

    Returns
    -------
    One row a category, parents before their children, indexed by its path: `parent` ("" at a
    root), `depth` (1 at a root), `own` (incidents put right there), `count` (with all beneath).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> tree = geo.counts_by_category(pd.Series(["theft", "theft/bicycle", "theft/bicycle"]))
    >>> tree["count"].to_dict()
    {'theft': 3, 'theft/bicycle': 2}
    """
    words = texts(categories).fillna("other").astype(str)
    own: dict[tuple[str, ...], int] = {}
    whole: dict[tuple[str, ...], int] = {}
    for text, number in words.value_counts().items():
        path = category_path(str(text)) or ("other",)
        own[path] = own.get(path, 0) + int(number)
        for depth in range(1, len(path) + 1):
            whole[path[:depth]] = whole.get(path[:depth], 0) + int(number)
    paths = sorted(whole)
    return pd.DataFrame(
        {
            "parent": [SEPARATOR.join(p[:-1]) for p in paths],
            "depth": [len(p) for p in paths],
            "own": [own.get(p, 0) for p in paths],
            "count": [whole[p] for p in paths],
        },
        index=pd.Index([SEPARATOR.join(p) for p in paths], name="category"),
    )
