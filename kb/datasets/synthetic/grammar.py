"""Script -> the facts an annotator chooses to state, slips included."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import script as s
from kb.datasets.synthetic import wording
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import EventMention, Meaning, Mention
from kb.datasets.synthetic.script import Entity, Script


@dataclass(frozen=True)
class Sentence:
    """A caption, what it states, and its structure: (words, columns of `words.COLUMNS`)."""

    text: str
    meaning: Meaning
    structure: NDArray[np.int8] = field(compare=False, repr=False)


def describe(script: Script, draws: Draws, difficulty: Difficulty) -> Sentence:
    """One annotator's caption of a video: what to say, perhaps a slip, then how to say it."""
    meaning = select(script, draws, difficulty)
    if draws.chance(difficulty.error):
        meaning = _slip(meaning, draws)
    phrase = wording.say(meaning, draws, difficulty)
    return Sentence(phrase.text, meaning, phrase.table())


def select(script: Script, draws: Draws, difficulty: Difficulty) -> Meaning:
    """The facts that an annotator states about a video."""
    cast = [_mention(entity, draws, difficulty) for entity in script.cast]
    mentions = [
        EventMention(
            event.action,
            event.manner if draws.chance(difficulty.manner) else None,
            _someone(cast[event.agent], draws, difficulty),
            None if event.patient is None else cast[event.patient],
        )
        for event in script.events
    ]
    if len(mentions) > 2 and draws.chance(difficulty.omitted):  # noqa: PLR2004  (an order needs two)
        mentions.pop(draws.below(len(mentions)))
    aside = script.bystanders
    onlooker = cast[aside[0]] if aside and draws.chance(difficulty.onlooker) else None
    place = script.place if draws.chance(difficulty.place) else None
    return Meaning(place, onlooker, tuple(mentions))


def _someone(mention: Mention, draws: Draws, difficulty: Difficulty) -> Mention:
    """The agent, or an unspecified one (SOMEONE)."""
    return Mention() if difficulty.someone and draws.chance(difficulty.someone) else mention


def _mention(entity: Entity, draws: Draws, difficulty: Difficulty) -> Mention:
    shape = entity.shape if draws.chance(difficulty.shape) else None
    colour = entity.colour if shape is None or draws.chance(difficulty.colour) else None
    size = entity.size if draws.chance(difficulty.size) else None
    marked = entity.texture != "plain" and draws.chance(difficulty.texture)
    return Mention(shape, colour, size, entity.texture if marked else None)


def _slip(meaning: Meaning, draws: Draws) -> Meaning:
    """The same meaning with one fact of one event wrong."""
    at = draws.below(len(meaning.events))
    event = meaning.events[at]
    kind = draws.choose(("action", "manner", "agent", "agent"))
    if kind == "action":
        group = s.ALONE if event.patient is None else s.TOGETHER
        event = replace(event, action=_another(group, event.action, draws))
    elif kind == "manner" and event.manner is not None:
        event = replace(event, manner=_another(s.MANNERS, event.manner, draws))
    else:
        event = replace(event, agent=_misseen(event.agent, draws))
    events = (*meaning.events[:at], event, *meaning.events[at + 1 :])
    return replace(meaning, events=events)


def _misseen(mention: Mention, draws: Draws) -> Mention:
    if mention.colour is not None:
        return replace(mention, colour=_another(s.COLOURS, mention.colour, draws))
    return replace(mention, shape=_another(s.SHAPES, mention.shape, draws))


def _another(group: tuple[str, ...], value: str | None, draws: Draws) -> str:
    return draws.choose([other for other in group if other != value])
