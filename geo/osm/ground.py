"""Streets, land cover, administrative areas and key places by their tags."""

from __future__ import annotations

from collections.abc import Mapping

from geo.import_reasons import ReasonCode
from geo.osm.features import Result, Row, Skipped, Tags, names, select_tags

ADMIN_LEVELS = {6: "district", 8: "subdistrict", 10: "community"}
"""Level of areas by `admin_level` of boundaries in China: 区县, 街道乡镇, 社区村."""
ADMIN_LEVELS_TEXT = ",".join(f"{number}={level}" for number, level in ADMIN_LEVELS.items())
"""`ADMIN_LEVELS` as the option of the command writes it."""

_STREET_CLASSES = {
    "motorway": "motorway",
    "motorway_link": "motorway",
    "trunk": "trunk",
    "trunk_link": "trunk",
    "primary": "primary",
    "primary_link": "primary",
    "secondary": "secondary",
    "secondary_link": "secondary",
    "tertiary": "tertiary",
    "tertiary_link": "tertiary",
    "residential": "local",
    "unclassified": "local",
    "living_street": "local",
    "road": "local",
    "busway": "local",
    "service": "lane",
    "pedestrian": "lane",
    "footway": "lane",
    "path": "lane",
    "cycleway": "lane",
    "track": "lane",
    "steps": "lane",
    "bridleway": "lane",
}
_FOOTWAYS_BESIDE_STREETS = {"sidewalk", "crossing", "traffic_island", "link"}
_WATER_LANDUSE = {"reservoir", "basin", "salt_pond", "aquaculture"}
_GREEN_LANDUSE = {
    "forest",
    "grass",
    "meadow",
    "cemetery",
    "orchard",
    "vineyard",
    "recreation_ground",
    "allotments",
    "village_green",
    "farmland",
    "flowerbed",
    "plant_nursery",
    "greenfield",
    "winter_sports",
}
_GREEN_LEISURE = {"park", "garden", "golf_course", "nature_reserve", "common", "dog_park"}
_GREEN_NATURAL = {"wood", "scrub", "grassland", "heath", "wetland", "fell", "shrubbery"}
_INDUSTRIAL_LANDUSE = {"industrial", "railway", "port", "quarry", "landfill", "depot"}

KINDS = {
    "school": ("学校", "School"),
    "kindergarten": ("幼儿园", "Kindergarten"),
    "university": ("高校", "University"),
    "hospital": ("医院", "Hospital"),
    "station": ("车站码头", "Station"),
    "square": ("广场", "Square"),
    "government": ("党政机关", "Government office"),
    "police": ("公安机关", "Police station"),
    "market": ("农贸市场", "Market"),
    "stadium": ("体育场馆", "Stadium"),
    "mall": ("购物中心", "Shopping centre"),
    "museum": ("博物馆", "Museum"),
    "worship": ("宗教场所", "Place of worship"),
    "embassy": ("涉外机构", "Embassy"),
}
"""Chinese and English name of each kind of key places, for one without a name of its own."""
_KIND_OF = {
    ("amenity", "school"): "school",
    ("amenity", "kindergarten"): "kindergarten",
    ("amenity", "university"): "university",
    ("amenity", "college"): "university",
    ("amenity", "hospital"): "hospital",
    ("amenity", "bus_station"): "station",
    ("amenity", "ferry_terminal"): "station",
    ("railway", "station"): "station",
    ("railway", "halt"): "station",
    ("public_transport", "station"): "station",
    ("aeroway", "terminal"): "station",
    ("place", "square"): "square",
    ("amenity", "townhall"): "government",
    ("amenity", "courthouse"): "government",
    ("office", "government"): "government",
    ("amenity", "police"): "police",
    ("amenity", "marketplace"): "market",
    ("leisure", "stadium"): "stadium",
    ("leisure", "sports_centre"): "stadium",
    ("shop", "mall"): "mall",
    ("tourism", "museum"): "museum",
    ("amenity", "place_of_worship"): "worship",
    ("amenity", "embassy"): "embassy",
    ("office", "diplomatic"): "embassy",
}


def street(tags: Tags) -> list[Result]:
    """Return the row of a way with `highway`.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the way.

    Returns
    -------
    list of Row or Skipped
        One row, one reason to leave the way out, or nothing if it is no street.

    Examples
    --------
    >>> street({"highway": "footway", "footway": "sidewalk"})[0].reason
    <ReasonCode.BESIDE_STREET: 'beside_street'>
    """
    kind = tags.get("highway")
    if kind is None or tags.get("area") == "yes":
        return []
    if kind not in _STREET_CLASSES:
        return [Skipped("streets", ReasonCode.NOT_A_STREET, f"highway={kind}")]
    if kind == "footway" and tags.get("footway") in _FOOTWAYS_BESIDE_STREETS:
        return [Skipped("streets", ReasonCode.BESIDE_STREET, f"footway={tags['footway']}")]
    if tags.get("indoor") == "yes":
        return [Skipped("streets", ReasonCode.INDOORS, f"highway={kind}")]
    tunnel = tags.get("tunnel", "no")
    if tunnel not in ("no", "building_passage", "covered") or tags.get("location") == "underground":
        return [Skipped("streets", ReasonCode.UNDERGROUND, f"tunnel={tunnel}")]
    name, english = names(tags)
    values = {"name": name or tags.get("ref"), "name_en": english, "class": _STREET_CLASSES[kind]}
    extra = select_tags(tags, "highway", "ref", "bridge", "layer", "service")
    return [Row("streets", values, extra)]


def landcover(tags: Tags) -> list[Result]:
    """Return the row of an area of water, green space, industry or of a square.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the area.

    Returns
    -------
    list of Row
        One row, or nothing if the area is of another class.
    """
    cover_class = _cover_class(tags)
    if cover_class is None:
        return []
    name, english = names(tags)
    extra = select_tags(tags, "natural", "landuse", "leisure", "waterway", "place", "highway")
    return [Row("landcover", {"name": name, "name_en": english, "class": cover_class}, extra)]


def _cover_class(tags: Tags) -> str | None:
    landuse, natural, leisure = tags.get("landuse"), tags.get("natural"), tags.get("leisure")
    if (
        natural == "water"
        or landuse in _WATER_LANDUSE
        or tags.get("waterway") in ("riverbank", "dock")
    ):
        return "water"
    if tags.get("place") == "square" or (
        tags.get("highway") in ("pedestrian", "footway") and tags.get("area") == "yes"
    ):
        return "square"
    if landuse in _GREEN_LANDUSE or leisure in _GREEN_LEISURE or natural in _GREEN_NATURAL:
        return "green"
    return "industrial" if landuse in _INDUSTRIAL_LANDUSE else None


def area(tags: Tags, levels: Mapping[int, str]) -> list[Result]:
    """Return the row of an administrative area.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the boundary.
    levels : mapping of int to str
        Level of the area by `admin_level`.

    Returns
    -------
    list of Row or Skipped
        One row, one reason to leave the boundary out, or nothing if it is not administrative.
    """
    if tags.get("boundary") != "administrative":
        return []
    text = tags.get("admin_level", "")
    level = levels.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else None
    if level is None:
        reason, parameter = ReasonCode.ADMIN_LEVEL_NOT_IMPORTED, text[:20] or "missing"
        return [Skipped("areas", reason, tags.get("name", ""), parameter)]
    name, english = names(tags)
    values = {"name": name or tags.get("ref"), "name_en": english, "level": level}
    population = tags.get("population", "")
    if population.isascii() and population.isdigit():
        values["population"] = population
    return [Row("areas", values, select_tags(tags, "admin_level", "ref", "wikidata"))]


def key_place(tags: Tags) -> list[Result]:
    """Return the row of a key place; its kind is the first that its tags name.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the object.

    Returns
    -------
    list of Row
        One row, or nothing if the object is no key place.

    Examples
    --------
    >>> key_place({"amenity": "school"})[0].values
    {'name': '学校', 'name_en': 'School', 'kind': 'school'}
    """
    kind = next((kind for (key, value), kind in _KIND_OF.items() if tags.get(key) == value), None)
    if kind is None:
        return []
    chinese_kind, english_kind = KINDS[kind]
    name, english = names(tags)
    if name is None:
        name, english = chinese_kind, english_kind
    extra = select_tags(
        tags, "amenity", "office", "railway", "public_transport", "leisure", "operator"
    )
    return [Row("key-places", {"name": name, "name_en": english, "kind": kind}, extra)]
