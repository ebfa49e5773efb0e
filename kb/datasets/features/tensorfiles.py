"""Files of many arrays by video: pickles by expert (CE, MMT, MoEE) and torch's .pth (HowTo100M).

Nothing is unpickled: `kb.datasets.features.pickles` reads the file as data, so that a file of any size is
only indexed, its arrays are views of a memory map, and a program in it is never run. Forms: a
pickle {video: array}; {expert: {video: array}}; a .pth of either, zipped (torch >= 1.6, stored) or
in the older form, five pickles and then the storages.
"""

import mmap
import struct
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.datasets.features import pickles
from kb.datasets.features.arrays import Mapping, Reading, Stored, itemsize
from kb.datasets.features.pickled import Blob, Call, Persistent
from kb.records.errors import KBError

_MAGIC = 0x1950A86A20F9469CFC6C  # of torch's older form
_AGAIN = "fetch it again; nothing in it was executed"

Table = dict[str, Stored | None]  # video -> its array; None: the expert does not have this video


class NoFeaturesError(KBError):
    """A whole file that holds something else than arrays by video."""


def read_tables(path: Path) -> dict[str, Table]:
    """Tables by expert; "" where the file is of one expert. Empty where it holds no arrays.

    Raises KBError where the file is broken or wants something called that makes no array, its
    subclass NoFeaturesError where the whole file is such a call.
    """
    try:
        mapping = Mapping.of(path)
    except (OSError, ValueError) as error:
        raise KBError("is empty or cannot be read", where=path, hint=_AGAIN) from error
    data = mapping.data
    opened = _zipped(data, path) if data[:2] == b"PK" else _plain(data, path)
    tables = _tables(opened.value, opened.reading, path)
    mapping.seen(len(data))
    return tables


@dataclass(frozen=True)
class _Opened:
    value: Any
    reading: Reading


def _plain(data: mmap.mmap, path: Path) -> _Opened:
    """A pickle, or torch's older form."""
    value, at = pickles.load(data, path)
    if value != _MAGIC:
        return _Opened(value, Reading(data, path, {}))
    for _ in range(2):  # version, and the sizes of the writer's types
        _, at = pickles.load(data, path, at)
    value, at = pickles.load(data, path, at)
    keys, at = pickles.load(data, path, at)
    kinds = _storages(value)
    storages = {}
    for key in keys if isinstance(keys, list) else []:
        if at + 8 > len(data) or not isinstance(key, (str, int)) or str(key) not in kinds:
            raise KBError("ends before its tensors", where=path, hint=_AGAIN)
        (count,) = struct.unpack("<q", data[at : at + 8])
        length = count * itemsize(kinds[str(key)])
        if count < 0 or at + 8 + length > len(data):
            raise KBError("ends before its tensors", where=path, hint=_AGAIN)
        storages[str(key)] = Blob(at + 8, length)
        at += 8 + length
    return _Opened(value, Reading(data, path, storages))


def _storages(value: Any) -> dict[str, str]:
    """Key and type of every storage that a value names."""
    kinds: dict[str, str] = {}
    rest, seen = [value], set[int]()
    while rest:
        item = rest.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        match item:
            case dict():
                rest += item.values()
            case list() | tuple():
                rest += item
            case Call():
                rest.append(item.arguments)
            case Persistent():
                with suppress(TypeError):
                    kind, key = item.storage
                    kinds[key] = kind.name
    return kinds


def _zipped(data: mmap.mmap, path: Path) -> _Opened:
    """Torch's newer form: a zip whose members are stored as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: _member(info, data, path) for info in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise KBError("has two members of one name", where=path, hint=_AGAIN)
    except (zipfile.BadZipFile, ValueError, struct.error, OSError, NotImplementedError) as error:
        raise KBError(f"is a broken archive ({error})", where=path, hint=_AGAIN) from error
    program = next((name for name in members if name.endswith("/data.pkl")), None)
    if program is None:
        raise KBError("is an archive without data.pkl", where=path, hint="is it torch's?")
    folder = program.removesuffix("data.pkl") + "data/"
    storages = {
        name.removeprefix(folder): blob for name, blob in members.items() if name.startswith(folder)
    }
    value, _ = pickles.load(data, path, members[program].offset)
    return _Opened(value, Reading(data, path, storages))


def _member(info: zipfile.ZipInfo, data: mmap.mmap, path: Path) -> Blob:
    """Byte range of a member. KBError for a compressed one: torch writes none, and it may be a bomb."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        hint = "torch stores them as they are"
        raise KBError(f"{info.filename} is compressed", where=path, hint=hint)
    at = info.header_offset
    name, extra = struct.unpack("<HH", data[at + 26 : at + 30])
    start = at + 30 + name + extra
    if data[at : at + 4] != b"PK\x03\x04" or start + info.file_size > len(data):
        raise KBError(f"{info.filename} is not all there", where=path, hint=_AGAIN)
    return Blob(start, info.file_size)


def _tables(value: Any, reading: Reading, path: Path) -> dict[str, Table]:
    if isinstance(value, Call):
        try:
            reading.array(value)  # an array alone is of no video
        except KBError as error:
            raise NoFeaturesError(error.what, where=path, hint=error.hint) from error
    if not isinstance(value, dict):
        return {}
    nested = {k: v for k, v in value.items() if isinstance(k, str) and isinstance(v, dict)}
    inner = nested if nested and len(nested) == len(value) else {"": value}
    if sum(map(len, inner.values())) > len(reading.data):  # one dictionary, for many experts
        raise KBError("names more videos than it has bytes", where=path, hint=_AGAIN)
    tables = {expert: _table(videos, reading, path) for expert, videos in inner.items()}
    return {expert: table for expert, table in tables.items() if any(table.values())}


def _table(value: dict[Any, Any], reading: Reading, path: Path) -> Table:
    """Arrays by video; NaN in place of an array says that there is none."""
    table: Table = {}
    for video, item in value.items():
        if isinstance(item, float):
            table[str(video)] = None
        elif isinstance(item, Call):
            if not isinstance(video, str):
                raise KBError(f"{video} names no video", where=path, hint=_AGAIN)
            table[video] = reading.array(item)
    return table
