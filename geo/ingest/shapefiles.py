"""Files of a Shapefile: packed in a zip file, or without an index."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

import pyogrio

from geo.confinement.signatures import require_signature
from geo.errors import ReadError
from geo.import_reasons import ReasonCode
from geo.ingest import archives
from geo.ingest.attribute_tables import companion, field_names
from geo.ingest.encodings import detect_encoding
from geo.ingest.layer_choice import FileLayer, choose_layer
from geo.ingest.raw_table import Note

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_IGNORED_PARTS = frozenset(
    (".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".fix", ".idx", ".ain", ".aih", ".atx", ".xml")
)
"""Suffixes of files that index, style or describe a Shapefile and hold none of its data."""
_UNPACKED = "unpacked"
_SHP_HEADER_BYTES = 100
_GEOMETRY_TYPES = {1: "Point", 8: "MultiPoint", 3: "LineString", 5: "Polygon"}


def unpack_shapefile(
    path: Path, folder: Path, layer: str, part: str | None, notes: list[Note]
) -> Path:
    """Unpack the Shapefile of a zip file that fits the register.

    The unpacked files have fixed names; the paths in the zip file are not used.

    Parameters
    ----------
    path : pathlib.Path
        Zip file.
    folder : pathlib.Path
        Folder to unpack into.
    layer : str
        Register to import into, as for `geo.ingest.layer_choice.choose_layer`.
    part : str or None
        Name of the Shapefile to read, ``folder/name`` if it is in a folder; None to choose.
    notes : list of Note
        Extended by notes on files that are not read.

    Returns
    -------
    pathlib.Path
        Path of the .shp file.

    Raises
    ------
    ReadError
        If the zip file has no Shapefile, or not exactly one that fits.
    """
    with archives.open_archive(path, "zip file") as archive:
        packed = [info for info in archive.infolist() if not info.is_dir()]
        members = [info for info in packed if not _is_macos_metadata(info)]
        if len(members) < len(packed):
            notes.append(Note(ReasonCode.MACOS_FILES_NOT_READ, "__MACOSX and ._ files"))
        shapes = {_stem(info): info for info in members if _suffix(info) == ".shp"}
        if not shapes:
            listed = ", ".join(sorted(info.filename for info in members)[:5]) or "nothing"
            raise ReadError(
                f"{path.name} holds no Shapefile but {listed}; pack the .shp, .shx, .dbf and .prj "
                "of one, or import other files unpacked"
            )
        available = [
            _describe_layer(archive, members, info) for info in sorted(shapes.values(), key=_name)
        ]
        if len(available) == 1 and part is None:
            chosen = available[0]
        else:
            chosen = choose_layer(path.name, available, layer, part, notes)
        stem = _stem(next(info for info in shapes.values() if _name(info) == chosen.name))
        for info in members:
            if _stem(info) == stem and _suffix(info) in _PARTS:
                archives.read_member(archive, info, folder / f"{_UNPACKED}{_suffix(info)}")
            elif _stem(info) not in shapes and _suffix(info) not in _IGNORED_PARTS:
                notes.append(Note(ReasonCode.ZIP_MEMBER_NOT_READ, info.filename[:200]))
    shape = folder / f"{_UNPACKED}.shp"
    try:
        require_signature(shape, ".shp")
    except ReadError as error:
        raise ReadError(
            f"{path.name} cannot be read: what it holds is no Shapefile; pack it again"
        ) from error
    return shape


def _path(info: ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))


def _is_macos_metadata(info: ZipInfo) -> bool:
    path = _path(info)
    return "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store"


def _suffix(info: ZipInfo) -> str:
    return _path(info).suffix.lower()


def _stem(info: ZipInfo) -> str:
    return str(_path(info).with_suffix("")).casefold()


def _name(info: ZipInfo) -> str:
    return str(_path(info).with_suffix(""))


def _describe_layer(archive: ZipFile, members: list[ZipInfo], shape: ZipInfo) -> FileLayer:
    """Return name, fields and geometry type of a Shapefile by its first bytes."""
    with archive.open(shape) as stream:
        head = stream.read(_SHP_HEADER_BYTES)
    shape_type = 0
    if len(head) == _SHP_HEADER_BYTES:
        shape_type = int.from_bytes(head[32:36], "little") % 10  # without Z or M
    fields: tuple[str, ...] = ()
    table = next(
        (info for info in members if _stem(info) == _stem(shape) and _suffix(info) == ".dbf"), None
    )
    if table is not None:
        with archive.open(table) as stream:
            data = stream.read(1 << 16)
        names = field_names(data)
        judged = detect_encoding(b"\n".join(names))
        encoding = "latin-1" if judged is None else judged.encoding
        fields = tuple(name.decode(encoding, "replace") for name in names)
    return FileLayer(_name(shape), fields, _GEOMETRY_TYPES.get(shape_type, "Unknown"))


def with_index(path: Path, folder: Path, notes: list[Note]) -> Path:
    """Return a Shapefile that has an index (.shx), or a copy for which GDAL can make one.

    Parameters
    ----------
    path : pathlib.Path
        The .shp file.
    folder : pathlib.Path
        Folder for the copy.
    notes : list of Note
        Extended by a note if the index is missing.

    Returns
    -------
    pathlib.Path
        `path` if the index exists, else the copy without one.
    """
    if companion(path, ".shx") is not None:
        return path
    notes.append(Note(ReasonCode.SHX_MISSING, "made from the .shp"))
    copy = folder / "indexed.shp"
    for suffix in (".shp", ".dbf", ".prj"):
        source = path if suffix == ".shp" else companion(path, suffix)
        if source is not None:
            shutil.copyfile(source, copy.with_suffix(suffix))
    return copy


@contextmanager
def restored_index(wanted: bool) -> Iterator[None]:
    """Have GDAL make the index of a Shapefile that has none, within the context.

    Parameters
    ----------
    wanted : bool
        Whether the index is missing; otherwise nothing is changed.

    Yields
    ------
    None
        Nothing.
    """
    if wanted:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": "YES"})
    try:
        yield
    finally:
        if wanted:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})
