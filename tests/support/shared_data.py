"""Files that stand beside the repository, where they do."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared"
