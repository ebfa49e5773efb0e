"""New records into old text: blocks that still say the same keep their bytes."""

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
    held: Mapping[str, Any],
    wanted: Mapping[str, list[Plain]],
    models: Mapping[str, type[Record]],
    *,
    afresh: bool = False,
) -> str:
    """The text changed where `wanted` differs from `held`, which is what it says now.

    With `afresh` every block is written anew. Sections that `wanted` does not name stay as they are; every comment stays somewhere.
    """
    parts: list[tuple[str | None, list[str]]] = []
    for section in blocks.split(text):
        if section.key is None or section.key not in wanted:
            kept = section.head + [line for block in section.blocks for line in block.lines]
            parts.append((section.key, kept))
            continue
        items, model = wanted[section.key], models.get(section.key)
        lines = _section(section, held.get(section.key) or [], items, model, afresh=afresh)
        parts.append((section.key, lines))
    _insert(parts, wanted)
    return "\n".join(line for _, lines in parts for line in lines).rstrip("\n") + "\n"


def _insert(parts: list[tuple[str | None, list[str]]], wanted: Mapping[str, list[Plain]]) -> None:
    """Sections that the text lacks, each behind the one that is wanted before it."""
    place = 0  # what stands above the first key
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
    held: list[Any],
    wanted: list[Plain],
    model: type[Record] | None,
    *,
    afresh: bool = False,
) -> list[str]:
    out = _head(section, empty=not wanted)
    olds: dict[str, tuple[Block, Any]] = {}
    if len(held) == len(section.blocks):
        names = map(_name, held, range(len(held)))
        olds = dict(zip(names, zip(section.blocks, held, strict=True), strict=True))
    strays = [] if olds else list(section.blocks)
    for index, item in enumerate(wanted):
        block, says = olds.pop(_name(item, index), (None, None))
        if block is None:
            out += ["", *canonical.entry(item)] if index else list(canonical.entry(item))
        else:
            lead = _lead(block, first_now=index == 0, first_before=block is section.blocks[0])
            out += _tidy(lead, first=index == 0) if afresh else lead
            same = not afresh and (says == item or _says(says, model) == item)
            fresh = [] if same else list(canonical.entry(item))
            out += block.body if same else blocks.with_comments(block.body, fresh)
    strays += [block for block, _ in olds.values()]
    # Comments outlive the records they stood above.
    return out + [line for block in strays for line in block.lines if _is_comment(line)]


def _says(held: Any, model: type[Record] | None) -> Plain | None:
    """What a block says with defaults unsaid."""
    try:
        return canonical.plain(model.model_validate(held)) if model else None
    except ValidationError:
        return None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _head(section: Section, *, empty: bool) -> list[str]:
    """The lines down to the key, which says `[]` only while nothing follows."""
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
    """The comments above a record, and the blank line that parts it from the one before."""
    lead = block.lead
    while first_now and lead and not lead[0].strip():
        lead = lead[1:]
    if not first_now and first_before and not (lead and not lead[0].strip()):
        lead = ["", *lead]
    return lead
