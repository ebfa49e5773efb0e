"""The header of a run file: ir_metadata (Breuer, Keller, Schaer, SIGIR 2022), YAML in comment lines.

Six components after PRIMAD: platform, research goal, implementation, method, actor, data. The keys
are those of www.ir-metadata.org. What only a person knows (actor, research goal, test collection) is
taken from a file of theirs; nothing is made up for it.
"""

from __future__ import annotations

import hashlib
import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

import yaml

from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START, END = "# ir_metadata.start", "# ir_metadata.end"
COMPONENTS = ("platform", "research goal", "implementation", "method", "actor", "data")
_LIBRARIES = ("numpy", "torch", "numba", "scipy")
_LARGEST = 1 << 20  # bytes of a header or of a person's file
_FORM = f"a mapping with any of: tag, {', '.join(COMPONENTS)}"
Document = dict[str, Any]


def known(tag: str, command: str, method: Document, files: Mapping[str, Path]) -> Document:
    """What this program knows of a run that it writes.

    Args:
        tag: the run's last column.
        command: that wrote it, with names of files, not with their folders.
        method: how the scores were made and ties ordered.
        files: input -> file; its name and SHA-256 go into `data`.
    """
    inputs = [
        {"name": what, "file": path.name, "sha256": _digest(path)} for what, path in files.items()
    ]
    return {
        "tag": tag,
        "platform": _platform(),
        "research goal": {},
        "implementation": {"executable": {"cmd": command}, "source": {"lang": ["Python"]}},
        "method": method,
        "actor": {},
        "data": {"other": inputs},
    }


def merged(document: Document, path: Path) -> Document:
    """The document with a person's file over it, component by component.

    Raises KBError for a file that cannot be read, is no YAML, or has other components.
    """
    own = _parsed(_text(path), path)
    tag = own.get("tag", document["tag"])
    if not isinstance(tag, str) or tag.split() != [tag]:
        raise KBError("its tag is no single word", where=path, hint="write tag: my-run")
    parts = {name: {**document[name], **own.get(name, {})} for name in COMPONENTS}
    return {"tag": tag, **parts}


def lines(document: Document) -> list[str]:
    """The header's lines, without their ends."""
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=4096)
    return [START, *(f"# {line}" for line in text.splitlines()), END]


def read(path: Path) -> Document | None:
    """The header of a run file; None where it has none.

    Raises KBError for a header that does not end, is no YAML, or lacks a component.
    """
    text = []
    with path.open(encoding="utf-8-sig") as file:
        if file.readline().rstrip("\r\n") != START:
            return None
        for number, line in enumerate(file, 2):
            if line.rstrip("\r\n") == END:
                break
            if not line.startswith("#"):
                raise KBError("is no comment", where=path, line=number, hint=f"end it with {END}")
            text.append(line[1:])
        else:
            raise KBError("its header does not end", where=path, hint=f"end it with {END}")
    document = _parsed("".join(text), path)
    if missing := [name for name in COMPONENTS if name not in document]:
        raise KBError(f"its header lacks {', '.join(missing)}", where=path)
    return document


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()[: _LARGEST + 1]
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    except UnicodeDecodeError as error:
        raise KBError("is no text", where=path, hint=_FORM) from error
    if len(data) > _LARGEST:
        raise KBError("is larger than 1 MB", where=path, hint=_FORM)
    return text


def _parsed(text: str, path: Path) -> Document:
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        aliases = any(isinstance(event, yaml.AliasEvent) for event in events)
        document = None if aliases else yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise KBError("is no YAML", where=path, hint=_FORM) from error
    if aliases:  # a few of them make a document without end
        raise KBError("has YAML aliases", where=path, hint="write each value out")
    if not isinstance(document, dict) or not {*document} <= {"tag", *COMPONENTS}:
        raise KBError("is no ir_metadata", where=path, hint=_FORM)
    if flat := [name for name in COMPONENTS if not isinstance(document.get(name, {}), dict)]:
        raise KBError(f"{flat[0]} is no mapping", where=path, hint=_FORM)
    return document


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    return digest.hexdigest()


def _platform() -> Document:
    """Hardware, system and libraries; no host name, no folder."""
    cpu = {"architecture": platform.machine(), "number of cores": os.cpu_count() or 1}
    versions = {one.metadata["Name"]: one.version for one in map(_library, _LIBRARIES) if one}
    return {
        "hardware": {"cpu": cpu},
        "operating system": {"kernel": platform.release(), "distribution": _distribution()},
        "software": {
            "libraries": {"python": [f"{name}=={version}" for name, version in versions.items()]},
            "retrieval toolkit": ["kb"],
        },
    }


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _library(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
