"""The script of a video: place, cast and timeline. Everything else is derived from it."""

from dataclasses import dataclass, field
from typing import Any

PLACES = ("meadow", "beach", "desert", "street", "snow", "room")
SHAPES = ("ball", "box", "pyramid", "diamond", "cross", "ring", "moon", "plank")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
SIZES = ("small", "large")
TEXTURES = ("plain", "striped", "dotted")
ALONE = ("jump", "swell", "flash", "fade", "sway", "sink")  # an agent suffices
TOGETHER = ("push", "circle", "lift", "vault", "cover", "chase")  # done to a patient
ACTIONS = ALONE + TOGETHER
MANNERS = ("slowly", "quickly")


@dataclass(frozen=True)
class Entity:
    """One figure on the stage. Shapes and colours are distinct within a cast."""

    shape: str
    colour: str
    size: str
    texture: str
    x: int  # pixels: where it rests
    y: int


@dataclass(frozen=True)
class Event:
    """One act. Every act ends where it began: the stage is at rest between acts."""

    agent: int  # position in the cast
    action: str
    patient: int | None
    manner: str
    start: int  # first frame
    end: int  # first frame after it

    @property
    def length(self) -> int:
        """Length in frames."""
        return self.end - self.start


@dataclass(frozen=True)
class Script:
    """One video: cast and timeline, in order of time."""

    place: str
    light: int  # brightness of the scene, in sixteenths
    cast: tuple[Entity, ...]
    events: tuple[Event, ...]
    frames: int

    @property
    def bystanders(self) -> list[int]:
        """Members of the cast to whom nothing happens."""
        busy = {e.agent for e in self.events} | {e.patient for e in self.events}
        return [i for i in range(len(self.cast)) if i not in busy]


@dataclass(frozen=True)
class Video:
    """A script with its id, split, family and kind of minimal pair."""

    id: str  # video0, video1, ...
    split: str
    family: str  # videos of one family share place and cast
    twin: str  # how it differs from the first of its family: "" for the first itself
    script: Script = field(repr=False)


def script_from(plain: dict[str, Any]) -> Script:
    """The script that `dataclasses.asdict` made plain."""
    cast = tuple(Entity(**e) for e in plain["cast"])
    events = tuple(Event(**e) for e in plain["events"])
    return Script(**{**plain, "cast": cast, "events": events})
