"""Grid staff of the demo district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.demo.plan import GIVEN_NAMES, SEED, SURNAMES

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def make_staff(grids: GeoDataFrame) -> list[tuple[str, str, str, str]]:
    """Return the grid staff; some grids lack a head.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids of the district, with `code`.

    Returns
    -------
    list of tuple of str
        Grid, role, name and phone of each person.
    """
    rng = np.random.default_rng(SEED + 7)
    rows: list[tuple[str, str, str, str]] = []
    for k, code in enumerate(grids["code"]):
        roles = ["head", "full_time", "part_time", "police"]
        if k % 41 == 40:
            roles = roles[1:]  # a grid without a head, which the data-quality report must list
        for role in roles:
            name = str(rng.choice(list(SURNAMES))) + str(rng.choice(GIVEN_NAMES))
            if rng.random() < 0.6:
                name += str(rng.choice(GIVEN_NAMES))
            rows.append((str(code), role, name, f"199{rng.integers(0, 100_000_000):08d}"))
    return rows
