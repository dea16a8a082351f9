"""Documentation agrees with the code: figures, links, paths, settings, commands, examples."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import geo
from geo.settings import Settings, camera_defaults
from service.commands import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "data/boundaries/README.md",
    *sorted(DOCS.rglob("*.md")),
]
PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def test_figures_equal_those_drawn_by_the_code(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DOCS / "draw.py"), str(tmp_path)], check=True)
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    committed = {path.name for path in (DOCS / "figures").glob("*.svg")}
    referenced = {
        Path(target).name
        for page in PAGES
        for target, _ in links(page)
        if target.startswith("figures/")
    }
    assert drawn == committed == referenced
    for name in drawn:
        # Numbers may differ in the last digit between machines; texts may not.
        words = [
            re.findall(r"<text[^>]*>([^<]+)", (folder / name).read_text(encoding="utf-8"))
            for folder in (tmp_path, DOCS / "figures")
        ]
        assert words[0] == words[1], f"{name} is out of date: run python docs/draw.py"


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield file and anchor of each link to a file of the repository."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        yield path, anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "".join(
            "-" if letter == " " else letter
            for letter in heading.strip().lower()
            if letter in " -_" or unicodedata.category(letter)[0] in "LN"
        )
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_of_pages_resolve(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{path} does not exist"
        if anchor:
            assert anchor in anchors(target), f"{path} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_paths_in_backticks_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:geo|service|tests|docs|benchmarks|scripts|deploy|notebooks)/[^`\s]*)`",
        page.read_text(encoding="utf-8"),
    )
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing, missing


def test_docs_pages_are_all_linked() -> None:
    linked = {(page.parent / path).resolve() for page in PAGES for path, _ in links(page) if path}
    assert not [page.name for page in DOCS.rglob("*.md") if page.resolve() not in linked]


def test_pages_named_in_the_sources_exist() -> None:
    for folder in ("geo", "service"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"\bdocs/[a-z_]+\.md", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{path.relative_to(ROOT)} names {name}"


def test_readme_has_at_most_600_words() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


def documented_defaults() -> dict[str, str]:
    """Return the default of each variable in the tables of settings."""
    text = (DOCS / "settings.md").read_text(encoding="utf-8").split("## Other variables")[0]
    rows = re.findall(r"^\| `(GRIDCOVER_\w+)` \| ([^|]+?) \|", text, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a variable is documented twice"
    return dict(rows)


def written_default(name: str) -> str | None:
    """Return the default of a setting as the page writes it; None if it depends on the system."""
    field = Settings.model_fields[name]
    if name in ("data_dir", "cameras"):
        return None
    value: Any = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if value == "":
        return "empty"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def test_settings_page_documents_every_default() -> None:
    documented = documented_defaults()
    assert set(documented) == {f"GRIDCOVER_{name.upper()}" for name in Settings.model_fields}
    for name in Settings.model_fields:
        expected = written_default(name)
        if expected is not None:
            assert documented[f"GRIDCOVER_{name.upper()}"] == expected, name


def test_settings_page_documents_camera_defaults() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", text, re.MULTILINE
    )
    assert {kind: tuple(map(float, numbers)) for kind, *numbers in rows} == {
        kind: (defaults.fov_deg, defaults.range_m, defaults.near_m, defaults.height_m)
        for kind, defaults in camera_defaults().items()
    }


def test_settings_page_documents_every_variable_in_sources() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    sources = [
        *(
            path
            for folder in ("geo", "service", "benchmarks")
            for path in (ROOT / folder).rglob("*.py")
        ),
        *(ROOT / "scripts").glob("*.sh"),
        ROOT / "compose.yaml",
        ROOT / "Dockerfile",
    ]
    named = {
        name
        for path in sources
        for name in re.findall(r"\bGRIDCOVER_[A-Z][A-Z_]*[A-Z]\b", path.read_text("utf-8"))
    }
    assert {"GRIDCOVER_DATABASE_URL", "GRIDCOVER_PG_BIN"} <= named
    assert not {name for name in named if f"`{name}`" not in text}


def commands(group: Any, prefix: str = "gridcover") -> Iterator[tuple[str, Any]]:
    """Yield each command with the words that call it."""
    for name, command in group.commands.items():
        words = f"{prefix} {name}"
        if hasattr(command, "source"):  # imported when the command is called
            module, attribute = command.source
            command = get_command(getattr(importlib.import_module(module), attribute))
        if hasattr(command, "commands"):
            yield from commands(command, words)
        else:
            yield words, command


def test_cli_page_documents_every_command_and_option() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    sections = {
        part.split("`", 2)[1]: part for part in re.split(r"^## (?=`)", text, flags=re.MULTILINE)[1:]
    }
    commands_by_words = dict(commands(get_command(app)))
    assert {"gridcover import", "gridcover audit verify"} <= set(commands_by_words)
    for words, command in commands_by_words.items():
        assert f"`{words}" in text, f"{words} is not documented"
        section = sections.get(words) or sections[words.rsplit(" ", 1)[0]]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                long = next(option for option in parameter.opts if option.startswith("--"))
                assert f"`{long}" in section, f"{words} {long} is not documented"
    for words, section in sections.items():
        for option in re.findall(r"^\| (`--[^|]+)\|", section, re.MULTILINE):
            named = re.findall(r"`(--[a-z-]+)`", option)
            options = {
                name for parameter in commands_by_words[words].params for name in parameter.opts
            }
            assert set(named) <= options, f"{words} has no {named}"


def test_methods_page_names_functions_of_the_library() -> None:
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("| [")]
    names = {name for line in table for name in re.findall(r"`([a-z]\w+)`", line.split("|")[2])}
    assert len(names) >= 40
    assert names - set(geo.__all__) == set()


def test_every_public_name_has_a_docstring_example() -> None:
    public = {name: getattr(geo, name) for name in geo.__all__ if not name.startswith("_")}
    functions = {name: item for name, item in public.items() if callable(item)}
    assert len(functions) > 70
    assert [n for n, item in functions.items() if "Examples\n" not in inspect.getdoc(item)] == []


def test_docstring_examples_give_their_output() -> None:
    examples = 0
    for module in pkgutil.walk_packages(geo.__path__, "geo."):
        if module.name.endswith("__main__"):
            continue  # a command, not a module to import
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        examples += result.attempted
    assert examples > 40
