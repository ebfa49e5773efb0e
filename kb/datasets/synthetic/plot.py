"""Seed and index -> script, and the four kinds of minimal pairs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.script import Entity, Event, Script

LENGTHS = (7, 9)  # frames of an act: odd, so that two rounds of it show the same phases as one
_TROUPE = 6  # figures of a film
FILM = 1000  # scenes of a film are numbered within it
_SLOTS = (13, 32, 51)  # pixels: left, middle, right


@dataclass(frozen=True)
class Film:
    """Cast and places of a film."""

    cast: tuple[Entity, ...]
    places: tuple[str, ...]


def write(draws: Draws, difficulty: Difficulty, film: Film | None = None) -> Script:
    """Draw one script, of a film's cast and places if it is a scene of one."""
    count = 3 if draws.chance(difficulty.bystander) else 2
    cast = _cast(draws, count) if film is None else _placed(draws, draws.distinct(film.cast, count))
    count = 1
    if difficulty.acts is not None:
        count = draws.between(*difficulty.acts)
    elif draws.chance(difficulty.second):
        count += 2 if draws.chance(difficulty.third) else 1
    events, frames = _timeline(draws, difficulty, count)
    places = s.PLACES if film is None else film.places
    script = Script(draws.choose(places), draws.between(12, 16), cast, events, frames)
    return _ALIKE[difficulty.same](script) if difficulty.same else script


def _in_one_colour(script: Script) -> Script:
    """Both figures that act in the colour of the first."""
    first, second, *rest = script.cast
    return replace(script, cast=(first, replace(second, colour=first.colour), *rest))


def _in_one_manner(script: Script) -> Script:
    events = tuple(replace(event, manner=s.MANNERS[0]) for event in script.events)
    return replace(script, events=events)


_ALIKE = {"colour": _in_one_colour, "manner": _in_one_manner}


def _cast(draws: Draws, count: int, slots: tuple[int, ...] = _SLOTS) -> tuple[Entity, ...]:
    shapes, colours = draws.distinct(s.SHAPES, count), draws.distinct(s.COLOURS, count)
    slots = tuple(draws.distinct(slots, count))
    return tuple(
        Entity(
            shape,
            colour,
            draws.choose(s.SIZES),
            draws.choose(s.TEXTURES),
            slot + draws.between(-3, 3),
            draws.between(34, 46),
        )
        for shape, colour, slot in zip(shapes, colours, slots, strict=True)
    )


def _timeline(draws: Draws, difficulty: Difficulty, count: int) -> tuple[tuple[Event, ...], int]:
    alone, together = draws.distinct(s.ALONE, count), draws.distinct(s.TOGETHER, count)
    events: list[Event] = []
    clock = draws.between(1, 2)
    for _ in range(count):
        agent = draws.below(2)  # the third of the cast only looks on
        pair = draws.chance(difficulty.together)
        action = together.pop() if pair else alone.pop()
        end = clock + draws.choose(LENGTHS)
        patient = 1 - agent if pair else None
        events.append(Event(agent, action, patient, draws.choose(s.MANNERS), clock, end))
        clock = end + draws.between(1, 2)
    if not difficulty.chunk:
        return tuple(events), clock
    return _in_chunks(events, difficulty.chunk, draws), count * difficulty.chunk


def _in_chunks(events: list[Event], chunk: int, draws: Draws) -> tuple[Event, ...]:
    """The same acts, each within a chunk of its own."""
    starts = [i * chunk + draws.below(chunk - e.length + 1) for i, e in enumerate(events)]
    return tuple(
        replace(e, start=at, end=at + e.length) for e, at in zip(events, starts, strict=True)
    )


def _placed(draws: Draws, cast: list[Entity]) -> tuple[Entity, ...]:
    """The cast at places of this scene."""
    slots = draws.distinct(_SLOTS, len(cast))
    return tuple(
        replace(entity, x=slot + draws.between(-3, 3), y=draws.between(34, 46))
        for entity, slot in zip(cast, slots, strict=True)
    )


def other_order(script: Script) -> Script | None:
    """The first two events change places in time; None if there is one event."""
    if len(script.events) < 2:  # noqa: PLR2004  (an order needs two)
        return None
    first, second, *rest = script.events
    gap = second.start - first.end
    moved = replace(second, start=first.start, end=first.start + second.length)
    late = replace(first, start=moved.end + gap, end=second.end)
    return replace(script, events=(moved, late, *rest))


def other_roles(script: Script) -> Script | None:
    """Agent and patient swap, or the acts swap agents; None if one figure does every act alone."""
    for i, event in enumerate(script.events):
        if event.patient is not None:
            swapped = replace(event, agent=event.patient, patient=event.agent)
            return replace(script, events=(*script.events[:i], swapped, *script.events[i + 1 :]))
    agents = [event.agent for event in script.events]
    if len(set(agents)) == 1:
        return None
    events = tuple(replace(event, agent=1 - event.agent) for event in script.events)
    return replace(script, events=events)


def other_manner(script: Script) -> Script:
    """The first event is done in the other manner."""
    first, *rest = script.events
    manner = s.MANNERS[1 - s.MANNERS.index(first.manner)]
    return replace(script, events=(replace(first, manner=manner), *rest))


def other_colours(script: Script) -> Script | None:
    """The two figures that act swap colours; None if they have one colour."""
    first, second, *rest = script.cast
    if first.colour == second.colour:
        return None
    swapped = (replace(first, colour=second.colour), replace(second, colour=first.colour))
    return replace(script, cast=(*swapped, *rest))


TWINS: dict[str, Callable[[Script], Script | None]] = {
    "order": other_order,
    "binding": other_roles,
    "manner": other_manner,
    "attribute": other_colours,
}
_USUAL = ("order", "binding", "manner")


def family(
    draws: Draws, difficulty: Difficulty, film: Film | None = None
) -> list[tuple[str, Script]]:
    """A script and, mostly, its minimal-pair variants: (kind, script), the original first with ""."""
    first = write(draws, difficulty, film)
    members = [("", first)]
    if draws.chance(difficulty.twins):
        kinds = difficulty.kinds or _USUAL
        for kind in draws.distinct(kinds, draws.between(1, len(kinds))):
            twin = TWINS[kind](first)
            if twin is not None:
                members.append((kind, twin))
    return members


def films(
    key: tuple[object, ...], difficulty: Difficulty, videos: int
) -> Iterator[tuple[int, str, Script]]:
    """As `families`, in films of `difficulty.film` families or fewer; FILM numbers to a film."""
    number = made = 0
    while made < videos:
        draws = Draws(*key, "film", number)
        film = Film(_cast(draws, _TROUPE, _SLOTS * 2), tuple(draws.distinct(s.PLACES, 2)))
        for scene in range(difficulty.film):
            own = family(Draws(*key, "film", number, scene), difficulty, film)
            for kind, script in own[: videos - made]:
                yield number * FILM + scene, kind, script
                made += 1
        number += 1


def families(
    key: tuple[object, ...], difficulty: Difficulty, videos: int
) -> Iterator[tuple[int, str, Script]]:
    """(family, how it differs, script) of exactly `videos` videos."""
    number = made = 0
    while made < videos:
        for kind, script in family(Draws(*key, number), difficulty)[: videos - made]:
            yield number, kind, script
            made += 1
        number += 1
