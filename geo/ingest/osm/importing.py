"""Import a city from an OpenStreetMap extract: several layers in one transaction."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import psycopg
import shapely

from geo.errors import ColumnError, CrsError, ReadError, StoreError
from geo.ingest import MENDED, NOTED, REJECTED, SAMPLE, Finding, Outcome, write_report
from geo.ingest.cleaning import clean
from geo.ingest.layer_choice import OUTLINE
from geo.ingest.osm import reading
from geo.ingest.readers import read_file
from geo.osm.features import LAYERS
from geo.osm.files import extract_format
from geo.osm.ground import ADMIN_LEVELS
from geo.osm.isolation import MEMORY_BYTES, Extracted, extract
from geo.osm.measures import STOREY_M
from geo.osm.request import CUT, UNCLOSED, Request
from geo.schema import LAYERS as REGISTERS
from geo.settings import Settings, get_settings
from geo.store.connection import Conn
from geo.store.queries.imports import record_import
from geo.store.queries.openstreetmap import absent_keys, count_other_rows, delete_rows
from geo.store.queries.registers import read_layer, upsert

NAME = "osm"
"""What an extract is called where a layer is named."""
SOURCE = "OpenStreetMap"
ABSENT, REMOVED = "not in this extract any more", "removed: not in this extract"
_FAULTS = {CUT, UNCLOSED, "text is not UTF-8", "no coordinates", "line without length"}
_SAMPLE_EACH = SAMPLE // 4


@dataclass(frozen=True)
class Rules:
    """What the import of an extract may be told.

    Parameters
    ----------
    within : a file of polygons; what does not meet them is left out.
    layers : the layers to fill. Unless given, all but those that hold rows of another source.
    admin_levels : levels of boundaries to levels of areas.
    storey_m : height of a storey where a building's height is not mapped.
    replace : remove rows of earlier extracts that are not in this one.
    within_layer : name of the layer of `within`, where that file has several.
    """

    within: Path | None = None
    layers: tuple[str, ...] | None = None
    admin_levels: Mapping[int, str] = field(default_factory=lambda: dict(ADMIN_LEVELS))
    storey_m: float = STOREY_M
    replace: bool = False
    within_layer: str | None = None


@dataclass
class LayerOutcome:
    """What came of one layer."""

    layer: str
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    left_alone: int = 0
    """Rows of another source, because of which the layer was not filled."""
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    @property
    def stored(self) -> int:
        """Rows of the extract that are in the store now."""
        return self.inserted + self.updated + self.unchanged

    def as_dict(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {
            "layer": self.layer, "inserted": self.inserted, "updated": self.updated,
            "unchanged": self.unchanged, "removed": self.removed, "left_alone": self.left_alone,
            "stored": self.stored, "skipped": dict(self.skipped), "noted": dict(self.noted),
        }  # fmt: skip


@dataclass(frozen=True)
class OsmOutcome(Outcome):
    """What came of the import of an extract, by layer."""

    layers: tuple[LayerOutcome, ...] = ()

    def reasons(self) -> list[tuple[str, str, int]]:
        """Action, reason and number over all layers, most serious first."""
        counts: Counter[tuple[str, str]] = Counter()
        for layer in self.layers:
            for reason, count in layer.skipped.items():
                counts[_action(reason), reason] += count
            for reason, count in layer.noted.items():
                counts[NOTED, reason] += count
        order = {REJECTED: 0, MENDED: 1, NOTED: 2}
        listed = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1]))
        return [(action, reason, count) for (action, reason), count in listed]

    def as_dict(self) -> dict[str, Any]:
        """The outcome for machines, by layer and in all."""
        return super().as_dict() | {"layers": [layer.as_dict() for layer in self.layers]}


def _action(reason: str) -> str:
    return REJECTED if reason in _FAULTS else NOTED


def import_osm(
    conn: Conn,
    path: Path,
    *,
    rules: Rules | None = None,
    dry_run: bool = False,
    report: Path | None = None,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _: None,
    memory_bytes: int = MEMORY_BYTES,
    seconds: int | None = None,
    before_commit: Callable[[Outcome], None] = lambda _: None,
) -> OsmOutcome:
    """Read an extract and store its layers in one transaction; the caller's connection is committed.

    Keys are those of OpenStreetMap (``way/123``), so that a newer extract updates the rows of an older one.

    Parameters
    ----------
    conn : an open connection to a migrated database.
    path : an .osm.pbf or .osm file.
    rules : what is read and how.
    dry_run : do everything but keep nothing.
    report : where the report goes; beside the working folder's other files unless given, and only
        written when there is something to report.
    memory_bytes, seconds : limits of the process that reads the file.
    before_commit : called with the outcome in the transaction that stores the rows.

    Raises
    ------
    ReadError, CrsError : the extract or the file of polygons cannot be used.
    ColumnError : a layer is asked for that an extract cannot fill.
    StoreError : the database refuses the rows; nothing was stored.
    """
    rules = rules or Rules()
    settings = settings or get_settings()
    asked = rules.layers or LAYERS
    if stray := [name for name in asked if name not in LAYERS]:
        raise ColumnError(
            f"an extract does not fill {', '.join(stray)}; it fills {', '.join(LAYERS)}"
        )
    kind = extract_format(path)
    within = None if rules.within is None else _polygon(rules.within, rules.within_layer)
    outcomes = {name: LayerOutcome(name) for name in LAYERS if name in asked}
    if rules.layers is None:
        for name, one in outcomes.items():
            one.left_alone = count_other_rows(conn, REGISTERS[name])
    filled = tuple(name for name, one in outcomes.items() if not one.left_alone)
    conn.rollback()
    progress(f"reading {path.name}")
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            file=str(path.resolve()), format=kind, folder=folder, layers=filled,
            admin_levels=dict(rules.admin_levels), storey_m=rules.storey_m,
            within=None if within is None else shapely.to_wkb(within, hex=True),
        )  # fmt: skip
        extracted = extract(request, memory_bytes=memory_bytes, seconds=seconds, progress=progress)
        importing = _Importing(conn, settings, rules, extracted, outcomes, progress)
        try:
            for name in filled:
                importing.store(name)
            outcome = importing.outcome(path, report, dry_run=dry_run)
            if dry_run:
                conn.rollback()
            else:
                importing.record(path, filled)
                before_commit(outcome)
                conn.commit()
        except BaseException:
            conn.rollback()
            raise
    return outcome


def _polygon(path: Path, layer: str | None) -> Any:
    """Return the union of the polygons of a file, or of one of its layers, in EPSG:4326."""
    raw = read_file(path, OUTLINE, part=layer)
    if raw.geometry is None or raw.crs is None:
        raise ReadError(f"{path.name} has no polygons; give a file such as GeoJSON or GeoPackage")
    shapes = gpd.GeoSeries(raw.geometry, crs=raw.crs).to_crs("EPSG:4326")
    polygons = shapes[shapes.geom_type.isin(["Polygon", "MultiPolygon"]) & ~shapes.is_empty]
    if polygons.empty:
        raise ReadError(f"{path.name} has no polygons; give the outline of the region as polygons")
    united = shapely.union_all(shapely.make_valid(polygons.to_numpy()))
    west, south, east, north = shapely.bounds(united)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise CrsError(f"{path.name} lies outside the globe; name its CRS in the file")
    return united


class _Importing:
    """One import of an extract on its way into the store."""

    def __init__(
        self, conn: Conn, settings: Settings, rules: Rules, extracted: Extracted,
        outcomes: dict[str, LayerOutcome], progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.conn, self.settings, self.rules = conn, settings, rules
        self.extracted, self.outcomes, self.progress = extracted, outcomes, progress
        self.findings = [
            Finding(0, _action(reason) if action == "skipped" else NOTED, reason,
                    f"{layer}.{column}" if column else layer, text, key)
            for action, layer, reason, key, column, text in extracted.remarks()
        ]  # fmt: skip
        self.samples: list[gpd.GeoDataFrame] = []
        for layer, reason, count in extracted.skipped:
            if layer in outcomes:
                outcomes[layer].skipped[reason] += count
        for layer, reason, count in extracted.noted:
            name = "buildings" if layer not in outcomes else layer
            outcomes[name].noted[reason] += count

    def store(self, name: str) -> None:
        """Clean and store the rows of a layer."""
        one, keys = self.outcomes[name], []
        sampled = 0
        for rows in self._tables(name):
            if rows.empty:
                continue
            self.progress(f"storing {len(rows):,} rows of {name}")
            frame = self._clean(rows, name)
            written = upsert(self.conn, REGISTERS[name], frame)
            one.inserted += written.inserted
            one.updated += written.updated
            one.unchanged += written.unchanged
            keys += frame[REGISTERS[name].key[0]].tolist()
            if sampled < _SAMPLE_EACH and name in ("cameras", "buildings", "streets", "areas"):
                self.samples.append(frame.head(_SAMPLE_EACH - sampled))
                sampled += len(self.samples[-1])
        self._compare(name, keys)

    def _tables(self, name: str) -> Iterator[pd.DataFrame]:
        folder = self.extracted.folder
        if name == "buildings":
            for rows, remarks in reading.buildings(folder):
                self._remark(name, remarks)
                yield rows
        elif name == "key-places":
            places, remarks = reading.key_places(folder)
            self._remark(name, remarks)
            yield places
        elif name == "areas":
            yield reading.areas(folder, read_layer(self.conn, "areas"))
        else:
            yield from reading.batches(folder, name)

    def _remark(self, name: str, remarks: list[tuple[str, str]]) -> None:
        for key, reason in remarks:
            stored = reason == reading.PART_ALONE
            (self.outcomes[name].noted if stored else self.outcomes[name].skipped)[reason] += 1
            self.findings.append(Finding(0, NOTED, reason, name, "", key))

    def _clean(self, rows: pd.DataFrame, name: str) -> gpd.GeoDataFrame:
        rows = rows.reset_index(drop=True)
        layer = REGISTERS[name]
        cleaned = clean(reading.raw_table(rows, layer), layer, zone=self.settings.zone)
        for finding in cleaned.findings:
            key = rows["key"][finding.line - 1] if finding.line else ""
            column = f"{name}.{finding.column}" if finding.column else name
            self.findings.append(
                Finding(0, finding.action, finding.reason, column, finding.detail, key)
            )
            counts = self.outcomes[name]
            (counts.skipped if finding.action == REJECTED else counts.noted)[finding.reason] += 1
        frame = cleaned.frame
        frame["extra"] = rows["extra"].to_numpy()[frame["line"].to_numpy(int) - 1]
        return frame

    def _compare(self, name: str, keys: list[str]) -> None:
        """Count rows of earlier extracts that are not in this one, and remove them where asked."""
        layer, one = REGISTERS[name], self.outcomes[name]
        absent = absent_keys(self.conn, layer, keys)
        if not absent:
            return
        reason = REMOVED if self.rules.replace else ABSENT
        one.noted[reason] += len(absent)
        self.findings += [Finding(0, NOTED, reason, name, "", key) for key in absent]
        if self.rules.replace:
            try:
                one.removed = delete_rows(self.conn, layer, absent)
            except psycopg.Error as error:
                raise StoreError(
                    f"rows of {name} that are not in this extract cannot be removed, since others name "
                    f"them ({error.diag.message_detail or error}); import without --replace"
                ) from error

    def record(self, path: Path, filled: tuple[str, ...]) -> None:
        """Record the import of each layer, with what it was told."""
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        options = {
            "from": SOURCE, "within": self.rules.within and self.rules.within.name,
            "within_layer": self.rules.within_layer,
            "admin_levels": {str(k): v for k, v in self.rules.admin_levels.items()},
            "storey_m": self.rules.storey_m, "replace": self.rules.replace,
        }  # fmt: skip
        for name in filled:
            one = self.outcomes[name]
            skipped = sum(one.skipped.values())
            record_import(
                self.conn, layer=name, file=path.name, sha256=digest, rows=one.stored + skipped,
                inserted=one.inserted, updated=one.updated, unchanged=one.unchanged,
                mended=sum(one.noted.values()), rejected=skipped, options=options,
            )  # fmt: skip

    def outcome(self, path: Path, report: Path | None, *, dry_run: bool) -> OsmOutcome:
        """Write the report and return what came of it."""
        where = None
        if self.findings:
            where = report or Path(f"{path.name}.report.csv")
            write_report(self.findings, where)
        ones = tuple(self.outcomes.values())
        stored = sum(one.stored for one in ones)
        skipped = sum(sum(one.skipped.values()) for one in ones)
        faults = sum(
            n for one in ones for reason, n in one.skipped.items() if _action(reason) == REJECTED
        )
        sample = (
            gpd.GeoDataFrame(pd.concat(self.samples, ignore_index=True)) if self.samples else None
        )
        return OsmOutcome(
            layer=NAME, file=path.name, read=stored + skipped, accepted=stored,
            mended=sum(f.action == MENDED for f in self.findings), rejected=faults,
            inserted=sum(one.inserted for one in ones), updated=sum(one.updated for one in ones),
            unchanged=sum(one.unchanged for one in ones), encoding="UTF-8", recognised={},
            kept_as_extra=[], findings=self.findings, report=where, dry_run=dry_run, sample=sample,
            layers=ones,
        )  # fmt: skip
