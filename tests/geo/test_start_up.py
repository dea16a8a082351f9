"""Start-up: a command loads only the modules that it needs."""

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
INTERNAL = {
    "psycopg",
    "pydantic_settings",
    "procrastinate",
    "geo.settings",
    "service.admin_commands",
}
"""Not needed for help either. Typer itself loads pydantic, for values of options."""
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


def loaded_modules(*arguments: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """Run a command in a new process; return the modules it loaded and its output."""
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env=env or dict(os.environ),
        check=True,
    )
    output, _, modules = completed.stdout.rpartition("loaded:")
    return set(modules.split()), output


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
def test_help_loads_no_analysis_modules(arguments: list[str]) -> None:
    modules, output = loaded_modules(*arguments)
    assert "Usage" in output
    assert not modules & (HEAVY | INTERNAL)


def test_help_names_every_command() -> None:
    _, output = loaded_modules("--help")
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
        assert f"\u2502 {name} " in output


def test_db_status_loads_no_analysis_modules(command: Command) -> None:
    modules, output = loaded_modules("db", "status", env=command.env)
    assert "migrations" in output
    assert not modules & HEAVY


def test_command_groups_equal_those_of_their_modules() -> None:
    for name, group in (
        ("user", user_group),
        ("audit", audit_group),
        ("token", token_group),
        ("webhook", webhook_group),
    ):
        assert GROUPS[name][2] == group.info.help
        _, output = loaded_modules(name, "--help")
        assert f"gridcover {name}" in output
        for command_info in group.registered_commands:
            assert command_info.callback is not None
            assert (
                f"\u2502 {command_info.name or command_info.callback.__name__.replace('_', '-')} "
                in output
            )


def test_import_of_the_library_is_lazy() -> None:
    code = "import geo, sys; dir(geo); print(*sys.modules)"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(completed.stdout.split()) & HEAVY


def test_analysis_functions_load_no_settings() -> None:
    code = """
import sys
import geo
geo.visible_area, geo.coverage_by_grid, geo.quality_coverage, geo.cameras_seeing
geo.density_surface, geo.hot_spots, geo.forecast, geo.near_repeats, geo.Terrain
print(*sys.modules)
"""
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(completed.stdout.split()) & {"geo.settings", "pydantic_settings", "psycopg"}
