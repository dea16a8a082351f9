"""Streets, land cover, administrative areas and key places by their tags."""

from __future__ import annotations

from collections.abc import Mapping

from geo.osm.features import Result, Row, Skipped, Tags, kept_tags, names

ADMIN_LEVELS = {6: "district", 8: "subdistrict", 10: "community"}
"""What the levels of boundaries are in China: 区县, 街道乡镇, 社区村."""
ADMIN_LEVELS_TEXT = ",".join(f"{number}={level}" for number, level in ADMIN_LEVELS.items())
"""The same as the option of the command writes it."""

_STREETS = {
    "motorway": "motorway", "motorway_link": "motorway", "trunk": "trunk", "trunk_link": "trunk",
    "primary": "primary", "primary_link": "primary", "secondary": "secondary", "secondary_link": "secondary",
    "tertiary": "tertiary", "tertiary_link": "tertiary", "residential": "local", "unclassified": "local",
    "living_street": "local", "road": "local", "busway": "local", "service": "lane", "pedestrian": "lane",
    "footway": "lane", "path": "lane", "cycleway": "lane", "track": "lane", "steps": "lane", "bridleway": "lane",
}  # fmt: skip
_BESIDE = {"sidewalk", "crossing", "traffic_island", "link"}
_WATER = {"reservoir", "basin", "salt_pond", "aquaculture"}
_GREEN_USE = {
    "forest", "grass", "meadow", "cemetery", "orchard", "vineyard", "recreation_ground", "allotments",
    "village_green", "farmland", "flowerbed", "plant_nursery", "greenfield", "winter_sports",
}  # fmt: skip
_GREEN_LEISURE = {"park", "garden", "golf_course", "nature_reserve", "common", "dog_park"}
_GREEN_NATURE = {"wood", "scrub", "grassland", "heath", "wetland", "fell", "shrubbery"}
_INDUSTRIAL = {"industrial", "railway", "port", "quarry", "landfill", "depot"}

KINDS = {
    "school": ("学校", "School"), "kindergarten": ("幼儿园", "Kindergarten"), "university": ("高校", "University"),
    "hospital": ("医院", "Hospital"), "station": ("车站码头", "Station"), "square": ("广场", "Square"),
    "government": ("党政机关", "Government office"), "police": ("公安机关", "Police station"),
    "market": ("农贸市场", "Market"), "stadium": ("体育场馆", "Stadium"), "mall": ("购物中心", "Shopping centre"),
    "museum": ("博物馆", "Museum"), "worship": ("宗教场所", "Place of worship"), "embassy": ("涉外机构", "Embassy"),
}  # fmt: skip
"""Kinds of key places, and what one without a name is called."""
_PLACES = {
    ("amenity", "school"): "school", ("amenity", "kindergarten"): "kindergarten", ("amenity", "university"): "university",
    ("amenity", "college"): "university", ("amenity", "hospital"): "hospital", ("amenity", "bus_station"): "station",
    ("amenity", "ferry_terminal"): "station", ("railway", "station"): "station", ("railway", "halt"): "station",
    ("public_transport", "station"): "station", ("aeroway", "terminal"): "station", ("place", "square"): "square",
    ("amenity", "townhall"): "government", ("amenity", "courthouse"): "government", ("office", "government"): "government",
    ("amenity", "police"): "police", ("amenity", "marketplace"): "market", ("leisure", "stadium"): "stadium",
    ("leisure", "sports_centre"): "stadium", ("shop", "mall"): "mall", ("tourism", "museum"): "museum",
    ("amenity", "place_of_worship"): "worship", ("amenity", "embassy"): "embassy", ("office", "diplomatic"): "embassy",
}  # fmt: skip


def street(tags: Tags) -> list[Result]:
    """Return the row of a way with `highway`."""
    kind = tags.get("highway")
    if kind is None or tags.get("area") == "yes":
        return []
    if kind not in _STREETS:
        return [Skipped("streets", "no street", f"highway={kind}")]
    if kind == "footway" and tags.get("footway") in _BESIDE:
        return [Skipped("streets", "beside a street", f"footway={tags['footway']}")]
    if tags.get("indoor") == "yes":
        return [Skipped("streets", "indoors", f"highway={kind}")]
    tunnel = tags.get("tunnel", "no")
    if tunnel not in ("no", "building_passage", "covered") or tags.get("location") == "underground":
        return [Skipped("streets", "under the ground", f"tunnel={tunnel}")]
    name, english = names(tags)
    values = {"name": name or tags.get("ref"), "name_en": english, "class": _STREETS[kind]}
    return [Row("streets", values, kept_tags(tags, "highway", "ref", "bridge", "layer", "service"))]


def landcover(tags: Tags) -> list[Result]:
    """Return the row of an area of water, green, industry or of a square."""
    kind = _cover(tags)
    if kind is None:
        return []
    name, english = names(tags)
    kept = kept_tags(tags, "natural", "landuse", "leisure", "waterway", "place", "highway")
    return [Row("landcover", {"name": name, "name_en": english, "class": kind}, kept)]


def _cover(tags: Tags) -> str | None:
    use, nature, leisure = tags.get("landuse"), tags.get("natural"), tags.get("leisure")
    if nature == "water" or use in _WATER or tags.get("waterway") in ("riverbank", "dock"):
        return "water"
    if tags.get("place") == "square" or (
        tags.get("highway") in ("pedestrian", "footway") and tags.get("area") == "yes"
    ):
        return "square"
    if use in _GREEN_USE or leisure in _GREEN_LEISURE or nature in _GREEN_NATURE:
        return "green"
    return "industrial" if use in _INDUSTRIAL else None


def area(tags: Tags, levels: Mapping[int, str]) -> list[Result]:
    """Return the row of an administrative boundary, by what each `admin_level` is here."""
    if tags.get("boundary") != "administrative":
        return []
    text = tags.get("admin_level", "")
    level = levels.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else None
    if level is None:
        return [Skipped("areas", f"admin_level {text[:20] or 'missing'}", tags.get("name", ""))]
    name, english = names(tags)
    values = {"name": name or tags.get("ref"), "name_en": english, "level": level}
    population = tags.get("population", "")
    if population.isascii() and population.isdigit():
        values["population"] = population
    return [Row("areas", values, kept_tags(tags, "admin_level", "ref", "wikidata"))]


def key_place(tags: Tags) -> list[Result]:
    """Return the row of a place that is to be watched; the first kind that its tags name."""
    kind = next((k for (key, value), k in _PLACES.items() if tags.get(key) == value), None)
    if kind is None:
        return []
    chinese, word = KINDS[kind]
    name, english = names(tags)
    if name is None:
        name, english = chinese, word
    kept = kept_tags(
        tags, "amenity", "office", "railway", "public_transport", "leisure", "operator"
    )
    return [Row("key-places", {"name": name, "name_en": english, "kind": kind}, kept)]
