"""The commands `gridcover grids`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from geo.cli.output import JsonOption, print_json, report_progress
from geo.cli.store_access import open_store
from geo.errors import ReadError

if TYPE_CHECKING:
    from geo.pipeline import PlannedGrids
    from geo.store.bulk_copy import RowCounts

grids_group = typer.Typer(help="Grids for a district that has none.", no_args_is_help=True)


@grids_group.command("make")
def grids_make(
    within: Annotated[
        str,
        typer.Option(
            help="A file with the boundary, a layer such as areas, or the code of an area."
        ),
    ],
    cell: Annotated[float, typer.Option(help="Width of a cell, m.", min=1)] = 250.0,
    shape: Annotated[str, typer.Option(help="square or hexagon.")] = "square",
    layer: Annotated[
        str | None, typer.Option(help="Layer to read if the file has several.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Prefix of every code.")] = "",
    community: Annotated[
        str | None,
        typer.Option(help="Code of the community of all grids; created if it does not exist."),
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the boundary if the file names none.")
    ] = None,
    replace: Annotated[bool, typer.Option(help="Delete the other grids of the store.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, store nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write the grids to a new file, store nothing."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Divide a district into squares or hexagons with stable codes, cut at its boundary."""
    from geo import pipeline
    from geo.export import write_file
    from geo.governance.lattice import SHAPES
    from geo.settings import get_settings

    if shape not in SHAPES:
        raise typer.BadParameter(f"{shape!r} is neither square nor hexagon", param_hint="--shape")
    if output is not None and output.exists():
        raise ReadError(f"{output} is there already; give another name")
    settings = get_settings()
    with open_store() as conn, report_progress() as progress:
        boundary = pipeline.find_boundary(conn, within, crs=crs, layer=layer)
        progress(f"cells of {cell:g} m within {boundary.name}")
        plan = pipeline.plan_grids(
            conn, boundary, settings, cell_m=cell, shape=shape, prefix=prefix, community=community
        )
        counts = None
        if output is not None:
            file_format = output.suffix.removeprefix(".").lower()
            write_file([plan.grids], output, "grids", file_format, settings.zone)
        elif not dry_run:
            counts = pipeline.store_grids(conn, plan, boundary, replace=replace)
    result = _summarise(plan, counts, output)
    if as_json:
        print_json(result)
        return
    out = Console()
    for name, value in result.items():
        out.print(f"{name}: {value}", markup=False, highlight=False)


def _summarise(plan: PlannedGrids, counts: RowCounts | None, output: Path | None) -> dict[str, Any]:
    """Return the figures of the result; `counts` is None if nothing was stored."""
    result = {
        "grids": len(plan.grids),
        "metric_crs": plan.metric_crs,
        "community_made": plan.community,
        "other_grids": plan.others,
        "without_community": plan.without_community,
        "stored": counts is not None,
        "file": str(output) if output else None,
    }
    if counts is not None:
        result |= {
            "inserted": counts.inserted,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
        }
    return result
