"""The parts of a Shapefile: in a zip file, without an index, in an encoding that is named or not."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

import geopandas as gpd
import pandas as pd
import pyogrio

from geo.confinement.signatures import require_signature
from geo.errors import ReadError
from geo.ingest import archives
from geo.ingest.encodings import ENCODINGS, REPLACEMENT, common_share, decode_as, judge
from geo.ingest.layer_choice import Offer, choose_layer
from geo.ingest.raw_table import Note

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_OTHER_PARTS = (
    ".sbn",
    ".sbx",
    ".qix",
    ".qpj",
    ".qmd",
    ".fix",
    ".idx",
    ".ain",
    ".aih",
    ".atx",
    ".xml",
)
"""Of programs that index or style Shapefiles; nothing of the data is in them."""
_UNPACKED = "unpacked"
_TYPES = {1: "Point", 8: "MultiPoint", 3: "LineString", 5: "Polygon"}
_CHINESE = 0.9
"""Share of common characters from which bytes are Chinese, whatever a .cpg says."""


def unpack_shapefile(
    path: Path, folder: Path, layer: str, part: str | None, notes: list[Note]
) -> Path:
    """Unpack the Shapefile of an archive that fits, under names of ours, whatever paths it names.

    Parameters
    ----------
    path : the zip file.
    folder : where it is unpacked.
    layer, part, notes : as for `geo.ingest.layer_choice.choose_layer`; a Shapefile in a folder is named
        ``folder/name``.
    """
    with archives.opened(path, "zip file") as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        ours = [info for info in members if not _of_macos(info)]
        if len(ours) < len(members):
            notes.append(Note("files of macOS in the zip file, not read", "__MACOSX and ._ files"))
        shapes = {_stem(info): info for info in ours if _suffix(info) == ".shp"}
        if not shapes:
            listed = ", ".join(sorted(info.filename for info in ours)[:5]) or "nothing"
            raise ReadError(
                f"{path.name} holds no Shapefile but {listed}; pack the .shp, .shx, .dbf and .prj of one, "
                "or import other files unpacked"
            )
        offers = [_offer(archive, ours, info) for info in sorted(shapes.values(), key=_name)]
        if len(offers) == 1 and part is None:
            chosen = offers[0]
        else:
            chosen = choose_layer(path.name, offers, layer, part, notes)
        stem = _stem(next(i for i in shapes.values() if _name(i) == chosen.name))
        for info in ours:
            if _stem(info) == stem and _suffix(info) in _PARTS:
                archives.read_member(archive, info, folder / f"{_UNPACKED}{_suffix(info)}")
            elif _stem(info) not in shapes and _suffix(info) not in _OTHER_PARTS:
                notes.append(Note("file in the zip file, not read", info.filename[:200]))
    shape = folder / f"{_UNPACKED}.shp"
    try:
        require_signature(shape, ".shp")
    except ReadError as error:
        raise ReadError(
            f"{path.name} cannot be read: what it holds is no Shapefile; pack it anew"
        ) from error
    return shape


def _path(info: ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))


def _of_macos(info: ZipInfo) -> bool:
    place = _path(info)
    return "__MACOSX" in place.parts or place.name.startswith("._") or place.name == ".DS_Store"


def _suffix(info: ZipInfo) -> str:
    return _path(info).suffix.lower()


def _stem(info: ZipInfo) -> str:
    return str(_path(info).with_suffix("")).casefold()


def _name(info: ZipInfo) -> str:
    return str(_path(info).with_suffix(""))


def _offer(archive: ZipFile, members: list[ZipInfo], shape: ZipInfo) -> Offer:
    """Return name, fields and shape of a Shapefile by its first bytes."""
    with archive.open(shape) as stream:
        head = stream.read(100)
    kind = int.from_bytes(head[32:36], "little") % 10 if len(head) == 100 else 0
    fields: tuple[str, ...] = ()
    table = next((i for i in members if _stem(i) == _stem(shape) and _suffix(i) == ".dbf"), None)
    if table is not None:
        with archive.open(table) as stream:
            data = stream.read(1 << 16)
        raw = field_names(data)
        found = judge(b"\n".join(raw))
        encoding = "latin-1" if found is None else found.encoding
        fields = tuple(name.decode(encoding, "replace") for name in raw)
    return Offer(_name(shape), fields, _TYPES.get(kind, "Unknown"))


def field_names(data: bytes) -> list[bytes]:
    """Return the names of the fields that a .dbf begins with."""
    end = int.from_bytes(data[8:10], "little")
    names = []
    for at in range(32, min(end, len(data)) - 31, 32):
        if data[at] == 0x0D:
            break
        names.append(data[at : at + 11].split(b"\0")[0])
    return names


def judged_encoding(
    path: Path, name: str, notes: list[Note], given: str | None = None
) -> tuple[bytes, str]:
    """Return the bytes of a .dbf, and the encoding that they are in.

    A .cpg that names another encoding than the texts have is reported. An encoding that the user gives
    goes before what the file says.

    Raises
    ------
    ReadError : no encoding that is accepted fits.
    """
    table = _beside(path, ".dbf")
    if table is None:
        notes.append(Note("no .dbf beside the .shp", "the shapes have no columns"))
        return b"", "utf-8"
    data = table.read_bytes()
    header = int.from_bytes(data[8:10], "little")
    # Names of fields are cut in the middle of a character, and judged apart from the values.
    text = data[header:].replace(b"\0", b" ") + b"\n"
    text += b"\n".join(_without_half_character(field) for field in field_names(data))
    if given is not None:
        decode_as(text, name, given)
        return data, ENCODINGS[given].removesuffix("-sig")
    named_by = _beside(path, ".cpg")
    label = None if named_by is None else named_by.read_bytes()[:100].decode("ascii", "replace").strip("\0 \r\n\t\ufeff\ufffd")  # fmt: skip
    named = _codec(label) if label else None
    if text.isascii():
        return data, named or "utf-8"
    found = judge(text)
    if named is not None and _fits(text, named, None if found is None else found.encoding):
        return data, named
    if found is None:
        raise ReadError(
            f"{name}: the texts of its .dbf are neither UTF-8, GB18030 nor Big5; name their "
            "encoding with --encoding, or by a .cpg file beside it"
        )
    if named_by is not None:
        says = f"says {label}" if label else "is empty"
        notes.append(Note("encoding of the .cpg is not that of the texts", f"it {says}, and they are read as {found.encoding}"))  # fmt: skip
    elif found.unusual:
        notes.append(
            Note(
                "unusual encoding",
                f"read as {found.encoding}; no .cpg names the encoding: check some names, and name another "
                "with --encoding",
            )
        )
    return data, found.encoding


def _without_half_character(field: bytes) -> bytes:
    """Return the name of a field without the part of a character at its end, where it was cut."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(field).encode(encoding)
        except UnicodeDecodeError:
            continue
    return field


def _beside(path: Path, suffix: str) -> Path | None:
    names = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((name for name in names if name.is_file()), None)


def _codec(label: str) -> str | None:
    """Return Python's name of an encoding that a .cpg names; None for one that is not known."""
    text = label.casefold().replace("oem ", "").replace("ansi ", "").strip()
    text = {"936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "950": "big5hkscs", "big5": "big5hkscs",
            "65001": "utf-8", "88591": "latin-1", "system": ""}.get(text, text)  # fmt: skip
    for name in (text, f"cp{text}"):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return None


def _fits(text: bytes, named: str, judged: str | None) -> bool:
    """Whether texts may be in the encoding that a .cpg names."""
    if judged == named:
        return True
    try:
        decoded = text.decode(named)
    except UnicodeDecodeError:
        return False
    if judged == "utf-8":
        return False  # by chance no text of another encoding is UTF-8
    if named in ("gb18030", "big5hkscs"):
        return common_share(decoded, named) >= 0.5
    if judged is None:
        return True
    codec = "big5hkscs" if judged == "big5" else judged
    return common_share(text.decode(codec), codec) < _CHINESE


def decode_columns(frame: gpd.GeoDataFrame, encoding: str) -> None:
    """Decode names and texts in place that were read byte by byte."""

    def decoded(text: str) -> str:
        return text.encode("latin-1").decode(encoding, "replace")

    shape = frame.geometry.name
    names = {str(c): decoded(str(c)).rstrip(REPLACEMENT) for c in frame.columns if c != shape}
    for column in names:
        if pd.api.types.is_object_dtype(frame[column]) or pd.api.types.is_string_dtype(
            frame[column]
        ):
            texts = [decoded(v) if isinstance(v, str) else v for v in frame[column]]
            frame[column] = pd.Series(texts, index=frame.index, dtype=object)
    frame.columns = pd.Index([names.get(str(column), column) for column in frame.columns])


def with_index(path: Path, folder: Path, notes: list[Note]) -> Path:
    """Return the Shapefile, or a copy of it where GDAL can make the index (.shx) that is missing."""
    if _beside(path, ".shx") is not None:
        return path
    notes.append(Note("the index (.shx) is missing", "made from the .shp"))
    copy = folder / "indexed.shp"
    for suffix in (".shp", ".dbf", ".prj"):
        source = path if suffix == ".shp" else _beside(path, suffix)
        if source is not None:
            shutil.copyfile(source, copy.with_suffix(suffix))
    return copy


@contextmanager
def restored_index(wanted: bool) -> Iterator[None]:
    """Let GDAL make the index of a Shapefile that has none."""
    if wanted:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": "YES"})
    try:
        yield
    finally:
        if wanted:
            pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})
