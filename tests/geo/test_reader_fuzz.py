"""Damaged files of every format: a table or a refusal of ours, whatever bytes changed."""

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
    """What to do at which part of the file, and with which bytes."""
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
    one = st.tuples(
        st.sampled_from(["set", "insert", "cut", "repeat", "flip"]),
        st.floats(0, 1, exclude_max=True),
        chunk,
    )
    return draw(st.lists(one, min_size=1, max_size=4))


def _changed(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for what, where, chunk in changes:
        at = int(where * len(data))
        rest = data[at:]
        if what == "set":
            rest = chunk + rest[len(chunk) :]
        elif what == "insert":
            rest = chunk + rest
        elif what == "cut":
            rest = b""
        elif what == "repeat":
            rest = rest[: 20 * len(chunk)] + rest
        elif rest:
            rest = bytes([rest[0] ^ (chunk[0] | 1)]) + rest[1:]
        data = data[:at] + rest
    return data


def _inside(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """A zip or gzip file that is sound, with its content changed."""
    if data[:2] == b"\x1f\x8b":
        return gzip.compress(_changed(gzip.decompress(data), changes))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given_, zipfile.ZipFile(out, "w") as archive:
        names = given_.namelist()
        chosen = names[int(changes[0][1] * len(names))]
        for name in names:
            content = given_.read(name)
            archive.writestr(name, _changed(content, changes) if name == chosen else content)
    return out.getvalue()


def _read(path: Path) -> None:
    if path.suffix == ".tif":
        geo.read_terrain(path, "EPSG:32650", settings=LIMITS)
        return
    raw = read_file(path, "cameras", settings=LIMITS)
    for row in range(min(len(raw.cells), 5)):
        raw.original(row)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
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
def test_a_damaged_file_is_read_or_refused(
    valid: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    parts = [part for part in valid if part not in WRITERS] if name == "a.shp" else []
    for part in (name, *parts):
        (tmp_path / part).write_bytes(valid[part])
    _read(path)  # unchanged, it is read

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(changes=_changes(), inside=st.booleans(), part=st.sampled_from([name, *parts]))
    def damaged(changes: list[tuple[str, float, bytes]], inside: bool, part: str) -> None:
        for each in (name, *parts):
            (tmp_path / each).write_bytes(valid[each])
        packed = inside and name.endswith((".zip", ".xlsx", ".gz"))
        (tmp_path / part).write_bytes((_inside if packed else _changed)(valid[part], changes))
        try:
            _read(path)
        except (ReadError, CrsError) as error:
            said = str(error)
        else:
            return
        assert name in said
        assert "/gridcover-" not in said
        assert "Error" not in said

    damaged()
