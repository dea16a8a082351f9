"""Property tests of registers in any style: each value is equal, or reported as uncertain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.ingest.cleaning import clean_table
from geo.ingest.raw_table import RawTable
from geo.schema import LAYERS

ZONE = ZoneInfo("Asia/Shanghai")
# fmt: off
POINTS = [
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE",
    "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
]
CHINESE = [
    "北", "北北东", "东北", "东北东", "东", "东南东", "东南", "南南东",
    "南", "南南西", "西南", "西南西", "西", "西北西", "西北", "北北西",
]
# fmt: on
HEADERS: dict[str, list[str]] = {
    "code": ["code", "设备编码（*）", "1.设备编码", "Camera ID", "设备编\ufffd"],
    "bearing_deg": ["bearing", "方位角", "look_direction", "camera:direction", "azimuth\n(deg)"],
    "range_m": ["range_m", "可视距离(米)", "radius", "视距", "maxviewdis"],
    "height_m": ["height_m", "安装高度（m）", "高度/米"],
    "lon": ["lon", "经度【WGS84】", "Longitude", "经度°"],
    "lat": ["lat", "设备维度", "Latitude", "纬度"],
    "installed_on": ["installed_on", "安装时间", "installed_"],
    "retired_on": ["retired_on", "报废时间"],
}


@dataclass(frozen=True)
class Camera:
    """Meaning of one row of a register."""

    sixteenths: int
    bearing: float
    range_m: float
    height_m: float
    lon: float
    lat: float
    installed: dt.date
    retired: dt.date


def dms(value: float, letters: str, signs: str) -> str:
    seconds = round(abs(value) * 3600, 1)
    degrees, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    letter = letters[0] if value >= 0 else letters[1]
    d, m, s = signs[0], signs[1], signs[2:]
    return f"{degrees:.0f}{d}{minutes:.0f}{m}{seconds:.1f}{s}{letter}"


def with_thousands(value: float, mark: str, decimal: str) -> str:
    text = f"{value:,.1f}".rstrip("0").rstrip(".")
    return text.replace(",", "\0").replace(".", decimal).replace("\0", mark)


BEARINGS: dict[str, Callable[[Camera, str], str]] = {
    "number": lambda c, d: f"{c.bearing:g}".replace(".", d),
    "degrees": lambda c, d: f"{c.bearing:g}º".replace(".", d),
    "point": lambda c, d: POINTS[c.sixteenths],
    "chinese": lambda c, d: f"朝{CHINESE[c.sixteenths]}",
    "telephone": lambda c, d: f"{c.sixteenths * 22.5:.0f}° {POINTS[c.sixteenths]}",
    "sentence": lambda c, d: f"facing {c.sixteenths * 22.5:g}° to gate 7, road 353",
    "sentence_zh": lambda c, d: f"方位角约{c.sixteenths * 22.5:g}度，107国道",
}
# fmt: off
DATES: dict[str, str] = {
    "iso": "%Y-%m-%d", "chinese": "%Y年%m月%d日", "slash_day": "%d/%m/%Y",
    "slash_month": "%m/%d/%Y", "points": "%d.%m.%Y", "dash_day": "%d-%m-%Y", "words": "%d %b %Y",
    "compact": "%Y%m%d",
}
# fmt: on

cameras = st.builds(
    Camera,
    sixteenths=st.integers(0, 15),
    bearing=st.integers(0, 3599).map(lambda k: k / 10),
    range_m=st.one_of(st.integers(1, 99_998), st.integers(10, 99_990).map(lambda k: k / 10)).map(
        float
    ),
    height_m=st.integers(5, 500).map(lambda k: k / 10),
    lon=st.integers(-1_790_000, 1_790_000)
    .map(lambda k: k / 10_000)
    .filter(lambda v: abs(v) > 0.01),
    lat=st.integers(-890_000, 890_000).map(lambda k: k / 10_000),
    installed=st.dates(dt.date(1990, 1, 1), dt.date(2020, 1, 1)),
    retired=st.dates(dt.date(2021, 1, 1), dt.date(2025, 1, 1)),
)


@given(
    expected_cameras=st.lists(cameras, min_size=1, max_size=6),
    headers=st.fixed_dictionaries(
        {name: st.sampled_from(words) for name, words in HEADERS.items()}
    ),
    marks=st.sampled_from(
        [
            ("", "."),
            ("", ","),
            (",", "."),
            (".", ","),
            (" ", "."),
            (" ", ","),
            ("'", "."),
            ("\u00a0", ","),
        ]
    ),
    bearing=st.sampled_from(sorted(BEARINGS)),
    date=st.sampled_from(sorted(DATES)),
    coordinate_style=st.sampled_from(["decimal", "letters", "dms", "other_signs"]),
    random=st.randoms(use_true_random=False),
)
def test_clean_table_reads_cameras_in_any_style(
    expected_cameras: list[Camera],
    headers: dict[str, str],
    marks: tuple[str, str],
    bearing: str,
    date: str,
    coordinate_style: str,
    random: Any,
) -> None:
    group, decimal = marks

    def coordinate(value: float, letters: str) -> str:
        if coordinate_style == "decimal":
            return f"{value:.4f}".replace(".", decimal)
        if coordinate_style == "letters":
            return f"{abs(value):.4f}°{letters[0] if value >= 0 else letters[1]}".replace(
                ".", decimal
            )
        return dms(value, letters, "°'\"" if coordinate_style == "dms" else "º´´´")

    table = {
        headers["code"]: [f"'00{k}" for k in range(len(expected_cameras))],
        headers["bearing_deg"]: [BEARINGS[bearing](c, decimal) for c in expected_cameras],
        headers["range_m"]: [with_thousands(c.range_m, group, decimal) for c in expected_cameras],
        headers["height_m"]: [
            f"{c.height_m:g}".replace(".", decimal) + " m" for c in expected_cameras
        ],
        headers["lon"]: [coordinate(c.lon, "EW") for c in expected_cameras],
        headers["lat"]: [coordinate(c.lat, "NS") for c in expected_cameras],
        headers["installed_on"]: [f"{c.installed:{DATES[date]}}" for c in expected_cameras],
        headers["retired_on"]: [f"{c.retired:{DATES[date]}}" for c in expected_cameras],
    }
    names = list(table)
    random.shuffle(names)
    raw = RawTable(pd.DataFrame(table, dtype="str")[names], np.arange(len(expected_cameras)))
    cleaned = clean_table(
        raw, LAYERS["cameras"], zone=ZONE, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    assert set(cleaned.recognised) == set(HEADERS)
    reported = {(f.line, f.column) for f in cleaned.findings}
    rows = {row.line: row for row in cleaned.frame.itertuples()}
    for line, camera in enumerate(expected_cameras):
        if line not in rows:
            assert any(f.line == line and f.action == "rejected" for f in cleaned.findings)
            continue
        row = rows[line]
        assert row.code == f"00{line}"
        angle = camera.bearing if bearing in ("number", "degrees") else camera.sixteenths * 22.5
        if bearing == "telephone":
            angle = float(f"{angle:.0f}")
        expected = {
            "bearing_deg": angle,
            "range_m": camera.range_m,
            "height_m": camera.height_m,
            "installed_on": camera.installed,
            "retired_on": camera.retired,
        }
        for name, value in expected.items():
            actual = getattr(row, name)
            if actual is None or actual != actual:
                assert (line, name) in reported, (name, table)
            elif isinstance(value, dt.date):
                assert actual == value, (name, table)
            else:
                # An ambiguous separator is read in one way and reported.
                assert actual == pytest.approx(value) or (line, name) in reported, (name, table)
        tolerance = 1e-9 if coordinate_style in ("decimal", "letters") else 0.06 / 3600
        assert (row.geometry.x, row.geometry.y) == pytest.approx(
            (camera.lon, camera.lat), abs=tolerance
        )


moments = st.datetimes(pd.Timestamp("2000-01-01"), pd.Timestamp("2025-12-31")).map(
    lambda t: t.replace(microsecond=0)
)
TIMES = ["%H:%M:%S", "%I:%M:%S %p"]


@given(
    drawn_times=st.lists(moments, min_size=1, max_size=8),
    style=st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y"]),
    clock=st.sampled_from(TIMES),
    offsets=st.lists(st.sampled_from(["", "+08:00", "+00:00"]), min_size=8, max_size=8),
)
def test_clean_table_reads_times_in_any_order_and_zone(
    drawn_times: list[dt.datetime], style: str, clock: str, offsets: list[str]
) -> None:
    texts, expected = [], []
    for moment, offset in zip(drawn_times, offsets, strict=False):
        suffix = offset if clock == TIMES[0] else ""
        texts.append(moment.strftime(f"{style} {clock}") + suffix)
        zone = dt.UTC if suffix == "+00:00" else ZONE
        expected.append(moment.replace(tzinfo=zone))
    table = {
        "id": [str(k) for k in range(len(drawn_times))],
        "time": texts,
        "lon": "118",
        "lat": "31",
    }
    raw = RawTable(pd.DataFrame(table, dtype="str"), np.arange(len(drawn_times)))
    cleaned = clean_table(raw, LAYERS["incidents"], zone=ZONE)
    actual = dict(zip(cleaned.frame["line"], cleaned.frame["occurred_at"], strict=True))
    rejected = {f.line for f in cleaned.findings if f.action == "rejected"}
    for line, moment in enumerate(expected):
        assert (line in actual) != (line in rejected)
        if line in actual:
            assert actual[line] == pd.Timestamp(moment)
