"""Words for the points of the compass, in the languages that registers are written in."""

from __future__ import annotations

import itertools
import re
import unicodedata

_QUARTERS = {"n": 0.0, "e": 90.0, "s": 180.0, "w": 270.0}
_PLAIN_LETTERS = str.maketrans(
    {"đ": "d", "ø": "o", "ł": "l", "ı": "i", "東": "东", "ß": "ss", "æ": "a"}
)

# Of each language: north, east, south, west. Before the colon the forms that begin a compound
# (separated by a bar), after it those that are words of their own or end a compound.
_ROOTS = {
    "abbreviations": "n:n e:e s:s w:w",
    "English": (
        "north:north|northern|northward|northwards|northbound|northerly "
        "east:east|eastern|eastward|eastwards|eastbound|easterly "
        "south:south|southern|southward|southwards|southbound|southerly "
        "west:west|western|westward|westwards|westbound|westerly"
    ),
    "German": (
        "nord:nord|norden|nordlich|nordwarts|noerdlich ost:ost|osten|ostlich|ostwarts|oestlich "
        "sud|sued:sud|suden|sudlich|sudwarts|sued|sueden|suedlich "
        "west:west|westen|westlich|westwarts"
    ),
    "French": "nord:nord est:est sud:sud ouest:ouest",
    "Spanish": "norte|nor|nord:norte este:este sur|sud:sur|sud oeste:oeste",
    "Italian": "nord:nord est:est sud:sud ovest:ovest",
    "Portuguese": (
        "norte|nor|nord:norte este|les|leste|es:leste|este|este su|sud|sul:sul oeste|oes:oeste"
    ),
    "Dutch": (
        "noord:noord|noorden|noordelijk oost:oost|oosten|oostelijk zuid:zuid|zuiden|zuidelijk "
        "west:west|westen|westelijk"
    ),
    "Swedish": (
        "nord|norr:nord|norr|norrut ost|oster:ost|oster|osterut syd|soder:syd|soder|soderut "
        "vast|vaster:vast|vaster|vasterut"
    ),
    "Norwegian, Danish": "nord:nord ost:ost sor|syd:sor|syd vest:vest",
    "Russian": (
        "северо|север:север|северный|северная восточно|востоко:восток|восточный|восточная "
        "юго|южно:юг|южный|южная западно|западо:запад|западный|западная"
    ),
    "Russian abbreviations": "с:с в:в ю:ю з:з",
    "Ukrainian": "північно:північ східно:схід південно:південь західно:захід",
    "Polish": (
        "polnocno|polnocny:polnoc wschodnio:wschod poludniowo|poludniowy:poludnie zachodnio:zachod"
    ),
    "Turkish": "kuzey:kuzey dogu:dogu guney:guney bati:bati",
    "Vietnamese": "bac:bac dong:dong nam:nam tay:tay",
    "Chinese, Japanese": "北:北 东:东 南:南 西:西",
    "Korean": "북:북|북쪽 동:동|동쪽 남:남|남쪽 서:서|서쪽",
    "Arabic": "شمال:شمال شرق:شرق جنوب:جنوب غرب:غرب",
    "Indonesian": "utara:utara timur:timur selatan:selatan barat:barat",
}
_EITHER_ORDER = {"Vietnamese", "Chinese, Japanese", "Korean", "Arabic"}
_OWN_WORDS = {
    0.0: "pohjoinen pohjoiseen pohjoista",
    45.0: "koillinen koilliseen nordest timurlaut",
    90.0: "itä itään",
    135.0: "kaakko kaakkoon sueste tenggara",
    180.0: "etelä etelään",
    225.0: "lounas lounaaseen baratdaya",
    270.0: "länsi länteen",
    315.0: "luode luoteeseen baratlaut",
}
"""Finnish, and words of other languages that are not made of north, east, south and west."""


def fold(text: str) -> str:
    """Return a text in one width and case, without accents, and with simplified characters.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text to compare with others.

    Examples
    --------
    >>> fold("Süd-Ost"), fold("東")
    ('sud-ost', '东')
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)


def _key(text: str) -> str:
    """Return a word as `POINTS` has it: folded, without blanks, hyphens and points."""
    return re.sub(r"[\s\-‐‑–_.'’]+", "", fold(text))


def _between(a: float, b: float) -> float:
    """Return the bearing in the middle of the smaller angle between two."""
    return (a + ((b - a + 180.0) % 360.0 - 180.0) / 2.0) % 360.0


def _points(language: str, roots: str) -> list[tuple[str, float]]:
    """Return the words of a language for the 16 points of the compass, with their bearings."""
    prefixes, suffixes = {}, {}
    for quarter, forms in zip(_QUARTERS, roots.split(), strict=True):
        before_colon, after_colon = forms.split(":")
        prefixes[quarter] = before_colon.split("|")
        suffixes[quarter] = after_colon.split("|")
    points = [(word, _QUARTERS[quarter]) for quarter, words in suffixes.items() for word in words]
    for north_south, east_west in itertools.product("ns", "ew"):
        diagonal = _between(_QUARTERS[north_south], _QUARTERS[east_west])
        orders = [(north_south, east_west)]
        if language in _EITHER_ORDER:
            orders.append((east_west, north_south))
        for first, second in orders:
            pairs = [a + b for a, b in itertools.product(prefixes[first], suffixes[second])]
            points += [(pair, diagonal) for pair in pairs]
            for third in (north_south, east_west):
                bearing = _between(_QUARTERS[third], diagonal)
                points += [(prefix + pair, bearing) for prefix in prefixes[third] for pair in pairs]
    return points


def _all_points() -> dict[str, float]:
    """Return the bearing of each word that means the same in all languages that have it."""
    meanings: dict[str, set[float]] = {}
    for language, roots in _ROOTS.items():
        for word, bearing in _points(language, fold(roots)):
            meanings.setdefault(_key(word), set()).add(bearing)
    for bearing, words in _OWN_WORDS.items():
        for word in words.split():
            meanings.setdefault(_key(word), set()).add(bearing)
    return {word: bearings.pop() for word, bearings in meanings.items() if len(bearings) == 1}


POINTS = _all_points()
"""Bearing of each word for a point of the compass; the words are folded and without marks.

Abbreviations are the English and the Russian ones. O, NO and SO, which are east in German and west
in French, Spanish and Italian, are not among them.
"""


def point_of(text: str) -> float | None:
    """Return the bearing of a word for one of the 16 points of the compass.

    Parameters
    ----------
    text : str
        The word; case, accents, spaces, hyphens and points do not matter.

    Returns
    -------
    float or None
        Degrees clockwise from true north; None for any other word.

    Examples
    --------
    >>> point_of("Süd-Ost"), point_of("s.e."), point_of("西南"), point_of("up")
    (135.0, 135.0, 225.0, None)
    """
    return POINTS.get(_key(text))


def apart(a: float, b: float) -> float:
    """Return the angle between two bearings.

    Parameters
    ----------
    a, b : float
        Bearings in degrees.

    Returns
    -------
    float
        Degrees from 0 to 180.

    Examples
    --------
    >>> apart(350.0, 10.0)
    20.0
    """
    return abs((a - b + 180.0) % 360.0 - 180.0)
