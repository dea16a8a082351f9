"""Generated extracts of OpenStreetMap, and the extract of Helsinki."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.support.shared_data import SHARED


@dataclass
class OsmExtract:
    """A generated extract; positions are in metres from 114° E, 30° N."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    places: dict[tuple[float, float], int] = field(default_factory=dict)
    last: int = 0

    def _tags(self, tags: dict[str, str]) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())

    def number(self) -> int:
        self.last += 1
        return self.last

    def node(self, x: float, y: float, **tags: str) -> int:
        number = self.number()
        lon, lat = 114 + x / 96_000, 30 + y / 111_000
        tag_elements = self._tags({k.replace("__", ":"): v for k, v in tags.items()})
        self.lines.append(
            (0, f'<node id="{number}" lon="{lon:.9f}" lat="{lat:.9f}">{tag_elements}</node>')
        )
        return number

    def way(self, places: Sequence[tuple[float, float] | int], **tags: str) -> int:
        refs = []
        for place in places:
            if not isinstance(place, int) and place not in self.places:
                self.places[place] = self.node(*place)
            refs.append(place if isinstance(place, int) else self.places[place])
        number = self.number()
        node_elements = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        tag_elements = self._tags({k.replace("__", ":"): v for k, v in tags.items()})
        self.lines.append((1, f'<way id="{number}">{node_elements}{tag_elements}</way>'))
        return number

    def ring(self, places: Sequence[tuple[float, float] | int], **tags: str) -> int:
        return self.way([*places, places[0]], **tags)

    def relation(self, members: Sequence[tuple[int, str]], **tags: str) -> int:
        number = self.number()
        member_elements = "".join(
            f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members
        )
        tag_elements = self._tags(
            {"type": "multipolygon"} | {k.replace("__", ":"): v for k, v in tags.items()}
        )
        self.lines.append(
            (2, f'<relation id="{number}">{member_elements}{tag_elements}</relation>')
        )
        return number

    def write(self, path: Path) -> Path:
        body = "".join(text for _, text in sorted(self.lines, key=lambda line: line[0]))
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">{body}</osm>', "utf-8"
        )
        return path


def box(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


HELSINKI = SHARED / "data" / "helsinki" / "Helsinki.osm.pbf"
