"""Words to numbers."""

from kb.repro.vocabulary import END, START, UNKNOWN, Vocabulary, tokenise


def test_letters_and_digits_of_ascii_make_words() -> None:
    """Everything else parts words; case is dropped."""
    assert tokenise("A man's GO-kart, café №7!") == ["a", "man", "s", "go", "kart", "caf", "7"]


def test_a_word_seen_five_times_is_known() -> None:
    """Four times are too few; ties in frequency go by spelling; ids 0 to 3 are special."""
    texts = ["dog cat"] * 4 + ["dog dog ant", "cat bee"]
    vocabulary = Vocabulary.build(texts)
    assert vocabulary.words == ("dog", "cat")
    assert len(vocabulary) == 6
    assert vocabulary.bow_size == 2
    assert vocabulary.encode("Cat eats dog") == [START, 5, UNKNOWN, 4, END]


def test_an_empty_sentence_is_a_start_and_an_end() -> None:
    """No words, no error."""
    assert Vocabulary(()).encode("...") == [START, END]
