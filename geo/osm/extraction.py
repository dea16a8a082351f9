"""Extraction of an OpenStreetMap file into one Arrow file per layer, run as a separate process.

The file is untrusted, so that its parser runs under limits of memory and time, without a connection
to the database: `python -m geo.osm.extraction REQUEST.json`.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium
import shapely

from geo.confinement.restrictions import Budget, confine
from geo.import_reasons import ReasonCode
from geo.osm import buildings, cameras, ground
from geo.osm.features import PARTS, Result, Row, Skipped, Tags
from geo.osm.request import OUTCOME_FILE, OUTER_RINGS_FILE, Request
from geo.osm.shapes import connected_lines, disc
from geo.osm.sink import Sink

_KEYS = (
    "building",
    "building:part",
    "highway",
    "man_made",
    "surveillance:type",
    "boundary",
    "amenity",
    "office",
    "railway",
    "public_transport",
    "aeroway",
    "place",
    "leisure",
    "shop",
    "tourism",
    "landuse",
    "natural",
    "waterway",
)
"""Keys of tags by which objects are selected."""
_TYPES = {"n": "node", "w": "way", "r": "relation", "a": "area"}
_LARGE_FILE = 64 << 20
"""Size from which the locations of nodes are stored on disk."""
_PR_SET_PDEATHSIG = 1
_MEMORY_ERRORS = ("bad_alloc", "Resource temporarily unavailable", "Cannot allocate")
"""Texts of errors of the parser that was refused memory for a thread or for data."""
_DISK_ERRORS = (27, 28, 122)
"""EFBIG, ENOSPC and EDQUOT."""
_LARGEST_OUTPUT = 64 << 30
"""Largest size of a file in the folder: the locations of the nodes of a country."""
_OBJECTS_PER_LINE = 200_000
"""Number of objects after which a line of progress is written."""


class Extraction:
    """Single reading of an extract.

    Parameters
    ----------
    request : Request
        File, rules, and the folder for the results.

    Attributes
    ----------
    request : Request
        The request.
    sink : Sink
        Writer of the results.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sink = Sink(Path(request.folder))
        self._wkb = osmium.geom.WKBFactory()
        self._awaited: dict[str, list[Skipped]] = {}
        """By key: reasons to leave an object out, unless its area can be assembled."""
        self._outer_rings: dict[str, list[str]] = {}
        """By key of a relation that is a building: the ways of its outer rings."""
        self._stored_relations: set[str] = set()
        """Keys of relations whose buildings were written."""
        self._within: Any = None
        if request.within is not None:
            self._within = shapely.from_wkb(bytes.fromhex(request.within))
            shapely.prepare(self._within)

    def run(self) -> None:
        """Read the file and write the results."""
        for count, item in enumerate(self._objects(), 1):
            if count % _OBJECTS_PER_LINE == 0:
                sys.stdout.write(f"{count}\n")
                sys.stdout.flush()
            key = f"{_TYPES[item.type_str()]}/{item.id}"
            try:
                self._read_object(key, item)
            except UnicodeDecodeError:
                self.sink.skip(key, "", ReasonCode.TEXT_NOT_UTF8)
        for key, missing in self._awaited.items():
            for skipped in missing:
                self.sink.skip(
                    key, skipped.layer, skipped.reason, skipped.detail, skipped.parameter
                )
        self.sink.close()
        # A way of an outer ring may be tagged as a building too, without the courtyards.
        relation_of_way = {
            way: key
            for key, ways in self._outer_rings.items()
            if key in self._stored_relations
            for way in ways
        }
        path = Path(self.request.folder, OUTER_RINGS_FILE)
        path.write_text(json.dumps(relation_of_way), encoding="utf-8")

    def _objects(self) -> Iterator[Any]:
        path = Path(self.request.file)
        storage = "sparse_mem_array"
        if path.stat().st_size > _LARGE_FILE:
            storage = f"sparse_file_array,{Path(self.request.folder) / 'locations'}"
        yield from (
            osmium.FileProcessor(osmium.io.File(path, self.request.format))
            .with_locations(storage)
            .with_areas(osmium.filter.KeyFilter(*_KEYS))
            .with_filter(osmium.filter.KeyFilter(*_KEYS))
        )

    def _read_object(self, key: str, item: Any) -> None:
        tags = {tag.k: tag.v for tag in item.tags}
        if item.is_node():
            self._read_node(key, tags, item)
        elif item.is_way():
            self._read_way(key, tags, item)
        elif item.is_relation():
            self._read_relation(key, tags, item)
        elif item.is_area():
            origin = "way" if item.from_way() else "relation"
            self._read_area(f"{origin}/{item.orig_id()}", tags, item)

    def _read_node(self, key: str, tags: Tags, node: Any) -> None:
        results = self._requested([*cameras.camera(tags), *ground.key_place(tags)])
        if not results:
            return
        if not node.location.valid():
            for result in results:
                self.sink.skip(key, result.layer, ReasonCode.NO_COORDINATES)
            return
        point = shapely.Point(node.location.lon, node.location.lat)
        places = [result for result in results if result.layer == "key-places"]
        others = [result for result in results if result not in places]
        self._store(key, others, shapely.to_wkb(point))
        if places:
            self._store(key, places, shapely.to_wkb(disc(point)))

    def _read_way(self, key: str, tags: Tags, way: Any) -> None:
        is_closed = len(way.nodes) > 3 and way.is_closed()
        valid = [node.location.valid() for node in way.nodes]
        reason = ReasonCode.RING_NOT_CLOSED if all(valid) else ReasonCode.CUT_AT_EDGE
        if is_closed and tags.get("area") != "no":
            self._await_area(key, self._area_results(tags), reason)
        else:
            for result in self._area_results(tags):
                # A line of a boundary is part of an area, and none by itself.
                if result.layer != "areas":
                    self.sink.skip(key, _layer(result), reason)
        for result in self._requested(cameras.camera(tags)):
            self.sink.skip(key, result.layer, ReasonCode.NOT_A_POINT, "")
        streets = self._requested(ground.street(tags))
        if streets:
            self._store_street(key, streets, way, valid)

    def _store_street(self, key: str, results: list[Result], way: Any, valid: list[bool]) -> None:
        locations = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
        lines = connected_lines(locations, valid)
        if not lines:
            reason = ReasonCode.LINE_WITHOUT_LENGTH if all(valid) else ReasonCode.CUT_AT_EDGE
            for result in results:
                self.sink.skip(key, result.layer, reason)
            return
        if not all(valid):
            note = (ReasonCode.CUT_AT_EDGE, "geometry", "the part within is stored")
            results = [
                dataclasses.replace(result, notes=(*result.notes, note))
                if isinstance(result, Row)
                else result
                for result in results
            ]
        self._store(key, results, shapely.to_wkb(shapely.multilinestrings(lines)))

    def _read_relation(self, key: str, tags: Tags, relation: Any) -> None:
        if tags.get("type") not in ("multipolygon", "boundary"):
            return
        self._await_area(key, self._area_results(tags), ReasonCode.CUT_AT_EDGE)
        if tags.get("building", "no") != "no":
            self._outer_rings[key] = [
                f"way/{member.ref}"
                for member in relation.members
                if member.type == "w" and member.role != "inner"
            ]

    def _await_area(self, key: str, results: list[Result], reason: ReasonCode) -> None:
        """Note the reason to report unless the area of an object can be assembled."""
        if results:
            self._awaited[key] = [
                result if isinstance(result, Skipped) else Skipped(_layer(result), reason, "")
                for result in results
            ]

    def _read_area(self, key: str, tags: Tags, area: Any) -> None:
        self._awaited.pop(key, None)
        results = self._area_results(tags)
        if not results:
            return
        try:
            shape = bytes.fromhex(self._wkb.create_multipolygon(area))
        except (osmium.InvalidLocationError, RuntimeError):
            for result in results:
                self.sink.skip(key, _layer(result), ReasonCode.RING_NOT_CLOSED)
            return
        self._store(key, results, shape)

    def _area_results(self, tags: Tags) -> list[Result]:
        return self._requested(
            [
                *buildings.building(tags, self.request.storey_m),
                *ground.landcover(tags),
                *ground.area(tags, self.request.admin_levels),
                *ground.key_place(tags),
            ]
        )

    def _requested(self, results: list[Result]) -> list[Result]:
        """Return the results for the layers of the request."""
        return [result for result in results if _layer(result) in self.request.layers]

    def _store(self, key: str, results: list[Result], shape: bytes) -> None:
        is_outside = self._is_outside(shape)
        for result in results:
            if is_outside:
                self.sink.skip(key, _layer(result), ReasonCode.OUTSIDE_GIVEN_AREA)
            elif isinstance(result, Skipped):
                self.sink.skip(key, result.layer, result.reason, result.detail, result.parameter)
            else:
                self.sink.add(key, result, shape)
                if result.layer == "buildings" and key.startswith("relation/"):
                    self._stored_relations.add(key)

    def _is_outside(self, shape: bytes) -> bool:
        if self._within is None:
            return False
        try:
            return not self._within.intersects(shapely.from_wkb(shape))
        except shapely.errors.GEOSException:
            return False  # crossing rings are checked when the row is cleaned


def _layer(result: Result) -> str:
    """Return the layer of a result; building parts belong to the buildings."""
    return "buildings" if result.layer == PARTS else result.layer


def limit(request: Request) -> None:
    """Confine this process to the file and its folder; a limit that is exceeded ends it.

    Parameters
    ----------
    request : Request
        File, folder and limits.
    """
    # This process ends with the one that started it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    folder = Path(request.folder)
    budget = Budget(
        memory_bytes=request.memory_bytes or resource.RLIM_INFINITY,
        seconds=request.cpu_s or resource.RLIM_INFINITY >> 8,
        output_bytes=_LARGEST_OUTPUT,
    )
    confine(budget, readable=[Path(request.file), folder], writable=[folder])


def main() -> None:
    """Read the extract of a request, and write the counts or the error beside the results."""
    request = Request.of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    limit(request)
    outcome: dict[str, Any] = {}
    try:
        extraction = Extraction(request)
        extraction.run()
        for name in ("skipped", "noted"):
            counts: Counter[tuple[str, str]] = getattr(extraction.sink, name)
            outcome[name] = [[*pair, count] for pair, count in sorted(counts.items())]
    except MemoryError:
        outcome = {"error": "memory"}
    except OSError as error:
        outcome = {"error": "disk" if error.errno in _DISK_ERRORS else "damaged"}
    except Exception as error:  # noqa: BLE001  (the parser raises errors of any type)
        is_memory = any(text in str(error) for text in _MEMORY_ERRORS)
        outcome = {"error": "memory" if is_memory else "damaged"}
    Path(request.folder, OUTCOME_FILE).write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
