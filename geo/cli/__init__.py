"""Commands of the library, by subject: import, grids, export, analysis, database.

A command imports what it needs inside its function, so that ``--help`` and the other commands do
not wait for it. At the top of these modules are only the standard library, typer, rich, and modules
of this project that import none of the analysis. `service.commands` adds the commands that serve.
"""

from geo.cli.application import app

__all__ = ["app"]
