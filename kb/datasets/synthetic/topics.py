"""Topics of ad-hoc search: part of what a shot shows, asked for in a noun phrase."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import lexicon, wording
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.meaning import Meaning, Mention, Told, rows, whole
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
class Asked:
    """A topic: its words, what they state, and which shots of the gallery answer it."""

    text: str
    meaning: Meaning
    answers: Answers  # (shots,)


def compose(world: World, gallery: Sequence[Video], events: int) -> list[Asked]:
    """So many topics as the gallery bears; no two ask the same. `events`: the most of a video.

    A topic is drawn from what one shot shows, and loses facts until enough shots bear it out.
    """
    shown = rows([whole(video.script) for video in gallery], events)
    wanted = min(MOST, max(1, len(gallery) // _SHOTS))
    fewest, most = max(3, len(gallery) // _RARE), max(4, len(gallery) // _COMMON)
    found: dict[Meaning, Asked] = {}
    for attempt in range(_TRIES):
        if len(found) == wanted:
            break
        draws = Draws(world.dataset, world.seed, "topic", attempt)
        meaning = _part(whole(draws.choose(gallery).script), draws)
        answers = borne_out(meaning, shown, events)
        facts = draws.distinct(_facts(meaning), len(_facts(meaning)))
        while answers.sum() < fewest and facts:
            meaning = _without(meaning, facts.pop())
            answers = borne_out(meaning, shown, events)
        if fewest <= answers.sum() <= most and meaning not in found:
            found[meaning] = Asked(_say(meaning, draws), meaning, answers)
    if len(found) < wanted:
        what = f"{len(gallery)} shots bear {len(found)} topics, not {wanted}"
        raise KBError(what, hint="another seed is another gallery")
    return list(found.values())


def _part(meaning: Meaning, draws: Draws) -> Meaning:
    """One event or two of a video, with some of their facts."""
    two = len(meaning.events) > 1 and draws.chance(_TWO)
    at = draws.below(len(meaning.events) - two)
    events = tuple(
        Told(
            told.action,
            told.manner if draws.chance(_KEPT["manner"]) else None,
            _seen(told.agent, draws),
            None if told.patient is None else _seen(told.patient, draws),
        )
        for told in meaning.events[at : at + 1 + two]
    )
    place = meaning.place if draws.chance(_KEPT["place"]) else None
    return Meaning(place, None, events)


def _seen(mention: Mention, draws: Draws) -> Mention:
    kept = {
        kind.name: getattr(mention, kind.name)
        for kind in fields(Mention)
        if draws.chance(_KEPT[kind.name])
    }
    if kept.get("texture") == "plain":  # nobody asks for what is not there
        del kept["texture"]
    return Mention(**kept)


Fact = tuple[int, str, str]  # event, who (or ""), what


def _facts(meaning: Meaning) -> list[Fact]:
    """What can be left out: all but the actions."""
    found: list[Fact] = [] if meaning.place is None else [(0, "", "place")]
    for at, told in enumerate(meaning.events):
        found += [] if told.manner is None else [(at, "", "manner")]
        for who, mention in (("agent", told.agent), ("patient", told.patient)):
            stated = [kind.name for kind in fields(Mention) if getattr(mention, kind.name, None)]
            found += [(at, who, name) for name in stated]
    return found


def _without(meaning: Meaning, fact: Fact) -> Meaning:
    at, who, what = fact
    if what == "place":
        return replace(meaning, place=None)
    told = meaning.events[at]
    if who:
        told = replace(told, **{who: replace(getattr(told, who), **{what: None})})
    else:
        told = replace(told, manner=None)
    return replace(meaning, events=(*meaning.events[:at], told, *meaning.events[at + 1 :]))


def _say(meaning: Meaning, draws: Draws) -> str:
    """As in: a red ball quickly pushing a box and then a thing jumping in the street."""
    said = [_event(told, draws) for told in meaning.events]
    if len(said) > 1:
        first, second = said
        forms = (
            f"{first} and then {second}",
            f"{first} before {second}",
            f"{second} after {first}",
        )
        said = [draws.choose(forms)]
    place = [] if meaning.place is None else [draws.choose(lexicon.PLACES[meaning.place])]
    return " ".join(said + place)


def _event(told: Told, draws: Draws) -> str:
    """An act as TRECVID's topics put it, by its participle."""
    _, doing, done = draws.choose(lexicon.VERBS[told.action])
    manner = [] if told.manner is None else [draws.choose(lexicon.MANNERS[told.manner])]
    agent, early = _figure(told.agent, draws), draws.chance(40)
    words = [*manner, doing] if early else [doing]
    late = [] if early else manner
    if told.patient is None:
        return " ".join([agent, *words, *late])
    patient = _figure(told.patient, draws)
    if draws.chance(35):
        return " ".join([patient, *(manner if early else []), done, "by", agent, *late])
    return " ".join([agent, *words, patient, *late])


def _figure(mention: Mention, draws: Draws) -> str:
    """A figure that nobody has met: "a", never "the"; and a thing where nothing is said of it."""
    if mention == Mention():
        name = draws.choose(lexicon.ABOVE)
    else:
        name = wording.figure(mention, draws).text.partition(" ")[2]
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
