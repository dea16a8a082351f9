"""Folder of shared data beside the repository; it may be absent."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared"
