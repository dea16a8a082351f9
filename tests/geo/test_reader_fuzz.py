"""Fuzzing of the file readers: a damaged file is read, or refused with a documented error."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import geo
from geo.errors import CrsError, ReadError
from geo.ingest.readers import read_file
from geo.settings import Settings
from tests.support.sample_files import WRITERS

LIMITS = Settings(import_memory_mb=768, import_seconds=60)


@st.composite
def _changes(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    """Draw changes of a file: an action, a position from 0 to 1, and bytes."""
    chunk = st.one_of(
        st.binary(min_size=1, max_size=40),
        st.sampled_from(
            [
                b"\0" * 8,
                b"\xff" * 8,
                b"\xff\xff\xff\x7f",
                b"[" * 500,
                b'"',
                b"<!DOCTYPE",
                b"PK\x05\x06",
            ]
        ),
    )
    change = st.tuples(
        st.sampled_from(["set", "insert", "cut", "repeat", "flip"]),
        st.floats(0, 1, exclude_max=True),
        chunk,
    )
    return draw(st.lists(change, min_size=1, max_size=4))


def _apply(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for action, position, chunk in changes:
        offset = int(position * len(data))
        rest = data[offset:]
        if action == "set":
            rest = chunk + rest[len(chunk) :]
        elif action == "insert":
            rest = chunk + rest
        elif action == "cut":
            rest = b""
        elif action == "repeat":
            rest = rest[: 20 * len(chunk)] + rest
        elif rest:
            rest = bytes([rest[0] ^ (chunk[0] | 1)]) + rest[1:]
        data = data[:offset] + rest
    return data


def _apply_inside(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """Return a valid zip or gzip file with changed content."""
    if data[:2] == b"\x1f\x8b":
        return gzip.compress(_apply(gzip.decompress(data), changes))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w") as archive:
        names = source.namelist()
        changed_name = names[int(changes[0][1] * len(names))]
        for name in names:
            content = source.read(name)
            archive.writestr(name, _apply(content, changes) if name == changed_name else content)
    return buffer.getvalue()


def _read(path: Path) -> None:
    if path.suffix == ".tif":
        geo.read_terrain(path, "EPSG:32650", settings=LIMITS)
        return
    raw = read_file(path, "cameras", settings=LIMITS)
    for row in range(min(len(raw.cells), 5)):
        raw.original(row)


@pytest.fixture(scope="module")
def valid_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, write in WRITERS.items():
        write(folder / name)
    return {name: (folder / name).read_bytes() for name in WRITERS} | {
        part.name: part.read_bytes()
        for part in folder.glob("a.???")
        if part.suffix in (".shx", ".dbf", ".prj", ".cpg")
    }


@pytest.mark.deep
@pytest.mark.parametrize("name", WRITERS)
def test_read_file_reads_or_refuses_damaged_files(
    valid_files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    parts = [part for part in valid_files if part not in WRITERS] if name == "a.shp" else []
    for part in (name, *parts):
        (tmp_path / part).write_bytes(valid_files[part])
    _read(path)  # the unchanged file is read

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(changes=_changes(), inside=st.booleans(), part=st.sampled_from([name, *parts]))
    def check_damaged_file(
        changes: list[tuple[str, float, bytes]], inside: bool, part: str
    ) -> None:
        for part_name in (name, *parts):
            (tmp_path / part_name).write_bytes(valid_files[part_name])
        is_archive = inside and name.endswith((".zip", ".xlsx", ".gz"))
        (tmp_path / part).write_bytes(
            (_apply_inside if is_archive else _apply)(valid_files[part], changes)
        )
        try:
            _read(path)
        except (ReadError, CrsError) as error:
            message = str(error)
        else:
            return
        assert name in message
        assert "/gridcover-" not in message
        assert "Error" not in message

    check_damaged_file()
