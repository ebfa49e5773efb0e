"""Paragraphs and narration of a long video: one sentence for each act."""

from dataclasses import dataclass, replace

from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence, describe
from kb.datasets.synthetic.script import Event, Video
from kb.datasets.synthetic.world import World


@dataclass(frozen=True)
class Piece:
    """One act and the sentence that describes it."""

    event: Event
    sentence: Sentence


def pieces(world: World, video: Video, teller: object, *, least: int = 2) -> list[Piece]:
    """One annotator's sentences on a video, in the order of time; some acts are left out."""
    draws = Draws(world.dataset, world.seed, "told", video.id, teller)
    events = list(video.script.events)
    while len(events) > least and draws.chance(world.difficulty.omitted):
        events.pop(draws.below(len(events)))
    return [
        Piece(event, piece(world, video, event, (teller, number), first=number == 0))
        for number, event in enumerate(events)
    ]


def piece(world: World, video: Video, event: Event, key: object, *, first: bool) -> Sentence:
    """A sentence on one act; only the first sentence of a paragraph may state the place."""
    difficulty = replace(world.difficulty, onlooker=0)
    if not first:
        difficulty = replace(difficulty, place=0)
    script = replace(video.script, events=(event,))
    return describe(script, Draws(world.dataset, world.seed, "piece", video.id, key), difficulty)
