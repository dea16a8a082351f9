"""The head of the audit log, signed and stored outside the database.

The chain of the log shows a change in its middle, but the owner of the database can remove or
rewrite its newest entries. The head file shows both: it holds the number and digest of the newest
entry and of the anchor, with a keyed digest (HMAC-SHA-256), in a folder that the database cannot
reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from geo.errors import StoreError
from geo.store.connection import Conn


@dataclass(frozen=True)
class Head:
    """The newest entry of a log, and the entry that its chain begins after."""

    store: str
    """Identity of the database, as `store_identity` returns it."""
    id: int
    """Number of the newest entry."""
    digest: str
    """Digest of the newest entry, hexadecimal."""
    anchor_id: int
    """Number of the entry that the chain begins after; -1 without an anchor."""
    anchor_digest: str
    """Digest of that entry, hexadecimal; empty without an anchor."""


class AuditSeal:
    """Reads and writes the head files of a deployment.

    Parameters
    ----------
    folder : Path
        Folder of the key and the head files; created if needed, readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._store: dict[str, str] = {}

    def require_writable(self) -> None:
        """Refuse a folder that heads cannot be written to.

        Raises
        ------
        StoreError
            If the folder or its key cannot be written; the message names the folder.
        """
        with self._locked():
            self._key()

    def update(self, conn: Conn) -> None:
        """Write the head of the log as it is committed.

        A head that was written before is evidence: if the log does not continue it, it is
        left as it is, and `check` reports the difference.

        Parameters
        ----------
        conn : psycopg.Connection
            Connection to the store, its changes committed.

        Raises
        ------
        StoreError
            If the head cannot be written, or the one written before is damaged.
        """
        head = read_head(conn)
        if head is None:
            return
        with self._locked():
            previous = self._read(head.store)
            if previous is None or (
                previous.id < head.id and not _differences(conn, previous, head)
            ):
                self._write(head)

    def sealed(self, store: str) -> Head | None:
        """Return the head that was written last for a store.

        Parameters
        ----------
        store : str
            Identity of the database, as `store_identity` returns it.

        Returns
        -------
        Head or None
            The head; None if none was written.

        Raises
        ------
        StoreError
            If the file was changed without the key, is damaged, or the key is missing.
        """
        with self._locked():
            return self._read(store)

    def replace(self, conn: Conn) -> None:
        """Write the head, whatever was written before, after a restore or a pruning of the log.

        Parameters
        ----------
        conn : psycopg.Connection
            Connection to the store.

        Raises
        ------
        StoreError
            If the head cannot be written.
        """
        head = read_head(conn)
        if head is not None:
            with self._locked():
                self._write(head)

    def signature(self, head: Head) -> str:
        """Return the keyed digest of a head.

        Parameters
        ----------
        head : Head
            The head.

        Returns
        -------
        str
            HMAC-SHA-256 with the key of the folder, hexadecimal.

        Raises
        ------
        StoreError
            If the key is missing although there are head files.
        """
        text = json.dumps(asdict(head), sort_keys=True).encode()
        return hmac.new(self._key(), text, hashlib.sha256).hexdigest()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock, (self.folder / "lock").open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise StoreError(
                f"the head of the audit log cannot be written to {self.folder} ({error.strerror}); "
                "set GRIDCOVER_AUDIT_DIR to a folder of this account"
            ) from error

    def _path(self, store: str) -> Path:
        return self.folder / f"head-{hashlib.sha256(store.encode()).hexdigest()[:16]}.json"

    def _read(self, store: str) -> Head | None:
        try:
            content = json.loads(self._path(store).read_text(encoding="utf-8"))
            head = Head(**content["head"])
            signature = str(content["signature"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._path(store)} is damaged; compare it with a backup") from error
        if not hmac.compare_digest(self.signature(head), signature) or head.store != store:
            raise StoreError(
                f"{self._path(store)} was changed without the key of {self.folder}; "
                "compare both with a backup"
            )
        return head

    def _write(self, head: Head) -> None:
        path = self._path(head.store)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        content = {"head": asdict(head), "signature": self.signature(head)}
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(path)

    def _key(self) -> bytes:
        path = self.folder / "key"
        try:
            return path.read_bytes()
        except FileNotFoundError:
            if any(self.folder.glob("head-*.json")):
                raise StoreError(
                    f"{path} is missing, so the heads beside it cannot be checked; "
                    "restore it from a backup"
                ) from None
        key = secrets.token_bytes(32)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
        return key


class SealProblem(StrEnum):
    """How a log differs from its head outside the database."""

    ANCHOR = "anchor"
    """The anchor is missing or was changed: entries at the beginning may be missing."""
    TRUNCATED = "truncated"
    """The newest entries are missing."""
    REWRITTEN = "rewritten"
    """The entry that was the newest one has other contents."""


def check(conn: Conn, sealed: Head) -> list[SealProblem]:
    """Return how the log differs from a head that was written before.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    sealed : Head
        The head as it was written.

    Returns
    -------
    list of SealProblem
        The differences; empty if the log continues the head.
    """
    head = read_head(conn)
    if head is None:
        return [SealProblem.ANCHOR, SealProblem.TRUNCATED]
    return _differences(conn, sealed, head)


def _differences(conn: Conn, sealed: Head, head: Head) -> list[SealProblem]:
    problems = []
    if (head.anchor_id, head.anchor_digest) != (sealed.anchor_id, sealed.anchor_digest):
        problems.append(SealProblem.ANCHOR)
    if head.id < sealed.id:
        problems.append(SealProblem.TRUNCATED)
    elif sealed.id > sealed.anchor_id:
        row = conn.execute(
            "SELECT encode(digest, 'hex') FROM audit WHERE id = %s", (sealed.id,)
        ).fetchone()
        if row is None or row[0] != sealed.digest:
            problems.append(SealProblem.REWRITTEN)
    return problems


def store_identity(conn: Conn) -> str:
    """Return the identity of a database, which differs between a database and its copies.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    str
        Random identifier, object identifier and name of the database, separated by slashes.

    Raises
    ------
    StoreError
        If the store has no identity.
    """
    row = conn.execute(
        "SELECT (SELECT id FROM store_identity)::text || '/' || oid || '/' || datname "
        "FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    if row is None or row[0] is None:
        raise StoreError("the store has no identity; compare it with a backup")
    return str(row[0])


def read_head(conn: Conn) -> Head | None:
    """Return the head of the log as the database has it.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    Head or None
        None if the log is empty and has no anchor.

    Raises
    ------
    StoreError
        If the store has no identity.
    """
    row = conn.execute(
        "SELECT coalesce(e.id, n.id), encode(coalesce(e.digest, n.digest), 'hex'), "
        "coalesce(n.id, -1), coalesce(encode(n.digest, 'hex'), '') "
        "FROM (SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1) e "
        "FULL JOIN audit_anchor n ON true"
    ).fetchone()
    if row is None:
        return None
    return Head(store_identity(conn), int(row[0]), str(row[1]), int(row[2]), str(row[3]))
