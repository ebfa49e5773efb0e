"""Terms that a reader may not know, explained where they are written."""

from functools import cache

from markupsafe import Markup, escape

from kb.publish.render import THEME
from kb.records import yamlfile

FILE = THEME / "glossary.yml"


@cache
def terms() -> dict[str, str]:
    """Term -> its meaning in one sentence."""
    listed = yamlfile.parse(yamlfile.read_text(FILE).text, FILE)
    return {str(name): str(meaning) for name, meaning in listed.items()}


def term(name: str) -> Markup:
    """A term with its meaning on hover; a text that is not listed stays as it is."""
    meaning = terms().get(name)
    if meaning is None:
        return Markup(escape(name))  # noqa: S704  (escaped)
    return Markup(f'<abbr title="{escape(meaning)}">{escape(name)}</abbr>')  # noqa: S704


def table() -> str:
    """All terms as a Markdown table."""
    rows = [f"| {name} | {meaning} |" for name, meaning in terms().items()]
    return "\n".join(["| Term | Meaning |", "|---|---|", *rows])


def marked(page: str) -> str:
    """A hand-written Markdown page whose terms are explained on hover."""
    listed = "\n".join(f"*[{name}]: {meaning}" for name, meaning in terms().items())
    return f"{page.rstrip()}\n\n{listed}\n"
