"""The commands of the library: import, refresh, db. `service.commands` adds those that serve.

What a command needs is imported in its function, so that ``--help`` and the other commands do not
wait for it; at the top stand only the standard library, typer, rich, and modules of ours that import
none of the analysis.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import geo
from geo.errors import ReadError, RejectedRows, StoreError
from geo.osm.features import LAYERS as OSM_LAYERS
from geo.osm.ground import ADMIN_LEVELS_TEXT
from geo.osm.measures import STOREY_M
from geo.schema import EXPORTED, FORMATS, LAYERS

if TYPE_CHECKING:
    from geo.ingest import Outcome
    from geo.settings import Settings
    from geo.store.connection import Conn

app = typer.Typer(
    help="Camera coverage and incident analysis for districts governed by grids.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The private database.", no_args_is_help=True)
app.add_typer(db, name="db")
grids = typer.Typer(help="Grids for a district that has none.", no_args_is_help=True)
app.add_typer(grids, name="grids")
console = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@contextmanager
def progress_lines() -> Iterator[Callable[[str], None]]:
    """Tell each step: a spinner on a terminal, plain lines otherwise."""
    begun = time.monotonic()
    if console.is_terminal:
        with console.status("") as status:

            def show(step: str) -> None:
                status.update(f"{step} …")

            yield show
        return

    def line(step: str) -> None:
        console.print(f"[{time.monotonic() - begun:6.1f} s] {step}", markup=False, highlight=False)

    yield line


def print_json(data: Any) -> None:
    """Write a result for machines to the standard output."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")


@app.command("import")
def import_command(
    layer: Annotated[
        str, typer.Argument(help=f"One of {', '.join(LAYERS)}, grid-staff; or osm for an extract.")
    ],
    file: Annotated[Path, typer.Argument(help="The file to import.")],
    crs: Annotated[
        str | None, typer.Option(help="CRS of the coordinates, such as EPSG:4490.")
    ] = None,
    datum: Annotated[str | None, typer.Option(help="gcj02, bd09 or cgcs2000.")] = None,
    rename: Annotated[
        list[str] | None, typer.Option(help="HEADER=column, for headers not recognised.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Source system of incidents.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Make keys where the file has none: number or digest (of the row)."),
    ] = None,
    occurred: Annotated[
        str | None,
        typer.Option(
            help="Time span of incidents without a time: 2025, 2025-03 or 2025-01-01/2025-06-30."
        ),
    ] = None,
    date_order: Annotated[
        str | None,
        typer.Option(help="day or month first, where dates such as 05/02/2026 do not show it."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="Use the columns saved under this name.")
    ] = None,
    save_mapping: Annotated[
        str | None, typer.Option(help="Save the columns under this name for the next file.")
    ] = None,
    file_layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="Layer or sheet to read, of a GeoPackage, zip file or workbook of several; osm: of --within.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Encoding of the texts, such as euc-kr, where it is judged wrongly."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Where the report (CSV) goes.")] = None,
    accept_rejects: Annotated[
        bool, typer.Option(help="Store the good rows although some are bad.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Do everything but store nothing.")] = False,
    within: Annotated[
        Path | None,
        typer.Option(help="osm: a file of polygons; what does not meet them is left out."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help=f"osm: layers to fill, of {','.join(OSM_LAYERS)}.")
    ] = None,
    admin_levels: Annotated[
        str, typer.Option(help="osm: which admin_level is which level of areas.")
    ] = ADMIN_LEVELS_TEXT,
    storey: Annotated[
        float, typer.Option(help="osm: metres a storey where no height is mapped.", min=2, max=6)
    ] = STOREY_M,
    replace: Annotated[
        bool, typer.Option(help="osm: remove rows of earlier extracts that are not in this one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file into a layer; all or nothing unless told otherwise."""
    from geo.ingest import ImportOptions, import_file, import_staff
    from geo.ingest.osm import command as osm_command
    from geo.ingest.staff import STAFF
    from geo.store.connection import connect, database

    if layer == osm_command.NAME:
        if crs or datum or rename or source:
            raise typer.BadParameter("an extract is in WGS 84 and has no headers: leave out --crs, "
                                     "--datum, --rename and --source")  # fmt: skip
        if file_layer and not within:
            raise typer.BadParameter(
                "an extract has no layers to choose from; --layer names one of --within"
            )
        rules = osm_command.rules(
            within, only, admin_levels, storey, replace=replace, within_layer=file_layer
        )
        with opened() as conn, progress_lines() as progress:
            osm_command.run(conn, file, rules, dry_run=dry_run, report=report, as_json=as_json,
                            progress=progress)  # fmt: skip
        return
    if within or only or replace:
        raise typer.BadParameter("--within, --only and --replace are for `import osm`")
    pairs: dict[str, str] = {}
    for item in rename or []:
        header, equals, column = item.partition("=")
        if not equals or not header or not column:
            raise typer.BadParameter(f"{item!r} is not HEADER=column", param_hint="--rename")
        pairs[header] = column
    if key not in (None, "number", "digest"):
        raise typer.BadParameter(f"{key!r} is neither number nor digest", param_hint="--key")
    if date_order not in (None, "day", "month"):
        raise typer.BadParameter(
            f"{date_order!r} is neither day nor month", param_hint="--date-order"
        )
    options = ImportOptions(
        crs=crs,
        datum=datum,  # type: ignore[arg-type]
        rename=pairs or None,
        source=source,
        key=key,  # type: ignore[arg-type]
        occurred=occurred,
        date_order=date_order,  # type: ignore[arg-type]
        mapping=mapping,
        save_mapping=save_mapping,
        file_layer=file_layer,
        encoding=encoding,
        accept_rejects=accept_rejects,
        dry_run=dry_run,
        report=report,
    )
    with database() as conninfo, connect(conninfo) as conn, progress_lines() as progress:
        require_current_or_migrate(conninfo)
        name_store(conn, warn=False)
        try:
            if layer == STAFF.name:
                outcome = import_staff(conn, file, options, progress=progress)
            else:
                outcome = import_file(conn, layer, file, options, progress=progress)
        except RejectedRows as error:
            _show(error.outcome, as_json)
            raise
    _show(outcome, as_json)
    if outcome.rejected:
        raise typer.Exit(3)


@contextmanager
def opened(*, sealed: bool = True) -> Iterator[Conn]:
    """A connection to the deployment's database at this version; committed at the end.

    Parameters
    ----------
    sealed : bool, default True
        Write the head of the audit log outside the database afterwards.
    """
    from geo.settings import get_settings
    from geo.store.audit_seal import AuditSeal
    from geo.store.connection import connect, database

    with database() as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            name_store(conn)
            yield conn
            if sealed:
                conn.commit()
                AuditSeal(get_settings().seal_dir).update(conn)


def name_store(conn: Conn, *, warn: bool = True) -> bool:
    """Print which store a command works on; return whether it is empty.

    Parameters
    ----------
    conn : Conn
        To the store.
    warn : bool, default True
        Print as well that it is empty, and how another one is named.
    """
    from geo.settings import get_settings
    from geo.store.connection import store_name
    from geo.store.queries.holdings import store_is_empty

    settings = get_settings()
    console.print(f"Store: {store_name(settings)}", markup=False, highlight=False, soft_wrap=True)
    empty = store_is_empty(conn)
    if empty and warn:
        console.print(
            f"It is empty. {other_stores(settings)}", markup=False, highlight=False, soft_wrap=True
        )
    conn.rollback()
    return empty


def other_stores(settings: Settings) -> str:
    """Return how to name another store, for a message that this one is empty."""
    demo = settings.data_dir / "demo"
    if settings.database_url is None and (demo / "pg").exists():
        return f"The demo's store is another: set GRIDCOVER_DATA_DIR={demo} to work on it."
    return "Import a layer first, or name another store by GRIDCOVER_DATA_DIR or GRIDCOVER_DATABASE_URL."


def require_current_or_migrate(conninfo: str) -> None:
    """The private database is brought up to date unasked; a given server is not."""
    from geo.settings import get_settings
    from geo.store.connection import connect
    from geo.store.migration import migrate, require_current

    if get_settings().database_url is None:
        migrate(conninfo)
        return
    with connect(conninfo) as conn:
        require_current(conn)


def _show(outcome: Outcome, as_json: bool) -> None:
    from geo.ingest import MENDED, REJECTED

    if as_json:
        print_json(outcome.as_dict())
        return
    out = Console(width=None if sys.stdout.isatty() else 110)
    title = f"{outcome.file} → {outcome.layer}" + (" (nothing stored)" if outcome.dry_run else "")
    out.print(title, markup=False, highlight=False)
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("rows", justify="right")
    for name in ("read", "accepted", "inserted", "updated", "unchanged", "mended", "rejected"):
        table.add_row(name, f"{getattr(outcome, name):,}")
    out.print(table)
    taken = ", ".join(f"{h} → {c}" for c, h in outcome.recognised.items())
    out.print(f"Columns: {taken}", markup=False, highlight=False)
    if outcome.kept_as_extra:
        out.print(
            f"Kept as they are: {', '.join(outcome.kept_as_extra)}", markup=False, highlight=False
        )
    if outcome.findings:
        out.print("What was found", markup=False)
        reasons = Table()
        for heading in ("action", "reason", "number"):
            reasons.add_column(heading, justify="right" if heading == "number" else "left")
        for action, reason, count in outcome.reasons():
            style = {REJECTED: "red", MENDED: "yellow"}.get(action, "")
            reasons.add_row(action, reason, f"{count:,}", style=style)
        out.print(reasons)
        out.print(f"Every one of them, with line and text: {outcome.report}", markup=False)


@grids.command("make")
def grids_make(
    within: Annotated[
        str, typer.Option(help="A file with the outline, a layer such as areas, or an area's code.")
    ],
    cell: Annotated[float, typer.Option(help="Width of a cell, metres.", min=1)] = 250.0,
    shape: Annotated[str, typer.Option(help="square or hexagon.")] = "square",
    layer: Annotated[
        str | None, typer.Option(help="Layer to read, where the file has several.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="What every code begins with.")] = "",
    community: Annotated[
        str | None, typer.Option(help="Code of the community of all grids; made if there is none.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the outline, if the file names none.")
    ] = None,
    replace: Annotated[bool, typer.Option(help="Delete the other grids of the store.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Do everything but store nothing.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write them to a new file, store nothing.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Divide a district into squares or hexagons, cut at its border, with codes that stay."""
    from geo import pipeline
    from geo.export import write_file
    from geo.governance.lattice import SHAPES
    from geo.settings import get_settings

    if shape not in SHAPES:
        raise typer.BadParameter(f"{shape!r} is neither square nor hexagon", param_hint="--shape")
    if output is not None and output.exists():
        raise ReadError(f"{output} is there already; give another name")
    with opened() as conn, progress_lines() as progress:
        boundary = pipeline.find_boundary(conn, within, crs=crs, layer=layer)
        progress(f"cells of {cell:g} m within {boundary.name}")
        made = pipeline.plan_grids(
            conn, boundary, get_settings(), cell_m=cell, shape=shape, prefix=prefix, community=community
        )  # fmt: skip
        written = None
        if output is not None:
            write_file([made.grids], output, "grids", output.suffix.removeprefix(".").lower(), get_settings().zone)  # fmt: skip
        elif not dry_run:
            written = pipeline.store_grids(conn, made, boundary, replace=replace)
    result = {
        "grids": len(made.grids), "metric_crs": made.metric_crs, "community_made": made.community,
        "other_grids": made.others, "without_community": made.without_community,
        "stored": written is not None, "file": str(output) if output else None,
    }  # fmt: skip
    if written is not None:
        result |= {"inserted": written.inserted, "updated": written.updated, "unchanged": written.unchanged}  # fmt: skip
    if as_json:
        print_json(result)
        return
    out = Console()
    for name, value in result.items():
        out.print(f"{name}: {value}", markup=False, highlight=False)


@app.command()
def refresh(
    everything: Annotated[
        bool, typer.Option("--all", help="Compute even if nothing changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute coverage, quality, density, patterns and the board anew, where an input changed."""
    from geo import pipeline
    from geo.settings import get_settings
    from geo.store.connection import connect, database

    with database() as conninfo, progress_lines() as progress:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            name_store(conn)
            done = pipeline.refresh_all(
                conn, get_settings(), everything=everything, progress=progress
            )
    result, patterns, board = done.coverage, done.statistics, done.dashboard
    summary = result.summary | (patterns or {}) | (board or {})
    if as_json:
        did = {"views_computed": result.views, "grids_measured": result.grids}
        print_json(
            {
                "run": result.run,
                "computed": result.computed,
                **did,
                "quality_measured": done.quality,
            }
            | summary
        )
        return
    out = Console()
    if not result.computed and patterns is None and board is None:
        out.print(f"Nothing changed since run {result.run}; --all computes it anew.")
        return
    table = Table(title=f"Run {result.run}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    for part, reason in summary.pop("patterns_left_out", {}).items():
        console.print(f"{part} left out: {reason}", markup=False, highlight=False)
    for name, value in summary.items():
        shown = (
            f"{value:,.3f}"
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else str(value)
        )
        table.add_row(name, shown)
    out.print(table)


@app.command("export")
def export_command(
    layer: Annotated[str, typer.Argument(help=f"One of {', '.join(EXPORTED)}.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help=f"A new file; its ending is one of {', '.join(FORMATS)}."
        ),
    ],
) -> None:
    """Write a layer for other programs; grids come with their latest results."""
    from geo.export import write_file
    from geo.settings import get_settings
    from geo.store.queries.exports import read_pieces
    from geo.store.queries.holdings import store_is_empty

    if output.exists():
        raise ReadError(f"{output} is there already; give another name")
    with opened() as conn:
        if store_is_empty(conn):
            raise StoreError(f"nothing to export. {other_stores(get_settings())}")
        form = output.suffix.removeprefix(".").lower()
        rows = write_file(read_pieces(conn, layer), output, layer, form, get_settings().zone)
    console.print(f"{output}: {rows:,} rows of {layer}", markup=False)


@app.command("sites")
def sites_command(
    number: Annotated[int, typer.Option(help="How many cameras.", min=1, max=1000)],
    area: Annotated[
        str | None, typer.Option(help="Code of an area or grid to choose within.")
    ] = None,
    kind: Annotated[str, typer.Option(help="fixed, dome, ptz or panoramic.")] = "ptz",
    by: Annotated[str, typer.Option(help="ground or incidents.")] = "ground",
    exact: Annotated[float, typer.Option(help="Seconds for the exact solver.", min=0)] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Tell where the next cameras do most good."""
    from geo import pipeline
    from geo.settings import get_settings

    if by not in ("ground", "incidents") or kind not in get_settings().cameras:
        raise typer.BadParameter("--by is ground or incidents; --kind is one of the settings")
    with opened() as conn:
        found = pipeline.sites(
            conn, number, get_settings(), area=area, camera={"kind": kind}, by=by, exact_s=exact
        )
    rows = [
        {"rank": k, "lon": round(row.geometry.x, 7), "lat": round(row.geometry.y, 7), "grid": row.grid,
         "bearing_deg": row.bearing_deg, "gain": round(row.gain, 1), "total": round(row.total, 1)}
        for k, row in enumerate(found.sites.itertuples(), 1)
    ]  # fmt: skip
    if as_json:
        print_json({"run": found.run, "by": by, "sites": rows, "upper_bound": found.plan.upper_bound,
                    "gap": found.plan.gap, "demand": found.demand, "candidates": found.candidates})  # fmt: skip
        return
    unit = "m²" if by == "ground" else "incidents"
    table = Table(title=f"Sites by run {found.run}; gain in {unit}", title_justify="left")
    for name in ("rank", "lon", "lat", "grid", "bearing_deg", "gain", "total"):
        table.add_column(name)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
    console.print(
        f"Of {found.candidates:,} candidates; no other choice of as many sees more than "
        f"{found.plan.upper_bound:,.0f} {unit}.", highlight=False,
    )  # fmt: skip


@app.command()
def check(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Every finding, as CSV for spreadsheets.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is wrong with the registers, whose it is, and how far the targets are met."""
    from geo import pipeline
    from geo.governance.findings import finding_text
    from geo.ingest import spreadsheet_safe
    from geo.maps.language import texts
    from geo.settings import get_settings

    with opened() as conn:
        findings, targets, places = pipeline.check_registers(conn, get_settings())
    words = texts("en")
    if output is not None:
        findings["text"] = [finding_text(code, words) for code in findings["finding"]]
        findings.map(spreadsheet_safe).to_csv(output, index=False, encoding="utf-8-sig")
    counts = findings.groupby(["layer", "aspect", "finding"]).size().rename("rows").reset_index()
    district = targets.loc["district"].reset_index()
    district = district[district["code"] != ""]
    short = places[places["met"].eq(False).fillna(False)]
    if as_json:
        print_json(
            {
                "findings": counts.to_dict("records"),
                "targets": json.loads(district.to_json(orient="records")),
                "key_places": len(places),
                "key_places_short": short.index.tolist(),
            }
        )
        return
    out = Console()
    for title, frame in (
        ("Findings", counts.assign(finding=[finding_text(f, words) for f in counts["finding"]])),
        (
            "Cameras against the targets",
            district[["code", "point_class", "cameras", "networked_share", "working_share"]],
        ),
    ):
        table = Table(title=title, title_justify="left")
        for name in frame.columns:
            table.add_column(str(name))
        for row in frame.itertuples(index=False):
            table.add_row(*(f"{v:.1%}" if isinstance(v, float) else str(v) for v in row))
        out.print(table)
    out.print(
        f"{len(short)} of {len(places)} key places are short of their share.", highlight=False
    )
    if output is not None:
        out.print(f"Every finding: {output}", markup=False, highlight=False)


@db.command("init")
def db_init() -> None:
    """Make the private cluster and migrate it."""
    from geo.settings import get_settings
    from geo.store.connection import database
    from geo.store.migration import migrate

    with database() as conninfo:
        done = migrate(conninfo)
    console.print(f"{len(done)} migrations applied; data in {get_settings().data_dir}")


@db.command("start")
def db_start() -> None:
    """Start the private cluster and leave it running."""
    from geo.settings import get_settings
    from geo.store import private_cluster

    found = private_cluster.find_cluster(get_settings().data_dir)
    fresh = private_cluster.start(found)
    private_cluster.keep_mark(found).touch()
    console.print(f"{'started' if fresh else 'runs already'}: {found.conninfo}", markup=False)


@db.command("stop")
def db_stop() -> None:
    """Stop the private cluster."""
    from geo.settings import get_settings
    from geo.store import private_cluster

    found = private_cluster.find_cluster(get_settings().data_dir)
    private_cluster.keep_mark(found).unlink(missing_ok=True)
    console.print("stopped" if private_cluster.stop(found) else "it did not run")


@db.command("migrate")
def db_migrate() -> None:
    """Apply the migrations that are missing."""
    from geo.store.connection import database
    from geo.store.migration import migrate, migrations

    with database() as conninfo:
        done = migrate(conninfo)
    for migration in done:
        console.print(f"applied {migration.number:04d} {migration.name}")
    console.print(f"the database is at {migrations()[-1].number:04d}")


@db.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="Where to; a file that is not there.")],
) -> None:
    """Everything that is kept, of one moment, into one file."""
    from geo.settings import get_settings
    from geo.store import backup
    from geo.store.connection import database

    with database() as conninfo:
        require_current_or_migrate(conninfo)
        size = backup.backup(conninfo, file, get_settings())
    console.print(
        f"{file}: {size / 1e6:,.1f} MB; it holds camera positions and password digests",
        markup=False,
    )


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(help="Of `gridcover db backup`.")]) -> None:
    """Fill an empty database from a backup."""
    from geo.settings import get_settings
    from geo.store import backup
    from geo.store.connection import database

    with database() as conninfo:
        backup.restore(conninfo, file, get_settings())
    console.print(f"{file} is restored", markup=False)


@db.command("status")
def db_status(as_json: JsonOption = False) -> None:
    """Tell migrations, rows and the newest run."""
    from geo.store.connection import connect, database, server_version
    from geo.store.migration import applied_migrations, migrations
    from geo.store.queries.holdings import count_rows
    from geo.store.queries.runs import read_latest_run

    with database() as conninfo, connect(conninfo) as conn:
        have = applied_migrations(conn)
        missing = [m.number for m in migrations() if m.number not in have]
        rows = {} if missing else {name: count_rows(conn, layer) for name, layer in LAYERS.items()}
        run = None if missing else read_latest_run(conn)
        version = server_version(conn)
    status = {
        "gridcover": geo.__version__,
        "server": version,
        "migrations": sorted(have),
        "missing": missing,
        "rows": rows,
        "latest_run": None if run is None else {"id": run.id, "finished_at": run.finished_at},
    }
    if as_json:
        print_json(status)
        return
    for name, value in status.items():
        Console().print(f"{name}: {value}", markup=False)
