"""Speech and on-screen text of a video: words with their times, some of them wrong."""

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Line
from kb.datasets.synthetic import lexicon
from kb.datasets.synthetic.draws import Draws, noise
from kb.datasets.synthetic.script import Entity, Event, Script

DIM = 64  # of a word's vector
SECOND = 4  # frames
_FILLERS = ("well hello everyone", "let us see", "have a look at this", "thank you for watching")
_LETTERS = {"e": "c", "l": "i", "o": "0", "n": "m", "r": "t", "s": "5"}  # how signs are misread


def spoken(script: Script, draws: Draws) -> list[Line]:
    """A narrator who greets, names a figure and remarks on an act while it goes on."""
    lines = []
    if draws.chance(40):
        lines.append(_line(0, 2, draws.choose(_FILLERS)))
    if draws.chance(60):
        figure = _figure(script.cast[draws.below(2)], draws)
        lines.append(_line(1, 4, f"{draws.choose(('here is', 'this is', 'see'))} the {figure}"))
    event = draws.choose(script.events)
    lines.append(_line(event.start, event.end, _remark(event, script, draws)))
    return lines


def _line(start: int, end: int, text: str) -> Line:
    return Line(start / SECOND, end / SECOND, text)


def _remark(event: Event, script: Script, draws: Draws) -> str:
    doing = draws.choose(lexicon.VERBS[event.action])[1]
    manner = draws.choose(lexicon.MANNERS[event.manner])
    if event.patient is None or draws.chance(50):
        return draws.choose((f"now it is {doing}", f"see it {doing} {manner}"))
    return f"it is {doing} the {_figure(script.cast[event.patient], draws)}"


def _figure(entity: Entity, draws: Draws) -> str:
    return f"{draws.choose(lexicon.COLOURS[entity.colour])} {draws.choose(lexicon.NOUNS[entity.shape])}"


def written(script: Script, draws: Draws) -> list[Line]:
    """A title or sign through the whole video, with OCR errors."""
    figure = _figure(script.cast[draws.below(2)], draws)
    text = draws.choose((script.place, figure, f"{figure} show", "channel four"))
    read = "".join(_LETTERS.get(c, c) if draws.chance(4) else c for c in text)
    return [_line(0, script.frames, read)]


def vectors(lines: list[Line]) -> NDArray[np.float32]:
    """(words, 64): a vector for each word, drawn once from its spelling, in eighths of -1..1."""
    words = [word for line in lines for word in line.text.split()]
    rows = [noise(Draws("word", word).word(), DIM, 17) - 8 for word in words]
    return np.array(rows, np.float32).reshape(-1, DIM) / np.float32(8)
