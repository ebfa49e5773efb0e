"""Each view of the smallest benchmark, against what its scripts and captions say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kb import datasets
from kb.datasets.corpus import Line
from kb.datasets.synthetic import rendering, truth
from kb.records.errors import KBError
from kb.repro import views
from kb.repro.split_tensors import load_split
from kb.repro.views import boxes, nested, pixels, syntax, transcripts
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.contract import DataSizes

CPU = torch.device("cpu")
ROWS = torch.tensor([5, 0, 17])
SIZES = DataSizes(
    30,
    12,
    {"frames": 6, "regions": 14},
    {"concepts": 12, "mentions": 11, "w2v": 5, "bert": 6, "web": 7},
    {"verb": 4, "noun": 5, "adverb": 3},
    9,
    8,
)


@pytest.fixture(scope="module")
def words(corpus) -> Vocabulary:
    """The words of training."""
    return Vocabulary.build(c.text for c in corpus.splits["train"].captions)


@pytest.fixture(scope="module")
def paragraphs():
    """Long videos with paragraphs and moments."""
    corpus = datasets.load("diorama-activitynet", size="tiny")
    texts = [caption.text for caption in corpus.splits["train"].captions]
    return corpus, Vocabulary.build(texts)


def batch(corpus, words, *names, rows=ROWS):
    """A batch of training with these views, and the captions that it is made of."""
    tensors = load_split(corpus, "train", words, {"frames", *names}, CPU)
    captions = [corpus.splits["train"].captions[row] for row in rows.tolist()]
    return tensors.batch(rows), captions


@pytest.mark.parametrize("name", sorted(views.VIEWS))
def test_every_view_fills_toys_of_the_shapes_it_names(name: str) -> None:
    """A toy batch has the view, checked against the shapes that the fields of a batch declare."""
    toy = views.Toy(4, torch.Generator().manual_seed(0), SIZES)
    view = views.view(name)
    before = repr((toy.captions, toy.clips))
    for one in ("frames", name) if name in {"segments", "seconds"} else (name,):
        views.view(one).toy(toy)
    assert repr((toy.captions, toy.clips)) != before
    assert view.side in {"captions", "clips"}


@pytest.mark.parametrize("name", sorted(views.VIEWS))
def test_the_benchmark_has_a_view_or_says_why_not(corpus, words, name: str) -> None:
    """What it lacks is refused by name before anything loads; the rest fills a batch."""
    if views.view(name).lacks(corpus, "train") is None:
        assert batch(corpus, words, name)[0].captions.words.shape[0] == len(ROWS)
    else:
        with pytest.raises(KBError, match=f"{name}: "):
            batch(corpus, words, name)


def test_only_moments_are_lacking(corpus) -> None:
    """MSR-VTT's counterpart has whole videos: no sentences, no segments. Word pieces need a tower."""
    lacking = [name for name in views.VIEWS if views.view(name).lacks(corpus, "train")]
    assert lacking == ["pieces", "seconds", "segments", "sentences"]


def test_an_index_is_the_row_of_training(corpus, words) -> None:
    """Of the caption, and of its video."""
    got, captions = batch(corpus, words, "caption-index", "video-index")
    videos = corpus.splits["train"].videos
    assert got.captions.index.equal(ROWS)
    assert [videos[row] for row in got.clips.index.tolist()] == [c.video for c in captions]


def test_tags_are_those_of_the_words(corpus, words) -> None:
    """Each token has its word's part of speech; special tokens and padding have none."""
    got, captions = batch(corpus, words, "tags")
    every = list(corpus.syntax("train"))
    for place, (row, caption) in enumerate(zip(ROWS.tolist(), captions, strict=True)):
        wanted = [""] + [
            tag
            for tag, word in zip(every[row].tags, caption.text.split(), strict=True)
            for _ in tokenise(word)
        ]
        named = [syntax.TAGS[tag] for tag in got.captions.tags[place].tolist()]
        assert named == wanted + [""] * (len(named) - len(wanted))


def test_heads_lead_to_a_root(corpus, words) -> None:
    """From every token, head after head, one comes to a token that is its own head."""
    heads = batch(corpus, words, "heads")[0].captions.heads
    for row in heads.tolist():
        for column in range(len(row)):
            seen = column
            for _ in row:
                seen = row[seen]
            assert row[seen] == seen


def test_a_class_is_the_caption_s_first_word_of_its_kind(corpus, words) -> None:
    """Numbered by how often training has it."""
    got, captions = batch(corpus, words, "verb", "noun", "adverb")
    every = list(corpus.syntax("train"))
    for kind, tag in (("verb", "VERB"), ("noun", "NOUN"), ("adverb", "ADV")):
        names = syntax.classes(corpus, kind)
        for place, (row, caption) in enumerate(zip(ROWS.tolist(), captions, strict=True)):
            text = caption.text.lower().split()
            own = [w for w, t in zip(text, every[row].tags, strict=True) if t == tag]
            class_id = got.captions.classes[kind][place].item()
            assert (names[class_id] if class_id >= 0 else None) == (own[0] if own else None)


def test_an_antonym_is_the_most_frequent_opposite(corpus, words) -> None:
    """Slow for quick and quick for slow; none for adverbs without an opposite, or for none."""
    rows = torch.arange(100)
    got, _ = batch(corpus, words, "adverb", "antonym", rows=rows)
    names = syntax.classes(corpus, "adverb")
    slow, quick = syntax.OPPOSITES[0][1], syntax.OPPOSITES[0][0]
    first = {side: next(n for n in names if n in side) for side in (slow, quick)}
    for adverb, antonym in zip(
        *(got.captions.classes[n] for n in ("adverb", "antonym")), strict=True
    ):
        name = names[adverb] if adverb >= 0 else None
        expected = first[quick] if name in slow else first[slow] if name in quick else None
        assert (names[antonym] if antonym >= 0 else None) == expected
    assert {*got.captions.classes["antonym"].tolist()} >= {-1}
    assert got.captions.classes["antonym"].max() >= 0


def test_transcripts_are_the_lines_with_their_times(corpus, words) -> None:
    """Every word of every line, in order, its time a share of the line's."""
    got, captions = batch(corpus, words, "speech-tokens", "ocr-tokens")
    for kind in ("speech", "ocr"):
        tokens = getattr(got.clips, kind)
        for place, caption in enumerate(captions):
            lines = corpus.transcripts[kind].get(caption.video, [])
            wanted = [i for line in lines for i in words.encode(line.text)[1:-1]]
            assert tokens.ids[place][tokens.mask[place]].tolist() == wanted
            of_each = [n for n, line in enumerate(lines) for _ in words.encode(line.text)[1:-1]]
            assert tokens.line[place][tokens.mask[place]].tolist() == of_each
    ids, times, numbers = transcripts.tokens(
        [Line(2.0, 4.0, "b c"), Line(0.0, 1.0, "a")], Vocabulary(("a",))
    )
    assert ids == [4, 3, 3]
    assert times == [[0.0, 1.0], [2.0, 3.0], [3.0, 4.0]]
    assert numbers == [0, 1, 1]


def test_pixels_are_the_rendered_frames(corpus, words) -> None:
    """Evenly spread over each video, as its script is rendered."""
    got, captions = batch(corpus, words, "pixels")
    scripts = {video.id: video.script for video in truth.videos(corpus.pixels.root)}
    for place, caption in enumerate(captions):
        frames = pixels.spread(rendering.render(scripts[caption.video]))
        shown = got.clips.pixels[place][got.clips.pixels_mask[place]]
        assert np.array_equal(shown.permute(0, 2, 3, 1).numpy(), frames)


def test_word_pieces_are_refused_without_a_tower(corpus, words) -> None:
    """One line that says what they would need."""
    with pytest.raises(KBError, match="word pieces come with a pre-trained tower"):
        load_split(corpus, "train", words, ["pieces"], torch.device("cpu"))


def test_frames_stay_in_memory_up_to_a_limit() -> None:
    """A video is read once while there is room, and again where there is none; its frames agree."""
    calls: list[str] = []

    def read(video: str) -> np.ndarray:
        calls.append(video)
        return np.full((2, 1, 1, 3), int(video), np.uint8)

    frames = pixels.StoredFrames(read, ["4", "5"], limit=6)
    assert [int(frames[row].mean()) for row in (0, 0, 1, 1, 0)] == [4, 4, 5, 5, 4]
    assert calls == ["4", "5", "5"]


@pytest.mark.parametrize(
    ("length", "wanted"), [(3, [0, 1, 2]), (24, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23])]
)
def test_frames_are_spread_over_a_video(length: int, wanted: list[int]) -> None:
    """The middle of twelve parts; a short video has all of its own."""
    frames = np.arange(length, dtype=np.uint8).reshape(-1, 1, 1, 1)
    assert pixels.spread(frames).ravel().tolist() == wanted


def test_boxes_are_grouped_by_their_frame(corpus, words) -> None:
    """Every region of the file is in the batch once, with those of its own time."""
    got, captions = batch(corpus, words, "boxes")
    regions = got.clips.regions
    for place, caption in enumerate(captions):
        features = corpus.features["regions"]
        rows = features.read(caption.video) if caption.video in features else np.zeros((0, 1))
        assert int(regions.mask[place].sum()) == len(rows)
        if len(rows):
            frames = boxes.by_step(rows)
            assert len({tuple(np.unique(frame[:, -1])) for frame in frames}) == len(frames)
            first = regions.place[place, 0][regions.mask[place, 0]]
            assert np.array_equal(first.numpy(), frames[0][:, -5:-1])


def test_sentences_and_segments_belong_to_their_moments(paragraphs) -> None:
    """As many of each as moments, in order of time, cut where the spans say."""
    corpus, words = paragraphs
    rows = torch.tensor([2, 0])
    got, captions = batch(corpus, words, "sentences", "segments", "seconds", rows=rows)
    owned = [sorted(corpus.moments[c.video], key=lambda m: m.start) for c in captions]
    for part in (got.captions.sentences, got.clips.segments):
        assert torch.bincount(part.owner).tolist() == [len(own) for own in owned]
        spans = [[m.start, m.end] for own in owned for m in own]
        assert np.allclose(part.span.numpy(), spans)
    texts = [m.text for own in owned for m in own]
    for place, text in enumerate(texts):
        sentence = got.captions.sentences.items
        assert sentence.words[place][sentence.mask[place]].tolist() == words.encode(text)
    items = got.clips.segments.items
    assert items.mask["frames"].any(1).all()
    seconds = got.clips.seconds["frames"]
    lengths = [corpus.durations[c.video] for c in captions]
    assert all(0 < row[0] < row[1] for row in seconds.tolist())
    assert (seconds.amax(1) < torch.tensor(lengths)).all()


def test_a_segment_has_the_steps_of_its_span() -> None:
    """Half of a video of four steps is two of them; a moment of nothing is the step it falls into."""
    x = torch.arange(8.0).reshape(2, 4, 1)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    share = torch.tensor([[0.0, 0.5], [0.9, 0.9], [0.5, 1.0]])
    cut, present = nested.within(x, mask, torch.tensor([0, 0, 1]), share)
    rows = [cut[i][present[i]].ravel().tolist() for i in range(3)]
    assert rows == [[0, 1], [3], [5]]


def test_word_vectors_are_a_mean_over_distinct_words(corpus, words) -> None:
    """Order and repetition change nothing; a sentence without a known word is all zeros."""
    encode = views.vectors.encoder(corpus, "w2v")
    one = corpus.splits["train"].captions[0]
    again = replace(one, text=" ".join(reversed(f"{one.text} {one.text}".split())))
    first, other, none = encode([one, again, replace(one, text="qqqq")])
    assert np.allclose(first, other)
    assert not none.any()
    assert first.any()


def test_alike_sentences_have_alike_vectors(corpus) -> None:
    """Two captions of one video are closer than two of different videos, on the average."""
    captions = corpus.splits["train"].captions
    for name in ("w2v", "bert"):
        table = views.vectors.encoder(corpus, name)(captions)
        table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
        same = np.array([[a.video == b.video for b in captions] for a in captions])
        cosine = table @ table.T
        apart = ~np.eye(len(captions), dtype=bool)
        assert cosine[same & apart].mean() > cosine[~same].mean() + 0.05
