"""The command `gridcover import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.cli.import_report import print_outcome
from geo.cli.output import JsonOption, report_progress
from geo.cli.store_access import open_store, print_store, require_current_or_migrate
from geo.errors import RejectedRows
from geo.osm.features import LAYERS as OSM_LAYERS
from geo.osm.ground import ADMIN_LEVELS_TEXT
from geo.osm.measures import STOREY_M
from geo.schema import LAYERS

if TYPE_CHECKING:
    from geo.ingest import ImportOptions
    from geo.ingest.osm.outcomes import Rules


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
        typer.Option(help="Generate keys if the file has none: number or digest (of the row)."),
    ] = None,
    occurred: Annotated[
        str | None,
        typer.Option(
            help="Period of incidents without a time: 2025, 2025-03 or 2025-01-01/2025-06-30."
        ),
    ] = None,
    date_order: Annotated[
        str | None,
        typer.Option(help="day or month first, if dates such as 05/02/2026 are ambiguous."),
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
            help="Layer or sheet to read of a GeoPackage, zip file or workbook that has several; "
            "osm: of --within.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Encoding of the texts, such as euc-kr, if detection fails."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="File of the report (CSV).")] = None,
    accept_rejects: Annotated[
        bool, typer.Option(help="Store the valid rows although others are rejected.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, store nothing.")] = False,
    within: Annotated[
        Path | None,
        typer.Option(help="osm: a file of polygons; what does not intersect them is left out."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help=f"osm: layers to fill, of {','.join(OSM_LAYERS)}.")
    ] = None,
    admin_levels: Annotated[
        str, typer.Option(help="osm: which admin_level is which level of areas.")
    ] = ADMIN_LEVELS_TEXT,
    storey: Annotated[
        float,
        typer.Option(help="osm: height of a storey where no height is mapped, m.", min=2, max=6),
    ] = STOREY_M,
    replace: Annotated[
        bool, typer.Option(help="osm: remove rows of earlier extracts that are not in this one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file into a layer; all or nothing unless --accept-rejects is given."""
    from geo.ingest import ImportOptions
    from geo.ingest.osm import command as osm_command

    if layer == osm_command.NAME:
        if crs or datum or rename or source:
            raise typer.BadParameter(
                "an extract is in WGS 84 and has no headers: leave out --crs, --datum, --rename "
                "and --source"
            )
        if file_layer and not within:
            raise typer.BadParameter(
                "an extract has no layers to choose from; --layer names one of --within"
            )
        rules = osm_command.rules(
            within, only, admin_levels, storey, replace=replace, within_layer=file_layer
        )
        _import_extract(file, rules, dry_run=dry_run, report=report, as_json=as_json)
        return
    if within or only or replace:
        raise typer.BadParameter("--within, --only and --replace are for `import osm`")
    columns = _parse_rename(rename or [])
    _require_choice(key, ("number", "digest"), "--key")
    _require_choice(date_order, ("day", "month"), "--date-order")
    options = ImportOptions(
        crs=crs,
        datum=datum,  # type: ignore[arg-type]
        rename=columns or None,
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
    _import_table(layer, file, options, as_json=as_json)


def _parse_rename(items: list[str]) -> dict[str, str]:
    """Return the column of each header given by ``--rename``."""
    columns: dict[str, str] = {}
    for item in items:
        header, equals, column = item.partition("=")
        if not equals or not header or not column:
            raise typer.BadParameter(f"{item!r} is not HEADER=column", param_hint="--rename")
        columns[header] = column
    return columns


def _require_choice(value: str | None, choices: tuple[str, str], option: str) -> None:
    if value is not None and value not in choices:
        raise typer.BadParameter(
            f"{value!r} is neither {choices[0]} nor {choices[1]}", param_hint=option
        )


def _import_extract(
    file: Path, rules: Rules, *, dry_run: bool, report: Path | None, as_json: bool
) -> None:
    from geo.ingest.osm import command as osm_command

    with open_store() as conn, report_progress() as progress:
        osm_command.run(
            conn, file, rules, dry_run=dry_run, report=report, as_json=as_json, progress=progress
        )


def _import_table(
    layer: str,
    file: Path,
    options: ImportOptions,
    *,
    as_json: bool,
) -> None:
    from geo.ingest import import_file, import_staff
    from geo.ingest.staff import STAFF
    from geo.store.connection import connect, database

    with database() as conninfo, connect(conninfo) as conn, report_progress() as progress:
        require_current_or_migrate(conninfo)
        print_store(conn, warn_if_empty=False)
        try:
            if layer == STAFF.name:
                outcome = import_staff(conn, file, options, progress=progress)
            else:
                outcome = import_file(conn, layer, file, options, progress=progress)
        except RejectedRows as error:
            print_outcome(error.outcome, as_json=as_json)
            raise
    print_outcome(outcome, as_json=as_json)
    if outcome.rejected:
        raise typer.Exit(3)
