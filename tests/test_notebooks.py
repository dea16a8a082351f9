"""Every notebook runs from top to bottom against the demo store."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

COUNTS = {"blind_spots": "(297, 1500, 11545, 60000)", "incidents": "(297, 313, 60000)"}


@pytest.mark.filterwarnings("default")  # warnings of Jupyter
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs_against_the_demo_store(
    path: Path, demo_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", demo_store)
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs must not be committed"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert len(outputs) >= 8
    assert all(output.output_type != "error" for output in outputs)
    assert COUNTS[path.stem] in str(outputs[0])


def test_notebooks_all_have_expected_counts() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(COUNTS)
