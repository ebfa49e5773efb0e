"""The names that papers give to models: pages show them, commands and addresses keep the keys."""

import re
from pathlib import Path

from kb.records import KBError, Paper, yamlfile

FILE = Path("site") / "names.yaml"
_COINED = re.compile(r"[\w+-]{2,14}")  # one word before a title's colon is the model's name


def read(root: Path) -> dict[str, str]:
    """Model key -> name, from site/names.yaml; empty without that file."""
    path = root / FILE
    if not path.is_file():
        return {}
    listed = yamlfile.parse(yamlfile.read_text(path).text, path)
    for key, name in listed.items():
        if not isinstance(name, str) or not name.strip():
            raise KBError(f"the name of {key} is not text", where=path, hint="write `key: Name`")
    return {key: name.strip() for key, name in listed.items()}


def of_paper(paper: Paper, known: dict[str, str]) -> str:
    """The listed name, else the word that the title coins, else the model's key or the title."""
    if paper.model in known:
        return known[paper.model]
    head = paper.title.partition(":")[0].strip()
    if head != paper.title and _COINED.fullmatch(head):
        return head
    return paper.model or paper.title
