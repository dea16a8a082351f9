"""The result of an import on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from geo.cli.output import print_json

if TYPE_CHECKING:
    from geo.ingest import ImportOutcome

_COUNTS = ("read", "accepted", "inserted", "updated", "unchanged", "repaired", "rejected")


def print_outcome(outcome: ImportOutcome, *, as_json: bool) -> None:
    """Print what an import read, stored and rejected.

    Parameters
    ----------
    outcome : ImportOutcome
        Result of the import.
    as_json : bool
        Print JSON instead of tables.
    """
    if as_json:
        print_json(outcome.as_dict())
        return
    out = Console(width=None if sys.stdout.isatty() else 110)
    title = f"{outcome.file} → {outcome.layer}" + (" (nothing stored)" if outcome.dry_run else "")
    out.print(title, markup=False, highlight=False)
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("rows", justify="right")
    for name in _COUNTS:
        table.add_row(name, f"{getattr(outcome, name):,}")
    out.print(table)
    columns = ", ".join(f"{header} → {column}" for column, header in outcome.recognised.items())
    out.print(f"Columns: {columns}", markup=False, highlight=False)
    if outcome.extra_headers:
        extra = ", ".join(outcome.extra_headers)
        out.print(f"Stored as extra columns: {extra}", markup=False, highlight=False)
    if outcome.findings:
        _print_findings(out, outcome)


def _print_findings(out: Console, outcome: ImportOutcome) -> None:
    from geo.import_reasons import RowAction, reason_text
    from geo.maps.language import texts

    words = texts("en")
    styles = {RowAction.REJECTED: "red", RowAction.REPAIRED: "yellow"}
    out.print("Findings", markup=False)
    reasons = Table()
    for heading in ("action", "reason", "number"):
        reasons.add_column(heading, justify="right" if heading == "number" else "left")
    for action, reason, count in outcome.reasons():
        reasons.add_row(
            action, reason_text(reason, words), f"{count:,}", style=styles.get(action, "")
        )
    out.print(reasons)
    out.print(f"Each finding with its line and text: {outcome.report}", markup=False)
