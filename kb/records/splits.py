"""The splits of the datasets: one name each, whatever a source calls it (splits.yaml)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from kb.records import yamlfile
from kb.records.schema import Record, Text, WebAddress

if TYPE_CHECKING:
    from kb.records.schema import Published

FILE = Path(__file__).with_name("splits.yaml")
NOT_STATED = "not stated"
Role = Literal["test", "train"]


class NamedSplit(Record):
    """One split of a dataset under its one name."""

    name: Text
    protocol: Text | None = None  # under which `kb data` reads it
    with_train: dict[Text, Text] = Field(default_factory=dict)  # training set -> protocol
    size: int | None = None
    also: list[Text] = Field(default_factory=list)  # other spellings
    url: WebAddress | None = None  # the file that settles it
    settled: Text | None = None  # what that file shows
    metric: Text | None = None  # that it is measured by, where that is its own
    differs: Text | None = None  # from the dataset's other tests, for a reader


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, list[NamedSplit]]]:
    """Dataset -> role -> its splits."""
    document = yamlfile.parse(yamlfile.read_text(FILE).text, FILE)
    return {
        dataset: {
            role: [NamedSplit.model_validate(split) for split in splits]
            for role, splits in roles.items()
        }
        for dataset, roles in document.items()
    }


def named(dataset: str, role: Role, name: str) -> NamedSplit | None:
    """The split that this name or another spelling of it means."""
    splits = table().get(dataset, {}).get(role, [])
    return next((one for one in splits if name == one.name or name in one.also), None)


def one_name(dataset: str, role: Role, name: str) -> str:
    """The one name of a split; of `9k + COCO images` that of its first part changes."""
    first, plus, rest = name.partition(" + ")
    known = named(dataset, role, name) or named(dataset, role, first)
    if known is None:
        return name
    return known.name if named(dataset, role, name) else known.name + plus + rest


def protocol(row: Published) -> str:
    """The protocol under which `kb data` reads the test of a row; else the row's own name of it."""
    known = named(row.dataset, "test", row.test_split)
    if known is None or known.protocol is None:
        return row.test_split
    train = one_name(row.dataset, "train", row.train_split or "")
    return known.with_train.get(train, known.protocol)


def misnamed(row: Published) -> list[tuple[Role, str, str]]:
    """(role, spelling, name) of the splits that a row calls by another spelling."""
    given: list[tuple[Role, str | None]] = [("test", row.test_split), ("train", row.train_split)]
    return [
        (role, name, one_name(row.dataset, role, name))
        for role, name in given
        if name is not None and one_name(row.dataset, role, name) != name
    ]
