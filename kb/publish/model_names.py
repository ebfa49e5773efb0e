"""The names that papers give to models: pages show them, commands and addresses keep the keys."""

import re

from kb.records import Library, Paper, summaries

_COINED = re.compile(r"[\w+-]{2,14}")  # one word before a title's colon is the model's name


def read(library: Library) -> dict[str, str]:
    """Model key -> name: from data/summaries.yaml, and of datasets that brought a model."""
    known = summaries.read(library.data)
    names = {
        one.model: known[one.id].short for one in library.papers if one.model and one.id in known
    }
    listed = {model: name for model, name in names.items() if name}
    return {one.id: one.name for one in library.datasets} | listed


def of_paper(paper: Paper, known: dict[str, str]) -> str:
    """The listed name, else the word that the title coins, else the model's key or the title."""
    if paper.model in known:
        return known[paper.model]
    head = paper.title.partition(":")[0].strip()
    if head != paper.title and _COINED.fullmatch(head):
        return head
    return paper.model or paper.title
