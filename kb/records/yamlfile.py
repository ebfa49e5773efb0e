"""Reading a YAML file that people edit: fast, safe, and an error names line and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from kb.records import bulk, plainfile
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DEEPEST = 32  # levels of nesting; records have five
_LONGEST_NUMBER = 400  # characters; reading longer ones takes the square of their length
_BOM = "\ufeff"
_UNREADABLE = (  # what PyYAML raises for a value that is not of its tag
    RecursionError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError,
)  # fmt: skip

_BOOL = "tag:yaml.org,2002:bool"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the C loader where PyYAML was built with it
    """YAML of records: dates are text, keys are unique, aliases are refused."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own way to set them)
        first: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":merge"))]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Called for each node on the way down: the composer below goes as deep as it is led."""
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > _DEEPEST:
            mark = getattr(current_node, "start_mark", None)
            raise yaml.composer.ComposerError(None, None, "nesting far too deep", mark)
        super().descend_resolver(current_node, current_index)

    def ascend_resolver(self) -> None:
        """Called for each node on the way up."""
        self.depth -= 1
        super().ascend_resolver()

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """An integer or a float of a length that such have."""
        if len(node.value) > _LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(node.value):,} characters", node.start_mark
            )
        if node.tag.endswith(":int"):
            return self.construct_yaml_int(node)
        return self.construct_yaml_float(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; a duplicate key is an error, not a silent loss; a key `on` is a name."""
        for key, _ in node.value:
            if key.tag == _BOOL and not key.style:  # YAML 1.1 reads on, off, yes, no as these
                key.tag = "tag:yaml.org,2002:str"
        pairs = {
            self.construct_object(key, deep=deep): self.construct_object(value, deep=deep)
            for key, value in node.value
        }
        if len(pairs) < len(node.value):
            seen: set[Any] = set()
            for key, _ in node.value:
                name = self.construct_object(key)
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key `{name}` occurs twice", key.start_mark
                    )
                seen.add(name)
        return pairs


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)
for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


@dataclass
class Text:
    """A file's text with LF line ends, and its original encoding."""

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
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    raw = plainfile.read(path)
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


def parse(text: str, path: Path | str) -> dict[str, Any]:
    """The mapping at the top of a YAML text; empty where there is nothing."""
    _refuse_aliases(text, path)
    try:
        with bulk.uncollected():
            document = yaml.load(text, Loader=_Loader)  # noqa: S506  (_Loader is a safe loader)
    except yaml.YAMLError as error:
        raise _broken(error, path) from error
    except _UNREADABLE as error:
        raise KBError(f"not readable as YAML ({error})", where=path, hint="fix the YAML") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KBError("not a mapping at the top", where=path, hint="it starts with a `key:`")
    return document


def place(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Line and column, from 1, of the value at a path of keys and indices, as deep as it goes.

    None where the path is not in the text at all.
    """
    node = yaml.compose(text, Loader=_Loader)
    mark = None
    for step in path:
        below = _below(node, step)
        if below is None:
            break
        node, mark = below
    return None if mark is None else (mark.line + 1, mark.column + 1)


def _below(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """The node one step down and its mark: that of its key, or of its item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == str(step):
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark
    return None


def _broken(error: yaml.YAMLError, path: Path | str) -> KBError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    return KBError(
        str(what),
        where=path,
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
        hint="fix the YAML there",
    )


def _refuse_aliases(text: str, path: Path | str) -> None:
    """Aliases: one edit would change two records."""
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
