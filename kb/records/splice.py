"""Put new records into old text: blocks with unchanged content keep their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kb.records import blocks, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kb.records.blocks import Block, Section
    from kb.records.schema import Record

Plain = dict[str, Any]


def splice(
    text: str,
    current: Mapping[str, Any],
    wanted: Mapping[str, list[Plain]],
    models: Mapping[str, type[Record]],
    *,
    afresh: bool = False,
) -> str:
    """The text, changed where `wanted` differs from its `current` content.

    With `afresh` every block is rewritten. Sections that `wanted` does not name stay; so does
    every comment.
    """
    parts: list[tuple[str | None, list[str]]] = []
    for section in blocks.split(text):
        if section.key is None or section.key not in wanted:
            unchanged = section.head + [line for block in section.blocks for line in block.lines]
            parts.append((section.key, unchanged))
            continue
        items, model = wanted[section.key], models.get(section.key)
        lines = _section(section, current.get(section.key) or [], items, model, afresh=afresh)
        parts.append((section.key, lines))
    _insert(parts, wanted)
    return "\n".join(line for _, lines in parts for line in lines).rstrip("\n") + "\n"


def _insert(parts: list[tuple[str | None, list[str]]], wanted: Mapping[str, list[Plain]]) -> None:
    """Insert sections that the text lacks, each after its predecessor in `wanted`."""
    place = 0  # the part above the first key
    for key, items in wanted.items():
        names = [name for name, _ in parts]
        if key in names:
            place = names.index(key)
        elif items:
            last = next((lines[-1] for _, lines in reversed(parts[: place + 1]) if lines), "")
            fresh = blocks.Section(key, [*([""] if last.strip() else []), f"{key}:"])
            place += 1
            parts.insert(place, (key, _section(fresh, [], items, None)))


def _section(
    section: Section,
    current: list[Any],
    wanted: list[Plain],
    model: type[Record] | None,
    *,
    afresh: bool = False,
) -> list[str]:
    out = _head(section, empty=not wanted)
    olds: dict[str, tuple[Block, Any]] = {}
    if len(current) == len(section.blocks):
        names = map(_name, current, range(len(current)))
        olds = dict(zip(names, zip(section.blocks, current, strict=True), strict=True))
    strays = [] if olds else list(section.blocks)
    for index, item in enumerate(wanted):
        block, content = olds.pop(_name(item, index), (None, None))
        if block is None:
            out += ["", *canonical.entry(item)] if index else list(canonical.entry(item))
        else:
            lead = _lead(block, first_now=index == 0, first_before=block is section.blocks[0])
            out += _tidy(lead, first=index == 0) if afresh else lead
            same = not afresh and (content == item or _plain(content, model) == item)
            fresh = [] if same else list(canonical.entry(item))
            out += block.body if same else blocks.with_comments(block.body, fresh)
    strays += [block for block, _ in olds.values()]
    # Comments outlive their records.
    return out + [line for block in strays for line in block.lines if _is_comment(line)]


def _plain(item: Any, model: type[Record] | None) -> Plain | None:
    """The content of a block without default values."""
    try:
        return canonical.plain(model.model_validate(item)) if model else None
    except ValidationError:
        return None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _head(section: Section, *, empty: bool) -> list[str]:
    """The lines down to the key, with `[]` if no record follows."""
    above = [line for line in section.head if _is_comment(line) or not line.strip()]
    key_line = next((line for line in section.head if line not in above), "")
    _, hash_mark, comment = key_line.partition(" #")
    tail = f"  #{comment}" if hash_mark else ""
    return [*above, f"{canonical.scalar(section.key or '')}:{' []' if empty else ''}{tail}"]


def _name(item: Any, index: int) -> str:
    return str(item.get("id", index)) if isinstance(item, dict) else str(index)


def _tidy(lead: list[str], *, first: bool) -> list[str]:
    """Comments above a record with one blank line before them."""
    return [*([] if first else [""]), *(line for line in lead if line.strip())]


def _lead(block: Block, *, first_now: bool, first_before: bool) -> list[str]:
    """The comments above a record, and the blank line that separates it from the previous one."""
    lead = block.lead
    while first_now and lead and not lead[0].strip():
        lead = lead[1:]
    if not first_now and first_before and not (lead and not lead[0].strip()):
        lead = ["", *lead]
    return lead
