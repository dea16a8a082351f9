"""Tests of `import_osm`: small generated extracts, and the centre of Helsinki."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import osmium
import psycopg
import pytest
import shapely

from geo.crs import metric_crs
from geo.errors import ColumnError, ReadError
from geo.ingest.osm import importing
from geo.ingest.osm.importing import import_osm
from geo.ingest.osm.outcomes import Rules
from geo.osm import extraction, isolation
from geo.pipeline import refresh_all
from geo.schema import LAYERS
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.holdings import count_rows
from geo.store.queries.registers import read_layer, upsert
from tests.support.commands import CommandResult
from tests.support.osm_extracts import HELSINKI, OsmExtract, box
from tests.support.processes import is_running
from tests.support.waiting import wait_until

SQUARE = ((0, 0), (100, 0), (100, 100), (0, 100))


@dataclass
class Stored:
    """The outcome of an import and the layers of the store after it."""

    outcome: importing.OsmOutcome
    layers: dict[str, gpd.GeoDataFrame]

    def skipped(self, layer: str) -> dict[str, int]:
        return dict(
            next(
                layer_outcome
                for layer_outcome in self.outcome.layers
                if layer_outcome.layer == layer
            ).skipped
        )

    def noted(self, layer: str) -> dict[str, int]:
        return dict(
            next(
                layer_outcome
                for layer_outcome in self.outcome.layers
                if layer_outcome.layer == layer
            ).noted
        )


@pytest.fixture
def imported(store: str, tmp_path: Path) -> Callable[..., Stored]:
    """Import a city into the test's store."""

    def call(city: OsmExtract | Path, **options: Any) -> Stored:
        path = city if isinstance(city, Path) else city.write(tmp_path / "city.osm")
        rules = Rules(**{k: v for k, v in options.items() if k in Rules.__dataclass_fields__})
        other_options = {k: v for k, v in options.items() if k not in Rules.__dataclass_fields__}
        with connect(store) as conn:
            outcome = import_osm(
                conn, path, rules=rules, report=tmp_path / "report.csv", **other_options
            )
        with connect(store) as conn:
            return Stored(outcome, {name: read_layer(conn, name) for name in importing.LAYERS})

    return call


def area_m2(shape: Any) -> float:
    return float(shapely.area(shape)) * 96_000 * 111_000


def test_import_osm_buildings_and_heights(imported: Callable[..., Stored]) -> None:
    city = OsmExtract()
    tall = city.ring(box(0, 0, 20, 20), building="yes", height="100 ft")
    levels = city.ring(box(100, 0, 20, 20), building="apartments", building__levels="6")
    unknown = city.ring(box(200, 0, 20, 20), building="yes")
    odd = city.ring(box(300, 0, 20, 20), building="yes", height="as the church")
    city.ring(box(400, 0, 20, 20), building="roof")
    imported_city = imported(city)
    heights = imported_city.layers["buildings"]["height_m"]
    assert set(heights.index) == {f"way/{n}" for n in (tall, levels, unknown, odd)}
    assert heights[f"way/{tall}"] == pytest.approx(30.48)
    assert heights[f"way/{levels}"] == 18.0
    assert heights[[f"way/{unknown}", f"way/{odd}"]].isna().all()
    assert imported_city.skipped("buildings") == {"open_at_ground": 1}
    assert imported_city.noted("buildings") == {"height_not_understood": 1}


def test_import_osm_buildings_keep_courtyards(imported: Callable[..., Stored]) -> None:
    city = OsmExtract()
    outer = city.ring(box(0, 0, 100, 100))
    inner = city.ring(box(40, 40, 20, 20))
    number = city.relation([(outer, "outer"), (inner, "inner")], building="yes", height="12")
    halves = (
        city.way([(200, 0), (300, 0), (300, 100)]),
        city.way([(300, 100), (200, 100), (200, 0)]),
    )
    joined = city.relation([(half, "outer") for half in halves], building="yes")
    buildings = imported(city).layers["buildings"]
    assert set(buildings.index) == {f"relation/{number}", f"relation/{joined}"}
    assert area_m2(buildings.geometry[f"relation/{number}"]) == pytest.approx(9_600, rel=1e-4)
    assert area_m2(buildings.geometry[f"relation/{joined}"]) == pytest.approx(10_000, rel=1e-4)


def test_import_osm_stores_a_building_mapped_twice_once(imported: Callable[..., Stored]) -> None:
    """The outer ring has the tags of the relation, no courtyard, and the height."""
    city = OsmExtract()
    outer = city.ring(box(0, 0, 100, 100), building="yes", building__levels="5")
    inner = city.ring(box(40, 40, 20, 20))
    number = city.relation([(outer, "outer"), (inner, "inner")], building="retail")
    kiosk = city.ring(box(45, 45, 5, 5), building="kiosk", height="3")
    cut = city.ring(box(300, 0, 10, 10), building="yes")
    city.relation([(cut, "outer"), (900_000, "outer")], building="yes")
    imported_city = imported(city)
    heights = imported_city.layers["buildings"]["height_m"].to_dict()
    assert f"way/{cut}" in heights
    del heights[f"way/{cut}"]
    assert heights == {f"relation/{number}": 15.0, f"way/{kiosk}": 3.0}
    assert area_m2(
        imported_city.layers["buildings"].geometry[f"relation/{number}"]
    ) == pytest.approx(9_600, rel=1e-4)
    assert imported_city.skipped("buildings") == {
        "outer_ring_of_relation": 1,
        "cut_at_edge": 1,
    }


def test_import_osm_building_parts_replace_the_outline(
    imported: Callable[..., Stored],
) -> None:
    city = OsmExtract()
    outline = city.ring(box(0, 0, 100, 100), building="yes", height="50")
    podium = city.ring(box(0, 0, 100, 40), building__part="yes", height="10")
    without_height = city.ring(box(0, 40, 20, 20), building__part="yes")
    city.ring(box(50, 60, 20, 20), building__part="yes", min_height="20", height="50")
    all_parts = city.ring(box(200, 0, 10, 10), building="yes")
    west = city.ring(box(200, 0, 5, 10), building__part="yes", building__levels="2")
    east = city.ring(box(205, 0, 5, 10), building__part="yes", building__levels="3")
    separate_part = city.ring(box(400, 0, 10, 10), building__part="yes", height="7")
    imported_city = imported(city)
    heights = {key: float(h) for key, h in imported_city.layers["buildings"]["height_m"].items()}
    assert heights == {
        f"way/{outline}": 50.0,
        f"way/{podium}": 10.0,
        f"way/{without_height}": 50.0,
        f"way/{west}": 6.0,
        f"way/{east}": 9.0,
        f"way/{separate_part}": 7.0,
    }
    areas = {
        key: round(area_m2(shape))
        for key, shape in imported_city.layers["buildings"].geometry.items()
    }
    assert areas[f"way/{outline}"] == pytest.approx(10_000 - 4_000 - 400, rel=1e-3)
    assert f"way/{all_parts}" not in areas
    assert imported_city.skipped("buildings") == {
        "part_above_ground": 1,
        "replaced_by_parts": 1,
    }
    assert imported_city.noted("buildings") == {"part_without_outline": 1}


def test_import_osm_reports_objects_cut_at_the_edge(
    imported: Callable[..., Stored], tmp_path: Path
) -> None:
    city = OsmExtract()
    beyond = 900_000
    city.ring([(0, 0), (10, 0), beyond, (0, 10)], building="yes")
    partial = city.way(
        [(0, 0), (50, 0), beyond, (200, 0), (250, 0), beyond + 1, (400, 0)],
        highway="primary",
        name="A",
    )
    city.way([(0, 0), beyond], highway="primary")
    outer = city.ring(box(300, 0, 100, 100))
    city.relation([(outer, "outer"), (beyond, "outer")], landuse="forest")
    city.way([(500, 0), (510, 0), (510, 10)], building="yes")
    city.node(0, 0, man_made="surveillance")
    imported_city = imported(city)
    (line,) = imported_city.layers["streets"].geometry
    assert [len(p.coords) for p in line.geoms] == [2, 2]
    assert shapely.length(line) * 96_000 == pytest.approx(100, rel=1e-4)
    assert imported_city.layers["streets"].index.tolist() == [f"way/{partial}"]
    assert imported_city.skipped("streets") == {"cut_at_edge": 1}
    assert imported_city.noted("streets") == {"cut_at_edge": 1}
    assert imported_city.skipped("buildings") == {
        "cut_at_edge": 1,
        "ring_not_closed": 1,
    }
    assert imported_city.skipped("landcover") == {"cut_at_edge": 1}
    assert len(imported_city.layers["cameras"]) == 1
    text = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert {(row["column"], row["action"], row["code"]) for row in rows} >= {
        ("buildings", "rejected", "cut_at_edge"),
        ("buildings", "rejected", "ring_not_closed"),
        ("streets.geometry", "noted", "cut_at_edge"),
    }


def test_import_osm_cameras(imported: Callable[..., Stored]) -> None:
    city = OsmExtract()
    single = city.node(
        0,
        0,
        man_made="surveillance",
        camera__type="fixed",
        camera__direction="NNE",
        camera__angle="20",
        height="13 ft",
        operator="City",
        surveillance__zone="traffic",
        surveillance="public",
        camera__mount="pole",
        name="North \U0001f4f7 <b>'gate'</b>",
    )
    with_directions = city.node(50, 0, man_made="surveillance", camera__direction="10-50;S;200-220")
    city.node(60, 0, man_made="surveillance", surveillance__type="guard")
    unreadable = city.node(70, 0, man_made="surveillance", camera__direction="to the gate")
    city.ring(box(200, 0, 10, 10), man_made="surveillance")
    imported_city = imported(city)
    cameras = imported_city.layers["cameras"]
    assert cameras.index.tolist() == sorted(
        [f"node/{single}", f"node/{with_directions}", f"node/{unreadable}"]
    )
    row = cameras.loc[f"node/{single}"]
    assert row["kind"] == "fixed"
    assert (row["bearing_deg"], row["tilt_deg"]) == (22.5, 20.0)
    assert row["height_m"] == pytest.approx(3.9624)
    assert (row["owner"], row["place_kinds"], row["room"]) == ("City", "road", "outdoor")
    assert row["name"] == "North \U0001f4f7 <b>'gate'</b>"
    several = cameras.loc[f"node/{with_directions}"]
    assert (several["bearing_deg"], several["fov_deg"]) == (30.0, 40.0)
    assert several["other_directions"] == "180/200-220"
    assert imported_city.skipped("cameras") == {"not_a_camera": 1, "not_a_point": 1}
    assert imported_city.noted("cameras") == {
        "several_directions": 1,
        "direction_not_understood": 1,
    }


def test_import_osm_stores_unread_camera_tags_as_extra(
    imported: Callable[..., Stored], store: str
) -> None:
    city = OsmExtract()
    city.node(0, 0, man_made="surveillance", camera__direction="to the gate", camera__mount="wall")
    imported(city)
    with connect(store) as conn:
        (extra,) = conn.execute("SELECT extra FROM cameras").fetchone() or ({},)
    assert extra == {"camera:direction": "to the gate", "camera:mount": "wall"}


def test_import_osm_areas_have_parents(imported: Callable[..., Stored]) -> None:
    city = OsmExtract()

    def boundary(shape: list[tuple[float, float]], level: int, name: str) -> str:
        number = city.relation(
            [(city.ring(shape), "outer")],
            type="boundary",
            boundary="administrative",
            admin_level=str(level),
            name=name,
        )
        return f"relation/{number}"

    district = boundary(box(0, 0, 1000, 1000), 6, "区")
    street = boundary(box(0, 0, 500, 1000), 8, "街道")
    community = boundary(box(0, 0, 250, 500), 10, "社区")
    direct = boundary(box(600, 0, 250, 500), 10, "直属社区")
    boundary(box(0, 0, 1000, 1000), 4, "省")
    imported_city = imported(city)
    areas = imported_city.layers["areas"]
    assert areas["level"].to_dict() == {
        district: "district",
        street: "subdistrict",
        community: "community",
        direct: "community",
    }
    assert areas["parent"].fillna("").to_dict() == {
        district: "",
        street: district,
        community: street,
        direct: district,
    }
    assert imported_city.skipped("areas") == {"admin_level_not_imported/4": 1}
    other = imported(city, admin_levels={4: "district"}, replace=True)
    assert other.layers["areas"]["name"].tolist() == ["省"]
    assert other.noted("areas") == {"removed_not_in_extract": 4}


def test_import_osm_key_places_and_landcover(imported: Callable[..., Stored]) -> None:
    city = OsmExtract()
    school = city.ring(box(0, 0, 100, 100), amenity="school", name="一中")
    city.node(50, 50, amenity="school", name="一中")
    other = city.node(60, 60, amenity="school", name="二中")
    hospital = city.ring(
        box(200, 0, 50, 50), amenity="hospital", building="hospital", building__levels="5"
    )
    square = city.ring(
        box(300, 0, 50, 50), highway="pedestrian", area="yes", place="square", name="人民广场"
    )
    lake = city.ring(box(400, 0, 50, 50), natural="water")
    park = city.ring(box(500, 0, 50, 50), leisure="park")
    city.node(800, 0, amenity="cafe")
    imported_city = imported(city)
    places = imported_city.layers["key-places"]
    assert places["kind"].to_dict() == {
        f"way/{school}": "school",
        f"node/{other}": "school",
        f"way/{hospital}": "hospital",
        f"way/{square}": "square",
    }
    assert places["name"][f"way/{hospital}"] == "医院"
    assert area_m2(places.geometry[f"node/{other}"]) == pytest.approx(3.1416 * 25**2, rel=0.02)
    assert imported_city.skipped("key-places") == {"same_place_as_area": 1}
    assert imported_city.layers["landcover"]["class"].to_dict() == {
        f"way/{square}": "square",
        f"way/{lake}": "water",
        f"way/{park}": "green",
    }
    assert imported_city.layers["buildings"]["height_m"].to_dict() == {f"way/{hospital}": 15.0}
    assert imported_city.layers["streets"].empty


def test_import_osm_newer_extract_updates(imported: Callable[..., Stored], store: str) -> None:
    old, new = OsmExtract(), OsmExtract()
    for city, height in ((old, "10"), (new, "12")):
        city.ring(box(0, 0, 10, 10), building="yes", height=height)
        city.ring(box(100, 0, 10, 10), building="yes")
    removed = old.ring(box(200, 0, 10, 10), building="yes")
    first = imported(old)
    assert (first.outcome.inserted, first.outcome.updated) == (3, 0)
    repeated = imported(old)
    assert (repeated.outcome.inserted, repeated.outcome.updated, repeated.outcome.unchanged) == (
        0,
        0,
        3,
    )
    second = imported(new)
    assert (second.outcome.inserted, second.outcome.updated, second.outcome.unchanged) == (0, 1, 1)
    assert second.noted("buildings") == {"not_in_extract": 1}
    assert f"way/{removed}" in second.layers["buildings"].index
    third = imported(new, replace=True)
    assert third.noted("buildings") == {"removed_not_in_extract": 1}
    assert f"way/{removed}" not in third.layers["buildings"].index
    with connect(store) as conn:
        change_count = conn.execute(
            "SELECT count(*) FROM changes WHERE layer = 'buildings'"
        ).fetchone()
        imports = conn.execute(
            "SELECT options->>'from', file, inserted, updated, unchanged FROM imports "
            "WHERE layer = 'buildings' ORDER BY id"
        ).fetchall()
    assert change_count is not None
    assert change_count[0] == 3 + 1 + 1
    assert imports == [
        ("OpenStreetMap", "city.osm", 3, 0, 0),
        ("OpenStreetMap", "city.osm", 0, 0, 3),
        ("OpenStreetMap", "city.osm", 0, 1, 1),
        ("OpenStreetMap", "city.osm", 0, 0, 2),
    ]


def test_import_osm_keeps_registers_from_other_sources(
    imported: Callable[..., Stored], store: str
) -> None:
    city = OsmExtract()
    city.node(0, 0, man_made="surveillance")
    city.ring(box(0, 0, 10, 10), building="yes")
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, geometry) VALUES ('POLICE-1', 'SRID=4326;POINT(114 30)')"
        )
    imported_city = imported(city)
    assert imported_city.layers["cameras"].index.tolist() == ["POLICE-1"]
    assert len(imported_city.layers["buildings"]) == 1
    assert (
        next(
            layer_outcome
            for layer_outcome in imported_city.outcome.layers
            if layer_outcome.layer == "cameras"
        ).left_alone
        == 1
    )
    both = imported(city, layers=("cameras",))
    assert len(both.layers["cameras"]) == 2


def test_import_osm_within_and_dry_run(imported: Callable[..., Stored], tmp_path: Path) -> None:
    city = OsmExtract()
    near = city.ring(box(0, 0, 10, 10), building="yes")
    crossing = city.ring(box(95, 0, 10, 10), building="yes")
    city.ring(box(200, 0, 10, 10), building="yes")
    city.node(500, 0, man_made="surveillance")
    outline = gpd.GeoDataFrame(
        geometry=[shapely.box(114 - 1e-5, 30 - 1e-5, 114 + 100 / 96_000, 30.01)], crs=4326
    )
    outline.to_crs("EPSG:32650").to_file(tmp_path / "outline.gpkg")
    dry_run = imported(city, within=tmp_path / "outline.gpkg", dry_run=True)
    assert dry_run.outcome.inserted == 2
    assert dry_run.layers["buildings"].empty
    assert len(dry_run.outcome.sample_features()) == 2
    imported_city = imported(city, within=tmp_path / "outline.gpkg")
    assert set(imported_city.layers["buildings"].index) == {f"way/{near}", f"way/{crossing}"}
    assert imported_city.skipped("buildings") == {"outside_given_area": 1}
    assert imported_city.skipped("cameras") == {"outside_given_area": 1}


def test_import_osm_stores_all_layers_or_none(
    imported: Callable[..., Stored], store: str, tmp_path: Path
) -> None:
    city = OsmExtract()
    city.ring(box(0, 0, 10, 10), building="yes")
    city.node(0, 0, man_made="surveillance")
    path = city.write(tmp_path / "city.osm")
    with connect(store) as conn:
        # Cameras are stored last, and the database rejects them.
        conn.execute("ALTER TABLE cameras ADD CONSTRAINT none CHECK (false)")
        conn.commit()
        with pytest.raises(Exception, match="cameras cannot be stored"):
            import_osm(conn, path, report=tmp_path / "r.csv")
        assert count_rows(conn, importing.REGISTERS["buildings"]) == 0
        assert conn.execute("SELECT count(*) FROM imports").fetchone() == (0,)


HOSTILE = {
    "empty.osm": b"",
    "text.osm": b"name,lon,lat\na,1,2\n",
    "zip.osm.pbf": b"PK\x03\x04" + b"\x00" * 100,
    "gzip.osm": b"\x1f\x8b\x08" + b"\x00" * 100,
    "other.osm": b'<?xml version="1.0"?><gpx version="1.1"></gpx>',
    "osmosis.osm": b"<osmium/>",
    "changes.osm": b'<?xml version="1.0"?><osmChange version="0.6"></osmChange>',
    "dtd.osm": b'<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
    b'<osm version="0.6"></osm>',
    "hidden.osm": b'<!-- <osm> --><!DOCTYPE osm SYSTEM "file:///etc/passwd">'
    b'<osm version="0.6"></osm>',
    "utf16.osm": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE osm><osm/>'.encode("utf-16"),
    "header.osm.pbf": (13).to_bytes(4, "big") + b"\x0a\x09OSMHeader\x18\x05" + b"\x00" * 100,
    "cut.osm": b'<?xml version="1.0"?><osm version="0.6"><node id="1" lat="30" lon="114">',
    "number.osm": b'<osm version="0.6"><node id="1" lat="thirty" lon="114"></node></osm>',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_import_osm_refuses_other_files(name: str, store: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    with connect(store) as conn, pytest.raises(ReadError) as raised:
        import_osm(conn, path, report=tmp_path / "r.csv")
    message = str(raised.value)
    assert path.name in message
    # The message contains no text of the parser and says how to proceed.
    assert not any(
        word in message for word in ("Error", "PBF error", "expat", "XML parsing", "Traceback")
    )
    assert any(word in message for word in ("give", "export", "download", "make")), message


def test_import_osm_refuses_a_truncated_pbf(store: str, tmp_path: Path) -> None:
    complete = _write_pbf(tmp_path)
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(complete.read_bytes()[:-200])
    with connect(store) as conn, pytest.raises(ReadError, match=r"damaged|not complete"):
        import_osm(conn, cut, report=tmp_path / "r.csv")


def _write_pbf(folder: Path) -> Path:
    """Write a city of many buildings as PBF, by osmium from generated XML."""

    city = OsmExtract()
    for k in range(400):
        city.ring(
            box(30 * (k % 20), 30 * (k // 20), 10, 10), building="yes", height=str(3 + k % 40)
        )
    source, target = city.write(folder / "many.osm"), folder / "many.osm.pbf"
    with osmium.SimpleWriter(str(target)) as writer:
        for osm_object in osmium.FileProcessor(str(source)):
            writer.add(osm_object)
    return target


def test_import_osm_reads_pbf_and_xml_alike(
    imported: Callable[..., Stored], tmp_path: Path
) -> None:
    pbf = _write_pbf(tmp_path)
    first = imported(pbf)
    assert first.outcome.inserted == 400
    second = imported(tmp_path / "many.osm")
    assert (second.outcome.inserted, second.outcome.updated, second.outcome.unchanged) == (
        0,
        0,
        400,
    )


def test_import_osm_limits_memory_and_time(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write_pbf(tmp_path)
    with connect(store) as conn:
        with pytest.raises(ReadError, match="MiB of memory"):
            import_osm(conn, path, memory_bytes=1 << 20, report=tmp_path / "r.csv")
        with pytest.raises(ReadError, match="cut the region out"):
            import_osm(conn, path, seconds=0, report=tmp_path / "r.csv")


def test_extraction_of_large_files_stores_node_locations_on_disk(
    imported: Callable[..., Stored], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the extraction of a file that counts as large."""
    path = _write_pbf(tmp_path)
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(extraction, "_LARGE_FILE", 10)
    extraction_run = extraction.Extraction(
        extraction.Request(file=str(path), format="pbf", folder=str(folder))
    )
    extraction_run.run()
    assert (folder / "locations").stat().st_size > 0
    assert (folder / "buildings.arrow").exists()


def test_import_osm_cancelling_ends_the_parser(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation.subprocess, "Popen", _slow_parser(subprocess.Popen))
    calls: list[int] = []

    def cancel(step: str) -> None:
        if "objects" in step:
            calls.append(1)
            raise KeyboardInterrupt

    with connect(store) as conn, pytest.raises(KeyboardInterrupt):
        import_osm(conn, _write_pbf(tmp_path), progress=cancel, report=tmp_path / "r.csv")
    assert calls == [1]
    assert _started[-1].poll() is not None


def test_extract_parser_ends_with_its_parent(tmp_path: Path) -> None:
    """The parser, which here waits for an endless file, ends with its killed parent."""
    fifo, folder = tmp_path / "endless.osm", tmp_path / "out"
    os.mkfifo(fifo)
    folder.mkdir()
    code = (
        "import sys; from pathlib import Path; from geo.osm.isolation import extract; "
        "from geo.osm.request import Request; "
        "extract(Request(file=sys.argv[1], format='osm', folder=sys.argv[2]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(fifo), str(folder)])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    try:
        # Opening the pipe waits until the parser has opened its end.
        with fifo.open("wb"):
            (parser,) = map(int, children.read_text().split())
            assert is_running(parser)
            parent.kill()
            parent.wait()
            wait_until(lambda: not is_running(parser))
    finally:
        parent.kill()
        parent.wait()


_started: list[Any] = []


def _slow_parser(popen: Any) -> Any:
    """Replace the parser by a process that reports its progress and then waits."""

    def start(command: list[str], **options: Any) -> Any:
        code = "import time; print(5, flush=True); time.sleep(600)"
        _started.append(popen([command[0], "-c", code], **options))
        return _started[-1]

    return start


def test_import_osm_refuses_unknown_layers(store: str, tmp_path: Path) -> None:
    with connect(store) as conn, pytest.raises(ColumnError, match="incidents"):
        import_osm(conn, _write_pbf(tmp_path), rules=Rules(layers=("incidents",)))


def test_import_osm_command(run: Callable[..., CommandResult], tmp_path: Path) -> None:
    city = OsmExtract()
    city.ring(box(0, 0, 10, 10), building="yes")
    city.relation(
        [(city.ring(box(0, 0, 1000, 1000)), "outer")],
        type="boundary",
        boundary="administrative",
        admin_level="9",
        name="Kallio",
    )
    path = city.write(tmp_path / "city.osm")
    report = ["--report", str(tmp_path / "report.csv")]
    result = run("import", "osm", str(path), *report)
    assert result.returncode == 0, result.stderr
    assert "admin_level 9" in result.stdout
    assert "OpenStreetMap contributors" in result.stdout
    result = run(
        "import",
        "osm",
        str(path),
        *report,
        "--json",
        "--only",
        "areas",
        "--admin-levels",
        "9=district",
    )
    assert result.returncode == 0, result.stderr
    (areas,) = json.loads(result.stdout)["layers"]
    assert (areas["layer"], areas["inserted"], areas["stored"]) == ("areas", 1, 1)
    for options in (
        ["--only", "incidents"],
        ["--admin-levels", "9=town"],
        ["--admin-levels", "x"],
        ["--crs", "EPSG:4326"],
    ):
        assert run("import", "osm", str(path), *options).returncode == 2
    assert run("import", "cameras", str(path), "--replace").returncode == 2
    assert run("import", "osm", str(tmp_path / "absent.osm.pbf")).returncode == 1


def _ogr(sql: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Rows read by GDAL, an independent implementation."""
    target = tmp_path / "ogr.geojson"
    target.unlink(missing_ok=True)
    subprocess.run(
        ["ogr2ogr", "-f", "GeoJSON", target, HELSINKI, "-sql", sql],
        check=True,
        capture_output=True,
        env={**os.environ, "OSM_USE_CUSTOM_INDEXING": "NO"},
    )
    return list(json.loads(target.read_text(encoding="utf-8"))["features"])


def _complete_buildings() -> set[str]:
    """Keys of the buildings whose areas osmium can assemble."""

    areas = (a for a in osmium.FileProcessor(str(HELSINKI)).with_areas() if a.is_area())
    return {
        f"{'way' if area.from_way() else 'relation'}/{area.orig_id()}"
        for area in areas
        if "building" in area.tags
    }


@pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are not here")
@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's programs are not here")
def test_import_osm_helsinki_equals_gdal(imported: Callable[..., Stored], tmp_path: Path) -> None:
    imported_city = imported(HELSINKI)
    layers = imported_city.layers
    assert len(layers["cameras"]) == 221
    points = _ogr("SELECT * FROM points WHERE man_made = 'surveillance'", tmp_path)
    assert {f"node/{f['properties']['osm_id']}" for f in points} == set(layers["cameras"].index)
    for feature in points:
        our_shape = layers["cameras"].geometry[f"node/{feature['properties']['osm_id']}"]
        assert our_shape.distance(shapely.geometry.shape(feature["geometry"])) < 1e-9

    # GDAL omits missing nodes and uses the others; our import reports such buildings as cut.
    outlines = {
        f"way/{f['properties']['osm_way_id']}"
        if f["properties"].get("osm_way_id")
        else f"relation/{f['properties']['osm_id']}": f
        for f in _ogr("SELECT * FROM multipolygons WHERE building IS NOT NULL", tmp_path)
    }
    stored = {key for key in layers["buildings"].index if key in outlines}
    skipped = {
        f.original: f.reason for f in imported_city.outcome.findings if f.column == "buildings"
    }
    assert set(outlines) - stored <= set(skipped)
    complete = _complete_buildings()
    assert len(complete) == 446
    assert stored <= complete
    omitted = complete - stored
    assert {skipped[key] for key in omitted} <= {
        "open_at_ground",
        "replaced_by_parts",
        "outer_ring_of_relation",
    }
    assert len(omitted) < 30
    parts = set(layers["buildings"].index) - stored
    for key in stored:
        gdal_shape = shapely.make_valid(shapely.geometry.shape(outlines[key]["geometry"]))
        our_shape = layers["buildings"].geometry[key]
        assert our_shape.difference(gdal_shape).area < 1e-12, key
        if not any(layers["buildings"].geometry[part].intersects(gdal_shape) for part in parts):
            assert area_m2(our_shape) == pytest.approx(area_m2(gdal_shape), rel=1e-6), key

    lines = {
        f"way/{f['properties']['osm_id']}": f
        for f in _ogr("SELECT * FROM lines WHERE highway IS NOT NULL", tmp_path)
    }
    streets = layers["streets"]
    reasons = {
        f.original: f.reason
        for f in imported_city.outcome.findings
        if f.column.startswith("streets")
    }
    assert set(streets.index) <= set(lines)
    assert set(lines) - set(streets.index) <= set(reasons)
    complete_streets = [key for key in streets.index if key not in reasons]
    assert len(complete_streets) > 1_500
    for key in complete_streets:
        assert shapely.length(streets.geometry[key]) == pytest.approx(
            shapely.length(shapely.geometry.shape(lines[key]["geometry"])), rel=1e-6
        )
    cover = layers["landcover"]
    cut = {f.original for f in imported_city.outcome.findings if f.column == "landcover"}
    water = {
        f"way/{f['properties']['osm_way_id']}"
        if f["properties"].get("osm_way_id")
        else f"relation/{f['properties']['osm_id']}"
        for f in _ogr(
            "SELECT * FROM multipolygons WHERE natural = 'water' "
            "OR landuse IN ('basin', 'reservoir')",
            tmp_path,
        )
    }
    assert set(cover.index[cover["class"] == "water"]) == water - cut
    assert len(water - cut) > 5


@pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are not here")
def test_refresh_all_covers_imported_helsinki(imported: Callable[..., Stored], store: str) -> None:
    """In 72 squares of 150 m over the cameras a third of the open ground is covered."""

    cameras = imported(HELSINKI).layers["cameras"]
    crs = metric_crs(cameras)
    west, south, east, north = cameras.to_crs(crs).total_bounds
    side = 150
    squares = [
        shapely.box(x * side, y * side, (x + 1) * side, (y + 1) * side)
        for x in range(int(west // side), int(east // side) + 1)
        for y in range(int(south // side), int(north // side) + 1)
    ]
    assert len(squares) == 72
    codes = [f"H{k:03d}" for k in range(len(squares))]
    grids = gpd.GeoDataFrame(
        {"code": codes, "name": codes, "kind": "basic", "extra": "{}"}, geometry=squares, crs=crs
    )
    for column in ("name_en", "community", "population"):
        grids[column] = None
    with connect(store) as conn:
        upsert(conn, LAYERS["grids"], grids.to_crs(4326))
        conn.commit()
        refreshed = refresh_all(conn, Settings())
    summary = refreshed.coverage.summary
    assert summary["cameras_used"] == 221
    assert summary["open_covered_share"] == pytest.approx(0.33, abs=0.015)
    with psycopg.connect(store) as conn:
        # Views do not overlap buildings.
        row = conn.execute(
            "SELECT sum(ST_Area(ST_Intersection(v.geometry, b.geometry)::geography)), "
            "sum(v.area_m2) FROM gridcover.camera_views v "
            "JOIN gridcover.buildings b ON b.geometry && v.geometry"
        ).fetchone()
    assert row is not None
    assert row[0] / row[1] < 0.001
