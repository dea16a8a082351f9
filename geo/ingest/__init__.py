"""Import of files into the store, with a report of every row that was not used as it was."""

from geo.ingest.findings import NOTED, REJECTED, REPAIRED, Finding
from geo.ingest.importing import import_file, import_staff
from geo.ingest.options import ImportOptions
from geo.ingest.outcome import SAMPLE, ImportOutcome, spreadsheet_safe, write_report
from geo.ingest.preview import FilePreview

__all__ = [
    "NOTED",
    "REJECTED",
    "REPAIRED",
    "SAMPLE",
    "FilePreview",
    "Finding",
    "ImportOptions",
    "ImportOutcome",
    "import_file",
    "import_staff",
    "spreadsheet_safe",
    "write_report",
]
