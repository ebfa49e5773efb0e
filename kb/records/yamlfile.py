"""Reading a YAML file that people edit: fast, safe, and an error names line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from kb.records import bulk
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST = 256 << 20  # bytes; a knowledge base of 20,000 papers has some 20 MB
_DEEPEST = 32  # levels of nesting; records have five
_BOM = "\ufeff"

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the C loader where PyYAML was built with it
    """YAML as records use it: dates stay text, a key stands once, nothing is aliased."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own way to set them)
        first: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":merge"))]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; a key that stands twice is an error, not a silent loss."""
        pairs = {
            self.construct_object(key, deep=deep): self.construct_object(held, deep=deep)
            for key, held in node.value
        }
        if len(pairs) < len(node.value):
            seen: set[Any] = set()
            for key, _ in node.value:
                name = self.construct_object(key)
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key `{name}` stands twice", key.start_mark
                    )
                seen.add(name)
        return pairs


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


@dataclass
class Text:
    """A file's text with LF line ends, and how to write it back as found."""

    text: str = ""
    newline: str = "\n"
    bom: bool = False
    exists: bool = False

    def encode(self, text: str) -> bytes:
        """The bytes of a new text, with the line ends and the byte-order mark of the old."""
        return ((_BOM if self.bom else "") + text.replace("\n", self.newline)).encode()


def read_text(path: Path) -> Text:
    """The file's text; empty where there is no file."""
    try:
        if not path.exists():
            return Text()
        if path.stat().st_size > LARGEST:
            raise KBError("larger than 256 MB", where=path, hint="split the knowledge base")
        raw = path.read_bytes()
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise KBError("not UTF-8 text", where=path, line=line, hint="save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise KBError("a binary file", where=path, line=line, hint="restore it from git")
    newline = "\r\n" if "\r\n" in text else "\n"
    bom = text.startswith(_BOM)
    return Text(text.removeprefix(_BOM).replace("\r\n", "\n"), newline, bom, exists=True)


def parse(text: str, path: Path) -> dict[str, Any]:
    """The mapping at the top of a YAML text; empty where there is nothing."""
    _refuse_tricks(text, path)
    try:
        with bulk.uncollected():
            document = yaml.load(text, Loader=_Loader)  # noqa: S506  (_Loader is a safe loader)
    except yaml.YAMLError as error:
        raise _broken(error, path) from error
    except (RecursionError, ValueError, TypeError) as error:
        raise KBError(
            f"not readable as YAML ({error})", where=path, hint="correct the YAML"
        ) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KBError("not a mapping at the top", where=path, hint="it starts with a `key:`")
    return document


def place(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Line and column, from 1, of the value at a path of keys and indices, as deep as it goes.

    None where the path is not in the text at all.
    """
    node = yaml.compose(text, Loader=_Base)
    found = None
    for step in path:
        below = _below(node, step)
        if below is None:
            break
        node, found = below
    return None if found is None else (found.line + 1, found.column + 1)


def _below(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """The node one step down, and where a reader looks for it: at its key, or at its dash's item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == str(step):
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark
    return None


def _broken(error: yaml.YAMLError, path: Path) -> KBError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    return KBError(
        str(what),
        where=path,
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
        hint="correct the YAML there",
    )


def _refuse_tricks(text: str, path: Path) -> None:
    """Aliases (one edit would change two records) and depth that no record has."""
    deep = _DEEP.search(text)
    if deep:
        line = text.count("\n", 0, deep.start()) + 1
        raise KBError("nesting far too deep", where=path, line=line, hint="write it flat")
    if not _STAR.search(text):
        return
    try:
        for token in yaml.scan(text, Loader=_Base):
            if isinstance(token, yaml.AliasToken):
                line, column = token.start_mark.line + 1, token.start_mark.column + 1
                hint = "write the value out"
                raise KBError("an alias", where=path, line=line, column=column, hint=hint)
    except yaml.YAMLError as error:
        raise _broken(error, path) from error


_STAR = re.compile(r"(?:^|[\s\[,{:-])\*[\w-]")
_DEEP = re.compile(rf"(?:[\[{{][ ]?){{{_DEEPEST}}}|(?:- ){{{_DEEPEST}}}", re.MULTILINE)
