"""Categories as a tree of paths such as `dispute/neighbours`, counted with their descendants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.frames import texts

if TYPE_CHECKING:
    from pandas import DataFrame, Series

SEPARATOR = "/"


def category_path(category: str) -> tuple[str, ...]:
    """Return the steps of a category from its root down.

    Parameters
    ----------
    category : str
        Steps separated by ``/``; blanks around a step and empty steps are dropped.

    Returns
    -------
    tuple of str
        The steps; empty for an empty text.

    Examples
    --------
    >>> import geo
    >>> geo.category_path("dispute / neighbours")
    ('dispute', 'neighbours')
    """
    return tuple(step.strip() for step in category.split(SEPARATOR) if step.strip())


def in_category(categories: Series, *wanted: str) -> Series:
    """Return which categories are one of several, or descend from one.

    Parameters
    ----------
    categories : pandas.Series
        Texts; a missing one is ``other``.
    *wanted : str
        Categories of any depth.

    Returns
    -------
    pandas.Series
        Booleans on the index of `categories`.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> geo.in_category(pd.Series(["dispute/noise", "disputed", "dispute"]), "dispute").tolist()
    [True, False, True]
    """
    nodes = [category_path(w) for w in wanted]
    paths = texts(categories).fillna("other").astype(str)
    belongs = {
        text: any(category_path(text)[: len(node)] == node for node in nodes)
        for text in paths.unique()
    }
    return paths.map(belongs).astype(bool).rename(None)


def counts_by_category(categories: Series) -> DataFrame:
    """Return the tree of categories, each with its own incidents and those of its descendants.

    Parameters
    ----------
    categories : pandas.Series
        Texts, one per incident; a missing one is ``other``.

    Returns
    -------
    pandas.DataFrame
        One row per category, parents before their children, indexed by its path: `parent` ("" at a
        root), `depth` (1 at a root), `own` (incidents of exactly that category), `count` (with all
        descendants).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> tree = geo.counts_by_category(pd.Series(["theft", "theft/bicycle", "theft/bicycle"]))
    >>> tree["count"].to_dict()
    {'theft': 3, 'theft/bicycle': 2}
    """
    filled = texts(categories).fillna("other").astype(str)
    own: dict[tuple[str, ...], int] = {}
    total: dict[tuple[str, ...], int] = {}
    for text, number in filled.value_counts().items():
        path = category_path(str(text)) or ("other",)
        own[path] = own.get(path, 0) + int(number)
        for depth in range(1, len(path) + 1):
            total[path[:depth]] = total.get(path[:depth], 0) + int(number)
    paths = sorted(total)
    return pd.DataFrame(
        {
            "parent": [SEPARATOR.join(path[:-1]) for path in paths],
            "depth": [len(path) for path in paths],
            "own": [own.get(path, 0) for path in paths],
            "count": [total[path] for path in paths],
        },
        index=pd.Index([SEPARATOR.join(path) for path in paths], name="category"),
    )
