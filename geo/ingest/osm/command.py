"""The command `gridcover import osm`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from geo.ingest.osm.importing import NAME, OsmOutcome, Rules, import_osm
from geo.osm.features import LAYERS
from geo.osm.ground import ADMIN_LEVELS_TEXT
from geo.schema import AREAS
from geo.store.connection import Conn

__all__ = ["NAME", "rules", "run"]


def rules(
    within: Path | None,
    only: str | None,
    admin_levels: str,
    storey_m: float,
    *,
    replace: bool,
    within_layer: str | None = None,
) -> Rules:
    """Return the rules of the options of the command.

    Raises
    ------
    typer.BadParameter : a layer or level is not known.
    """
    layers = None
    if only is not None:
        layers = tuple(name.strip() for name in only.split(",") if name.strip())
        if not layers or (stray := [name for name in layers if name not in LAYERS]):
            raise typer.BadParameter(
                f"{', '.join(stray) if layers else 'nothing'} is no layer of an extract; name some of "
                f"{', '.join(LAYERS)}", param_hint="--only",
            )  # fmt: skip
    return Rules(within, layers, levels_of(admin_levels), storey_m, replace, within_layer)


def levels_of(text: str) -> dict[int, str]:
    """Return the levels of boundaries that `6=district,8=subdistrict` stands for."""
    levels = AREAS.column("level").choices
    out = {}
    for item in text.split(","):
        number, equals, level = (part.strip() for part in item.partition("="))
        if not (equals and number.isascii() and number.isdigit() and level in levels):
            raise typer.BadParameter(
                f"{item!r} is not a number, = and one of {', '.join(levels)}, such as 8=subdistrict",
                param_hint="--admin-levels",
            )
        out[int(number)] = level
    return out


def run(
    conn: Conn, file: Path, rules: Rules, *, dry_run: bool, report: Path | None, as_json: bool,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    """Import an extract and print what came of it."""
    outcome = import_osm(conn, file, rules=rules, dry_run=dry_run, report=report, progress=progress)
    if as_json:
        text = json.dumps(outcome.as_dict(), ensure_ascii=False, indent=2, default=str)
        sys.stdout.write(text + "\n")
        return
    show(outcome)


def show(outcome: OsmOutcome) -> None:
    """Print the rows and the reasons of each layer."""
    out = Console(width=None if sys.stdout.isatty() else 110)
    title = outcome.file + (" (nothing stored)" if outcome.dry_run else "")
    table = Table(title=title, title_justify="left")
    table.add_column("layer")
    names = ("inserted", "updated", "unchanged", "removed", "skipped")
    for name in names:
        table.add_column(name, justify="right")
    for layer in outcome.layers:
        counts = [getattr(layer, name) for name in names[:-1]] + [sum(layer.skipped.values())]
        table.add_row(layer.layer, *(f"{count:,}" for count in counts))
    out.print(table)
    for layer in outcome.layers:
        if layer.left_alone:
            out.print(
                f"{layer.layer} was left alone: it holds {layer.left_alone:,} rows of another source. "
                f"To import beside them: --only {layer.layer}", markup=False, highlight=False,
            )  # fmt: skip
    reasons = Table(title="What was skipped or noted", title_justify="left")
    for name in ("layer", "action", "reason", "number"):
        reasons.add_column(name, justify="right" if name == "number" else "left")
    for layer in outcome.layers:
        for action, counts_of in (("skipped", layer.skipped), ("noted", layer.noted)):
            for reason, count in counts_of.most_common():
                reasons.add_row(layer.layer, action, reason, f"{count:,}")
    if reasons.row_count:
        out.print(reasons)
        out.print(f"Every one of them, with its key: {outcome.report}", markup=False)
    levels = sorted(
        {r for one in outcome.layers for r in one.skipped if r.startswith("admin_level ")}
    )
    if levels:
        out.print(
            f"Boundaries of other levels were skipped ({', '.join(levels)}); --admin-levels says which "
            f"are districts, subdistricts and communities (now {ADMIN_LEVELS_TEXT}).", markup=False, highlight=False,
        )  # fmt: skip
    out.print("Data © OpenStreetMap contributors, ODbL 1.0: say so where you publish maps of them.",
              markup=False, highlight=False)  # fmt: skip
