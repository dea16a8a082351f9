"""From the registers to the result tables, with provenance."""

from geo.pipeline.coverage import IN_USE
from geo.pipeline.refreshing import Refreshed, refresh

__all__ = ["IN_USE", "Refreshed", "refresh"]
