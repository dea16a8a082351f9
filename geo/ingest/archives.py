"""Zip files, also those that are workbooks: looked at before anything in them is unpacked."""

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
_MAX_DIRECTORY_BYTES = 8 << 20
_END, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x07"
_CHUNK = 1 << 16


@contextmanager
def opened(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose number of members and unpacked size are within the limits.

    Parameters
    ----------
    path : the file.
    kind : what it is called where it is refused, "zip file" or "workbook".

    Raises
    ------
    ReadError : it is damaged, protected by a password, or too large.
    """
    _require_short_directory(path, kind)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            require_small(path, sum(info.file_size for info in members))
            _require_apart(path, kind, members)
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, struct.error, ValueError) as error:  # fmt: skip
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path.name} is no readable {kind}: it is damaged; save it anew"
        ) from error
    except (NotImplementedError, RuntimeError) as error:
        raise ReadError(
            f"{path.name} is no readable {kind}: it is encrypted or packed in a way that is not known; "
            "save it anew without a password"
        ) from error


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Unpack one member to a file of our own naming."""
    with archive.open(info) as stream, target.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            out.write(chunk)


def require_plain_xml(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a workbook any of whose parts declares a document type, which is where entities come from."""
    for info in archive.infolist():
        if info.filename.lower().endswith((".xml", ".rels", ".vml")):
            with archive.open(info) as stream:
                if _declares_type(iter(lambda: stream.read(_CHUNK), b"")):
                    raise ReadError(
                        f"{path.name} is no readable workbook: it declares XML entities, which no "
                        "spreadsheet program writes; save it anew as .xlsx"
                    )


class _Enough(Exception):  # noqa: N818
    """The first element begins, or a document type is declared."""


def _declares_type(chunks: Iterator[bytes]) -> bool:
    found = False

    def declared(*_: object) -> None:
        nonlocal found
        found = True
        raise _Enough

    def begun(*_: object) -> None:
        raise _Enough

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = begun
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
    except (_Enough, expat.ExpatError):
        pass  # what is no XML is for who reads it to say
    return found


def _require_short_directory(path: Path, kind: str) -> None:
    """Refuse a directory of very many members before it is read into memory."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(size - (1 << 16) - 22, 0))
        tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise ReadError(f"{path.name} is no readable {kind}: it is damaged; save it anew")
    members, directory = struct.unpack_from("<HI", tail, at + 10)
    if tail[at - 20 : at - 16] == _LOCATOR_64 and at >= 76:
        members, directory = struct.unpack_from("<QQ", tail, at - 44)
    if members > MAX_MEMBERS or directory > _MAX_DIRECTORY_BYTES:
        raise ReadError(
            f"{path.name} holds more than {MAX_MEMBERS:,} files; pack only those that are needed"
        )


def _require_apart(path: Path, kind: str, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes, which lets a small file unpack to any size."""
    end = 0
    for info in sorted(members, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise ReadError(f"{path.name} is no readable {kind}: its files overlap; pack it anew")
        end = info.header_offset + 30 + info.compress_size
