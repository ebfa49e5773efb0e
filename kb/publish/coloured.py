"""Python source in colour: the tokens of each line with the class of their kind."""

from collections.abc import Iterable

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String

from kb.publish.text import clean

_KINDS = ((Comment, "c"), (Keyword, "k"), (String, "s"), (Number, "n"), (Name.Decorator, "k"))


def lines(source: Iterable[str]) -> list[Markup]:
    """One piece of markup per line; what is not Python comes out as plain text."""
    done: list[str] = [""]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(source)):
        name = next((name for of, name in _KINDS if kind in of), "")
        first, *rest = text.split("\n")
        done[-1] += _piece(first, name)
        done += [_piece(piece, name) for piece in rest]
    return [Markup(line) for line in done]  # noqa: S704  (every text above is escaped)


def _piece(text: str, name: str) -> str:
    if not text:
        return ""
    safe = escape(clean(text))
    return f'<span class="{name}">{safe}</span>' if name and text.strip() else str(safe)
