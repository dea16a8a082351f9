"""Accuracy of a ranking of grids: hit rate, PAI and PEI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame

SHARES = (0.01, 0.05, 0.10)
"""Shares of the area at which forecasts are tested."""


def prediction_accuracy(
    risk: ArrayLike, counts: ArrayLike, area_m2: ArrayLike, *, shares: Sequence[float] = SHARES
) -> DataFrame:
    """Return how well a ranking of grids predicted where incidents happened.

    Parameters
    ----------
    risk : array_like of float
        Predicted incidents (not density), one figure per grid, 0 or more.
    counts : array_like of float
        Observed incidents of the grids.
    area_m2 : array_like of float
        Areas of the grids, square metres, above 0.
    shares : sequence of float, optional
        Shares of the total area that are selected, above 0 to 1.

    Returns
    -------
    pandas.DataFrame
        One row per share (index `area_share`): `hits` (incidents in the selected area), `hit_rate`
        (share of all), `pai` (hit rate over share of the area), `pei` (hits over the most that an
        area of that size could have had). Rate, `pai` and `pei` are NaN without incidents.

    Raises
    ------
    ColumnError
        If lengths differ, a figure is missing or negative, or a share is out of range.

    Notes
    -----
    Grids are selected from the highest predicted density down; of the last one only the part that
    fills the share, with that part of its incidents. Prediction accuracy index: [1]_; prediction
    efficiency index: [2]_.

    References
    ----------
    .. [1] S. Chainey, L. Tompson and S. Uhlig, "The utility of hotspot mapping for predicting
       spatial patterns of crime", Security Journal 21 (2008).
    .. [2] J. M. Hunt, Do crime hot spots move? Exploring the effects of the modifiable areal unit
       problem and modifiable temporal unit problem on crime hot spot stability (dissertation,
       2016).

    Examples
    --------
    >>> import geo
    >>> table = geo.prediction_accuracy([5, 1, 0, 0], [6, 2, 2, 0], [1, 1, 1, 1], shares=[0.25])
    >>> table[["hit_rate", "pai", "pei"]].iloc[0].round(2).tolist()
    [0.6, 2.4, 1.0]
    """
    predicted, observed, area = (np.asarray(a, float) for a in (risk, counts, area_m2))
    if not predicted.shape == observed.shape == area.shape or predicted.ndim != 1:
        raise ColumnError("risk, counts and area_m2 must be one figure a grid each")
    figures = np.concatenate([predicted, observed, area])
    if not (np.isfinite(figures).all() and (figures >= 0).all() and (area > 0).all()):
        raise ColumnError("risk and counts must be 0 or more, areas above 0, for every grid")
    for share in shares:
        if not 0 < share <= 1:
            raise ColumnError(f"a share of the area must be above 0 and at most 1, not {share}")
    total, total_area = observed.sum(), area.sum()
    rows = []
    for share in shares:
        hits = _hits(predicted / area, observed, area, share * total_area)
        possible = _hits(observed / area, observed, area, share * total_area)
        rate = hits / total if total else np.nan
        rows.append(
            {
                "area_share": share,
                "hits": hits,
                "hit_rate": rate,
                "pai": rate / share,
                "pei": hits / possible if possible else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("area_share")


def _hits(
    density: NDArray[np.float64],
    observed: NDArray[np.float64],
    area: NDArray[np.float64],
    selected_area: float,
) -> float:
    """Return the incidents in the densest grids that fill an area, of the last one its part."""
    order = np.argsort(-density, kind="stable")
    filled = np.cumsum(area[order])
    part = np.clip((selected_area - (filled - area[order])) / area[order], 0.0, 1.0)
    return float((part * observed[order]).sum())
