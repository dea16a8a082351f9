"""Read an extract into one Arrow file a layer; runs in a process of its own.

The file comes from outside, so that its parser works under limits of memory and time, away from
the database: `python -m geo.osm.extraction REQUEST.json`.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import math
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pyarrow as pa
import shapely

from geo.confinement.restrictions import Budget, confine
from geo.osm import buildings, cameras, ground
from geo.osm.features import PARTS, Result, Row, Skipped, Tags
from geo.osm.request import AGAIN, CUT, OUTSIDE, UNCLOSED, Request

POINT_PLACE_M = 25.0
"""Radius of the disc that stands for a key place that is mapped as a point."""
MOST_REMARKS = 100_000
"""Remarks that are written out; beyond that they are only counted."""
_KEYS = (
    "building", "building:part", "highway", "man_made", "surveillance:type", "boundary", "amenity", "office", "railway",
    "public_transport", "aeroway", "place", "leisure", "shop", "tourism", "landuse", "natural", "waterway",
)  # fmt: skip
_LARGE_FILE = 64 << 20
_END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""
_NO_ROOM = ("bad_alloc", "Resource temporarily unavailable", "Cannot allocate")
"""How the parser says that it was refused memory for a thread or for data."""
_BATCH = 20_000
_LARGEST_OUTPUT = 64 << 30
"""Bytes of one file in its folder: the places of the nodes of a country."""
_OBJECTS_PER_LINE = 200_000
_METRES_PER_DEGREE = 111_320.0


class Sink:
    """Rows on their way to one Arrow file a layer, and what is said of objects."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[tuple[str, str, str, bytes]]] = {}
        self._writers: dict[str, Any] = {}
        self._remarks = 0
        self._remark_file = (folder / "remarks.jsonl").open("w", encoding="utf-8")
        self.skipped: Counter[tuple[str, str]] = Counter()
        self.noted: Counter[tuple[str, str]] = Counter()

    def add(self, key: str, row: Row, shape: bytes) -> None:
        """Add a row with its geometry as WKB."""
        for reason, column, text in row.notes:
            self.noted[row.layer, reason] += 1
            self._remark("noted", row.layer, reason, key, column, text)
        values = {name: value for name, value in row.values.items() if value is not None}
        rows = self._rows.setdefault(row.layer, [])
        rows.append((key, _json(values), _json(row.extra), shape))
        if len(rows) >= _BATCH:
            self._flush(row.layer)

    def skip(self, key: str, layer: str, reason: str, detail: str = "") -> None:
        """Count an object that is left out."""
        self.skipped[layer, reason] += 1
        self._remark("skipped", layer, reason, key, "", detail)

    def _remark(self, *parts: str) -> None:
        self._remarks += 1
        if self._remarks <= MOST_REMARKS:
            self._remark_file.write(_json(parts) + "\n")

    def _flush(self, layer: str) -> None:
        rows = self._rows.pop(layer, [])
        if not rows:
            return
        keys, values, extras, shapes = zip(*rows, strict=True)
        table = pa.table(
            {"key": pa.array(keys), "values": pa.array(values), "extra": pa.array(extras),
             "wkb": pa.array(shapes, pa.binary())}
        )  # fmt: skip
        if layer not in self._writers:
            self._writers[layer] = pa.ipc.new_stream(self._folder / f"{layer}.arrow", table.schema)
        self._writers[layer].write_table(table)

    def close(self) -> None:
        """Write what is left."""
        for layer in list(self._rows):
            self._flush(layer)
        for writer in self._writers.values():
            writer.close()
        self._remark_file.close()


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\\u0000", "").encode("utf-8", "ignore").decode()


class Extraction:
    """One reading of one extract."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sink = Sink(Path(request.folder))
        self._wkb = osmium.geom.WKBFactory()
        self._awaited: dict[str, list[Skipped]] = {}
        """By key: what is said of an object unless its area can be put together."""
        self._outers: dict[str, list[str]] = {}
        """Of relations that are buildings: the ways of their outer rings."""
        self._drawn: set[str] = set()
        """Relations whose buildings were written."""
        self._within: Any = None
        if request.within is not None:
            self._within = shapely.from_wkb(bytes.fromhex(request.within))
            shapely.prepare(self._within)

    def run(self) -> None:
        """Read the file."""
        for count, thing in enumerate(self._objects(), 1):
            if count % _OBJECTS_PER_LINE == 0:
                sys.stdout.write(f"{count}\n")
                sys.stdout.flush()
            key = f"{_TYPES[thing.type_str()]}/{thing.id}"
            try:
                tags = {tag.k: tag.v for tag in thing.tags}
                if thing.is_node():
                    self._node(key, tags, thing)
                elif thing.is_way():
                    self._way(key, tags, thing)
                elif thing.is_relation():
                    self._relation(key, tags, thing)
                elif thing.is_area():
                    origin = "way" if thing.from_way() else "relation"
                    self._area(f"{origin}/{thing.orig_id()}", tags, thing)
            except UnicodeDecodeError:
                self.sink.skip(key, "", "text is not UTF-8")
        for key, missing in self._awaited.items():
            for one in missing:
                self.sink.skip(key, one.layer, one.reason, one.detail)
        self.sink.close()
        # The ways of a relation's outer rings may be tagged as buildings again, without its courtyards.
        again = {
            way: key for key, ways in self._outers.items() if key in self._drawn for way in ways
        }
        Path(self.request.folder, AGAIN).write_text(json.dumps(again), encoding="utf-8")

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

    def _node(self, key: str, tags: Tags, node: Any) -> None:
        results = self._results([*cameras.camera(tags), *ground.key_place(tags)])
        if not results:
            return
        if not node.location.valid():
            for result in results:
                self.sink.skip(key, result.layer, "no coordinates")
            return
        point = shapely.Point(node.location.lon, node.location.lat)
        disc = [result for result in results if result.layer == "key-places"]
        self._store(key, [r for r in results if r not in disc], shapely.to_wkb(point))
        if disc:
            self._store(key, disc, shapely.to_wkb(_disc(point)))

    def _way(self, key: str, tags: Tags, way: Any) -> None:
        closed = len(way.nodes) > 3 and way.is_closed()
        valid = [node.location.valid() for node in way.nodes]
        if closed and tags.get("area") != "no":
            self._await(key, self._area_results(tags), CUT if not all(valid) else UNCLOSED)
        else:
            why = CUT if not all(valid) else UNCLOSED
            for result in self._area_results(tags):
                # A line of a boundary is part of an area, and none by itself.
                if result.layer != "areas":
                    self.sink.skip(key, _layer(result), why)
        for result in self._results(cameras.camera(tags)):
            self.sink.skip(key, result.layer, "not a point", "")
        streets = self._results(ground.street(tags))
        if streets:
            self._street(key, streets, way, valid)

    def _street(self, key: str, results: list[Result], way: Any, valid: list[bool]) -> None:
        lines = _runs([(n.lon, n.lat) for n in way.nodes if n.location.valid()], valid)
        if not lines:
            for result in results:
                self.sink.skip(key, result.layer, CUT if not all(valid) else "line without length")
            return
        if not all(valid):
            note = (CUT, "geometry", "the part within is stored")
            results = [
                dataclasses.replace(r, notes=(*r.notes, note)) if isinstance(r, Row) else r
                for r in results
            ]
        self._store(key, results, shapely.to_wkb(shapely.multilinestrings(lines)))

    def _relation(self, key: str, tags: Tags, relation: Any) -> None:
        if tags.get("type") not in ("multipolygon", "boundary"):
            return
        self._await(key, self._area_results(tags), CUT)
        if tags.get("building", "no") != "no":
            self._outers[key] = [
                f"way/{member.ref}"
                for member in relation.members
                if member.type == "w" and member.role != "inner"
            ]

    def _await(self, key: str, results: list[Result], why: str) -> None:
        if results:
            self._awaited[key] = [
                result if isinstance(result, Skipped) else Skipped(_layer(result), why, "")
                for result in results
            ]

    def _area(self, key: str, tags: Tags, area: Any) -> None:
        self._awaited.pop(key, None)
        results = self._area_results(tags)
        if not results:
            return
        try:
            shape = bytes.fromhex(self._wkb.create_multipolygon(area))
        except (osmium.InvalidLocationError, RuntimeError):
            for result in results:
                self.sink.skip(key, _layer(result), UNCLOSED)
            return
        self._store(key, results, shape)

    def _area_results(self, tags: Tags) -> list[Result]:
        return self._results(
            [
                *buildings.building(tags, self.request.storey_m),
                *ground.landcover(tags),
                *ground.area(tags, self.request.admin_levels),
                *ground.key_place(tags),
            ]
        )

    def _results(self, results: list[Result]) -> list[Result]:
        return [result for result in results if _layer(result) in self.request.layers]

    def _store(self, key: str, results: list[Result], shape: bytes) -> None:
        outside = self._is_outside(shape)
        for result in results:
            if outside:
                self.sink.skip(key, _layer(result), OUTSIDE)
            elif isinstance(result, Skipped):
                self.sink.skip(key, result.layer, result.reason, result.detail)
            else:
                self.sink.add(key, result, shape)
                if result.layer == "buildings" and key.startswith("relation/"):
                    self._drawn.add(key)

    def _is_outside(self, shape: bytes) -> bool:
        if self._within is None:
            return False
        try:
            return not self._within.intersects(shapely.from_wkb(shape))
        except shapely.errors.GEOSException:
            return False  # rings that cross are judged where the row is cleaned


_TYPES = {"n": "node", "w": "way", "r": "relation", "a": "area"}


def _layer(result: Result) -> str:
    return "buildings" if result.layer == PARTS else result.layer


def _runs(places: list[tuple[float, float]], valid: list[bool]) -> list[Any]:
    """Lines through consecutive places; a missing one ends a line and is not bridged."""
    rest, lines, run = iter(places), [], []
    for there in [*valid, False]:
        if there:
            run.append(next(rest))
            continue
        if len(set(run)) > 1:
            lines.append(shapely.linestrings(run))
        run = []
    return lines


def _disc(point: Any) -> Any:
    """A disc of `POINT_PLACE_M` about a point, in degrees."""
    turns = np.linspace(0.0, 2.0 * np.pi, 33)[:-1]
    north = POINT_PLACE_M / _METRES_PER_DEGREE
    east = north / max(math.cos(math.radians(point.y)), 0.01)
    corners = np.column_stack([point.x + east * np.sin(turns), point.y + north * np.cos(turns)])
    return shapely.polygons(corners)


def limit(request: Request) -> None:
    """Confine this process to the file and its folder; a limit that is passed ends it."""
    # Where the process that asked is killed, nobody waits for this one any more.
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    folder = Path(request.folder)
    budget = Budget(
        memory_bytes=request.memory_bytes or resource.RLIM_INFINITY,
        seconds=request.cpu_s or resource.RLIM_INFINITY >> 8, output_bytes=_LARGEST_OUTPUT,
    )  # fmt: skip
    confine(budget, readable=[Path(request.file), folder], writable=[folder])


def main() -> None:
    """Read what a request asks for, and say what came of it in `outcome.json` beside it."""
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
        outcome = {"error": "disk" if error.errno in (27, 28, 122) else "damaged"}
    except Exception as error:  # noqa: BLE001  (whatever the parser raises, in one word)
        outcome = {"error": "memory" if any(word in str(error) for word in _NO_ROOM) else "damaged"}
    Path(request.folder, "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
