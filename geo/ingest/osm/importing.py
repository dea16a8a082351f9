"""Import of an OpenStreetMap extract: several layers in one transaction."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import psycopg
import shapely

from geo.errors import ColumnError, CrsError, ReadError, StoreError
from geo.import_reasons import ReasonCode, RowAction, split_reason
from geo.ingest import SAMPLE, Finding, ImportOutcome, write_report
from geo.ingest.cleaning import clean_table
from geo.ingest.layer_choice import OUTLINE
from geo.ingest.osm import reading
from geo.ingest.osm.outcomes import NAME, LayerOutcome, OsmOutcome, Rules, action_of
from geo.ingest.readers import read_file
from geo.osm.features import LAYERS
from geo.osm.files import extract_format
from geo.osm.isolation import MEMORY_BYTES, Extracted, extract
from geo.osm.request import Request
from geo.schema import LAYERS as REGISTERS
from geo.settings import Settings, get_settings
from geo.store.connection import Conn
from geo.store.queries.imports import record_import
from geo.store.queries.openstreetmap import count_other_rows, delete_rows, read_absent_keys
from geo.store.queries.registers import read_layer, upsert

__all__ = ["NAME", "LayerOutcome", "OsmOutcome", "Rules", "import_osm"]

SOURCE = "OpenStreetMap"
"""Source of the rows in the record of imports."""
_SAMPLED_LAYERS = ("cameras", "buildings", "streets", "areas")
_SAMPLE_PER_LAYER = SAMPLE // len(_SAMPLED_LAYERS)


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
    before_commit: Callable[[ImportOutcome], None] = lambda _: None,
) -> OsmOutcome:
    """Read an extract and store its layers in one transaction; the connection is committed.

    Keys of rows are those of OpenStreetMap (``way/123``), so that a newer extract updates the rows
    of an older one.

    Parameters
    ----------
    conn : Conn
        Open connection to a migrated database.
    path : pathlib.Path
        An .osm.pbf or .osm file.
    rules : Rules or None, optional
        Layers, region and levels; None for the defaults.
    dry_run : bool, optional
        Whether the transaction is rolled back.
    report : pathlib.Path or None, optional
        Path of the report, which is written if there are findings; None for a file in the working
        folder.
    settings : Settings or None, optional
        Settings; None for those of the deployment.
    progress : callable, optional
        Called with a line of text for each step.
    memory_bytes : int, optional
        Memory limit of the process that reads the file.
    seconds : int or None, optional
        Time limit of that process, as for `geo.osm.isolation.extract`.
    before_commit : callable, optional
        Called with the outcome in the transaction that stores the rows.

    Returns
    -------
    OsmOutcome
        Counts and findings.

    Raises
    ------
    ReadError
        If the extract or the file of polygons cannot be read.
    CrsError
        If the CRS of the file of polygons is not known or wrong.
    ColumnError
        If the rules name a layer that an extract cannot fill.
    StoreError
        If the database refuses the rows; nothing was stored.
    """
    rules = rules or Rules()
    settings = settings or get_settings()
    requested = rules.layers or LAYERS
    if unknown := [name for name in requested if name not in LAYERS]:
        raise ColumnError(
            f"an extract does not fill {', '.join(unknown)}; it fills {', '.join(LAYERS)}"
        )
    file_format = extract_format(path)
    within = None if rules.within is None else _read_outline(rules.within, rules.within_layer)
    outcomes = {name: LayerOutcome(name) for name in LAYERS if name in requested}
    if rules.layers is None:
        for name, layer in outcomes.items():
            layer.left_alone = count_other_rows(conn, REGISTERS[name])
    filled = tuple(name for name, layer in outcomes.items() if not layer.left_alone)
    conn.rollback()
    progress(f"reading {path.name}")
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            file=str(path.resolve()),
            format=file_format,
            folder=folder,
            layers=filled,
            admin_levels=dict(rules.admin_levels),
            storey_m=rules.storey_m,
            within=None if within is None else shapely.to_wkb(within, hex=True),
        )
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


def _read_outline(path: Path, layer: str | None) -> Any:
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


def _finding_of(remark: list[str]) -> Finding:
    """Return the finding of a remark of the extraction."""
    action, layer, reason, key, column, text = remark
    code, parameter = split_reason(reason)
    return Finding(
        0,
        action_of(reason) if action == "skipped" else RowAction.NOTED,
        code,
        f"{layer}.{column}" if column else layer,
        text,
        key,
        parameter,
    )


class _Importing:
    """Storing of an extract in an open transaction."""

    def __init__(
        self,
        conn: Conn,
        settings: Settings,
        rules: Rules,
        extracted: Extracted,
        outcomes: dict[str, LayerOutcome],
        progress: Callable[[str], None],
    ) -> None:
        self.conn, self.settings, self.rules = conn, settings, rules
        self.extracted, self.outcomes, self.progress = extracted, outcomes, progress
        self.findings = [_finding_of(remark) for remark in extracted.remarks()]
        self.samples: list[gpd.GeoDataFrame] = []
        for layer, reason, count in extracted.skipped:
            if layer in outcomes:
                outcomes[layer].skipped[reason] += count
        for layer, reason, count in extracted.noted:
            name = "buildings" if layer not in outcomes else layer
            outcomes[name].noted[reason] += count

    def store(self, name: str) -> None:
        """Clean and store the rows of a layer."""
        outcome, keys = self.outcomes[name], []
        sampled = 0
        for rows in self._tables(name):
            if rows.empty:
                continue
            self.progress(f"storing {len(rows):,} rows of {name}")
            frame = self._clean(rows, name)
            counts = upsert(self.conn, REGISTERS[name], frame)
            outcome.inserted += counts.inserted
            outcome.updated += counts.updated
            outcome.unchanged += counts.unchanged
            keys += frame[REGISTERS[name].key[0]].tolist()
            if sampled < _SAMPLE_PER_LAYER and name in _SAMPLED_LAYERS:
                self.samples.append(frame.head(_SAMPLE_PER_LAYER - sampled))
                sampled += len(self.samples[-1])
        self._compare(name, keys)

    def _tables(self, name: str) -> Iterator[pd.DataFrame]:
        """Yield the extracted rows of a layer in batches."""
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

    def _remark(self, name: str, remarks: list[reading.Remark]) -> None:
        """Count and report remarks on objects of a layer."""
        outcome = self.outcomes[name]
        for key, reason in remarks:
            is_stored = reason is ReasonCode.PART_WITHOUT_OUTLINE
            (outcome.noted if is_stored else outcome.skipped)[reason] += 1
            self.findings.append(Finding(0, RowAction.NOTED, reason, name, "", key))

    def _clean(self, rows: pd.DataFrame, name: str) -> gpd.GeoDataFrame:
        """Return the cleaned rows of a layer; count and report findings."""
        rows = rows.reset_index(drop=True)
        layer = REGISTERS[name]
        cleaned = clean_table(reading.raw_table(rows, layer), layer, zone=self.settings.zone)
        for finding in cleaned.findings:
            key = rows["key"][finding.line - 1] if finding.line else ""
            column = f"{name}.{finding.column}" if finding.column else name
            self.findings.append(replace(finding, line=0, column=column, original=key))
            outcome = self.outcomes[name]
            is_rejected = finding.action is RowAction.REJECTED
            (outcome.skipped if is_rejected else outcome.noted)[finding.code] += 1
        frame = cleaned.frame
        frame["extra"] = rows["extra"].to_numpy()[frame["line"].to_numpy(int) - 1]
        return frame

    def _compare(self, name: str, keys: list[str]) -> None:
        """Count rows of earlier extracts that are not in this one; remove them if requested."""
        layer, outcome = REGISTERS[name], self.outcomes[name]
        absent = read_absent_keys(self.conn, layer, keys)
        if not absent:
            return
        reason = ReasonCode.NOT_IN_EXTRACT
        if self.rules.replace:
            reason = ReasonCode.REMOVED_NOT_IN_EXTRACT
        outcome.noted[reason] += len(absent)
        self.findings += [Finding(0, RowAction.NOTED, reason, name, "", key) for key in absent]
        if self.rules.replace:
            try:
                outcome.removed = delete_rows(self.conn, layer, absent)
            except psycopg.Error as error:
                raise StoreError(
                    f"rows of {name} that are not in this extract cannot be removed, since others "
                    f"name them ({error.diag.message_detail or error}); import without --replace"
                ) from error

    def record(self, path: Path, filled: tuple[str, ...]) -> None:
        """Record the import of each layer with its options."""
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        rules = self.rules
        options = {
            "from": SOURCE,
            "within": rules.within and rules.within.name,
            "within_layer": rules.within_layer,
            "admin_levels": {str(number): level for number, level in rules.admin_levels.items()},
            "storey_m": rules.storey_m,
            "replace": rules.replace,
        }
        for name in filled:
            outcome = self.outcomes[name]
            skipped = sum(outcome.skipped.values())
            record_import(
                self.conn,
                layer=name,
                file=path.name,
                sha256=digest,
                rows=outcome.stored + skipped,
                inserted=outcome.inserted,
                updated=outcome.updated,
                unchanged=outcome.unchanged,
                repaired=sum(outcome.noted.values()),
                rejected=skipped,
                options=options,
            )

    def outcome(self, path: Path, report: Path | None, *, dry_run: bool) -> OsmOutcome:
        """Write the report and return the outcome."""
        report_path = None
        if self.findings:
            report_path = report or Path(f"{path.name}.report.csv")
            write_report(self.findings, report_path)
        layers = tuple(self.outcomes.values())
        stored = sum(layer.stored for layer in layers)
        skipped = sum(sum(layer.skipped.values()) for layer in layers)
        sample = None
        if self.samples:
            sample = gpd.GeoDataFrame(pd.concat(self.samples, ignore_index=True))
        return OsmOutcome(
            layer=NAME,
            file=path.name,
            read=stored + skipped,
            accepted=stored,
            repaired=sum(finding.action is RowAction.REPAIRED for finding in self.findings),
            rejected=sum(layer.faults for layer in layers),
            inserted=sum(layer.inserted for layer in layers),
            updated=sum(layer.updated for layer in layers),
            unchanged=sum(layer.unchanged for layer in layers),
            encoding="UTF-8",
            recognised={},
            extra_headers=[],
            findings=self.findings,
            report=report_path,
            dry_run=dry_run,
            sample=sample,
            layers=layers,
        )
