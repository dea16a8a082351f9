"""The set-up a stranger runs: a fresh checkout, an empty home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def checkout(target: Path) -> None:
    """What git tracks or would, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if not (ROOT / name).is_file():
            continue  # moved or removed, and not committed yet
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


@pytest.mark.fresh
def test_fresh_checkout_with_an_empty_home(open_folder: Path) -> None:
    """Set-up, demo and a second start, with nothing of this checkout or home to lean on."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    place, home = open_folder / "fresh", open_folder / "home"
    home.mkdir()
    checkout(place)
    env = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("GRIDCOVER", "UV_", "XDG_", "VIRTUAL_ENV"))
    }
    env |= {"HOME": str(home), "GRIDCOVER_DATA_DIR": str(home / "data")}
    # The uv of this checkout is lent, so that the test costs packages but no second uv.
    env["PATH"] = f"{ROOT / '.tools/bin'}:{env['PATH']}"
    done = subprocess.run(
        ["./scripts/setup.sh", "run"],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if "reachable?" in done.stderr:
        pytest.skip("the package registries cannot be reached")
    assert done.returncode == 0, done.stderr
    again = subprocess.run(
        ["./scripts/setup.sh", "run"],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stderr == "", "the second time there is nothing to do"
    program = place / ".venv/bin/gridcover"
    first = subprocess.run(
        [program, "demo", "--once"], cwd=home, env=env, capture_output=True, text=True, check=True
    )
    assert "Run 1 ready" in first.stderr
    second = subprocess.run(
        [program, "demo", "--once"], cwd=home, env=env, capture_output=True, text=True, check=True
    )
    assert "Run 1 ready" in second.stderr
    env["GRIDCOVER_DATA_DIR"] = str(home / "data/demo")
    status = subprocess.run(
        [program, "db", "status", "--json"],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(status.stdout)["rows"]["incidents"] == 60_000
    assert not (home / "data/demo/pg/postmaster.pid").exists()


@pytest.mark.parametrize(
    "name", ["requirements.lock", "package-lock.json", ".npmrc", "pyproject.toml"]
)
def test_locks_record_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "http://" not in text
    assert "https://" not in text


def test_the_readme_names_what_ci_runs() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make demo" in (ROOT / "README.md").read_text()
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_the_library_does_not_lean_on_the_service() -> None:
    for path in (ROOT / "geo").rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not line.lstrip().startswith(("from service", "import service")), (
                f"{path}:{number}"
            )
