"""Last step of an import: write the report, then store the rows or refuse the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geo.errors import RejectedRows
from geo.import_reasons import RowAction, reason_text
from geo.ingest.cleaning import CleanedTable
from geo.ingest.findings import Finding
from geo.ingest.options import ImportOptions
from geo.ingest.outcome import SAMPLE, ImportOutcome, write_report
from geo.maps.language import texts
from geo.store.bulk_copy import RowCounts
from geo.store.connection import Conn
from geo.store.queries.imports import record_import


@dataclass(frozen=True)
class CleanedFile:
    """A cleaned file with all findings, ready to be stored or refused."""

    layer: str
    """Name of the layer."""
    path: Path
    """The file."""
    encoding: str
    """Encoding of its texts."""
    cleaned: CleanedTable
    """Its rows that can be used."""
    findings: list[Finding]
    """All findings, also those of rows compared with each other and with the store."""

    def outcome(
        self, report: Path | None, *, dry_run: bool, counts: RowCounts | None = None
    ) -> ImportOutcome:
        """Return the outcome of the import.

        Parameters
        ----------
        report : pathlib.Path or None
            Where the report was written.
        dry_run : bool
            Whether nothing is stored.
        counts : RowCounts, optional
            Rows that were written; none unless given.

        Returns
        -------
        ImportOutcome
            With the first rows as a sample.
        """
        counts = counts or RowCounts(0, 0, 0)
        cleaned = self.cleaned
        return ImportOutcome(
            layer=self.layer,
            file=self.path.name,
            read=cleaned.read,
            accepted=len(cleaned.frame),
            repaired=cleaned.count(RowAction.REPAIRED),
            rejected=cleaned.count(RowAction.REJECTED),
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged,
            encoding=self.encoding,
            recognised=cleaned.recognised,
            extra_headers=cleaned.extra_headers,
            findings=self.findings,
            report=report,
            dry_run=dry_run,
            sample=cleaned.frame.head(SAMPLE),
        )


def store_or_refuse(
    conn: Conn,
    file: CleanedFile,
    options: ImportOptions,
    *,
    recorded: tuple[str, ...],
    store: Callable[[], RowCounts],
    progress: Callable[[str], None],
    before_commit: Callable[[ImportOutcome], None],
) -> ImportOutcome:
    """Write the report, then store the clean rows in one transaction, or refuse all of them.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection; committed, or rolled back on a dry run and where an error is raised.
    file : CleanedFile
        The cleaned file.
    options : ImportOptions
        Whether rejected rows are accepted, whether this is a dry run, where the report goes.
    recorded : tuple of str
        Names of the options that are stored in the record of the import.
    store : callable
        Writes the rows, and returns the counts of those inserted, updated and unchanged.
    progress : callable
        Called with a line of text before the rows are stored.
    before_commit : callable
        Called with the outcome in the transaction that stores the rows.

    Returns
    -------
    ImportOutcome
        The outcome of the import.

    Raises
    ------
    RejectedRows
        If rows are rejected and neither `accept_rejects` nor `dry_run` is set.
    """
    report = None
    if file.findings:
        report = options.report or Path(f"{file.path.name}.report.csv")
        write_report(file.findings, report)
    if (
        file.cleaned.count(RowAction.REJECTED)
        and not options.accept_rejects
        and not options.dry_run
    ):
        conn.rollback()
        raise _rejection(file.outcome(report, dry_run=True))
    progress(f"storing {len(file.cleaned.frame):,} rows")
    try:
        counts = store()
        outcome = file.outcome(report, dry_run=options.dry_run, counts=counts)
        if options.dry_run:
            conn.rollback()
        else:
            record_import(
                conn,
                layer=outcome.layer,
                file=outcome.file,
                sha256=hashlib.sha256(file.path.read_bytes()).hexdigest(),
                rows=outcome.read,
                inserted=outcome.inserted,
                updated=outcome.updated,
                unchanged=outcome.unchanged,
                repaired=outcome.repaired,
                rejected=outcome.rejected,
                options={name: getattr(options, name) for name in recorded},
            )
            before_commit(outcome)
            conn.commit()
    except BaseException:
        conn.rollback()
        raise
    return outcome


def _rejection(outcome: ImportOutcome) -> RejectedRows:
    """Return the error of an import that was refused because of its rejected rows."""
    words = texts("en")
    reasons = "; ".join(
        f"{count} {reason_text(reason, words)}"
        for action, reason, count in outcome.reasons()
        if action is RowAction.REJECTED
    )
    return RejectedRows(
        f"{outcome.rejected} of {outcome.read} rows cannot be used ({reasons}); nothing was "
        f"stored. Read {outcome.report}, correct the file, or import the good rows with "
        "--accept-rejects",
        outcome,
    )
