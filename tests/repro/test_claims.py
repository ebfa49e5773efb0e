"""Claims against stored runs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kb.cli import run
from kb.records import Claim, KBError, Library
from kb.repro import claims, ranks

ROOT = Path(__file__).resolve().parents[2]
CLAIM = Claim(id="levels", text="All levels beat one.", variants=["full", "level1"])


def record(variant, seed, value, world="a", epochs=9, width=64):
    """What a claim reads of a run, without ranks."""
    data = SimpleNamespace(name="diorama-msrvtt", size="small", fingerprint=world, protocol="full")
    metrics = {"SumR": value, "t2v": {"R@1": value / 10}}
    return SimpleNamespace(
        kind="model",
        variant=variant,
        seed=seed,
        data=data,
        metrics=metrics,
        ranks={},
        topics={},
        recipe={"epochs": epochs},
        config={"width": width, "variant": variant},
        config_hash=f"{variant}{width}{epochs}{world}",
        version=1,
        code="c0de",
        status="done",
        date="2026-01-01",
        rising=False,
    )


def stored(full, level1):
    """Runs of two variants, seeds from 0."""
    return [record("full", i, v) for i, v in enumerate(full)] + [
        record("level1", i, v) for i, v in enumerate(level1)
    ]


@pytest.mark.parametrize(
    ("full", "level1", "verdict"),
    [
        ([10, 11, 12], [1, 2, 3.5], "holds"),
        ([1, 2, 3.5], [10, 11, 12], "fails"),
        ([1, 9, 2], [2, 1, 9], "undecided"),
        ([10], [1], "not-run"),
        ([10, 11], [], "not-run"),
    ],
)
def test_verdicts(full, level1, verdict: str) -> None:
    """The interval of the difference decides; fewer than two pairs decide nothing."""
    assert claims.check("m", CLAIM, stored(full, level1))["verdict"] == verdict


def test_runs_of_two_configurations_are_not_paired() -> None:
    """Where a later version made all variants wider, the wide ones pair, or else the narrow ones."""
    narrow = stored([10, 11, 12], [1, 2, 3.5])
    wide = [record("full", i, v, width=128) for i, v in enumerate([20, 30, 40])]
    assert claims.check("m", CLAIM, [*narrow, *wide])["variants"]["full"]["mean"] == 11
    wide += [record("level1", i, v, width=128) for i, v in enumerate([19, 28])]
    row = claims.check("m", CLAIM, [*narrow, *wide[:1], *wide[3:]])
    assert row["difference"] == pytest.approx(11 - 6.5 / 3)  # one wide seed is no pair
    later = [*narrow, *wide, record("level1", 2, 37, width=128)]
    for one in later[6:]:
        one.date = "2026-02-02"
    assert claims.check("m", CLAIM, later)["difference"] == pytest.approx(2)


def test_what_the_paper_reports_stands_beside_the_verdict() -> None:
    """The document and the text give the figures of the same variants, their test and source."""
    figures = {"full": 148.6, "level1": 129.9}
    reported = {"metric": "SumR", "test": "MSR-VTT, full", "figures": figures, "source": "Table 2"}
    claim = Claim(**CLAIM.model_dump() | {"reported": reported})
    row = claims.check("m", claim, stored([10, 11, 12], [1, 2, 3.5]))
    assert row["reported"] == reported
    line = "    reported: SumR full 148.6, level1 129.9 on MSR-VTT, full (Table 2)"
    assert line in claims.text([row]).splitlines()


def test_figures_of_another_variant_are_refused() -> None:
    """A variant that the claim does not compare is a slip of the pen."""
    reported = {"metric": "SumR", "test": "x", "figures": {"full": 1, "level9": 2}, "source": "y"}
    with pytest.raises(ValueError, match="variants the claim has not: level9"):
        Claim(**CLAIM.model_dump() | {"reported": reported})


def test_runs_that_were_cut_off_are_counted_by_variant() -> None:
    """The document and the text say which variant was still rising when training ended."""
    runs = stored([10, 11, 12], [1, 2, 3.5])
    runs[3].rising = runs[5].rising = True
    row = claims.check("m", CLAIM, runs)
    assert row["rising"] == {"full": 0, "level1": 2}
    lines = claims.text([row]).splitlines()
    assert [line.rsplit(", ", 1)[1] for line in lines[1:3]] == ["n = 3", "2 still rising"]


def test_less_and_equal() -> None:
    """Less is greater turned round; equality can be refuted only."""
    assert claims.verdict("less", -3, -1) == "holds"
    assert claims.verdict("less", 1, 3) == "fails"
    assert claims.verdict("equal", -1, 1) == "undecided"
    assert claims.verdict("equal", 1, 3) == "fails"


def test_the_weakest_comparison_decides() -> None:
    """A claim over three variants holds only where the first beats both others."""
    claim = CLAIM.model_copy(update={"variants": ["full", "level1", "level2"]})
    runs = stored([10, 11, 12], [1, 2, 3.5]) + [
        record("level2", i, v) for i, v in enumerate([11, 10, 12])
    ]
    row = claims.check("m", claim, runs)
    assert row["verdict"] == "undecided"
    assert row["difference"] == 0


def test_other_worlds_and_recipes_do_not_pair() -> None:
    """The data and recipe with most pairs are taken; what was made otherwise is left out."""
    odd = [record("full", 5, 99, world="b"), record("level1", 5, 0, epochs=1)]
    row = claims.check("m", CLAIM, stored([10, 11], [1, 2.5]) + odd)
    assert row["variants"]["full"]["n"] == row["variants"]["level1"]["n"] == 2


def test_variants_that_differ_in_what_was_trained_on_first_pair() -> None:
    """Of a variant's own pre-trainings that with most seeds is taken; off is as unknown."""
    full, scratch = stored([12, 13, 14], [1, 2, 3.5])[:3], stored([], [1, 2, 3.5])
    odd = record("full", 0, 99)
    for one in full:
        one.recipe |= {"stages": {"data": "x"}, "decay_every": None}
    odd.recipe |= {"stages": {"data": "y"}}
    row = claims.check("m", CLAIM, [*full, odd, *scratch])
    assert row["seeds"] == [0, 1, 2]
    assert row["variants"]["full"]["mean"] == 13


def test_a_data_set_s_paper_may_state_claims() -> None:
    """They are asked for by the dataset's name, and among all."""
    library = Library(ROOT)
    own = library.stated("howto100m")
    assert own
    assert {model for model, _ in own} == {"howto100m"}
    assert {claim.id for _, claim in own} <= {claim.id for _, claim in library.stated()}
    assert library.stated("miech2019howto100m") == own
    with pytest.raises(KBError, match="no paper"):
        library.stated("nobody")


def test_a_metric_of_one_direction() -> None:
    """`t2v R@1` is read inside its direction; a metric that is not there is said."""
    one = CLAIM.model_copy(update={"metric": "t2v R@1"})
    row = claims.check("m", one, stored([10, 11], [1, 2.5]))
    assert row["variants"]["full"]["mean"] == pytest.approx(1.05)
    with pytest.raises(KBError, match="no run has a metric"):
        claims.check("m", CLAIM.model_copy(update={"metric": "R@7"}), stored([1], [1]))


def test_size_world_and_seeds_are_named() -> None:
    """A verdict says which world, which size, which seeds; text and document alike."""
    row = claims.check("m", CLAIM, stored([10, 11, 12], [1, 2, 3.5]))
    assert (row["data"], row["size"], row["seeds"]) == ("diorama-msrvtt", "small", [0, 1, 2])
    assert "m levels: holds on diorama-msrvtt, small, 3 seeds. All levels" in claims.text([row])


def test_intervals_that_disagree_decide_nothing(monkeypatch) -> None:
    """Where the bootstrap does not bear the t interval out, the claim is undecided."""
    runs = stored([10, 11, 12], [1, 2, 3.5])
    assert claims.check("m", CLAIM, runs)["verdict"] == "holds"
    monkeypatch.setattr(claims, "bootstrap", lambda _: (-1.0, 9.0))
    assert claims.check("m", CLAIM, runs)["verdict"] == "undecided"


def test_the_ranks_of_all_queries_enter_the_bootstrap() -> None:
    """With ranks in the records the gains are laid out by query, and add up to the seeds' gains."""
    rng = np.random.default_rng(0)
    runs = []
    for variant, worst in (("full", 3), ("level1", 9)):
        for seed in (0, 1, 2):
            one = record(variant, seed, 0.0)
            ranks = {d: rng.integers(1, worst, size=n) for d, n in (("t2v", 40), ("v2t", 7))}
            one.ranks = {d: text_of(r) for d, r in ranks.items()}
            one.ranks |= {f"{d}.wrong": text_of(0 * r) for d, r in ranks.items()}
            one.ranks |= {f"{d}.right": text_of(0 * r + 1) for d, r in ranks.items()}
            one.metrics["SumR"] = sum(
                100 * (r <= k).mean() for r in ranks.values() for k in (1, 5, 10)
            )
            runs.append(one)
    both = list(zip(runs[:3], runs[3:], strict=True))
    gains = [a.metrics["SumR"] - b.metrics["SumR"] for a, b in both]
    tables = claims._by_query("SumR", both, gains)
    assert [table.shape for table in tables] == [(3, 40), (3, 7)]
    assert sum(table.mean(axis=1) for table in tables) == pytest.approx(gains)
    row = claims.check("m", CLAIM, runs)
    low, high = row["bootstrap95"]
    assert low < row["difference"] < high
    assert row["difference"] == pytest.approx(np.mean(gains))


def text_of(values) -> str:
    """Numbers as records pack them."""
    return ranks.text(np.asarray(values))


def test_the_command_reads_what_is_stored(base, capsys) -> None:
    """`kb claims --json` prints a list; an unknown model is named."""
    assert run(["claims", "--json"]) == 0
    assert capsys.readouterr().out.startswith("[")
    assert run(["claims", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err
