"""The command `gridcover export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geo.cli.output import console
from geo.cli.store_access import empty_store_hint, open_store
from geo.errors import ReadError, StoreError
from geo.schema import EXPORTED, FORMATS


def export_command(
    layer: Annotated[str, typer.Argument(help=f"One of {', '.join(EXPORTED)}.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help=f"A new file; its ending is one of {', '.join(FORMATS)}."
        ),
    ],
) -> None:
    """Write a layer to a file; grids include their latest results."""
    from geo.export import write_file
    from geo.settings import get_settings
    from geo.store.queries.exports import read_pieces
    from geo.store.queries.holdings import store_is_empty

    if output.exists():
        raise ReadError(f"{output} is there already; give another name")
    settings = get_settings()
    with open_store() as conn:
        if store_is_empty(conn):
            raise StoreError(f"nothing to export. {empty_store_hint(settings)}")
        file_format = output.suffix.removeprefix(".").lower()
        rows = write_file(read_pieces(conn, layer), output, layer, file_format, settings.zone)
    console.print(f"{output}: {rows:,} rows of {layer}", markup=False)
