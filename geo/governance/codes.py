"""Codes of areas, grids and cameras: their parts, parents and conformity to the standards."""

from __future__ import annotations

import re
from dataclasses import dataclass

# fmt: off
_PROVINCES = frozenset({
    "11", "12", "13", "14", "15",
    "21", "22", "23",
    "31", "32", "33", "34", "35", "36", "37",
    "41", "42", "43", "44", "45", "46",
    "50", "51", "52", "53", "54",
    "61", "62", "63", "64", "65",
    "71", "81", "82",
})
# fmt: on
_LEVELS = {6: "district", 9: "subdistrict", 12: "community", 15: "grid"}
_LENGTHS = {name: length for length, name in _LEVELS.items()}
_CAMERA_TYPES = {"131": "camera", "132": "network camera"}


@dataclass(frozen=True)
class AreaCode:
    """Parts of an administrative code or of the code of a grid.

    Examples
    --------
    >>> import geo
    >>> geo.area_code("340203001001").level
    'community'
    """

    code: str
    """Code without the zeros that pad it to twelve digits."""
    level: str
    """``district``, ``subdistrict``, ``community`` or ``grid``."""
    parent: str
    """Code of the next level up; "" of a district."""
    problem: str = ""
    """What contradicts the standard, in words; "" if nothing does."""

    @property
    def has_known_province(self) -> bool:
        """Whether the code begins with the number of a province (GB/T 2260).

        Returns
        -------
        bool
            False for codes that a district has made up.
        """
        return self.code[:2] in _PROVINCES


def area_code(code: str) -> AreaCode | None:
    """Return the parts of an administrative code or of the code of a grid.

    Parameters
    ----------
    code : str
        6 digits of a district (GB/T 2260), and 3 more each for sub-district, community and grid.
        Codes of districts and sub-districts padded with zeros to 12 digits are recognised.

    Returns
    -------
    AreaCode or None
        Parts of the code; None for a code of another scheme, which a district may choose freely.

    Notes
    -----
    GB/T 2260 and GB/T 10114: sub-district offices 001 to 099, towns 100 to 199, townships 200 to
    399; residents' committees 001 to 199, villagers' committees 200 to 399. Basic grids are
    numbered from 001.

    Examples
    --------
    >>> import geo
    >>> geo.area_code("110105012003"), geo.area_code("A-7")
    (AreaCode(code='110105012003', level='community', parent='110105012', problem=''), None)
    """
    text = code.strip()
    if not re.fullmatch(r"[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15}", text):
        return None
    if len(text) == 12 and text.endswith("000"):
        text = text[:6] if text.endswith("000000") else text[:9]
    parent = text[:-3] if len(text) > 6 else ""
    return AreaCode(text, _LEVELS[len(text)], parent, "; ".join(_area_problems(text)))


def parent_codes(code: str) -> dict[str, str]:
    """Return the codes of all levels that an administrative code contains.

    Parameters
    ----------
    code : str
        Code of an area or grid, as for `area_code`.

    Returns
    -------
    dict of str to str
        Codes by level, the code itself among them; empty for a code of another scheme.

    Examples
    --------
    >>> import geo
    >>> geo.parent_codes("110105012003")
    {'district': '110105', 'subdistrict': '110105012', 'community': '110105012003'}
    """
    parts = area_code(code)
    if parts is None:
        return {}
    known = len(parts.code)
    return {level: parts.code[:length] for level, length in _LENGTHS.items() if length <= known}


@dataclass(frozen=True)
class DeviceNumber:
    """Parts of a device number of GB/T 28181, code rule A.

    Examples
    --------
    >>> import geo
    >>> geo.device_number("34020000001320000001").type
    '132'
    """

    centre: str
    """Administrative code of the centre, 8 digits."""
    district: str
    """Its first six digits."""
    industry: str
    """Two digits: 00 to 09 public security, 10 and above other authorities, 80 and above others."""
    type: str
    """Three digits: 131 camera, 132 network camera."""
    network: str
    """One digit: 0 to 4 monitoring alarm network, 5 public security, 6 government, 7 internet."""
    serial: str
    """Six digits."""
    problem: str = ""
    """What contradicts the standard, in words; "" if nothing does."""

    @property
    def type_problem(self) -> str:
        """What contradicts the standard in the type alone.

        Returns
        -------
        str
            In words; "" for the type of a camera.
        """
        return _type_problem(self.type)


def device_number(code: str) -> DeviceNumber | None:
    """Return the parts of a camera's 20-digit device number.

    Parameters
    ----------
    code : str
        8 digits of the centre, 2 of the industry, 3 of the type, and 7 of the device, of which the
        first is the network.

    Returns
    -------
    DeviceNumber or None
        Parts of the number; None if it does not have 20 digits, or begins with 015 as numbers of
        vendors do.

    Notes
    -----
    GB/T 28181-2016 and -2022, appendix on code rule A.

    Examples
    --------
    >>> import geo
    >>> geo.device_number("11010500001320000123").problem
    ''
    >>> geo.device_number("11010500001180000123").problem
    'type 118 is no camera (131 or 132)'
    """
    text = code.strip()
    if not re.fullmatch(r"[0-9]{20}", text) or text.startswith("015"):
        return None
    kind = text[10:13]
    problems = [_province_problem(text), _type_problem(kind)]
    return DeviceNumber(
        centre=text[:8],
        district=text[:6],
        industry=text[8:10],
        type=kind,
        network=text[13],
        serial=text[14:],
        problem="; ".join(problem for problem in problems if problem),
    )


def _area_problems(code: str) -> list[str]:
    problems = []
    if problem := _province_problem(code):
        problems.append(problem)
    if code[4:6] == "00" and len(code) == 6:
        problems.append("a city, not a district")
    if len(code) >= 9 and not 1 <= int(code[6:9]) <= 399:
        problems.append(f"sub-district {code[6:9]} is not from 001 to 399")
    if len(code) >= 12 and not 1 <= int(code[9:12]) <= 399:
        problems.append(f"community {code[9:12]} is not from 001 to 399")
    if len(code) == 15 and code[12:] == "000":
        problems.append("grids count from 001")
    return problems


def _province_problem(code: str) -> str:
    return "" if code[:2] in _PROVINCES else f"{code[:2]} is no province"


def _type_problem(kind: str) -> str:
    return "" if kind in _CAMERA_TYPES else f"type {kind} is no camera (131 or 132)"
