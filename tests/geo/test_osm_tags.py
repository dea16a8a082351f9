"""Tests of the interpretation of OpenStreetMap tags: directions, lengths, heights, kinds."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo.import_reasons import reason_of
from geo.osm import buildings, cameras, ground
from geo.osm.directions import Direction, parse_directions
from geo.osm.features import PARTS, Row, Skipped
from geo.osm.measures import base_of, height_of, length_m, storeys

# Written out by hand, clockwise from north.
# fmt: off
COMPASS = {
    "N": 0, "NNE": 22.5, "NE": 45, "ENE": 67.5, "E": 90, "ESE": 112.5, "SE": 135, "SSE": 157.5,
    "S": 180, "SSW": 202.5, "SW": 225, "WSW": 247.5, "W": 270, "WNW": 292.5, "NW": 315,
    "NNW": 337.5,
}
# fmt: on


@pytest.mark.parametrize(("word", "degrees"), COMPASS.items())
def test_parse_directions_reads_compass_points(word: str, degrees: float) -> None:
    assert parse_directions(word) == [Direction(degrees)]
    assert parse_directions(f" {word.lower()} ") == [Direction(degrees)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45", [Direction(45.0)]),
        ("45°", [Direction(45.0)]),
        ("022.5", [Direction(22.5)]),
        ("360", [Direction(0.0)]),
        ("90-180", [Direction(135.0, 90.0)]),
        ("180-90", [Direction(315.0, 270.0)]),
        ("350-10", [Direction(0.0, 20.0)]),
        ("NW-NE", [Direction(0.0, 90.0)]),
        ("E-W", [Direction(180.0, 180.0)]),
        ("0-360", [Direction(None, 360.0)]),
        ("360-0", [Direction(None, 360.0)]),
        ("0-359", [Direction(None, 360.0)]),
        ("359-0", [Direction(359.5, 1.0)]),
        ("45;225", [Direction(45.0), Direction(225.0)]),
        ("N; 100-120 ;W", [Direction(0.0), Direction(110.0, 20.0), Direction(270.0)]),
        ("45;45", [Direction(45.0)]),
        # Texts without a direction; one unreadable part invalidates the list.
        ("forward", []),
        ("-45", []),
        ("400", []),
        ("45;gate", []),
        ("10-20-30", []),
        ("", []),
        (";".join(str(k) for k in range(40)), []),
    ],
)
def test_parse_directions(text: str, expected: list[Direction]) -> None:
    assert parse_directions(text) == expected


@given(st.integers(0, 359), st.integers(1, 358))
@example(359, 1)
def test_parse_directions_reads_ranges_clockwise(start: int, width: int) -> None:
    """Compute the middle from the start and half the width by trigonometry, not by modulo."""
    (direction,) = parse_directions(f"{start}-{(start + width) % 360}")
    assert direction.fov_deg == width
    middle = math.radians(start + width / 2)
    assert direction.bearing_deg is not None
    assert math.cos(math.radians(direction.bearing_deg) - middle) == pytest.approx(1.0)
    assert 0 <= direction.bearing_deg < 360


# fmt: off
LENGTHS = [
    ("12", 12.0), ("12.5", 12.5), ("12,5 m", 12.5), ("12m", 12.0), ("1200 cm", 12.0),
    ("0.1 km", 100.0), ("40 ft", 12.192), ("40'", 12.192), ("6'4\"", 1.9304), ("6 ft 4 in", 1.9304),
    ("6′4″", 1.9304), ("12 meters", 12.0), ("0", 0.0), ("", None), ("tall", None), ("10-12", None),
    ("10;12", None), ("~12", None), ("-3", None), ("12 storeys", None), ("1.234.5", None),
    ("NaN", None), ("inf", None),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), LENGTHS)
def test_length_m(text: str, expected: float | None) -> None:
    assert length_m(text) == (None if expected is None else pytest.approx(expected))


@given(
    st.floats(0.01, 900, allow_nan=False),
    st.sampled_from([("m", 1.0), ("ft", 0.3048), ("cm", 0.01)]),
)
def test_length_m_converts_units(metres: float, unit: tuple[str, float]) -> None:
    word, metres_per_unit = unit
    text = f"{metres / metres_per_unit:.3f} {word}"
    assert length_m(text) == pytest.approx(metres, abs=0.001 * metres_per_unit)


@pytest.mark.parametrize(
    ("tags", "height", "unreadable"),
    [
        ({"height": "21"}, 21.0, []),
        ({"height": "21", "building:levels": "99"}, 21.0, []),
        ({"building:height": "9 m"}, 9.0, []),
        ({"building:levels": "6"}, 18.0, []),
        ({"building:levels": "6", "roof:height": "2.5"}, 20.5, []),
        ({"building:levels": "6", "roof:levels": "1"}, 21.0, []),
        ({"building:levels": "2.5"}, 7.5, []),
        ({"height": "high", "building:levels": "2"}, 6.0, ["height"]),
        ({"height": "0"}, None, ["height"]),
        ({"height": "5000"}, None, ["height"]),
        ({"building:levels": "many"}, None, ["building:levels"]),
        ({"building:levels": "0"}, None, []),
        ({"roof:height": "3"}, None, []),
        ({}, None, []),
    ],
)
def test_height_of(tags: dict[str, str], height: float | None, unreadable: list[str]) -> None:
    assert height_of(tags, 3.0) == (height, unreadable)


def test_height_of_and_base_of_use_the_storey_height() -> None:
    assert height_of({"building:levels": "10", "roof:levels": "1"}, 3.3) == (
        pytest.approx(36.3),
        [],
    )
    assert base_of({"building:min_level": "2"}, 3.3) == pytest.approx(6.6)
    assert base_of({"min_height": "4", "building:min_level": "9"}, 3.0) == 4.0
    assert storeys("301") is None


# fmt: off
BUILDINGS = [
    ({"building": "yes"}, "buildings", None), ({"building": "no"}, None, None),
    ({"building": "roof"}, "buildings", "open_at_ground"),
    ({"building": "carport"}, "buildings", "open_at_ground"),
    ({"building": "demolished"}, "buildings", "not_standing"),
    ({"building": "garage", "location": "underground"}, "buildings", "underground"),
    ({"building": "garage", "layer": "-1"}, "buildings", "underground"),
    ({"building": "yes", "layer": "1"}, "buildings", None),
    ({"building": "bridge", "min_height": "5"}, "buildings", "open_at_ground"),
    ({"building": "yes", "min_height": "1"}, "buildings", None),
    (
        {"building": "yes", "building:levels": "0", "building:levels:underground": "2"},
        "buildings", "underground",
    ),
    ({"building:part": "yes"}, PARTS, None),
    ({"building:part": "no", "building": "yes"}, "buildings", None),
    ({"building:part": "yes", "min_height": "3"}, "buildings", "part_above_ground"),
    ({"building:part": "yes", "building:min_level": "1"}, "buildings", "part_above_ground"),
    ({"building": "yes", "building:part": "yes"}, "buildings", None),
]
# fmt: on


@pytest.mark.parametrize(("tags", "layer", "reason"), BUILDINGS)
def test_building_layer_or_reason(
    tags: dict[str, str], layer: str | None, reason: str | None
) -> None:
    results = buildings.building(tags, 3.0)
    if layer is None:
        assert results == []
        return
    (result,) = results
    assert result.layer == layer
    if reason is None:
        assert isinstance(result, Row)
    else:
        assert isinstance(result, Skipped)
        assert result.reason == reason


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "primary_link"}, "primary"),
        ({"highway": "residential"}, "local"),
        ({"highway": "living_street"}, "local"),
        ({"highway": "service"}, "lane"),
        ({"highway": "footway"}, "lane"),
        ({"highway": "footway", "tunnel": "building_passage"}, "lane"),
        ({"highway": "footway", "footway": "sidewalk"}, "beside_street"),
        ({"highway": "footway", "footway": "crossing"}, "beside_street"),
        ({"highway": "primary", "tunnel": "yes"}, "underground"),
        ({"highway": "footway", "indoor": "yes"}, "indoors"),
        ({"highway": "bus_stop"}, "not_a_street"),
        ({"highway": "construction"}, "not_a_street"),
    ],
)
def test_street_class_or_reason(tags: dict[str, str], expected: str) -> None:
    (result,) = ground.street(tags)
    assert (result.reason if isinstance(result, Skipped) else result.values["class"]) == expected


def test_street_names() -> None:
    def names_of(**tags: str) -> tuple[str | None, str | None]:
        keys = {"name_zh": "name:zh", "name_en": "name:en", "name_hans": "name:zh-Hans"}
        (row,) = ground.street(
            {"highway": "primary"} | {keys.get(k, k): v for k, v in tags.items()}
        )
        assert isinstance(row, Row)
        return row.values["name"], row.values["name_en"]

    assert names_of(name="中山路", name_en="Zhongshan Road") == ("中山路", "Zhongshan Road")
    assert names_of(name="中山路") == ("中山路", None)
    assert names_of(name="Mannerheimintie") == ("Mannerheimintie", None)
    assert names_of(name="Rautatieasema", name_zh="中央车站") == ("中央车站", "Rautatieasema")
    assert names_of(name="台北路", name_zh="臺北路", name_hans="台北路") == ("台北路", None)
    assert names_of(name_en="Main Street") == ("Main Street", "Main Street")
    assert names_of(ref="G104") == ("G104", None)


# fmt: off
LANDCOVER = [
    ({"natural": "water"}, "water"), ({"landuse": "reservoir"}, "water"),
    ({"waterway": "riverbank"}, "water"), ({"leisure": "park"}, "green"),
    ({"landuse": "forest"}, "green"), ({"natural": "wood"}, "green"),
    ({"landuse": "industrial"}, "industrial"), ({"place": "square"}, "square"),
    ({"highway": "pedestrian", "area": "yes"}, "square"), ({"landuse": "residential"}, None),
    ({}, None),
]
# fmt: on


@pytest.mark.parametrize(("tags", "expected"), LANDCOVER)
def test_landcover_class(tags: dict[str, str], expected: str | None) -> None:
    results = ground.landcover(tags)
    assert [r.values["class"] for r in results if isinstance(r, Row)] == (
        [expected] if expected else []
    )


def test_area_level_or_reason() -> None:
    def level(text: str | None, levels: dict[int, str]) -> str:
        tags = {"boundary": "administrative"} | ({} if text is None else {"admin_level": text})
        (result,) = ground.area(tags, levels)
        if isinstance(result, Skipped):
            return reason_of(result.reason, result.parameter)
        return str(result.values["level"])

    china = ground.ADMIN_LEVELS
    assert [level(t, china) for t in ("6", "8", "10")] == ["district", "subdistrict", "community"]
    assert level("4", china) == "admin_level_not_imported/4"
    assert level("9", {9: "district"}) == "district"
    assert level("6", {9: "district"}) == "admin_level_not_imported/6"
    assert level(None, china) == "admin_level_not_imported/missing"
    assert level("x" * 500, china) == "admin_level_not_imported/" + "x" * 20
    assert ground.area({"boundary": "national_park", "admin_level": "6"}, china) == []


def _camera(**tags: str) -> list[Row]:
    results = cameras.camera(
        {"man_made": "surveillance"} | {k.replace("__", ":"): v for k, v in tags.items()}
    )
    assert all(isinstance(r, Row) for r in results)
    return [r for r in results if isinstance(r, Row)]


def test_camera_values_of_all_tags() -> None:
    (row,) = _camera(
        surveillance__type="camera",
        camera__type="fixed",
        camera__direction="NE",
        camera__angle="15",
        height="4 m",
        operator="Police",
        surveillance__zone="traffic;entrance",
        surveillance="outdoor",
        camera__mount="pole",
    )
    assert {k: v for k, v in row.values.items() if v is not None} == {
        "kind": "fixed",
        "bearing_deg": 45.0,
        "tilt_deg": 15.0,
        "height_m": 4.0,
        "owner": "Police",
        "place_kinds": "road/entrance",
        "room": "outdoor",
    }
    assert row.extra["camera:mount"] == "pole"
    assert row.notes == ()


def test_camera_with_several_directions_is_one_row() -> None:
    (row,) = _camera(camera__type="fixed", camera__direction="90-180;W;350-10")
    assert (row.values["bearing_deg"], row.values["fov_deg"]) == (135.0, 90.0)
    assert row.values["other_directions"] == "270/350-10"
    assert [note[0] for note in row.notes] == ["several_directions"]


@pytest.mark.parametrize(
    ("tags", "column", "value"),
    [
        ({"camera__type": "panning"}, "kind", "ptz"),
        ({"camera__type": "dome"}, "kind", "dome"),
        ({"camera__type": "fisheye"}, "kind", "panoramic"),
        ({}, "kind", "unknown"),
        ({"surveillance__type": "ALPR"}, "kind", "fixed"),
        ({"surveillance": "indoor"}, "room", "indoor"),
        ({"indoor": "yes", "surveillance": "public"}, "room", "indoor"),
        ({"surveillance": "public"}, "room", "outdoor"),
        ({"direction": "180"}, "bearing_deg", 180.0),
        ({"camera__direction": "90", "direction": "180"}, "bearing_deg", 90.0),
        ({"camera__direction": "gate", "direction": "180"}, "bearing_deg", 180.0),
        ({"camera__direction": "0-360"}, "fov_deg", 360.0),
        ({"camera__angle": "-10°"}, "tilt_deg", -10.0),
        ({"camera__angle": "120"}, "tilt_deg", None),
        ({"height": "13 ft"}, "height_m", pytest.approx(3.9624)),
        ({"disused": "yes"}, "status", "retired"),
    ],
)
def test_camera_value_of_single_tags(tags: dict[str, str], column: str, value: object) -> None:
    (row,) = _camera(**tags)
    assert row.values[column] == value


def test_camera_notes_and_keeps_unreadable_tags() -> None:
    (row,) = _camera(camera__direction="towards the gate", camera__angle="steep", height="high")
    assert row.values["bearing_deg"] is None
    assert {n[0] for n in row.notes} == {
        "direction_not_understood",
        "tilt_not_understood",
        "height_not_understood",
    }
    assert row.extra["camera:direction"] == "towards the gate"


def test_camera_skips_guards() -> None:
    (result,) = cameras.camera({"man_made": "surveillance", "surveillance:type": "guard"})
    assert isinstance(result, Skipped)
    assert cameras.camera({"man_made": "mast"}) == []
    assert len(cameras.camera({"surveillance:type": "camera"})) == 1


def test_key_place_kinds_have_texts_in_both_languages() -> None:
    from geo.maps.language import texts

    for language in ("zh", "en"):
        words = texts(language)
        assert [kind for kind in ground.KINDS if f"kind_{kind}" not in words] == []
