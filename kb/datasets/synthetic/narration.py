"""A long video told piece by piece: one sentence for each act, as paragraphs and narration need."""

from dataclasses import dataclass, replace

from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence, describe
from kb.datasets.synthetic.script import Event, Video
from kb.datasets.synthetic.world import World


@dataclass(frozen=True)
class Piece:
    """One act and the sentence that tells of it."""

    event: Event
    sentence: Sentence


def pieces(world: World, video: Video, teller: object, *, least: int = 2) -> list[Piece]:
    """What one annotator tells of a video, in the order of time; some acts are left out."""
    draws = Draws(world.dataset, world.seed, "told", video.id, teller)
    events = list(video.script.events)
    while len(events) > least and draws.chance(world.difficulty.omitted):
        events.pop(draws.below(len(events)))
    return [
        Piece(event, piece(world, video, event, (teller, number), first=number == 0))
        for number, event in enumerate(events)
    ]


def piece(world: World, video: Video, event: Event, key: object, *, first: bool) -> Sentence:
    """One sentence of one act; only the first of a telling may state the place."""
    difficulty = replace(world.difficulty, onlooker=0)
    if not first:
        difficulty = replace(difficulty, place=0)
    script = replace(video.script, events=(event,))
    return describe(script, Draws(world.dataset, world.seed, "piece", video.id, key), difficulty)
