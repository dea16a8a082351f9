"""Every notebook runs from top to bottom against the demo store."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

COUNTS = {"blind_spots": "(297, 1500, 11545, 60000)", "incidents": "(297, 313, 60000)"}


@pytest.mark.filterwarnings("default")  # Jupyter's own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs(path: Path, demo_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", demo_store)
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert len(shown) >= 8
    assert all(o.output_type != "error" for o in shown)
    assert COUNTS[path.stem] in str(shown[0])


def test_all_are_known() -> None:
    assert {p.stem for p in NOTEBOOKS} == set(COUNTS)
