"""Columns of tables as numbers, texts, times and codes; an error names each row it refuses.

A column may have a numpy, nullable, Arrow-backed or categorical type; the result is the same.
"""

from geo.frames.columns import codes_of, column_of, require_table, required_column
from geo.frames.numeric import array_of, figures_of, numbers, numbers_of
from geo.frames.text import choices_of, texts, texts_of
from geo.frames.times import days_of, local_times, moment_of, times_of

__all__ = [
    "array_of",
    "choices_of",
    "codes_of",
    "column_of",
    "days_of",
    "figures_of",
    "local_times",
    "moment_of",
    "numbers",
    "numbers_of",
    "require_table",
    "required_column",
    "texts",
    "texts_of",
    "times_of",
]
