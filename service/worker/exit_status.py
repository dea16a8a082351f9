"""Exit status of the process of a job."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """How the process of a job ended, where it ended by itself."""

    DONE = 0
    """The job is done and its outcome is stored."""
    FAILED = 3
    """The job failed and the reason is stored."""
    DATABASE_LOST = 75
    """The connection to the database was lost; nothing is stored."""
