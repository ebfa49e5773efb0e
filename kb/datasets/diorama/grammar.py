"""Script -> captions, each with the meaning it states."""

from dataclasses import dataclass, replace

from kb.datasets.diorama import lexicon
from kb.datasets.diorama import script as s
from kb.datasets.diorama.difficulty import Difficulty
from kb.datasets.diorama.draws import Draws
from kb.datasets.diorama.meaning import Meaning, Mention, Told
from kb.datasets.diorama.script import Entity, Script


@dataclass(frozen=True)
class Sentence:
    """A caption and what it states."""

    text: str
    meaning: Meaning


def describe(script: Script, draws: Draws, difficulty: Difficulty) -> Sentence:
    """One annotator's caption of a video: what to say, perhaps a slip, then how to say it."""
    meaning = _select(script, draws, difficulty)
    if draws.chance(difficulty.error):
        meaning = _slip(meaning, draws)
    return Sentence(_say(meaning, draws, difficulty), meaning)


# What to say


def _select(script: Script, draws: Draws, difficulty: Difficulty) -> Meaning:
    cast = [_mention(entity, draws, difficulty) for entity in script.cast]
    told = [
        Told(
            event.action,
            event.manner if draws.chance(difficulty.manner) else None,
            cast[event.agent],
            None if event.patient is None else cast[event.patient],
        )
        for event in script.events
    ]
    if len(told) > 2 and draws.chance(difficulty.omitted):  # noqa: PLR2004  (an order needs two)
        told.pop(draws.below(len(told)))
    aside = script.bystanders
    onlooker = cast[aside[0]] if aside and draws.chance(difficulty.onlooker) else None
    place = script.place if draws.chance(difficulty.place) else None
    return Meaning(place, onlooker, tuple(told))


def _mention(entity: Entity, draws: Draws, difficulty: Difficulty) -> Mention:
    shape = entity.shape if draws.chance(difficulty.shape) else None
    colour = entity.colour if shape is None or draws.chance(difficulty.colour) else None
    size = entity.size if draws.chance(difficulty.size) else None
    marked = entity.texture != "plain" and draws.chance(difficulty.texture)
    return Mention(shape, colour, size, entity.texture if marked else None)


def _slip(meaning: Meaning, draws: Draws) -> Meaning:
    """The same meaning with one fact of one event wrong."""
    at = draws.below(len(meaning.events))
    told = meaning.events[at]
    kind = draws.choose(("action", "manner", "agent", "agent"))
    if kind == "action":
        group = s.ALONE if told.patient is None else s.TOGETHER
        told = replace(told, action=_another(group, told.action, draws))
    elif kind == "manner" and told.manner is not None:
        told = replace(told, manner=_another(s.MANNERS, told.manner, draws))
    else:
        told = replace(told, agent=_misseen(told.agent, draws))
    events = (*meaning.events[:at], told, *meaning.events[at + 1 :])
    return replace(meaning, events=events)


def _misseen(mention: Mention, draws: Draws) -> Mention:
    if mention.colour is not None:
        return replace(mention, colour=_another(s.COLOURS, mention.colour, draws))
    return replace(mention, shape=_another(s.SHAPES, mention.shape, draws))


def _another(group: tuple[str, ...], value: str | None, draws: Draws) -> str:
    return draws.choose([other for other in group if other != value])


# How to say it


def _say(meaning: Meaning, draws: Draws, difficulty: Difficulty) -> str:
    text = _tell(meaning.events, draws, difficulty)
    if meaning.bystander is not None:
        figure = _figure(meaning.bystander, draws)
        text += draws.choose(
            (f" next to {figure}", f" while {figure} is near", f" beside {figure}")
        )
    if meaning.place is not None:
        place = draws.choose(lexicon.PLACES[meaning.place])
        text = f"{place} {text}" if draws.chance(30) else f"{text} {place}"
    return text


def _tell(events: tuple[Told, ...], draws: Draws, difficulty: Difficulty) -> str:
    """The clauses joined so that the order of time can be read from the words of the join."""
    clauses = [_clause(told, draws, difficulty) for told in events]
    if len(clauses) == 1:
        return clauses[0]
    first, second, *rest = clauses
    if draws.chance(difficulty.backward):
        text = draws.choose((f"before {second} {first}", f"{second} after {first}"))
    else:
        link = draws.choose(("and then", "then", "before", "after which"))
        text = f"{first} {link} {second}"
        if draws.chance(20):
            text = f"after {first} {second}"
    for clause in rest:
        text += draws.choose((f" and finally {clause}", f" and in the end {clause}"))
    return text


def _clause(told: Told, draws: Draws, difficulty: Difficulty) -> str:
    present, doing, done = draws.choose(lexicon.VERBS[told.action])
    agent = _figure(told.agent, draws)
    manner = "" if told.manner is None else draws.choose(lexicon.MANNERS[told.manner])
    if told.patient is None:
        subject, tail = agent, ""
        verb = draws.choose((present, f"is {doing}"))
    else:
        patient = _figure(told.patient, draws)
        if draws.chance(difficulty.passive):
            subject, verb, tail = patient, f"is {done}", f"by {agent}"
        else:
            subject, verb, tail = agent, draws.choose((present, f"is {doing}")), patient
    if not draws.chance(40):
        words = [subject, verb, tail, manner]
    elif verb.startswith("is "):
        words = [subject, "is", manner, verb.removeprefix("is "), tail]
    else:
        words = [subject, manner, verb, tail]
    return " ".join(word for word in words if word)


def _figure(mention: Mention, draws: Draws) -> str:
    """A noun phrase: article, size, texture, colour, noun."""
    words = []
    if mention.size is not None:
        words.append(draws.choose(lexicon.SIZES[mention.size]))
    if mention.texture is not None:
        words.append(draws.choose(lexicon.TEXTURES[mention.texture]))
    if mention.colour is not None:
        words.append(draws.choose(lexicon.COLOURS[mention.colour]))
    nouns = lexicon.ABOVE if mention.shape is None else lexicon.NOUNS[mention.shape]
    words.append(draws.choose(nouns))
    article = "an" if words[0][0] in "aeiou" else "a"
    return " ".join(["the" if draws.chance(50) else article, *words])
