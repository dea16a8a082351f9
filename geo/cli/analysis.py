"""The commands `gridcover refresh`, `gridcover sites` and `gridcover check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from geo.cli.output import JsonOption, console, print_json, report_progress
from geo.cli.store_access import open_store, print_store, require_current_or_migrate

if TYPE_CHECKING:
    from pandas import DataFrame

    from geo.pipeline import RecommendedSites, RefreshResult


def refresh(
    everything: Annotated[
        bool, typer.Option("--all", help="Compute everything, even if nothing changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute coverage, quality, density, statistics and the dashboard where inputs changed."""
    from geo import pipeline
    from geo.settings import get_settings
    from geo.store.connection import connect, database

    with database() as conninfo, report_progress() as progress:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            print_store(conn)
            result = pipeline.refresh_all(
                conn, get_settings(), everything=everything, progress=progress
            )
    if as_json:
        print_json(_refresh_figures(result))
    else:
        _print_refresh(result)


def _refresh_figures(result: RefreshResult) -> dict[str, Any]:
    coverage = result.coverage
    figures = {
        "run": coverage.run,
        "computed": coverage.computed,
        "views_computed": coverage.views,
        "grids_measured": coverage.grids,
        "quality_measured": result.quality,
    }
    return figures | _summary(result)


def _summary(result: RefreshResult) -> dict[str, Any]:
    return result.coverage.summary | (result.statistics or {}) | (result.dashboard or {})


def _print_refresh(result: RefreshResult) -> None:
    out = Console()
    coverage, summary = result.coverage, _summary(result)
    if not coverage.computed and result.statistics is None and result.dashboard is None:
        out.print(f"Nothing changed since run {coverage.run}; --all computes everything.")
        return
    table = Table(title=f"Run {coverage.run}", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    for part, reason in summary.pop("patterns_left_out", {}).items():
        console.print(f"{part} left out: {reason}", markup=False, highlight=False)
    for name, value in summary.items():
        table.add_row(name, _format_figure(value))
    out.print(table)


def _format_figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def sites_command(
    number: Annotated[int, typer.Option(help="Number of cameras.", min=1, max=1000)],
    area: Annotated[
        str | None, typer.Option(help="Code of an area or grid that limits the sites.")
    ] = None,
    kind: Annotated[str, typer.Option(help="fixed, dome, ptz or panoramic.")] = "ptz",
    by: Annotated[str, typer.Option(help="ground or incidents.")] = "ground",
    exact: Annotated[
        float, typer.Option(help="Time limit of the exact solver, seconds.", min=0)
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Recommend sites for the next cameras."""
    from geo import pipeline
    from geo.settings import get_settings

    settings = get_settings()
    if by not in ("ground", "incidents") or kind not in settings.cameras:
        raise typer.BadParameter("--by is ground or incidents; --kind is one of the settings")
    with open_store() as conn:
        result = pipeline.recommend_sites(
            conn, number, settings, area=area, camera={"kind": kind}, by=by, time_limit_s=exact
        )
    rows = _site_rows(result)
    if as_json:
        print_json(
            {
                "run": result.run,
                "by": by,
                "sites": rows,
                "upper_bound": result.plan.upper_bound,
                "gap": result.plan.gap,
                "demand": result.demand,
                "candidates": result.candidates,
            }
        )
        return
    unit = "m²" if by == "ground" else "incidents"
    table = Table(title=f"Sites by run {result.run}; gain in {unit}", title_justify="left")
    for name in ("rank", "lon", "lat", "grid", "bearing_deg", "gain", "total"):
        table.add_column(name)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
    console.print(
        f"{result.candidates:,} candidates; no other choice of as many sites sees more than "
        f"{result.plan.upper_bound:,.0f} {unit}.",
        highlight=False,
    )


def _site_rows(result: RecommendedSites) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "lon": round(site.geometry.x, 7),
            "lat": round(site.geometry.y, 7),
            "grid": site.grid,
            "bearing_deg": site.bearing_deg,
            "gain": round(site.gain, 1),
            "total": round(site.total, 1),
        }
        for rank, site in enumerate(result.sites.itertuples(), 1)
    ]


def check(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File for every finding, as CSV for spreadsheets."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List data-quality issues of the registers by owner, and the state of the targets."""
    from geo import pipeline
    from geo.governance.findings import finding_text
    from geo.ingest import spreadsheet_safe
    from geo.maps.language import texts
    from geo.settings import get_settings

    words = texts("en")
    with open_store() as conn:
        findings, targets, places = pipeline.check_registers(conn, get_settings())
    if output is not None:
        findings["text"] = [finding_text(code, words) for code in findings["finding"]]
        findings.map(spreadsheet_safe).to_csv(output, index=False, encoding="utf-8-sig")
    counts = findings.groupby(["layer", "aspect", "finding"]).size().rename("rows").reset_index()
    district = targets.loc["district"].reset_index()
    district = district[district["code"] != ""]
    short_places = places[places["met"].eq(False).fillna(False)]
    if as_json:
        print_json(
            {
                "findings": counts.to_dict("records"),
                "targets": json.loads(district.to_json(orient="records")),
                "key_places": len(places),
                "key_places_short": short_places.index.tolist(),
            }
        )
        return
    columns = ["code", "point_class", "cameras", "networked_share", "working_share"]
    out = Console()
    texts_of_codes = [finding_text(code, words) for code in counts["finding"]]
    out.print(_table_of("Findings", counts.assign(finding=texts_of_codes)))
    out.print(_table_of("Cameras against the targets", district[columns]))
    out.print(
        f"{len(short_places)} of {len(places)} key places are short of their share.",
        highlight=False,
    )
    if output is not None:
        out.print(f"Every finding: {output}", markup=False, highlight=False)


def _table_of(title: str, frame: DataFrame) -> Table:
    """Return a table for the terminal; floats are shares."""
    table = Table(title=title, title_justify="left")
    for name in frame.columns:
        table.add_column(str(name))
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:.1%}" if isinstance(v, float) else str(v) for v in row))
    return table
