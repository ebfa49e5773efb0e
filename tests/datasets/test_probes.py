"""Probe worlds: one fact is switched, everything else stays."""

import numpy as np
import pytest

from kb.cli import run
from kb.datasets import catalogue
from kb.datasets.synthetic import oracle, plot, truth
from kb.datasets.synthetic.difficulty import Difficulty
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.probes import MECHANISMS, NAME, PLAIN, Probe
from kb.records import KBError
from kb.repro import ceilings, minimal_pairs

SWITCHED = sorted(name for name, one in MECHANISMS.items() if one.kind)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Probe worlds, each read once in this file: mechanism, level -> corpus."""
    made = {}

    def read(mechanism, level):
        if (mechanism, level) not in made:
            made[mechanism, level] = catalogue.load_probe(Probe(mechanism, level, size="tiny"))
        return made[mechanism, level]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield read


@pytest.mark.parametrize("name", SWITCHED)
def test_at_level_twins_every_family_is_one_minimal_pair(worlds, name: str) -> None:
    """Of the mechanism's kind and of no other; at the other levels there is none."""
    corpus = worlds(name, "twins")
    (kind,) = corpus.minimal_pairs()
    assert kind == MECHANISMS[name].kind
    assert (
        len(corpus.minimal_pairs()[kind]) == sum(len(s.videos) for s in corpus.splits.values()) // 2
    )
    for level in ("absent", "present"):
        assert worlds(name, level).minimal_pairs() == {}


def test_absent_attributes_belong_to_nobody_in_particular(worlds) -> None:
    """Both figures of every video have one colour; where it is present, two."""
    for level, colours in (("absent", 1), ("present", 2)):
        scripts = [video.script for video in _videos(level)]
        assert {len({e.colour for e in script.cast[:2]}) for script in scripts} == {colours}


def _videos(level):
    probe = Probe("attribute-twins", level, size="tiny")
    return list(probe.world().videos())


def test_worlds_without_the_switches_keep_their_parameters() -> None:
    """A switch that is off is not in the parameters of a world, so no fingerprint changes."""
    assert set(Difficulty().plain()).isdisjoint({"kinds", "same", "wrong", "gone"})
    assert Difficulty(gone=0).plain()["gone"] == 0
    assert Difficulty(kinds=("order",)).plain()["kinds"] == ["order"]


def test_swapped_colours_change_nothing_else() -> None:
    """Shapes, places, acts and times stay; swapping twice gives the first script."""
    script = plot.write(Draws("x"), Difficulty())
    other = plot.other_colours(script)
    assert [e.colour for e in other.cast[:2]] == [e.colour for e in script.cast[:2]][::-1]
    assert [e.shape for e in other.cast] == [e.shape for e in script.cast]
    assert plot.other_colours(other) == script


def test_a_perfect_bag_of_words_cannot_see_order_or_binding(worlds) -> None:
    """It tells half of the twins, the ground truth all."""
    for name in ("attribute-twins", "role-twins", "order-twins"):
        corpus = worlds(name, "twins")
        known = ceilings.of_world(corpus, catalogue.make_probe(corpus.probe))
        assert set(known["bag"]["pairs"].values()) == {50.0}
        assert min(known["oracle"]["pairs"].values()) > 95


def test_wrong_captions_are_in_training_only() -> None:
    """Their share is about 30 of 100, and every test caption fits its video."""
    world = Probe("wrong-captions", "present", size="tiny").world()
    astray = {"train": 0, "test": 0}
    for video in world.videos():
        if video.split in astray:
            astray[video.split] += sum(world._watched(video, i) != video.script for i in range(3))
    assert astray["test"] == 0
    assert 0.15 < astray["train"] / (40 * 3) < 0.45


def test_experts_are_missing_at_test_only(worlds) -> None:
    """All training videos have every expert, and all videos frames."""
    corpus = worlds("missing-experts", "present")
    for expert, features in corpus.features.items():
        there = {s: [v in features for v in data.videos] for s, data in corpus.splits.items()}
        assert all(there["train"])
        assert all(there["test"]) is (expert == "frames")


def test_motion_is_read_as_frames_where_it_is_the_input(worlds) -> None:
    """Models that read frames read what shows the fact."""
    corpus = worlds("role-twins", "twins")
    assert set(corpus.features) == {"frames"}
    assert corpus.features["frames"].dim == worlds(PLAIN, PLAIN).features["motion"].dim


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["diorama-probe"], "mechanism"),
        (["diorama-probe", "--mechanism", "luck"], "no mechanism is called 'luck'"),
        (["diorama-probe", "--mechanism", "role-twins", "--level", "often"], "no level"),
        (["diorama-msvd", "--mechanism", "role-twins"], "has no mechanisms"),
    ],
)
def test_an_unknown_probe_is_one_clear_line(words, named: str, capsys) -> None:
    """What, and what to choose from."""
    assert run(["data", "make", *words]) == 2
    assert named in capsys.readouterr().err


def test_the_command_makes_a_probe_world(tmp_path, capsys) -> None:
    """Its files are MSR-VTT's, its sidecar tells the truth."""
    out = tmp_path / "world"
    call = ["data", "make", NAME, "--mechanism", "order-twins", "--level", "twins"]
    assert run([*call, "--size", "tiny", "--seed", "3", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    pairs = oracle.distinguishing(truth.videos(out))
    assert set(pairs) == {"order"}


def test_accuracies_need_minimal_pairs(worlds) -> None:
    """None of a kind, no number."""
    corpus = worlds("order-twins", "absent")
    captions, videos = (len(corpus.splits["test"].captions), len(corpus.splits["test"].videos))
    assert minimal_pairs.accuracies(corpus, np.zeros((captions, videos))) == {}


def test_a_probe_of_an_unknown_size_is_refused() -> None:
    """The sizes are those of the laptop."""
    with pytest.raises(KBError, match="no size is called 'full'"):
        Probe("role-twins", "twins", size="full").world()


def test_a_paragraph_tells_of_two_acts_whatever_else_is_done(worlds) -> None:
    """Absent: two acts, both told with their times; present: five, of which three are not."""
    for level, acts in (("absent", 2), ("present", 5)):
        corpus = worlds("untold-acts", level)
        scripts = [
            video.script for video in Probe("untold-acts", level, size="tiny").world().videos()
        ]
        assert {len(script.events) for script in scripts} == {acts}
        assert {len(of) for of in corpus.moments.values()} == {2}
        assert {len(split.captions) for split in corpus.splits.values()} == {40, 10, 20}
        known = ceilings.of_world(corpus, catalogue.make_probe(corpus.probe))
        assert known["oracle"]["t2v"]["R@1"] > 90


def test_a_claim_may_ask_for_any_expert() -> None:
    """Regions are written where a claim reads them; a claim that names none has none."""
    asked = Probe("role-twins", "twins", inputs=("frames", "regions"))
    assert asked.world().experts == ("frames", "regions")
    assert "regions" not in Probe(PLAIN, PLAIN).world().experts
    with pytest.raises(KBError, match="no expert is called 'smell'"):
        Probe("role-twins", "twins", inputs=("smell",)).world()
