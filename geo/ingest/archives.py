"""Zip files, workbooks among them: checked before anything in them is unpacked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.parsers import expat

from geo.errors import ReadError
from geo.ingest.raw_table import require_small

MAX_MEMBERS = 10_000
"""Files that a zip file may hold."""
_MAX_DIRECTORY_BYTES = 8 << 20
_END, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x07"
_CHUNK = 1 << 16
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    OSError,
    struct.error,
    ValueError,
)
"""Errors that reading a damaged file raises."""


@contextmanager
def open_archive(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose number of members and unpacked size are within the limits.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kind : {'zip file', 'workbook'}
        What it is called in messages.

    Yields
    ------
    zipfile.ZipFile
        The open file.

    Raises
    ------
    ReadError
        If it is damaged, protected by a password, or too large.
    """
    _require_short_directory(path, kind)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            require_small(path, sum(info.file_size for info in members))
            _require_apart(path, kind, members)
            yield archive
    except _DAMAGED as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path.name} is no readable {kind}: it is damaged; save it again"
        ) from error
    except (NotImplementedError, RuntimeError) as error:
        raise ReadError(
            f"{path.name} is no readable {kind}: it is encrypted or packed in a way that is not "
            "known; save it again without a password"
        ) from error


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Unpack one member to a file, whatever its name in the archive.

    Parameters
    ----------
    archive : zipfile.ZipFile
        The open zip file.
    info : zipfile.ZipInfo
        The member.
    target : pathlib.Path
        File to write.
    """
    with archive.open(info) as stream, target.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            file.write(chunk)


def require_plain_xml(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a workbook in which a part declares a document type, and with it XML entities.

    Parameters
    ----------
    path : pathlib.Path
        The workbook, for the message.
    archive : zipfile.ZipFile
        The same, open.

    Raises
    ------
    ReadError
        If a part declares a document type.
    """
    for info in archive.infolist():
        if info.filename.lower().endswith((".xml", ".rels", ".vml")):
            with archive.open(info) as stream:
                if _declares_type(iter(lambda: stream.read(_CHUNK), b"")):
                    raise ReadError(
                        f"{path.name} is no readable workbook: it declares XML entities, which no "
                        "spreadsheet program writes; save it again as .xlsx"
                    )


class _StopParsing(Exception):  # noqa: N818
    """The first element begins, or a document type is declared."""


def _declares_type(chunks: Iterator[bytes]) -> bool:
    """Return whether an XML text declares a document type before its first element."""
    declares = False

    def on_document_type(*_: object) -> None:
        nonlocal declares
        declares = True
        raise _StopParsing

    def on_element(*_: object) -> None:
        raise _StopParsing

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = on_document_type
    parser.StartElementHandler = on_element
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
    except (_StopParsing, expat.ExpatError):
        pass  # the reader of the workbook reports what is no XML
    return declares


def _require_short_directory(path: Path, kind: str) -> None:
    """Refuse a directory of very many members before it is read into memory."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(size - (1 << 16) - 22, 0))
        tail = stream.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise ReadError(f"{path.name} is no readable {kind}: it is damaged; save it again")
    members, directory_bytes = struct.unpack_from("<HI", tail, end + 10)
    if tail[end - 20 : end - 16] == _LOCATOR_64 and end >= 76:
        members, directory_bytes = struct.unpack_from("<QQ", tail, end - 44)
    if members > MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise ReadError(
            f"{path.name} holds more than {MAX_MEMBERS:,} files; pack only those that are needed"
        )


def _require_apart(path: Path, kind: str, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes, by which a small file could unpack to any size."""
    end = 0
    for info in sorted(members, key=lambda member: member.header_offset):
        if info.header_offset < end:
            raise ReadError(f"{path.name} is no readable {kind}: its files overlap; pack it again")
        end = info.header_offset + 30 + info.compress_size
