"""Probe worlds: small synthetic datasets in which one fact is switched on and off.

A mechanism names the fact. At level `absent` no video differs in it, at `present` strangers in the
gallery do, at `twins` minimal pairs differ in nothing else. Everything else stays equal, so that
the difference of two levels is due to the fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from kb.datasets.synthetic.difficulty import Difficulty, Size
from kb.datasets.synthetic.world import EXPERTS as WRITTEN
from kb.datasets.synthetic.world import World
from kb.records.errors import KBError

NAME = "diorama-probe"
PLAIN = "plain"  # the mechanism, and the level, of a claim without a mechanism
LEVELS = ("absent", "present", "twins")
SIZES = {"tiny": Size(40, 10, 20, 3), "small": Size(600, 80, 240, 6)}
EXPERTS = ("frames", "motion", "audio", "speech", "ocr")  # unless a claim names its inputs
PAIR = 2  # videos of a family with twins
T = TypeVar("T")


@dataclass(frozen=True)
class Mechanism:
    """One fact and its levels."""

    about: str
    levels: Mapping[str, Difficulty]
    inputs: tuple[str, ...]  # experts that show the fact, read by models as their frames
    kind: str | None = None  # of the minimal pairs at level `twins`
    train: Mapping[str, int] = field(default_factory=dict)  # level -> training videos
    paragraphs: bool = False  # a sentence an act, with times: in the format of ActivityNet Captions


@dataclass(frozen=True)
class Probe:
    """One probe world: mechanism, level, experts and seed."""

    mechanism: str
    level: str
    seed: int = 0
    inputs: tuple[str, ...] = ()  # (): the mechanism's
    size: str = "small"

    @classmethod
    def named(cls, name: str, size: str = "small") -> "Probe":
        """The probe of `plain`, `plain+regions` or `order-twins:present`. KBError where there is none."""
        name, *more = name.split("+")
        of, _, level = name.partition(":")
        levels = mechanism(of).levels
        if not level and len(levels) > 1:
            hint = f"write one of {', '.join(f'{of}:{one}' for one in levels)}"
            raise KBError(f"{of} has {len(levels)} levels", hint=hint)
        inputs = (*mechanism(of).inputs, *more) if more else ()
        probe = cls(of, level or next(iter(levels)), inputs=inputs, size=size)
        probe.world()  # refuses a level or a size that there is not
        return probe

    @property
    def name(self) -> str:
        """`plain`, or mechanism and level: `order-twins:present`; then inputs beyond its own."""
        name = self.mechanism if self.mechanism == PLAIN else f"{self.mechanism}:{self.level}"
        own = mechanism(self.mechanism).inputs
        return "+".join([name, *(one for one in self.inputs if one not in own)])

    @property
    def experts(self) -> tuple[str, ...]:
        """Experts whose features are written."""
        return self.inputs or mechanism(self.mechanism).inputs

    @property
    def twins(self) -> bool:
        """Whether every video has a minimal pair."""
        return self.level == LEVELS[-1]

    def world(self) -> World:
        """The parameters of its world. KBError for an unknown mechanism, level or expert."""
        chosen = mechanism(self.mechanism)
        difficulty = _choose("level", self.level, chosen.levels)
        size = _choose("size", self.size, SIZES)
        for expert in self.inputs:
            _choose("expert", expert, dict.fromkeys(WRITTEN, expert))
        if self.size == "small":
            size = replace(size, train=chosen.train.get(self.level, size.train))
        return World(NAME, size, self.seed, difficulty, self.experts)


def mechanism(name: str) -> Mechanism:
    """A mechanism by name. KBError where there is none."""
    return _choose("mechanism", name, MECHANISMS)


def _choose(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise KBError(f"no {what} is called {name!r}", hint=f"choose {', '.join(known)}")
    return known[name]


# One act of two figures, both named by shape and colour; no place, no bystander, no error.
_one_act = partial(
    Difficulty,
    second=0,
    third=0,
    together=100,
    bystander=0,
    onlooker=0,
    place=0,
    error=0,
    shape=100,
    colour=100,
    size=0,
    texture=0,
)
# Two acts of one figure each, told in the order of time.
_two_acts = partial(_one_act, second=100, together=0, backward=0)
# A paragraph of two sentences, whatever else is done.
_paragraph = partial(
    Difficulty,
    twins=0,
    bystander=0,
    onlooker=0,
    place=0,
    error=0,
    shape=100,
    colour=100,
    omitted=100,
)

MECHANISMS = {
    PLAIN: Mechanism(
        "the main world's mixture of facts and minimal pairs", {PLAIN: Difficulty()}, EXPERTS
    ),
    "attribute-twins": Mechanism(
        "which of the two figures has which colour",
        {
            "absent": _one_act(twins=0, same="colour"),
            "present": _one_act(twins=0),
            "twins": _one_act(twins=100, kinds=("attribute",)),
        },
        ("frames",),
        "attribute",
    ),
    "role-twins": Mechanism(
        "who does it to whom",
        {
            "absent": _one_act(twins=0, together=0),
            "present": _one_act(twins=0, passive=50),
            "twins": _one_act(twins=100, kinds=("binding",), passive=50),
        },
        ("motion",),
        "binding",
    ),
    "order-twins": Mechanism(
        "which of two acts comes first",
        {
            "absent": _two_acts(twins=0, second=0, manner=0),
            "present": _two_acts(twins=0, manner=0),
            "twins": _two_acts(twins=100, kinds=("order",), manner=0),
        },
        ("motion",),
        "order",
    ),
    "manner-twins": Mechanism(
        "whether an act is done slowly or quickly",
        {
            "absent": _one_act(twins=0, same="manner", manner=100),
            "present": _one_act(twins=0, manner=100),
            "twins": _one_act(twins=100, kinds=("manner",), manner=100),
        },
        ("motion",),
        "manner",
    ),
    "wrong-captions": Mechanism(
        "training captions that describe something else, 30 of 100",
        {"absent": Difficulty(), "present": Difficulty(wrong=30)},
        ("frames",),
    ),
    "few-videos": Mechanism(
        "few videos to train on, 100 instead of 600",
        {"absent": Difficulty(), "present": Difficulty()},
        ("frames", "motion"),
        train={"present": 100},
    ),
    "missing-experts": Mechanism(
        "experts other than frames that 60 of 100 test videos lack",
        {"absent": Difficulty(gone=0), "present": Difficulty(gone=60)},
        EXPERTS,
    ),
    "untold-acts": Mechanism(
        "three acts of five that no sentence of the paragraph tells of",
        {"absent": _paragraph(acts=(2, 2)), "present": _paragraph(acts=(5, 5))},
        ("motion",),
        paragraphs=True,
    ),
}
