"""`w2v`, `bert`: one vector per sentence, made outside the model.

From the files that users of the published code have: word vectors as word2vec writes them (text or
BigFile: the mean over a sentence's distinct words), sentence vectors as an array with the ids of
the captions. The synthetic benchmark trains its own on its training captions, since no published
vectors have seen its words; so does msrvtt-vgg1000, for which no file is asked: w2v factorises co-occurrences (Levy, Goldberg 2014: what word2vec
factorises implicitly), bert is latent semantic analysis of sentences, of the same use to a model
but without a sentence's order.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Caption, Corpus, EncodeText
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.batch import Captions

WINDOW = 4  # words on either side that count as beside a word
SIZES = {"w2v": 64, "bert": 96}  # of the benchmark's own vectors, at most
LARGE = 4000  # words; of more only the largest eigenvalues are computed
NOTHING = Caption("", "", "")  # for the width of a vector
Floats = NDArray[np.float64]


class SentenceVectors(View):
    """`Captions.vectors` under the view's name."""

    side = "captions"

    def __init__(self, name: str) -> None:
        self.name = name

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Real data need a file; the benchmark and data of a laptop's size train their own."""
        if self.name in corpus.text_vectors or corpus.size is not None or corpus.laptop:
            return None
        return (
            f"it has no {self.name} vectors of its captions (name them: --vectors {self.name}=FILE)"
        )

    def load(self, source: Source) -> Fill:
        """(t, dim) of the captions."""
        encode = encoder(source.corpus, self.name)
        table = torch.from_numpy(encode(source.captions).astype(np.float32))

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.vectors[self.name] = to_device(table[rows], source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Random vectors."""
        width = toy.sizes.vectors[self.name]
        toy.captions.vectors[self.name] = toy.normal(toy.n, width)

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """How wide."""
        return {"vectors": {self.name: encoder(corpus, self.name)([NOTHING]).shape[1]}}


def encoder(corpus: Corpus, name: str) -> EncodeText:
    """Captions -> (captions, dim) vectors: the user's own, or those trained on training captions."""
    if name in corpus.text_vectors:
        return corpus.text_vectors[name]
    texts = tuple(caption.text for caption in corpus.splits["train"].captions)
    return {"w2v": _co_occurrences, "bert": _latent_semantics}[name](texts)


@lru_cache(maxsize=4)
def _co_occurrences(texts: tuple[str, ...]) -> EncodeText:
    """Word vectors: singular vectors of positive pointwise mutual information, weighted by sqrt(s)."""
    words, sentences = _numbered(texts)
    if len(words) > LARGE:
        return _mean_of_words(words, _sparse_factors(_sparse_pmi(sentences, len(words))))
    counts = np.zeros((len(words), len(words)))
    for sentence in sentences:
        for at, word in enumerate(sentence):
            beside = sentence[max(0, at - WINDOW) : at] + sentence[at + 1 : at + 1 + WINDOW]
            np.add.at(counts[word], beside, 1.0)
    total, margin = counts.sum(), counts.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(counts * total / np.outer(margin, margin))
    table = _factors(np.nan_to_num(np.maximum(pmi, 0.0), posinf=0.0), SIZES["w2v"])
    return _mean_of_words(words, table)


def _mean_of_words(words: dict[str, int], table: Floats) -> EncodeText:
    """Captions -> the mean over the vectors of their distinct words."""

    def encode(captions: Sequence[Caption]) -> Floats:
        rows = [sorted({words[w] for w in tokenise(c.text) if w in words}) for c in captions]
        return np.stack([table[r].mean(0) if r else np.zeros(table.shape[1]) for r in rows])

    return encode


def _sparse_pmi(sentences: Sequence[Sequence[int]], size: int) -> Any:
    """(words, words) positive pointwise mutual information of words beside one another, sparse."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415  (real data only)

    pairs = [
        (sentence[at], sentence[beside])
        for sentence in sentences
        for at in range(len(sentence))
        for beside in range(max(0, at - WINDOW), min(len(sentence), at + 1 + WINDOW))
        if beside != at
    ]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    counts = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size)).tocsr()
    margin, at = np.asarray(counts.sum(1)).ravel(), counts.nonzero()
    pmi = np.log(np.asarray(counts[at]).ravel() * margin.sum() / (margin[at[0]] * margin[at[1]]))
    return coo_matrix((np.maximum(pmi, 0.0), at), shape=(size, size)).tocsr()


def _sparse_counts(numbered: Sequence[Sequence[int]], size: int) -> Any:
    """(sentences, words) how often each word is in each sentence, sparse."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415

    rows = np.repeat(np.arange(len(numbered)), [len(sentence) for sentence in numbered])
    columns = np.array([word for sentence in numbered for word in sentence], dtype=np.int64)
    return coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(numbered), size))


def _sparse_factors(matrix: Any) -> Floats:
    """What `_factors` gives, of a matrix too large for all its eigenvectors."""
    values, vectors = _largest(matrix, SIZES["w2v"], "LM")
    return np.asarray(_signed(vectors) * np.sqrt(np.abs(values)))


def _largest(matrix: Any, count: int, which: str) -> tuple[Floats, Floats]:
    """The largest eigenvalues of a symmetric matrix, falling, and their vectors; always the same."""
    from scipy.sparse.linalg import eigsh  # noqa: PLC0415

    values, vectors = eigsh(matrix, k=count, which=which, v0=np.ones(matrix.shape[0]))
    order = np.argsort(-np.abs(values))
    return values[order], vectors[:, order]


@lru_cache(maxsize=4)
def _latent_semantics(texts: tuple[str, ...]) -> EncodeText:
    """Sentence vectors: TF-IDF over words, projected on the leading directions of training."""
    words, sentences = _numbered(texts)
    seen = np.bincount([w for s in sentences for w in set(s)], minlength=len(words))
    idf = np.log((1 + len(sentences)) / (1 + seen))

    def weigh(numbered: Sequence[Sequence[int]]) -> Any:
        if len(words) > LARGE:
            return _sparse_counts(numbered, len(words)).multiply(idf).tocsr()
        table = np.zeros((len(numbered), len(words)))
        for row, sentence in enumerate(numbered):
            np.add.at(table[row], list(sentence), 1.0)
        return np.asarray(table * idf)

    second_moment = sum(
        block.T @ block
        for block in (weigh(sentences[i : i + 4096]) for i in range(0, len(sentences), 4096))
    )
    if len(words) > LARGE:
        basis = _signed(_largest(second_moment, SIZES["bert"], "LA")[1])
    else:
        values, directions = np.linalg.eigh(second_moment)
        basis = _signed(directions[:, np.argsort(-values)[: SIZES["bert"]]])

    def encode(captions: Sequence[Caption]) -> Floats:
        known = [[words[w] for w in tokenise(c.text) if w in words] for c in captions]
        table = weigh(known) @ basis
        return np.asarray(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12))

    return encode


def _numbered(texts: Sequence[str]) -> tuple[dict[str, int], list[list[int]]]:
    """Words of the texts by spelling, and each text as their numbers."""
    tokens = [tokenise(text) for text in texts]
    words = {word: row for row, word in enumerate(sorted({w for t in tokens for w in t}))}
    return words, [[words[word] for word in sentence] for sentence in tokens]


def _factors(matrix: Floats, size: int) -> Floats:
    """Leading left singular vectors of a symmetric matrix, weighted by the roots of their values."""
    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-np.abs(values))[:size]
    return np.asarray(_signed(vectors[:, order]) * np.sqrt(np.abs(values[order])))


def _signed(vectors: Floats) -> Floats:
    """The same directions, each with its largest entry positive: one answer on every machine."""
    largest = vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])]
    return np.asarray(vectors * np.where(largest < 0, -1.0, 1.0))


VIEWS = (SentenceVectors("w2v"), SentenceVectors("bert"))
