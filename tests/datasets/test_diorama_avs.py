"""The world staged as TRECVID's ad-hoc search: what is asked, what answers, what was judged."""

from itertools import combinations

import numpy as np
import pytest

from kb import datasets
from kb.datasets.readers.avs import TRAIN
from kb.datasets.synthetic import avs_format, lexicon, meaning, oracle, topics, truth
from kb.datasets.synthetic.difficulty import Size
from kb.datasets.synthetic.meaning import HEAD, UNSTATED, EventMention, Meaning, Mention
from kb.datasets.synthetic.world import World
from kb.records.errors import KBError
from kb.retrieval.trec import read_qrels

WORDS = {
    "a",
    "an",
    "by",
    "and",
    "then",
    "before",
    "after",
    *lexicon.ABOVE,
    *(
        word
        for kinds in (
            lexicon.NOUNS,
            lexicon.COLOURS,
            lexicon.SIZES,
            lexicon.TEXTURES,
            lexicon.MANNERS,
            lexicon.PLACES,
        )
        for phrases in kinds.values()
        for phrase in phrases
        for word in phrase.split()
    ),
    *(
        word
        for forms in lexicon.VERBS.values()
        for form in forms
        for part in form
        for word in part.split()
    ),
}


@pytest.fixture(scope="module")
def staged(smallest):
    """The folder of a tiny counterpart."""
    return smallest("diorama-avs")


@pytest.fixture(scope="module")
def corpus(staged):
    """It as its reader gives it back."""
    return datasets.load("diorama-avs", root=staged)


def answers(row, script):
    """Whether a script bears out a row of stated facts: longhand, event by event."""
    shown = meaning.row(meaning.whole(script), 3)
    if any(fact not in {UNSTATED, there} for fact, there in zip(row[:HEAD], shown, strict=False)):
        return False
    width = len(meaning.EVENT_FIELDS)
    stated, there = (
        [facts[at : at + width] for at in range(HEAD, len(facts), width)] for facts in (row, shown)
    )
    wanted_events = [event for event in stated if event[0] != UNSTATED]
    return any(
        all(
            fact in {UNSTATED, seen}
            for wanted, at in zip(wanted_events, chosen, strict=True)
            for fact, seen in zip(wanted, there[at], strict=True)
        )
        for chosen in combinations(range(3), len(wanted_events))
    )


def test_training_has_captions_and_the_gallery_none(corpus):
    """Clips with one caption, as TGIF's, beside clips with several; two sets to validate by."""
    train, val, test = (corpus.splits[name] for name in ("train", "val", "test"))
    assert test.captions == []
    assert len(val.captions) == 2 * len(val.videos)
    counts = dict.fromkeys(train.videos, 0)
    for caption in train.captions:
        counts[caption.video] += 1
    assert {n for video, n in counts.items() if video.startswith("tumblr")} == {1}
    assert {n for video, n in counts.items() if not video.startswith("tumblr")} == {10}


def test_topics_are_noun_phrases_of_the_world(corpus):
    """Numbered from 501, no two alike, every word one that captions use or a link of two acts."""
    texts = [topic.text for topic in corpus.topics]
    assert [topic.id for topic in corpus.topics] == [str(501 + at) for at in range(8)]
    assert len(set(texts)) == len(texts)
    assert {word for text in texts for word in text.split()} <= WORDS
    assert all(text.startswith(("a ", "an ")) for text in texts)


def test_a_judged_shot_is_relevant_if_its_script_bears_the_topic_out(corpus, staged):
    """And every topic has such shots; the assessors do not err."""
    scripts = {video.id: video.script for video in truth.videos(staged)}
    for topic, row in zip(corpus.topics, truth.queries(staged, "test").tolist(), strict=True):
        judged = [one for one in corpus.judgements[topic.id] if one.gain >= 0]
        assert any(one.gain for one in judged)
        assert all(bool(one.gain) == answers(row, scripts[one.shot]) for one in judged)


def test_the_first_stratum_is_judged_whole_and_one_in_nine_of_the_second(corpus):
    """The others of the pool are marked as not judged; outside of it lies most of the gallery."""
    shots = len(corpus.splits["test"].videos)
    for judgements in corpus.judgements.values():
        first = [one.gain for one in judgements if one.stratum == 1]
        second = [one.gain for one in judgements if one.stratum == 2]
        assert -1 not in first
        assert len(second) - second.count(-1) == -(-len(second) // 9)
        assert 0 < len(first) + len(second) < shots / 2


def test_the_qrels_are_those_of_nist_s_script(corpus, staged):
    """`kb eval --qrels` reads the file; topics bear a 1 before their number there."""
    qrels = read_qrels(staged / "iacc.3/TextData/avs.qrels.tv16")
    for topic in corpus.topics:
        judged = qrels[f"1{topic.id}"]
        assert {shot: (int(one.stratum), int(one.grade)) for shot, one in judged.items()} == {
            one.shot: (one.stratum, one.gain) for one in corpus.judgements[topic.id]
        }


def test_the_pool_takes_the_best_of_each_participant():
    """A shot is in the first stratum where any run has it among its first."""
    world = World("diorama-test", Size(1, 1, 120), seed=4)
    gallery = [video for video in world.videos() if video.split == "test"]
    queries = topics.compose(world, gallery, 3)
    best = avs_format.best_ranks(world, queries, gallery, 3)
    for ranks, judgements in zip(best, avs_format.judge(world, queries, gallery, 3), strict=True):
        first = {one.shot for one in judgements if one.stratum == 1}
        assert first == {v.id for v, rank in zip(gallery, ranks, strict=True) if rank < 5}
        assert 5 <= len(first) <= 5 * len(avs_format.BLIND)


def test_what_is_borne_out_is_where_every_fact_agrees(staged):
    """The quick comparison agrees with the share of facts, for topics and for captions."""
    gallery = [video for video in truth.videos(staged) if video.split == "test"]
    shown = meaning.rows([meaning.whole(video.script) for video in gallery], 3)
    world = World("diorama-avs", Size(1, 1, len(gallery)))
    queries = topics.compose(world, gallery, 3)
    shares = oracle.agreement(meaning.rows([one.meaning for one in queries], 3), shown)
    assert np.array_equal(shares == 1, np.stack([one.answers for one in queries]))


def test_the_order_of_two_events_is_part_of_what_is_asked():
    """One after the other is not the other after the one; an event between them may be passed."""
    jump, sway, sink = (
        EventMention(act, None, Mention("ball"), None) for act in ("jump", "sway", "sink")
    )
    shown = meaning.rows([Meaning(None, None, (jump, sway, sink))], 3)
    forth, back = (Meaning(None, None, two) for two in ((jump, sink), (sink, jump)))
    assert oracle.borne_out(forth, shown, 3).tolist() == [True]
    assert oracle.borne_out(back, shown, 3).tolist() == [False]


def test_a_gallery_that_bears_too_few_topics_is_told(monkeypatch):
    """One line, and what to do."""
    monkeypatch.setattr(topics, "_TRIES", 1)
    world = World("diorama-test", Size(1, 1, 60), seed=4)
    gallery = [video for video in world.videos() if video.split == "test"]
    with pytest.raises(KBError, match=r"60 shots bear \d topics?, not 3"):
        topics.compose(world, gallery, 3)


def test_training_shares_no_video_with_the_gallery(corpus, staged):
    """The collections lie in folders of their own, under the names that the field gives them."""
    assert (staged / TRAIN / "TextData" / f"{TRAIN}.caption.txt").is_file()
    gallery = set(corpus.splits["test"].videos)
    assert not gallery & {*corpus.splits["train"].videos, *corpus.splits["val"].videos}


def test_the_layout_of_the_field_s_code_bases_keeps_topics_and_judgements(corpus, tmp_path):
    """Written as BigFile collections and read back, the test is asked with the same topics."""
    out = datasets.catalogue.write_layout(corpus, "bigfile", tmp_path / "out")
    read_back = datasets.load("diorama-avs", root=out)
    assert read_back.topics == corpus.topics
    assert read_back.judgements == corpus.judgements
    assert read_back.splits["test"].videos == corpus.splits["test"].videos
    assert read_back.splits["test"].captions == []
