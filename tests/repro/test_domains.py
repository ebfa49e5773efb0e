"""Training on the pairs of other datasets: what a batch has, what a record says, what is refused."""

from dataclasses import replace

import pytest
import torch

from kb.records.errors import KBError
from kb.repro import domains
from kb.repro.baseline import BowMean
from kb.repro.budget import Clock
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.plan import plan
from kb.repro.progress import Nothing
from kb.repro.run import execute
from kb.repro.split_tensors import load_split
from kb.repro.vocabulary import Vocabulary

CPU = torch.device("cpu")


class Stops:
    """A budget that is spent after so many questions."""

    def __init__(self, number: int) -> None:
        self.left = number

    def allows(self, _: float) -> bool:
        """So many times."""
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def data(monkeypatch) -> LoadedData:
    """The smallest world; the baseline is trained on the pairs of others."""
    recipe = BowMean.small_recipe.but(epochs=2, source_domains=("msvd", "activitynet"))
    monkeypatch.setattr(BowMean, "small_recipe", recipe)
    monkeypatch.setattr(BowMean, "variants", {"full": {}, "own": {}})
    monkeypatch.setattr(BowMean, "recipe_by_variant", {"own": {"source_domains": ()}})
    return LoadedData.load(DataSource("diorama-msrvtt", "tiny"), lambda *_: None)


def planned(data, variant="full"):
    """The run of the baseline."""
    return plan("bow-mean", data.corpus, data.vocabulary, seed=0, variant=variant)


def made(data, checkpoint_path, variant="full", budget=None):
    """Its record, or None where the budget ended."""
    return execute(
        planned(data, variant),
        data,
        checkpoint_path,
        device=CPU,
        callbacks=[Nothing().watch("", 1)],
        budget=budget or Clock(),
    )


def sources_of(data, **changes):
    """The source domains of the baseline's recipe, changed so."""
    recipe = planned(data).recipe.but(**changes)
    return domains.load_sources(recipe, data.corpus, lambda *_: None)


def test_pairs_come_from_the_first_source_and_the_others_stand_beside(data) -> None:
    """Batches run over the captions of the first; as many of the second and of the data."""
    sources = sources_of(data)
    words = sources.vocabulary
    own = load_split(data.corpus, "train", words, BowMean.views, CPU)
    train = sources.train(own, words, BowMean.views, CPU)
    first, second = (corpus.splits["train"] for corpus in sources.corpora)
    assert len(train) == len(first.captions)
    assert train.unpaired is own
    assert len(train.second_source) == len(second.captions)
    batch = train.batch(torch.tensor([3, 1, 4]), torch.Generator().manual_seed(0))
    assert [len(b.captions.words) for b in (batch.unpaired, batch.second_source)] == [3, 3]


def test_the_words_are_those_of_the_first_source(data) -> None:
    """What only the others say is unknown."""
    texts = (caption.text for caption in sources_of(data).corpora[0].splits["train"].captions)
    words = Vocabulary.build(texts)
    assert sources_of(data).vocabulary == words
    assert planned(data).sizes.vocabulary == len(words)
    assert planned(data, "own").sizes.vocabulary == len(data.vocabulary)


def test_a_record_names_the_source_domains(data, tmp_path) -> None:
    """Data, size, fingerprint, captions; the test split is the data's; without any, no key."""
    run, own = (made(data, tmp_path / v, v) for v in ("full", "own"))
    first, second = run.source_domains
    assert (first.data, second.data) == ("diorama-msvd", "diorama-activitynet")
    assert first.fingerprint == sources_of(data).corpora[0].fingerprint
    assert first.captions == len(sources_of(data).corpora[0].splits["train"].captions)
    assert run.data == own.data
    assert run.metrics != own.metrics
    assert "source_domains" not in own.model_dump()


def test_a_stop_changes_no_number(data, tmp_path) -> None:
    """The items beside a batch are drawn again as they were."""
    whole, run = made(data, tmp_path / "whole"), None
    while run is None:
        run = made(data, tmp_path / "stopped", budget=Stops(3))
    assert run.ranks == whole.ranks
    assert [row["loss"] for row in run.curve] == [row["loss"] for row in whole.curve]


def test_a_run_is_named_by_its_source_domains(data) -> None:
    """Their data are part of the hash; a run without keeps the name it always had."""
    full, own = planned(data), planned(data, "own")
    assert len(full.source_domains) == 2
    assert replace(full, source_domains=("0" * 64,)).config_hash != full.config_hash
    assert own.source_domains == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("msrvtt",), "diorama-msrvtt is a source domain of the recipe and the data"),
        (("msvd", "tgif", "vatex"), "3 source domains"),
        (("moon",), "the source domain moon is read from its synthetic counterpart only"),
    ],
)
def test_source_domains_that_cannot_be_are_refused(data, names, message) -> None:
    """The data themselves, too many, one without a counterpart: one line each."""
    with pytest.raises(KBError, match=message):
        sources_of(data, source_domains=names)


def test_a_real_source_domain_is_refused(data) -> None:
    """Real data have no size: the source would be read from a folder that nothing names."""
    real = replace(data.corpus, name="msrvtt", size=None)
    recipe = planned(data).recipe.but(source_domains=("vatex",))
    with pytest.raises(KBError, match="vatex is read from its synthetic counterpart only"):
        domains.load_sources(recipe, real, lambda *_: None)
