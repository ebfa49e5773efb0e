"""What a model reads of a corpus, against loops over its items."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kb.datasets.corpus import Caption, Corpus, SplitData, Topic
from kb.datasets.readers.roles import Roles
from kb.records.errors import KBError
from kb.repro import views
from kb.repro.split_tensors import load_split
from kb.repro.views import features as features_view
from kb.repro.views.concepts import concept_shares
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.batch import ROLES
from models.parts.recipe import Sampling

CPU = torch.device("cpu")


class InMemory:
    """Features of a few videos."""

    dim = 3

    def __init__(self, arrays) -> None:
        self.arrays = arrays

    def __contains__(self, video: str) -> bool:
        return video in self.arrays

    def read(self, video: str):
        """(steps, dim)."""
        return self.arrays[video]


@pytest.fixture
def toy() -> Corpus:
    """Three videos of 2, 4 and no steps, captions out of order."""
    rng = np.random.default_rng(0)
    arrays = {f"v{i}": rng.normal(size=(n, 3)).astype(np.float32) for i, n in ((0, 2), (1, 4))}
    texts = [("v1", "red ball ball"), ("v0", "blue"), ("v2", ""), ("v1", "a blue unseen ball")]
    captions = [Caption(f"{v}#{i}", v, text) for i, (v, text) in enumerate(texts)]
    split = SplitData("train", ["v0", "v1", "v2"], captions)
    return Corpus("toy", "full", "0" * 64, {"train": split}, {"frames": InMemory(arrays)})


WORDS = Vocabulary(("a", "ball", "blue", "red"))


def test_captions_are_ids_masks_and_bags(toy) -> None:
    """Rows are what encoding each sentence alone gives, cut to the longest of the batch."""
    tensors = load_split(toy, "train", WORDS, {"words", "bow", "frames"}, CPU)
    batch = tensors.captions(torch.tensor([3, 1]))
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
    monkeypatch.setattr(features_view, "FITS", fits)
    tensors = load_split(toy, "train", WORDS, {"frames"}, CPU)
    clips = tensors.clips(torch.tensor([1, 2, 0, 1]))
    features, mask = clips.features["frames"], clips.mask["frames"]
    assert mask.sum(1).tolist() == [4, 0, 2, 4]
    arrays = toy.features["frames"].arrays
    for row, video in ((0, "v1"), (2, "v0"), (3, "v1")):
        steps = len(arrays[video])
        assert np.array_equal(features[row, :steps].numpy(), arrays[video])
        assert not features[row, steps:].any()
    assert not features[1].any()


def test_captions_name_the_rows_of_their_videos(toy) -> None:
    """The owner of a caption is its video's row in the gallery."""
    assert load_split(toy, "train", WORDS, {"words"}, CPU).owner.tolist() == [1, 0, 2, 1]


def test_no_bag_is_made_that_nobody_reads(toy) -> None:
    """A model that does not name `bow` gets none."""
    assert load_split(toy, "train", WORDS, {"words"}, CPU).captions(torch.tensor([0])).bow is None


def test_an_expert_that_the_data_lack_is_named(toy) -> None:
    """One line says which expert is missing and which there are."""
    with pytest.raises(KBError, match=r"audio: it has no features audio \(it has frames\)"):
        load_split(toy, "train", WORDS, {"words", "audio"}, CPU)


def test_concepts_follow_the_video_of_a_caption(toy) -> None:
    """In training each caption brings its video's shares; no other split brings any."""
    toy.splits["val"] = replace(toy.splits["train"], name="val")
    tensors = load_split(toy, "train", WORDS, {"words", "concepts"}, CPU)
    rows = tensors.captions(torch.tensor([3, 1])).vectors["concepts"]
    assert rows.equal(concept_shares(toy.splits["train"], WORDS.bow_size)[[1, 0]])
    assert (
        load_split(toy, "val", WORDS, {"words", "concepts"}, CPU)
        .captions(torch.tensor([0]))
        .vectors
        == {}
    )


def test_an_optional_expert_is_read_where_it_is(toy) -> None:
    """What the model needs is asked of all data, the rest of those that have it."""
    model = SimpleNamespace(
        needs=lambda _: frozenset({"words", "frames"}), optional=frozenset({"a", "b"})
    )
    assert views.read(model, None, toy) == {"frames"}
    toy.features["b"] = toy.features["frames"]
    assert views.read(model, None, toy) == {"frames", "b"}


LABELS = [  # of the captions of `toy`, in their order
    Roles((("ARG0", (0, 1)), ("V", (2,))), ((1, 0),)),
    Roles((("V", (0,)),), ()),
    Roles((), ()),
    Roles((("V", (3,)), ("R-ARGM-LOC", (0, 1)), ("mystery", (2,))), ((0, 1), (0, 2))),
]


def test_a_batch_holds_the_graphs_of_its_captions(toy) -> None:
    """Nodes, words and arguments stand where each caption alone has them; the rest is padding."""
    toy.roles = lambda split: iter(LABELS) if split == "train" else None
    tensors = load_split(toy, "train", WORDS, {"words", "graph", "frames"}, CPU)
    order = [3, 2, 0, 3]
    batch = tensors.captions(torch.tensor(order))
    graph = batch.graph
    assert graph.members.shape == (4, 3, batch.words.shape[1])
    names = {"R-ARGM-LOC": "ARGM-LOC", "mystery": "NOUN"}
    for row, caption in enumerate(order):
        nodes, arguments = LABELS[caption].nodes, LABELS[caption].arguments
        columns = [graph.members[row, n].nonzero()[:, 0].tolist() for n in range(3)]
        assert columns == [[w + 1 for w in words] for _, words in nodes] + [[]] * (3 - len(nodes))
        role = [ROLES[i] for i in graph.role[row, : len(nodes)].tolist()]
        assert role == [names.get(name, name) for name, _ in nodes]
        assert graph.argument[row].nonzero().tolist() == [list(pair) for pair in arguments]


def test_words_keep_their_roles_where_signs_part_them(toy) -> None:
    """A word of two tokens has both, a sign without letters none."""
    split = toy.splits["train"]
    split.captions = [Caption("v0#0", "v0", "Red-blue - ball, rolls.")]
    toy.roles = lambda _: iter([Roles((("ARG0", (0, 1, 2)), ("V", (3,))), ((1, 0),))])
    captions = load_split(toy, "train", WORDS, {"words", "graph"}, CPU).captions(torch.tensor([0]))
    assert captions.graph.members[0].nonzero().tolist() == [[0, 1], [0, 2], [0, 3], [1, 4]]


def test_roles_of_a_word_that_is_not_there_are_refused(toy) -> None:
    """They are of another release than the captions."""
    toy.roles = lambda _: iter([Roles((("V", (9,)),), ()), *LABELS[1:]])
    with pytest.raises(KBError, match="'red ball ball' name a word"):
        load_split(toy, "train", WORDS, {"words", "graph"}, CPU)


def test_a_corpus_without_roles_says_so(toy) -> None:
    """One line, and where roles are to be had."""
    with pytest.raises(KBError, match=r"graph: it has no semantic roles.*sent2rolegraph") as caught:
        load_split(toy, "train", WORDS, {"words", "graph"}, CPU)
    assert caught.value.code == 4


def test_topics_have_no_roles_to_read(toy) -> None:
    """A test whose queries they are is refused in one line, not with an index out of bounds."""
    toy.roles, toy.topics = lambda _: iter(LABELS), [Topic("601", "a red ball")]
    toy.splits["test"] = replace(toy.splits["train"], name="test", captions=[])
    with pytest.raises(
        KBError, match="its test has topics for queries, which have no semantic"
    ) as caught:
        load_split(toy, "test", WORDS, {"words", "graph"}, CPU)
    assert caught.value.code == 4


def test_every_missing_view_is_named_at_once(toy) -> None:
    """Two experts and the roles: one line with all three, before anything is loaded."""
    with pytest.raises(KBError) as caught:
        load_split(toy, "train", WORDS, {"words", "graph", "audio", "motion"}, CPU)
    assert all(f"{name}: " in str(caught.value) for name in ("graph", "audio", "motion"))
    assert "\n" not in str(caught.value)


def test_data_sizes_are_those_of_the_views_read(toy) -> None:
    """Words, bag, widths of the experts read, captions and videos of training; nothing else."""
    sizes = views.data_sizes({"bow", "frames", "concepts"}, toy, WORDS)
    assert (sizes.vocabulary, sizes.bow, sizes.dims) == (8, 4, {"frames": 3})
    assert (sizes.captions, sizes.videos, sizes.vectors) == (4, 3, {"concepts": 4})
    assert views.data_sizes({"frames"}, toy, WORDS).bow == 0


@pytest.mark.parametrize("domain", ["unpaired", "second_source"])
def test_another_domain_comes_beside_a_batch(toy, domain: str) -> None:
    """As many captions of it, drawn at random, whose clips are their own."""
    tensors = load_split(toy, "train", WORDS, {"words", "frames"}, CPU)
    setattr(tensors, domain, load_split(toy, "train", WORDS, {"words", "frames"}, CPU))
    batch = tensors.batch(torch.tensor([0, 1, 2]), torch.Generator().manual_seed(0))
    beside = getattr(batch, domain)
    assert len(beside.captions.words) == len(batch.captions.words) == 3
    assert len(beside.clips.features["frames"]) == 3


@pytest.mark.parametrize(("size", "drop_last"), [(2, False), (3, False), (3, True), (9, True)])
def test_batches_are_as_many_as_announced(toy, size: int, drop_last: bool) -> None:
    """The number that schedules count on is the number of batches; a lone caption is left out."""
    tensors = load_split(toy, "train", WORDS, {"words"}, CPU)
    sampling = Sampling(batch_size=size, drop_last=drop_last)
    batches = tensors.batches(sampling, torch.Generator().manual_seed(0))
    assert len(batches) == tensors.batches_per_epoch(sampling)
    assert all(len(rows) > 1 for rows in batches)
