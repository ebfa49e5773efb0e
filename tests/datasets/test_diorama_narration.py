"""Narration of the world: lines about acts, early or late by an amount that is on record."""

import json
from dataclasses import replace

import pytest

from kb import datasets
from kb.datasets.synthetic import howto100m_format, truth
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.datasets.synthetic.words import PARTS, RELATIONS
from kb.datasets.synthetic.world import World

NAME = "diorama-howto100m"
COUNTERPART = COUNTERPARTS[NAME]
WORLD = COUNTERPART.world(NAME, "tiny", 0)


@pytest.fixture(scope="module")
def folder(smallest):
    """The smallest size."""
    return smallest(NAME)


def lines_of(**changes):
    """(video, line) of every line of a world whose difficulty is changed."""
    difficulty = replace(COUNTERPART.difficulty, **changes)
    world = World(NAME, COUNTERPART.sizes["tiny"], 0, difficulty, COUNTERPART.experts)
    videos = list(world.videos())
    return [(v, line) for v in videos for line, _ in howto100m_format.narrate(world, v)]


def test_a_line_is_off_its_act_by_the_amount_on_record(folder):
    """At most by the drift; both directions occur; times are those that the reader reads."""
    narration = json.loads((folder / howto100m_format.NARRATION).read_bytes())
    scripts = {video.id: video.script for video in truth.videos(folder)}
    read = datasets.load(NAME, root=folder, protocol="lines").moments
    shifts = []
    for video, lines in narration.items():
        assert [(m.start, m.end, m.text) for m in read[video]] == [
            (line["start"], line["end"], line["text"]) for line in lines
        ]
        for line in lines:
            if line["event"] is not None:
                act = scripts[video].events[line["event"]]
                assert line["start"] - line["shift"] == act.start * howto100m_format.SECONDS
                shifts.append(line["shift"])
    most = COUNTERPART.difficulty.drift * howto100m_format.SECONDS
    assert -most <= min(shifts) < 0 < max(shifts) <= most


def test_without_drift_each_line_is_heard_during_its_act():
    """Start and end are the act's."""
    for video, line in lines_of(drift=0, chatter=0):
        act = video.script.events[line.event]
        assert (line.start, line.end) == (act.start * 0.5, act.end * 0.5)


@pytest.mark.parametrize("chatter", [0, 50, 100])
def test_the_share_of_chatter_is_the_one_asked_for(chatter):
    """None, about half, all."""
    lines = lines_of(chatter=chatter)
    share = 100 * sum(line.event is None for _, line in lines) / len(lines)
    assert abs(share - chatter) < 10 * (0 < chatter < 100) + 1e-9


def test_openings_hang_from_the_root_and_chatter_states_nothing():
    """Every line has one root, and its words beyond the grammar are marked as such."""
    for video in WORLD.videos():
        for line, sentence in howto100m_format.narrate(WORLD, video):
            heads, table = sentence.structure[:, 1], sentence.structure
            (root,) = [at for at, head in enumerate(heads, start=1) if head == 0]
            unparsed = [PARTS[row[0]] == "X" for row in table]
            assert len(line.text.split()) == len(table)
            if line.event is None:
                assert all(unparsed)
                assert sentence.meaning.events == ()
            else:
                count = sum(unparsed)
                assert unparsed == [True] * count + [False] * (len(table) - count)
                assert {RELATIONS[row[2]] for row in table[:count]} == {"discourse"}
                assert set(heads[:count]) == {root}
                assert all(head == 0 or head > count for head in heads[count:])


def test_older_worlds_keep_their_name():
    """Parameters that only narration has do not stand among those of a world without it."""
    without = COUNTERPARTS["diorama-msrvtt"].world("diorama-msrvtt", "tiny", 0).parameters()
    assert not {"chatter", "drift"} & without["difficulty"].keys()
    assert WORLD.parameters()["difficulty"]["chatter"] == COUNTERPART.difficulty.chatter
