"""Video ids in the style of the real datasets, drawn from the seed."""

from collections.abc import Iterable
from dataclasses import replace

from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.world import World

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def letters(draws: Draws, count: int, alphabet: str = _BASE64) -> str:
    """A word of `count` letters."""
    return "".join(draws.choose(alphabet) for _ in range(count))


def named(world: World, pattern: str) -> Iterable[Video]:
    """The world's videos under other names: `{id}` eleven letters, `{start}`, `{end}` seconds.

    The names carry no hint of split, family or twin.
    """
    for number, video in enumerate(world.videos()):
        draws = Draws(world.dataset, world.seed, "name", number)
        start = draws.below(200)
        name = pattern.format(
            id=letters(draws, 11),
            hex=letters(draws, 32, "0123456789abcdef"),
            start=start,
            end=start + 10,
            start6=f"{start:06}",
            end6=f"{start + 10:06}",
            number=number,
        )
        yield replace(video, id=name)
