"""The command line loads what a command needs, and no more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from service.admin_commands.audit_log import audit_group
from service.admin_commands.tokens import token_group
from service.admin_commands.users import user_group
from service.admin_commands.webhooks import webhook_group
from service.commands import GROUPS
from tests.support.commands import Command

HEAVY = {
    "numba",
    "geopandas",
    "pandas",
    "scipy",
    "fastapi",
    "shapely",
    "pyproj",
    "numpy",
    "rasterio",
}
OURS = {"psycopg", "pydantic_settings", "procrastinate", "geo.settings", "service.admin_commands"}
"""What no help needs either; pydantic is not among them, as Typer loads it for values of options."""
PROGRAM = """
import sys
from service.commands import main
sys.argv = ["gridcover", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code
print("loaded:", *sorted(sys.modules))
raise SystemExit(code)
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """Modules of a command in a process of its own, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env=env or dict(os.environ),
        check=True,
    )
    said, _, modules = done.stdout.rpartition("loaded:")
    return set(modules.split()), said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["db", "--help"],
        ["grids", "make", "--help"],
        ["import", "--help"],
        ["export", "--help"],
        ["demo", "--help"],
        ["work", "--help"],
    ],
)
def test_help_loads_nothing_of_the_analysis(arguments: list[str]) -> None:
    modules, said = loaded(*arguments)
    assert "Usage" in said
    assert not modules & (HEAVY | OURS)


def test_help_names_every_command() -> None:
    _, said = loaded("--help")
    for name in (
        "import",
        "refresh",
        "export",
        "sites",
        "check",
        "db",
        "grids",
        "serve",
        "work",
        "demo",
        *GROUPS,
    ):
        assert f"\u2502 {name} " in said


def test_the_state_of_the_database_needs_no_analysis(command: Command) -> None:
    modules, said = loaded("db", "status", env=command.env)
    assert "migrations" in said
    assert not modules & HEAVY


def test_the_groups_are_those_of_their_module() -> None:
    for name, group in (
        ("user", user_group),
        ("audit", audit_group),
        ("token", token_group),
        ("webhook", webhook_group),
    ):
        assert GROUPS[name][2] == group.info.help
        _, said = loaded(name, "--help")
        assert f"gridcover {name}" in said
        for inner in group.registered_commands:
            assert inner.callback is not None
            assert f"\u2502 {inner.name or inner.callback.__name__.replace('_', '-')} " in said


def test_the_library_itself_is_lazy() -> None:
    code = "import geo, sys; dir(geo); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def test_the_analysis_reads_no_settings() -> None:
    code = """
import sys
import geo
geo.visible_area, geo.coverage_by_grid, geo.quality_coverage, geo.cameras_seeing
geo.density_surface, geo.hot_spots, geo.forecast, geo.near_repeats, geo.Terrain
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"geo.settings", "pydantic_settings", "psycopg"}
