"""Each counterpart is written in its dataset's format, and read back by the reader of the real one."""

from collections import Counter

import numpy as np
import pytest

from kb import datasets
from kb.datasets import inventory
from kb.datasets.synthetic import oracle, structure, truth
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.repro.scoring import score_split
from kb.retrieval import evaluate


@pytest.fixture(scope="module", params=sorted(COUNTERPARTS))
def staged(request, smallest):
    """(name, folder) of a tiny counterpart."""
    return request.param, smallest(request.param)


def owners(split):
    """(captions,) column of each caption's video."""
    column = {video: at for at, video in enumerate(split.videos)}
    return np.array([column[caption.video] for caption in split.captions])


def test_the_check_of_real_files_finds_nothing_wrong(staged):
    """Counts as asked for, no video without a caption, every value finite."""
    name, folder = staged
    report = inventory.take(name, folder)
    assert report.problems == []
    size = COUNTERPARTS[name].sizes["tiny"]
    wanted = {"train": size.train, "val": size.val, "test": size.test}
    assert {s: counts.videos for s, counts in report.splits.items()} == wanted


def test_the_truth_is_in_the_order_in_which_captions_are_read(staged):
    """Caption for caption the sidecar names the video that the reader names."""
    name, folder = staged
    corpus, videos = datasets.load(name, root=folder), truth.videos(folder)
    _, owner = truth.meanings(folder)
    read = [caption.video for split in corpus.splits.values() for caption in split.captions]
    assert [videos[row].id for row in owner] == read


def test_the_structure_has_a_row_for_each_word_of_a_caption(staged):
    """Also where a caption is a paragraph."""
    name, folder = staged
    corpus = datasets.load(name, root=folder)
    captions = [c.text for split in corpus.splits.values() for c in split.captions]
    for text, tables in zip(captions, truth.structures(folder), strict=True):
        assert sum(map(len, tables)) == len(text.split())


def test_every_caption_has_its_roles(staged):
    """In the order in which captions are read; every phrase has words of its own in its caption."""
    name, folder = staged
    corpus = datasets.load(name, root=folder)
    tables = iter(truth.structures(folder))
    for split in corpus.splits.values():
        for one, caption in zip(corpus.roles(split.name), split.captions, strict=True):
            words = [word for _, positions in one.nodes for word in positions]
            assert len(set(words)) == len(words)
            assert set(words) <= set(range(len(caption.text.split())))
            assert "V" in {role for role, _ in one.nodes}
            assert one == structure.roles(next(tables))
    assert next(tables, None) is None


def test_the_oracle_finds_most_videos(staged):
    """Stated facts against scripts, ties in expectation; by infAP where topics are the queries."""
    name, folder = staged
    corpus, scores = datasets.load(name, root=folder), oracle.similarity(folder)
    if corpus.topics:
        assert score_split(corpus, scores).metrics["t2v"]["infAP"] > 0.9
        return
    evaluation = evaluate(similarity=scores, relevance=owners(corpus.splits["test"]))
    assert evaluation.t2v.metrics["R@1"] > 90


def test_a_gif_is_told_once_and_in_the_test_thrice(smallest):
    """As in TGIF; and it is silent."""
    corpus = datasets.load("diorama-tgif", root=smallest("diorama-tgif"))
    counts = {
        split: set(Counter(c.video for c in data.captions).values())
        for split, data in corpus.splits.items()
    }
    assert counts == {"train": {1}, "val": {1}, "test": {3}}
    assert set(corpus.features) == {"frames", "motion", "regions", "ocr"}
