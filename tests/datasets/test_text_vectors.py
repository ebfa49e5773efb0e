"""Vectors of words and sentences from files, and what is said of those that are none."""

import numpy as np
import pytest

from kb.datasets.corpus import Caption
from kb.datasets.features import bigfile
from kb.datasets.features.textvectors import fingerprint, open_vectors
from kb.records.errors import KBError

CAPTIONS = [Caption("v0#0", "v0", "A cat, a cat sat"), Caption("v0#1", "v0", "nobody knows")]
CAT, SAT = np.array([1.0, 2.0]), np.array([3.0, -2.0])


def words(text):
    """Lower-case words."""
    return text.lower().replace(",", "").split()


@pytest.mark.parametrize("header", ["", "2 2\n"])
def test_a_caption_is_the_mean_of_its_distinct_words(tmp_path, header) -> None:
    """From word2vec's text, with a header or without; unknown words count for nothing."""
    path = tmp_path / "vectors.txt"
    path.write_text(f"{header}cat 1 2\nsat 3 -2\n")
    table = open_vectors("w2v", path, words)(CAPTIONS)
    assert table.tolist() == [((CAT + SAT) / 2).tolist(), [0.0, 0.0]]


def test_word_vectors_are_read_from_a_bigfile(tmp_path) -> None:
    """The folder that W2VV++ and SEA publish: its ids are words."""
    writer = bigfile.Writer(tmp_path / "w2v")
    writer.add(["cat", "sat"], np.array([CAT, SAT], np.float32))
    writer.close(by_frame=False)
    table = open_vectors("w2v", tmp_path / "w2v", words)(CAPTIONS)
    assert table[0].tolist() == ((CAT + SAT) / 2).tolist()


def test_sentence_vectors_are_found_by_the_caption_s_id(tmp_path) -> None:
    """Whatever their order in the file; a query of no video (a topic) may lack one."""
    path = tmp_path / "bert.npz"
    np.savez(path, ids=np.array(["v0#1", "v0#0"]), vectors=np.array([[1.0], [2.0]]))
    encode = open_vectors("bert", path, words)
    assert encode([*CAPTIONS, Caption("601", "", "a topic")]).ravel().tolist() == [2.0, 1.0, 0.0]
    with pytest.raises(KBError, match="no vector of 1 caption, the first: v9#9"):
        encode([Caption("v9#9", "v9", "new")])


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        ("w2v", "a.txt", "cat 1 2\nsat 1\n", "a.txt:2"),
        ("w2v", "a.txt", "cat one two\n", "no line of word vectors"),
        ("w2v", "a.txt", "cat nan 1\n", "not finite"),
        ("w2v", "a.txt", "", "holds no word vector"),
        ("bert", "a.npz", "no archive", "no archive of ids"),
        ("glove", "a.txt", "cat 1 2\n", "no text vectors are called 'glove'"),
    ],
)
def test_a_file_of_another_form_gets_one_line(tmp_path, name, file, content, message) -> None:
    """What, where, and what it takes."""
    (tmp_path / file).write_text(content)
    with pytest.raises(KBError, match=message) as caught:
        open_vectors(name, tmp_path / file, words)(CAPTIONS)
    assert "\n" not in str(caught.value)


def test_a_fingerprint_follows_the_content(tmp_path) -> None:
    """Other numbers, another fingerprint."""
    path = tmp_path / "a.txt"
    path.write_text("cat 1 2\n")
    before = fingerprint(path)
    path.write_text("cat 1 3\n")
    assert fingerprint(path) != before
