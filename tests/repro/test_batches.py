"""What a model reads of a corpus, against loops over its items."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kb.datasets.corpus import Caption, Corpus, SplitData, Topic
from kb.datasets.readers.roles import Roles
from kb.records.errors import KBError
from kb.repro import batches
from kb.repro.batches import views
from kb.repro.concepts import named
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.batch import ROLES

CPU = torch.device("cpu")


class Held:
    """Features that lie in memory."""

    dim = 3

    def __init__(self, held) -> None:
        self.held = held

    def __contains__(self, video: str) -> bool:
        return video in self.held

    def read(self, video: str):
        """(steps, dim)."""
        return self.held[video]


@pytest.fixture
def toy() -> Corpus:
    """Three videos of 2, 4 and no steps, captions out of order."""
    rng = np.random.default_rng(0)
    held = {f"v{i}": rng.normal(size=(n, 3)).astype(np.float32) for i, n in ((0, 2), (1, 4))}
    texts = [("v1", "red ball ball"), ("v0", "blue"), ("v2", ""), ("v1", "a blue unseen ball")]
    captions = [Caption(f"{v}#{i}", v, text) for i, (v, text) in enumerate(texts)]
    split = SplitData("train", ["v0", "v1", "v2"], captions)
    return Corpus("toy", "full", "0" * 64, {"train": split}, {"frames": Held(held)})


WORDS = Vocabulary(("a", "ball", "blue", "red"))


def test_captions_are_ids_masks_and_bags(toy) -> None:
    """Rows are what encoding each sentence alone gives, cut to the longest of the batch."""
    found = views(toy, "train", WORDS, {"words", "bow", "frames"}, CPU)
    batch = found.captions(torch.tensor([3, 1]))
    texts = ["a blue unseen ball", "blue"]
    for row, text in enumerate(texts):
        ids = WORDS.encode(text)
        assert batch.words[row, : len(ids)].tolist() == ids
        assert batch.mask[row].sum() == len(ids)
        wanted = [tokenise(text).count(word) for word in WORDS.words]
        assert batch.bow[row].tolist() == wanted
    assert batch.words.shape == (2, 6)


@pytest.mark.parametrize("fits", [8 << 30, 0])
def test_clips_are_padded_with_zeros_and_masked(toy, monkeypatch, fits: int) -> None:
    """Held in memory or read from disk, a batch holds each video's steps, then zeros."""
    monkeypatch.setattr(batches, "FITS", fits)
    found = views(toy, "train", WORDS, {"frames"}, CPU)
    clips = found.clips(torch.tensor([1, 2, 0, 1]))
    features, mask = clips.features["frames"], clips.mask["frames"]
    assert mask.sum(1).tolist() == [4, 0, 2, 4]
    held = toy.features["frames"].held
    for row, video in ((0, "v1"), (2, "v0"), (3, "v1")):
        steps = len(held[video])
        assert np.array_equal(features[row, :steps].numpy(), held[video])
        assert not features[row, steps:].any()
    assert not features[1].any()


def test_captions_name_the_rows_of_their_videos(toy) -> None:
    """The owner of a caption is its video's row in the gallery."""
    assert views(toy, "train", WORDS, {"words"}, CPU).owner.tolist() == [1, 0, 2, 1]


def test_no_bag_is_made_that_nobody_reads(toy) -> None:
    """A model that does not name `bow` gets none."""
    assert views(toy, "train", WORDS, {"words"}, CPU).captions(torch.tensor([0])).bow is None


def test_an_expert_that_the_data_lack_is_named(toy) -> None:
    """One line says which expert is missing and which there are."""
    with pytest.raises(KBError, match=r"no features audio.*it has frames"):
        views(toy, "train", WORDS, {"words", "audio"}, CPU)


def test_concepts_follow_the_video_of_a_caption(toy) -> None:
    """In training each caption brings its video's shares; no other split brings any."""
    toy.splits["val"] = replace(toy.splits["train"], name="val")
    found = views(toy, "train", WORDS, {"words", "concepts"}, CPU)
    rows = found.captions(torch.tensor([3, 1])).vectors["concepts"]
    assert rows.equal(named(toy.splits["train"], WORDS.bow_size)[[1, 0]])
    assert (
        views(toy, "val", WORDS, {"words", "concepts"}, CPU).captions(torch.tensor([0])).vectors
        == {}
    )


def test_an_optional_expert_is_read_where_it_is(toy) -> None:
    """What the model needs is asked of all data, the rest of those that have it."""
    model = SimpleNamespace(needs=frozenset({"words", "frames"}), optional=frozenset({"a", "b"}))
    assert batches.reads(model, toy) == {"words", "frames"}
    toy.features["b"] = toy.features["frames"]
    assert batches.reads(model, toy) == {"words", "frames", "b"}


LABELS = [  # of the captions of `toy`, in their order
    Roles((("ARG0", (0, 1)), ("V", (2,))), ((1, 0),)),
    Roles((("V", (0,)),), ()),
    Roles((), ()),
    Roles((("V", (3,)), ("R-ARGM-LOC", (0, 1)), ("mystery", (2,))), ((0, 1), (0, 2))),
]


def test_a_batch_holds_the_graphs_of_its_captions(toy) -> None:
    """Nodes, words and arguments stand where each caption alone has them; the rest is padding."""
    toy.roles = lambda split: iter(LABELS) if split == "train" else None
    found = views(toy, "train", WORDS, {"words", "graph", "frames"}, CPU)
    order = [3, 2, 0, 3]
    batch = found.captions(torch.tensor(order))
    graph = batch.graph
    assert graph.members.shape == (4, 3, batch.words.shape[1])
    names = {"R-ARGM-LOC": "ARGM-LOC", "mystery": "NOUN"}
    for row, caption in enumerate(order):
        nodes, arguments = LABELS[caption].nodes, LABELS[caption].arguments
        held = [graph.members[row, n].nonzero()[:, 0].tolist() for n in range(3)]
        assert held == [[w + 1 for w in words] for _, words in nodes] + [[]] * (3 - len(nodes))
        role = [ROLES[i] for i in graph.role[row, : len(nodes)].tolist()]
        assert role == [names.get(name, name) for name, _ in nodes]
        assert graph.argument[row].nonzero().tolist() == [list(pair) for pair in arguments]


def test_words_keep_their_roles_where_signs_part_them(toy) -> None:
    """A word of two tokens has both, a sign without letters none."""
    split = toy.splits["train"]
    split.captions = [Caption("v0#0", "v0", "Red-blue - ball, rolls.")]
    toy.roles = lambda _: iter([Roles((("ARG0", (0, 1, 2)), ("V", (3,))), ((1, 0),))])
    found = views(toy, "train", WORDS, {"words", "graph"}, CPU).captions(torch.tensor([0]))
    assert found.graph.members[0].nonzero().tolist() == [[0, 1], [0, 2], [0, 3], [1, 4]]


def test_roles_of_a_word_that_is_not_there_are_refused(toy) -> None:
    """They are of another release than the captions."""
    toy.roles = lambda _: iter([Roles((("V", (9,)),), ()), *LABELS[1:]])
    with pytest.raises(KBError, match="'red ball ball' name a word"):
        views(toy, "train", WORDS, {"words", "graph"}, CPU)


def test_a_corpus_without_roles_says_so(toy) -> None:
    """One line, and where roles are to be had."""
    with pytest.raises(KBError, match=r"toy has no semantic roles.*sent2rolegraph") as caught:
        views(toy, "train", WORDS, {"words", "graph"}, CPU)
    assert caught.value.code == 4


def test_topics_have_no_roles_to_read(toy) -> None:
    """A test that is asked with them is refused in one line, not with an index out of bounds."""
    toy.roles, toy.topics = lambda _: iter(LABELS), [Topic("601", "a red ball")]
    toy.splits["test"] = replace(toy.splits["train"], name="test", captions=[])
    with pytest.raises(KBError, match="toy is asked with topics, which have no semantic") as caught:
        views(toy, "test", WORDS, {"words", "graph"}, CPU)
    assert caught.value.code == 4
