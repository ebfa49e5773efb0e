"""The readers of eight datasets on tiny invented files of the published form."""

import numpy as np
import pytest

from kb.datasets.corpus import Blank, Caption, Choice, Judgement, Moment, Topic
from kb.datasets.features.bigfile import Writer
from kb.datasets.readers.howto100m import windows
from kb.datasets.readers.registry import READERS
from kb.records.errors import KBError
from tests.datasets import published
from tests.datasets.published import SPLITS, TEXTS


def pairs_of(corpus, split="test"):
    """(video, sentence) of a split."""
    return [(c.video, c.text) for c in corpus.splits[split].captions]


MSVD = [
    published.msvd,
    published.msvd_json,
    published.msvd_pickle,
    published.msvd_csv,
    published.msvd_names,
]


@pytest.mark.parametrize("write", MSVD, ids=lambda w: w.__name__)
def test_msvd_reads_the_same_from_every_form(tmp_path, write):
    """Collections, JSON, tokens in a pickle, the corpus's CSV, arrays of names: one dataset."""
    write(tmp_path)
    corpus = READERS["msvd"](tmp_path)
    assert {name: split.videos for name, split in corpus.splits.items()} == SPLITS
    assert pairs_of(corpus) == [(v, t) for v in SPLITS["test"] for t in TEXTS[v]]


def test_a_clip_of_msvd_has_as_many_captions_as_it_has(tmp_path):
    """Captions vary by clip, numbered from 0."""
    published.msvd(tmp_path)
    corpus = READERS["msvd"](tmp_path)
    ids = [c.id for c in corpus.splits["train"].captions]
    assert ids == ["a_0_5#0", "b_1_6#0", "b_1_6#1"]


def test_a_gif_is_known_by_the_end_of_its_url(tmp_path):
    """TGIF: the id is the file's name without .gif; a split has all sentences of its GIFs."""
    published.tgif(tmp_path)
    corpus = READERS["tgif"](tmp_path)
    assert corpus.splits["test"].videos == ["tumblr_d_3_8", "tumblr_e_4_9"]
    assert pairs_of(corpus, "val") == [("tumblr_c_2_7", "a c runs")]


@pytest.mark.parametrize(
    ("protocol", "test", "texts"),
    [
        ("full", ["e", "f"], ["en 0", "en 1", "en 2"]),
        ("1k5", ["d"], ["en 0", "en 1", "en 2"]),
        ("1k5-zh", ["d"], ["中0", "中1"]),
        ("1k5-en+zh", ["d"], ["en 0", "en 1", "en 2", "中0", "中1"]),
    ],
)
def test_vatex_has_two_languages_and_two_conventions_of_splits(tmp_path, protocol, test, texts):
    """The official public test, or the validation clips halved; English, Chinese, or both."""
    published.vatex(tmp_path)
    corpus = READERS["vatex"](tmp_path, protocol=protocol)
    assert [video[0] for video in corpus.splits["test"].videos] == test
    first = corpus.splits["test"].videos[0]
    captions = [c for c in corpus.splits["test"].captions if c.video == first]
    assert [c.text for c in captions] == texts
    assert [c.language for c in captions] == ["en" if t.startswith("en") else "zh" for t in texts]
    assert corpus.durations[first] == 10.0


def test_a_video_of_activitynet_is_told_as_one_paragraph(tmp_path):
    """Sentences joined, white space trimmed, spanning the video; moments stay at hand."""
    published.activitynet(tmp_path)
    corpus = READERS["activitynet"](tmp_path)
    captions = corpus.splits["test"].captions
    assert captions == [Caption("v_c#0", "v_c", "A dog. It barks.", (0.0, 20.0))]
    assert corpus.moments["v_c"] == [Moment(1.5, 7.0, "A dog."), Moment(7.0, 20.0, "It barks.")]
    assert READERS["activitynet"](tmp_path, protocol="val_2").splits["test"].captions[0].text == (
        "A loud dog."
    )


def test_a_time_stamp_that_runs_backwards_is_turned_round(tmp_path):
    """Four of the published training videos have one."""
    published.activitynet(tmp_path)
    corpus = READERS["activitynet"](tmp_path, protocol="moments")
    assert corpus.splits["train"].captions[1].span == (3.0, 9.0)


def test_training_videos_may_be_held_out_for_validation(tmp_path):
    """A list of ours takes them out of train."""
    published.activitynet(tmp_path)
    (tmp_path / "val_from_train.txt").write_text("v_b\n")
    corpus = READERS["activitynet"](tmp_path)
    assert [corpus.splits[s].videos for s in ("train", "val")] == [["v_a"], ["v_b"]]


def test_a_video_of_didemo_is_one_under_all_its_extensions(tmp_path):
    """The name without extension is the video; its descriptions come together in file order."""
    published.didemo(tmp_path)
    corpus = READERS["didemo"](tmp_path)
    assert pairs_of(corpus, "val") == [("1@N01_2_b", "a cat a hat a mat")]
    assert corpus.durations == {"1@N01_2_a": 30.0, "1@N01_2_b": 30.0, "1@N01_2_c": 25.0}


def test_a_moment_of_didemo_is_where_most_annotators_saw_it(tmp_path):
    """Chunks of five seconds, last one included; every annotator's vote is kept."""
    published.didemo(tmp_path)
    corpus = READERS["didemo"](tmp_path, protocol="moments")
    assert [c.span for c in corpus.splits["val"].captions] == [(15, 20), (0, 10), (25, 30)]
    assert corpus.moments["1@N01_2_b"][0].votes == ((15, 20), (15, 20), (10, 20), (0, 5))


def test_a_clip_of_lsmdc_may_have_several_sentences(tmp_path):
    """But for the thousand clips of the retrieval test; quotes are text, not quoting."""
    published.lsmdc(tmp_path)
    corpus = READERS["lsmdc"](tmp_path)
    assert pairs_of(corpus, "train") == [
        ("1_F_0-1", "SOMEONE sits."),
        ("1_F_0-1", 'SOMEONE "waits".'),
    ]
    assert pairs_of(corpus) == [("3_F_0-1", "It rains."), ("3_F_2-3", "She runs.")]


def test_the_right_answer_of_a_choice_is_known(tmp_path):
    """First of five in training and validation, where its number says in the test."""
    published.lsmdc(tmp_path)
    corpus = READERS["lsmdc"](tmp_path, protocol="mc")
    assert corpus.choices["val"] == [Choice("2_F_0-1", ("right", "b", "c", "d", "e"), 0)]
    assert corpus.choices["test"] == [Choice("3_F_0-1", ("a", "b", "right", "d", "e"), 2)]
    assert pairs_of(corpus) == [("3_F_0-1", "right")]


def test_a_blank_has_its_sentence_and_its_word(tmp_path):
    """Fill-in-the-blank: sentence, question, answer."""
    published.lsmdc(tmp_path)
    corpus = READERS["lsmdc"](tmp_path, protocol="fib")
    assert corpus.blanks["test"] == [Blank("3_F_0-1", "It rains.", "It _____ .", "rains")]


def test_a_few_broken_rows_of_questions_are_left_out_and_told(tmp_path):
    """One in two hundred is tolerated, with its line; a file cut off is not."""
    published.lsmdc(tmp_path)
    path = tmp_path / "LSMDC16_multiple_choice_train.csv"
    row = path.read_text()
    path.write_text(row * 100 + row.replace("\td\te", "") + row * 100)
    corpus = READERS["lsmdc"](tmp_path, protocol="mc")
    assert len(corpus.choices["train"]) == 200
    assert corpus.notes == [f"{path.name}:101: 1 rows are left out, broken"]
    path.write_text(row * 200 + row[:30])
    with pytest.raises(KBError, match=r"train.csv:201: .* ends in the middle"):
        READERS["lsmdc"](tmp_path, protocol="mc")


def test_topics_of_avs_have_judgements_and_a_gallery(tmp_path):
    """NIST numbers topic 501 as 1501; -1 was pooled and not judged; the gallery is listed."""
    published.avs(tmp_path)
    corpus = READERS["avs"](tmp_path)
    assert corpus.topics == [Topic("501", "a person playing guitar"), Topic("502", "a dog")]
    judgements = [
        Judgement("shot1_1", 1, 1),
        Judgement("shot1_2", 2, -1),
        Judgement("shot2_9", 2, 0),
    ]
    assert corpus.judgements == {"501": judgements, "502": []}
    assert corpus.splits["test"].videos == ["shot1_1", "shot1_2", "shot2_9", "shot3_4"]
    assert pairs_of(corpus, "train")[-1] == ("tumblr_x", "a mat")
    assert corpus.notes == ["tv17.avs.txt is not there", "tv18.avs.txt is not there"]


@pytest.mark.parametrize("suffix", [".json", ".pickle"])
def test_narration_is_joined_to_windows_of_five_seconds(tmp_path, suffix):
    """Each line in one window, in order; a line that says nothing is none."""
    published.howto100m(tmp_path, suffix)
    corpus = READERS["howto100m"](tmp_path)
    spans = [(c.video, c.text, c.span) for c in corpus.splits["train"].captions]
    assert spans == [("xx", "cut the bread now", (0.0, 10.0)), ("yy", "glue", (1.0, 2.0))]
    lines = READERS["howto100m"](tmp_path, protocol="lines").splits["train"].captions
    assert [c.text for c in lines] == ["cut", "the", "bread", "now", "glue"]


def test_a_short_end_of_narration_joins_the_last_window():
    """No window is shorter than asked while there is one before it."""
    lines = [Moment(3.0 * k, 3.0 * k + 3, str(k)) for k in range(5)]
    assert [m.text for m in windows(lines)] == ["0 1", "2 3 4"]


@pytest.mark.parametrize("name", READERS)
def test_an_unknown_protocol_names_the_known_ones(tmp_path, name):
    """A typo is answered with the choice."""
    with pytest.raises(KBError, match=f"protocol fulll is unknown for {name}; choose f"):
        READERS[name](tmp_path, protocol="fulll")


@pytest.mark.parametrize("name", READERS)
def test_an_empty_folder_is_told_by_the_first_file_it_lacks(tmp_path, name):
    """Exit code 4 and the path of the file that was looked for."""
    with pytest.raises(KBError, match="is not there") as caught:
        READERS[name](tmp_path)
    assert caught.value.code == 4
    assert str(tmp_path) in str(caught.value)


def test_collections_are_found_below_the_folder_of_a_repository(tmp_path):
    """`data/msvdtrain/TextData/...`: annotations and features two folders further down."""
    published.msvd(tmp_path / "data")
    writer = Writer(tmp_path / "data/msvdtest/FeatureData/resnet")
    writer.add(["d_3_8", "e_4_9"], np.ones((2, 3), np.float32))
    writer.close(by_frame=False)
    corpus = READERS["msvd"](tmp_path)
    assert corpus.splits["test"].videos == SPLITS["test"]
    assert corpus.features["frames"].dim == 3
