"""The figures of docs/ are those the code draws, and every page finds its own."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import geo

DOCS = Path(__file__).parent.parent / "docs"


def test_figures_are_drawn_and_pages_find_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DOCS / "draw.py"), str(tmp_path)], check=True)
    drawn = {p.name for p in tmp_path.glob("*.svg")}
    kept = {p.name for p in (DOCS / "figures").glob("*.svg")}
    shown = set()
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
            if target.startswith("figures/"):
                shown.add(Path(target).name)
    assert drawn == kept == shown
    for name in drawn:
        # Numbers may differ in a last digit from machine to machine, the words may not.
        words = [re.findall(r"<text[^>]*>([^<]+)", (folder / name).read_text(encoding="utf-8"))
                 for folder in (tmp_path, DOCS / "figures")]  # fmt: skip
        assert words[0] == words[1], f"{name} is old: run python docs/draw.py"


def test_worked_examples_give_what_they_say() -> None:
    tried = 0
    for module in pkgutil.walk_packages(geo.__path__, "geo."):
        if module.name.endswith("__main__"):
            continue  # a command, not a module to import
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        tried += result.attempted
    assert tried > 40
