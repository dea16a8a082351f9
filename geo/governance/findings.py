"""Findings about the rows of registers: stable codes, and tables of them by owner."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.frames import required_column, texts_of
from geo.parametric_codes import code_text, join_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame, Series

COLUMNS = ("code", "aspect", "finding", "detail", "owner")
"""Columns of a table of findings, all text; "" where there is no detail or owner."""


class Aspect(StrEnum):
    """What a finding is about."""

    COMPLETE = "complete"
    """A value is missing."""
    PLAUSIBLE = "plausible"
    """A value cannot be right."""
    UP_TO_DATE = "up_to_date"
    """A value is too old."""
    IN_PLACE = "in_place"
    """A place contradicts the grids, the stated community or another row."""
    TARGET = "target"
    """A row falls short of a target; not a fault of the register."""
    SERVICE = "service"
    """A grid is beyond the service radius; not a fault of the register."""


class FindingCode(StrEnum):
    """Stable codes of findings, as stored and as returned by the API.

    The texts in Chinese and English are in ``geo/locales`` under ``finding_CODE``. Some codes are
    followed by a slash and a parameter, such as ``age_above_years/10`` (see `finding_of`).

    Examples
    --------
    >>> import geo
    >>> str(geo.FindingCode.BEARING_MISSING)
    'bearing_missing'
    """

    BEARING_MISSING = "bearing_missing"
    FIELD_OF_VIEW_MISSING = "field_of_view_missing"
    RANGE_MISSING = "range_missing"
    HEIGHT_MISSING = "height_missing"
    RESOLUTION_MISSING = "resolution_missing"
    OWNER_MISSING = "owner_missing"
    INSTALLATION_DATE_MISSING = "installation_date_missing"
    STATUS_UNKNOWN = "status_unknown"
    KIND_UNKNOWN = "kind_unknown"
    POINT_CLASS_UNKNOWN = "point_class_unknown"
    NETWORK_UNKNOWN = "network_unknown"
    RANGE_ABOVE_KM = "range_above_km"
    NEAR_EDGE_BEYOND_RANGE = "near_edge_beyond_range"
    MOUNTING_HEIGHT_ABOVE_M = "mounting_height_above_m"
    FIXED_FIELD_OF_VIEW_ABOVE_DEG = "fixed_field_of_view_above_deg"
    DEVICE_NUMBER_INVALID = "device_number_invalid"
    AGE_ABOVE_YEARS = "age_above_years"
    RETIRED_BUT_IN_USE = "retired_but_in_use"
    STATUS_OLDER_THAN_DAYS = "status_older_than_days"
    OUTSIDE_EVERY_GRID = "outside_every_grid"
    OUTSIDE_STATED_COMMUNITY = "outside_stated_community"
    SAME_PLACE_AS_ANOTHER_CAMERA = "same_place_as_another_camera"
    NOT_NETWORKED = "not_networked"
    NOT_IN_WORKING_ORDER = "not_in_working_order"
    HEAD_MISSING = "head_missing"
    STAFF_MISSING = "staff_missing"
    COMMUNITY_MISSING = "community_missing"
    POPULATION_UNKNOWN = "population_unknown"
    NO_SERVICE_WITHIN_DISTANCE = "no_service_within_distance"
    PLACE_AND_GRID_UNKNOWN = "place_and_grid_unknown"
    CATEGORY_MISSING = "category_missing"
    ACCEPTED_BEFORE_REPORTED = "accepted_before_reported"
    CLOSED_BEFORE_REPORTED = "closed_before_reported"
    COVERAGE_BELOW_TARGET = "coverage_below_target"
    AREA_BELOW_M2 = "area_below_m2"
    AREA_ABOVE_KM2 = "area_above_km2"
    NO_COVERAGE_REQUIRED = "no_coverage_required"
    BUILDING_HEIGHT_ABOVE_M = "building_height_above_m"


def finding_of(code: FindingCode, parameter: float | str | None = None) -> str:
    """Return a finding as it is stored: its code, and its parameter after a slash.

    Parameters
    ----------
    code : FindingCode
        Code of the finding.
    parameter : float or str, optional
        Threshold in the unit that the code names, or kind of the service points.

    Returns
    -------
    str
        ``CODE`` or ``CODE/PARAMETER``.

    Examples
    --------
    >>> finding_of(FindingCode.AGE_ABOVE_YEARS, 10.0), finding_of(FindingCode.HEAD_MISSING)
    ('age_above_years/10', 'head_missing')
    """
    if parameter is None or isinstance(parameter, str):
        return join_code(code, parameter or "")
    return join_code(code, format(parameter, "g"))


def finding_text(finding: str, texts: dict[str, str]) -> str:
    """Return the text of a finding in the language of the texts.

    Parameters
    ----------
    finding : str
        A finding as `finding_of` returns it.
    texts : dict of str to str
        Texts of the interface by key, as `geo.maps.language.texts` returns them.

    Returns
    -------
    str
        The text with its parameter; the finding itself where there is no text.

    Examples
    --------
    >>> finding_text("age_above_years/10", {"finding_age_above_years": "Older than {n} years"})
    'Older than 10 years'
    """
    return code_text(finding, texts, prefix="finding", labels="kind")


def findings_by_owner(findings: DataFrame) -> DataFrame:
    """Count the rows of each finding by owner: the to-do list of each owner.

    Parameters
    ----------
    findings : pandas.DataFrame
        Table of findings, such as `camera_findings` returns, with columns `owner`, `aspect` and
        `finding`.

    Returns
    -------
    pandas.DataFrame
        Columns `owner`, `aspect`, `finding`, `rows`; by owner, the most frequent finding first.

    Raises
    ------
    ColumnError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> findings = pd.DataFrame({"owner": "a", "aspect": "complete",
    ...     "finding": ["range_missing", "bearing_missing", "bearing_missing"]})
    >>> geo.findings_by_owner(findings)["rows"].tolist()
    [2, 1]
    """
    names = ["owner", "aspect", "finding"]
    for name in names:
        required_column(findings, name, "the findings")
    plain = pd.DataFrame({name: texts_of(findings, name).to_numpy() for name in names})
    counts = plain.groupby(names).size().rename("rows").reset_index()
    return counts.sort_values(
        ["owner", "rows", "finding"], ascending=[True, False, True], ignore_index=True
    )


def finding_rows(
    codes: pd.Index, aspect: Aspect, finding: str, detail: str | Sequence[str], owner: Series
) -> DataFrame:
    """Return one finding about several rows as a table.

    Parameters
    ----------
    codes : pandas.Index
        Codes of the rows.
    aspect : Aspect
        What the finding is about.
    finding : str
        A finding as `finding_of` returns it.
    detail : str or sequence of str
        Detail of all rows, or of each row in the order of `codes`.
    owner : pandas.Series
        Owner of each row, in the order of `codes`; missing where unknown.

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`.
    """
    by_position = detail if isinstance(detail, str) else list(detail)
    columns = {"code": codes.astype(str), "aspect": str(aspect), "finding": finding}
    table = pd.DataFrame(columns | {"detail": by_position}, index=range(len(codes)), dtype=object)
    table["owner"] = owner.fillna("").to_numpy(object)
    return table[list(COLUMNS)]


class FindingCollector:
    """Collects the findings of one register, by position of the row.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of the register, indexed by code, with `owner` as far as known.
    """

    def __init__(self, frame: DataFrame) -> None:
        self.codes = np.array([str(label) for label in frame.index], dtype=object)
        self._owners = texts_of(frame, "owner").fillna("").to_numpy(dtype=object)
        self._parts: list[DataFrame] = []

    def add(
        self,
        mask: NDArray[np.bool_] | Series,
        aspect: Aspect,
        code: FindingCode,
        *,
        parameter: float | str | None = None,
        detail: Series | None = None,
    ) -> None:
        """Add a finding about the rows of a mask.

        Parameters
        ----------
        mask : numpy.ndarray or pandas.Series of bool
            True for the rows that the finding is about, in the order of the register.
        aspect : Aspect
            What the finding is about.
        code : FindingCode
            Code of the finding.
        parameter : float or str, optional
            Parameter of the code.
        detail : pandas.Series, optional
            Detail of each row of the register, such as the value in question.
        """
        rows = np.flatnonzero(np.asarray(mask, bool))
        if len(rows) == 0:
            return
        details = "" if detail is None else detail.astype(str).to_numpy()[rows]
        self._parts.append(
            pd.DataFrame(
                {
                    "code": self.codes[rows],
                    "aspect": str(aspect),
                    "finding": finding_of(code, parameter),
                    "detail": details,
                    "owner": self._owners[rows],
                }
            )
        )

    def table(self) -> DataFrame:
        """Return all findings.

        Returns
        -------
        pandas.DataFrame
            The columns `COLUMNS`, ordered by code.
        """
        if not self._parts:
            return pd.DataFrame(columns=list(COLUMNS))
        table = pd.concat(self._parts, ignore_index=True)
        return table.sort_values(["code"], kind="stable", ignore_index=True)
