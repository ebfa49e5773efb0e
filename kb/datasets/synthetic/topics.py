"""Topics of ad-hoc search: noun phrases that state part of what a shot shows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import lexicon, wording
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import EventMention, Meaning, Mention, rows, whole
from kb.datasets.synthetic.oracle import borne_out
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.world import World
from kb.records.errors import KBError

MOST = 30  # topics a year, as TRECVID asked from 2016 to 2019
_SHOTS = 20  # of the gallery, at least, to a topic
_RARE, _COMMON = 600, 20  # a topic is answered by one of 600 to one of 20 shots
_TWO = 20  # of 100 topics: about two events in their order
_KEPT = {"shape": 95, "colour": 85, "size": 20, "texture": 20, "manner": 25, "place": 40}
_TRIES = 10_000
Answers = NDArray[np.bool_]


@dataclass(frozen=True)
class GeneratedTopic:
    """A topic: its text, the facts it states, and the shots of the gallery that answer it."""

    text: str
    meaning: Meaning
    answers: Answers  # (shots,)


def compose(world: World, gallery: Sequence[Video], events: int) -> list[GeneratedTopic]:
    """Distinct topics, as many as the gallery allows. `events`: the maximum per video.

    A topic starts from the facts of one shot and drops facts until enough shots answer it.
    """
    shown = rows([whole(video.script) for video in gallery], events)
    wanted = min(MOST, max(1, len(gallery) // _SHOTS))
    fewest, most = max(3, len(gallery) // _RARE), max(4, len(gallery) // _COMMON)
    topic_of: dict[Meaning, GeneratedTopic] = {}
    for attempt in range(_TRIES):
        if len(topic_of) == wanted:
            break
        draws = Draws(world.dataset, world.seed, "topic", attempt)
        meaning = _part(whole(draws.choose(gallery).script), draws)
        answers = borne_out(meaning, shown, events)
        facts = draws.distinct(_facts(meaning), len(_facts(meaning)))
        while answers.sum() < fewest and facts:
            meaning = _without(meaning, facts.pop())
            answers = borne_out(meaning, shown, events)
        if fewest <= answers.sum() <= most and meaning not in topic_of:
            topic_of[meaning] = GeneratedTopic(_say(meaning, draws), meaning, answers)
    if len(topic_of) < wanted:
        what = f"{len(gallery)} shots bear {len(topic_of)} topics, not {wanted}"
        raise KBError(what, hint="another seed is another gallery")
    return list(topic_of.values())


def _part(meaning: Meaning, draws: Draws) -> Meaning:
    """One event or two of a video, with some of their facts."""
    two = len(meaning.events) > 1 and draws.chance(_TWO)
    at = draws.below(len(meaning.events) - two)
    events = tuple(
        EventMention(
            event.action,
            event.manner if draws.chance(_KEPT["manner"]) else None,
            _seen(event.agent, draws),
            None if event.patient is None else _seen(event.patient, draws),
        )
        for event in meaning.events[at : at + 1 + two]
    )
    place = meaning.place if draws.chance(_KEPT["place"]) else None
    return Meaning(place, None, events)


def _seen(mention: Mention, draws: Draws) -> Mention:
    stated = {
        kind.name: getattr(mention, kind.name)
        for kind in fields(Mention)
        if draws.chance(_KEPT[kind.name])
    }
    if stated.get("texture") == "plain":  # nobody asks for what is not there
        del stated["texture"]
    return Mention(**stated)


Fact = tuple[int, str, str]  # event, who (or ""), what


def _facts(meaning: Meaning) -> list[Fact]:
    """The facts a topic may drop: all but the actions."""
    facts: list[Fact] = [] if meaning.place is None else [(0, "", "place")]
    for at, event in enumerate(meaning.events):
        facts += [] if event.manner is None else [(at, "", "manner")]
        for who, mention in (("agent", event.agent), ("patient", event.patient)):
            stated = [kind.name for kind in fields(Mention) if getattr(mention, kind.name, None)]
            facts += [(at, who, name) for name in stated]
    return facts


def _without(meaning: Meaning, fact: Fact) -> Meaning:
    at, who, what = fact
    if what == "place":
        return replace(meaning, place=None)
    event = meaning.events[at]
    if who:
        event = replace(event, **{who: replace(getattr(event, who), **{what: None})})
    else:
        event = replace(event, manner=None)
    return replace(meaning, events=(*meaning.events[:at], event, *meaning.events[at + 1 :]))


def _say(meaning: Meaning, draws: Draws) -> str:
    """As in: a red ball quickly pushing a box and then a thing jumping in the street."""
    phrases = [_event(event, draws) for event in meaning.events]
    if len(phrases) > 1:
        first, second = phrases
        forms = (
            f"{first} and then {second}",
            f"{first} before {second}",
            f"{second} after {first}",
        )
        phrases = [draws.choose(forms)]
    place = [] if meaning.place is None else [draws.choose(lexicon.PLACES[meaning.place])]
    return " ".join(phrases + place)


def _event(event: EventMention, draws: Draws) -> str:
    """An act as TRECVID's topics put it, by its participle."""
    _, doing, done = draws.choose(lexicon.VERBS[event.action])
    manner = [] if event.manner is None else [draws.choose(lexicon.MANNERS[event.manner])]
    agent, early = _figure(event.agent, draws), draws.chance(40)
    words = [*manner, doing] if early else [doing]
    late = [] if early else manner
    if event.patient is None:
        return " ".join([agent, *words, *late])
    patient = _figure(event.patient, draws)
    if draws.chance(35):
        return " ".join([patient, *(manner if early else []), done, "by", agent, *late])
    return " ".join([agent, *words, patient, *late])


def _figure(mention: Mention, draws: Draws) -> str:
    """An indefinite noun phrase ("a", never "the"); a hypernym if no attribute is stated."""
    if mention == Mention():
        name = draws.choose(lexicon.ABOVE)
    else:
        name = wording.figure(mention, draws).text.partition(" ")[2]
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
