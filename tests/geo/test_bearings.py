"""Tests of `directions_of`: camera directions written in free text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.directions import (
    ALL_ROUND,
    POINTS,
    Direction,
    apart,
    directions_from_text,
    directions_to_text,
    point_of,
)
from geo.ingest.bearings import directions_of
from geo.ingest.directions import are_direction_types

# fmt: off
POINT_NAMES = [
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE",
    "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
]
# fmt: on


@pytest.mark.parametrize(("number", "name"), list(enumerate(POINT_NAMES)))
def test_directions_of_reads_sixteen_compass_points(number: int, name: str) -> None:
    words = {"N": "north", "E": "east", "S": "south", "W": "west"}
    spelled = [words[letter] for letter in name]
    for text in (
        name,
        name.lower(),
        ".".join(name) + ".",
        "-".join(spelled),
        " ".join(spelled),
        "".join(spelled).title(),
        f"facing {name}",
    ):
        assert directions_of(text) == (Direction(number * 22.5),), text


# fmt: off
POINTS_BY_LANGUAGE = [
    (
        0,
        "北 正北 朝北 北方 Norden norte nord noord pohjoinen norr север 북 북쪽 Bắc kuzey "
        "północ شمال utara",
    ),
    (
        45,
        "东北 東北 北東 Nordost nord-est noreste nordeste noordoost koillinen nordöst "
        "северо-восток 북동 đông-bắc",
    ),
    (90, "东 東 正东 Osten est este leste oost itä öster восток 동 Đông doğu wschód شرق timur"),
    (
        135,
        "东南 東南 南東 Südost Südosten sud-est sureste sudeste zuidoost kaakko sydost "
        "юго-восток 남동 Đông-Nam",
    ),
    (180, "南 正南 Süden Sued sud sur sul zuid etelä söder юг 남 Nam güney południe جنوب selatan"),
    (
        225,
        "西南 南西 Südwest sud-ouest suroeste sudoeste zuidwest lounas sydväst юго-запад 남서 "
        "Tây-Nam",
    ),
    (270, "西 正西 Westen ouest oeste ovest länsi väster запад 서 Tây batı zachód غرب barat"),
    (
        315,
        "西北 北西 Nordwest nord-ouest noroeste noordwest luode nordväst северо-запад 북서 Tây-Bắc",
    ),
]
# fmt: on


@pytest.mark.parametrize(("bearing", "words"), POINTS_BY_LANGUAGE)
def test_directions_of_reads_compass_points_in_many_languages(bearing: float, words: str) -> None:
    for word in words.split():
        assert directions_of(word) == (Direction(bearing),), word


# fmt: off
SINGLE_DIRECTIONS = [
    ("259° W", 259, None), ("307° NW, toward the bridge", 307, None),
    ("toward the harbour (130° SE)", 130, None), ("Hướng Đông Nam 130 độ", 130, None),
    ("288° Tây", 288, None), ("朝东南", 135, None), ("16° N", 16, None),
    ("bearing 274° W; junction 405-363", 274, None), ("西偏北30度", 300, None),
    ("259 W", 259, None), ("W 259°", 259, None), ("259º W", 259, None), ("２５９° W", 259, None),
    ("5° NW", None, None), ("350° N", 350, None), ("135 (SE)", 135, None), ("45° W", None, None),
    ("N 30° E", 30, None), ("S30W", 210, None), ("北偏东15°", 15, None), ("南偏西10度", 190, None),
    ("30° north of west", 300, None), ("东偏南45°方向", 135, None), ("镜头朝西偏北30度", 300, None),
    ("北偏西", None, None), ("东偏西20度", None, None), ("由西向东", 90, None),
    ("自北往南方向", 180, None), ("from west to east", 90, None), ("由西北向东南", 135, None),
    ("由北向东", None, None), ("由南向北拍摄", 0, None), ("N→S", 180, None), ("北→南", 180, None),
    ("东西", None, None), ("双向", None, None), ("facing 130° to the gate", 130, None),
    ("方位角约130度", 130, None), ("方位角：130", 130, None), ("azimuth 130, pole 4", 130, None),
    ("朝东南，视角90度", 135, None), ("130° lens facing SW", 225, None),
    ("camera 3 at 90°, tilt 15°", 90, None), ("looking north-east, gate 3", 45, None),
    ("朝东南方向拍摄130度", 130, None), ("from 45° to 135° over the gate", 90, 90),
    ("Richtung Osten", 90, None), ("vers l'est", 90, None), ("hacia el norte", 0, None),
    ("на северо-восток", 45, None), ("남향", 180, None), ("北東方向", 45, None),
    ("hướng tây", 270, None), ("45-135", 90, 90), ("315-45", 0, 90), ("45° – 135°", 90, 90),
    ("45至135度", 90, 90), ("NE-SE", 90, 90), ("135-45", 270, 270), ("0-360", None, 360),
    ("N-S", None, None), ("全向", None, 360), ("全景", None, 360), ("360°全景", None, 360),
    ("panoramic", None, 360), ("omnidirectional", None, 360), ("all round", None, 360),
    ("130", 130, None), ("130 deg", 130, None), ("12°30'", 12.5, None), ("90,5", 90.5, None),
    ("-90", -90, None), ("4711", 4711, None), (33.5, 33.5, None),
]
# fmt: on


@pytest.mark.parametrize(("text", "bearing", "fov"), SINGLE_DIRECTIONS)
def test_directions_of_reads_a_single_direction(
    text: object, bearing: float | None, fov: float | None
) -> None:
    expected = () if bearing is None and fov is None else (Direction(bearing, fov),)
    assert directions_of(text) == expected


# fmt: off
TEXTS_WITHOUT_DIRECTION = [
    "toward road 353", "361 toward road 353", "2 cameras, both ways", "G107", "107国道", "A7",
    "E20", "朝向107国道", "heading 107国道", "20 m from the gate", "20m", "12-14", "405-363",
    "No. 12", "12号", "North gate", "facing north gate", "对着北门", "向南大街", "朝东路口",
    "视角90度", "俯角30°", "20°C", "forward", "左", "O", "NO", "SO", "45,90", "12:30", "10 o'clock",
    "西南侧", "90° or 180°", "looking down 45°", "左侧 90°", "90° left of the door", "W 259",
    "10-20 m", "朝东或朝西", "360°旋转云台130", "N/A/B", "400-500", "90;4711", True,
]
# fmt: on


@pytest.mark.parametrize("text", TEXTS_WITHOUT_DIRECTION)
def test_directions_of_ignores_roads_numbers_and_names(text: object) -> None:
    assert directions_of(text) == ()


# fmt: off
DIRECTION_LISTS = [
    ("90;180", [90, 180]), ("90, 180", [90, 180]), ("90,180", [90, 180]), ("N/S", [0, 180]),
    ("东、西", [90, 270]), ("90° and 270°", [90, 270]), ("N;E;S;W", [0, 90, 180, 270]),
    ("90;90", [90]), ("0°,90°", [0, 90]), ("90°E;180°S", [90, 180]), ("90,180,270", [90, 180, 270]),
    ("NE, 225", [45, 225]),
]
# fmt: on


@pytest.mark.parametrize(("text", "bearings"), DIRECTION_LISTS)
def test_directions_of_reads_lists_of_directions(text: str, bearings: list[float]) -> None:
    assert [direction.bearing_deg for direction in directions_of(text)] == bearings


def test_directions_of_reads_decimal_comma_only_on_request() -> None:
    assert directions_of("112,50", decimal_comma=True) == (Direction(112.5),)
    assert directions_of("112,50") == ()
    assert directions_of("90;180", decimal_comma=True) == (Direction(90), Direction(180))


def test_directions_of_list_with_all_round_is_all_round() -> None:
    assert directions_of("90;全向") == (ALL_ROUND,)


def test_compass_point_names_are_unambiguous() -> None:
    assert not {"o", "no", "so", "ono", "sso"} & set(POINTS)
    assert point_of("Süd-Ost") == point_of("s.e.") == 135.0


@given(
    st.floats(0, 360),
    st.sampled_from(POINT_NAMES),
    st.sampled_from(["{n:.1f}° {p}", "{n:.1f} {p}", "at {n:.1f}° {p}"]),
)
def test_directions_of_number_beside_a_point_agrees_or_is_dropped(
    number: float, name: str, template: str
) -> None:
    shown = round(number, 1)
    directions = directions_of(template.format(n=shown, p=name))
    consistent = apart(shown, POINT_NAMES.index(name) * 22.5) <= 45.0
    assert directions == ((Direction(shown),) if consistent else ())


@given(st.integers(0, 359), st.integers(5, 359))
def test_directions_text_round_trip_of_a_sector(start: int, width: int) -> None:
    (direction,) = directions_of(f"{start}-{(start + width) % 360}")
    assert direction.bearing_deg == (start + width / 2) % 360
    assert direction.fov_deg == width
    assert directions_from_text(directions_to_text([direction])) == (direction,)


@given(st.text(max_size=30))
def test_directions_of_never_raises(text: str) -> None:
    for direction in directions_of(text):
        assert direction.bearing_deg is None or direction.bearing_deg == direction.bearing_deg


# fmt: off
GB28181_TYPES = [
    ("监视方位", ["1", "9", "0"], True), ("监视方位", ["1", "2/4"], True),
    ("监视方位", ["1", "200"], False), ("DirectionType", ["2", "120"], True),
    ("方位角", ["1", "9"], False), ("camera:direction", ["0"], False), ("监视方位", [], False),
]
# fmt: on


@pytest.mark.parametrize(("header", "cells", "types"), GB28181_TYPES)
def test_are_direction_types_recognises_gb28181_columns(
    header: str, cells: list[str], types: bool
) -> None:
    assert are_direction_types(header, cells) is types
