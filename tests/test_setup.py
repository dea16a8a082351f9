"""Set-up in a fresh checkout with an empty home, lock files and imports between packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def copy_checkout(target: Path) -> None:
    """Copy the files that git tracks, or would track, from the working tree."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if not (ROOT / name).is_file():
            continue  # moved or removed, and not committed yet
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


@pytest.mark.fresh
def test_setup_script_and_demo_in_a_fresh_checkout(open_folder: Path) -> None:
    """Set-up, demo and a second start use nothing of this checkout or home."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    checkout, home = open_folder / "fresh", open_folder / "home"
    home.mkdir()
    copy_checkout(checkout)
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GRIDCOVER", "UV_", "XDG_", "VIRTUAL_ENV"))
    }
    env |= {"HOME": str(home), "GRIDCOVER_DATA_DIR": str(home / "data")}
    # The uv of this checkout is used, so that the test does not download uv again.
    env["PATH"] = f"{ROOT / '.tools/bin'}:{env['PATH']}"
    completed = subprocess.run(
        ["./scripts/setup.sh", "run"],
        cwd=checkout,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if "reachable?" in completed.stderr:
        pytest.skip("the package registries cannot be reached")
    assert completed.returncode == 0, completed.stderr
    repeated = subprocess.run(
        ["./scripts/setup.sh", "run"],
        cwd=checkout,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert repeated.stderr == "", "a second set-up has nothing to do"
    program = checkout / ".venv/bin/gridcover"
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
def test_lock_files_contain_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "http://" not in text
    assert "https://" not in text


def test_readme_names_the_commands_of_ci() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make demo" in (ROOT / "README.md").read_text()
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_geo_does_not_import_service() -> None:
    for path in (ROOT / "geo").rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not line.lstrip().startswith(("from service", "import service")), (
                f"{path}:{number}"
            )
