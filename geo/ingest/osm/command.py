"""Options and output of the command `gridcover import osm`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from geo.import_reasons import ReasonCode, reason_text, split_reason
from geo.ingest.osm.importing import import_osm
from geo.ingest.osm.outcomes import NAME, OsmOutcome, Rules
from geo.maps.language import texts
from geo.osm.features import LAYERS
from geo.osm.ground import ADMIN_LEVELS_TEXT
from geo.schema import AREAS
from geo.store.connection import Conn

__all__ = ["NAME", "rules", "run"]

_COUNTS = ("inserted", "updated", "unchanged", "removed")
_PIPE_WIDTH = 110
"""Width of the output if it is no terminal."""


def rules(
    within: Path | None,
    only: str | None,
    admin_levels: str,
    storey_m: float,
    *,
    replace: bool,
    within_layer: str | None = None,
) -> Rules:
    """Return the rules that the options of the command state.

    Parameters
    ----------
    within : pathlib.Path or None
        File of polygons; objects outside are left out.
    only : str or None
        Layers to fill, separated by commas; None for the default.
    admin_levels : str
        Level of areas by `admin_level`, as ``6=district,8=subdistrict``.
    storey_m : float
        Height of a storey in metres.
    replace : bool
        Whether rows of earlier extracts that are not in this one are removed.
    within_layer : str or None, optional
        Layer of the file of polygons.

    Returns
    -------
    Rules
        The rules.

    Raises
    ------
    typer.BadParameter
        If a layer or level is not known.
    """
    layers = None
    if only is not None:
        layers = tuple(name.strip() for name in only.split(",") if name.strip())
        unknown = [name for name in layers if name not in LAYERS]
        if unknown or not layers:
            raise typer.BadParameter(
                f"{', '.join(unknown) or 'nothing'} is no layer of an extract; name any of "
                f"{', '.join(LAYERS)}",
                param_hint="--only",
            )
    return Rules(within, layers, levels_of(admin_levels), storey_m, replace, within_layer)


def levels_of(text: str) -> dict[int, str]:
    """Return the level of areas by `admin_level` of boundaries.

    Parameters
    ----------
    text : str
        Pairs separated by commas, such as ``6=district,8=subdistrict``.

    Returns
    -------
    dict of int to str
        Level by `admin_level`.

    Raises
    ------
    typer.BadParameter
        If the text has another form or a level is not known.

    Examples
    --------
    >>> levels_of("6=district, 8=subdistrict")
    {6: 'district', 8: 'subdistrict'}
    """
    levels = AREAS.column("level").choices
    level_of = {}
    for item in text.split(","):
        number, equals, level = (part.strip() for part in item.partition("="))
        if not (equals and number.isascii() and number.isdigit() and level in levels):
            raise typer.BadParameter(
                f"{item!r} is not a number, = and one of {', '.join(levels)}, for example "
                "8=subdistrict",
                param_hint="--admin-levels",
            )
        level_of[int(number)] = level
    return level_of


def run(
    conn: Conn,
    file: Path,
    rules: Rules,
    *,
    dry_run: bool,
    report: Path | None,
    as_json: bool,
    progress: Callable[[str], None],
) -> None:
    """Import an extract and print the outcome.

    Parameters
    ----------
    conn : Conn
        Open connection to a migrated database; it is committed.
    file : pathlib.Path
        The .osm.pbf or .osm file.
    rules : Rules
        Rules of the import.
    dry_run : bool
        Whether nothing is stored.
    report : pathlib.Path or None
        Path of the report; None for the working folder.
    as_json : bool
        Whether to print JSON instead of tables.
    progress : callable
        Called with a line of text for each step.
    """
    outcome = import_osm(conn, file, rules=rules, dry_run=dry_run, report=report, progress=progress)
    if as_json:
        text = json.dumps(outcome.as_dict(), ensure_ascii=False, indent=2, default=str)
        sys.stdout.write(text + "\n")
        return
    show(outcome)


def show(outcome: OsmOutcome) -> None:
    """Print the counts and the reasons of each layer.

    Parameters
    ----------
    outcome : OsmOutcome
        Outcome of an import.
    """
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(_count_table(outcome))
    for layer in outcome.layers:
        if layer.left_alone:
            _print_text(
                console,
                f"{layer.layer} was left alone: it holds {layer.left_alone:,} rows of another "
                f"source. To import beside them: --only {layer.layer}",
            )
    reasons = _reason_table(outcome)
    if reasons.row_count:
        console.print(reasons)
        console.print(f"All of them, with their keys: {outcome.report}", markup=False)
    reasons_of_layers = [
        split_reason(reason) for layer in outcome.layers for reason in layer.skipped
    ]
    levels = sorted(
        {level for code, level in reasons_of_layers if code is ReasonCode.ADMIN_LEVEL_NOT_IMPORTED}
    )
    if levels:
        _print_text(
            console,
            f"Boundaries with admin_level {', '.join(levels)} were skipped; --admin-levels says "
            f"which are districts, subdistricts and communities (default {ADMIN_LEVELS_TEXT}).",
        )
    _print_text(
        console,
        "Data © OpenStreetMap contributors, ODbL 1.0: state this where you publish maps of them.",
    )


def _print_text(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)


def _count_table(outcome: OsmOutcome) -> Table:
    """Return a table of the number of rows by layer."""
    title = outcome.file + (" (nothing stored)" if outcome.dry_run else "")
    table = Table(title=title, title_justify="left")
    table.add_column("layer")
    for name in (*_COUNTS, "skipped"):
        table.add_column(name, justify="right")
    for layer in outcome.layers:
        counts = [getattr(layer, name) for name in _COUNTS] + [sum(layer.skipped.values())]
        table.add_row(layer.layer, *(f"{count:,}" for count in counts))
    return table


def _reason_table(outcome: OsmOutcome) -> Table:
    """Return a table of the reasons by layer; without rows if there is none."""
    words = texts("en")
    table = Table(title="Skipped or noted", title_justify="left")
    for name in ("layer", "action", "reason", "number"):
        table.add_column(name, justify="right" if name == "number" else "left")
    for layer in outcome.layers:
        for action, counts in (("skipped", layer.skipped), ("noted", layer.noted)):
            for reason, count in counts.most_common():
                table.add_row(layer.layer, action, reason_text(reason, words), f"{count:,}")
    return table
