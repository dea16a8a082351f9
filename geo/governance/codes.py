"""Codes of areas, grids and cameras: checked, taken apart, parents told from them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
    ]
)
_LEVELS = {6: "district", 9: "subdistrict", 12: "community", 15: "grid"}
_LENGTHS = {name: length for length, name in _LEVELS.items()}
_CAMERAS = {"131": "camera", "132": "network camera"}


@dataclass(frozen=True)
class AreaCode:
    """An administrative code, or a grid's."""

    code: str
    """Without the zeros that fill it up to twelve digits."""
    level: str
    """``district``, ``subdistrict``, ``community`` or ``grid``."""
    parent: str
    """Code of the next level up; "" of a district."""
    problem: str = ""
    """What the standard would not have, in words; "" where all is well."""


def area_code(code: str) -> AreaCode | None:
    """Take an administrative or grid code apart.

    Parameters
    ----------
    code : 6 digits of a district (GB/T 2260), and 3 more each for sub-district, community and
        grid. Codes of districts and sub-districts filled with zeros to 12 digits are known, too.

    Returns
    -------
    The code's parts; None for a code of another scheme, which a district may use as it likes.

    Notes
    -----
    GB/T 2260 and GB/T 10114: sub-district offices 001 to 099, towns 100 to 199, townships 200 to 399;
    residents' committees 001 to 199, villagers' committees 200 to 399. Basic grids count from 001.

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
    level = _LEVELS[len(text)]
    problems = []
    if text[:2] not in _PROVINCES:
        problems.append(f"{text[:2]} is no province")
    if text[4:6] == "00" and len(text) == 6:
        problems.append("a city, not a district")
    if len(text) >= 9 and not 1 <= int(text[6:9]) <= 399:
        problems.append(f"sub-district {text[6:9]} is not from 001 to 399")
    if len(text) >= 12 and not 1 <= int(text[9:12]) <= 399:
        problems.append(f"community {text[9:12]} is not from 001 to 399")
    if len(text) == 15 and text[12:] == "000":
        problems.append("grids count from 001")
    parent = text[:-3] if len(text) > 6 else ""
    return AreaCode(text, level, parent, "; ".join(problems))


def parent_codes(code: str) -> dict[str, str]:
    """Codes of all levels that a code lies in, itself among them; {} for another scheme.

    Examples
    --------
    >>> import geo
    >>> geo.parent_codes("110105012003")
    {'district': '110105', 'subdistrict': '110105012', 'community': '110105012003'}
    """
    found = area_code(code)
    if found is None:
        return {}
    return {
        name: found.code[:length] for name, length in _LENGTHS.items() if length <= len(found.code)
    }


@dataclass(frozen=True)
class DeviceNumber:
    """A device number of GB/T 28181, code rule A."""

    centre: str
    """Administrative code of the centre, 8 digits."""
    district: str
    """Its first six digits."""
    industry: str
    """Two digits: 00 to 09 public security, 10 and on other authorities, 80 and on others."""
    type: str
    """Three digits: 131 camera, 132 network camera."""
    network: str
    """One digit: 0 to 4 monitoring alarm network, 5 public security, 6 government, 7 internet."""
    serial: str
    """Six digits."""
    problem: str = ""
    """What the standard would not have, in words; "" where all is well."""


def device_number(code: str) -> DeviceNumber | None:
    """Take a camera's 20-digit number apart.

    Parameters
    ----------
    code : 8 digits centre, 2 industry, 3 type, 7 number of the device (its first digit the network).

    Returns
    -------
    The number's parts; None where it is not of 20 digits, or is a vendor's own beginning 015.

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
    problems = []
    if text[:2] not in _PROVINCES:
        problems.append(f"{text[:2]} is no province")
    kind = text[10:13]
    if kind not in _CAMERAS:
        problems.append(f"type {kind} is no camera (131 or 132)")
    return DeviceNumber(
        text[:8], text[:6], text[8:10], kind, text[13], text[14:], "; ".join(problems)
    )
