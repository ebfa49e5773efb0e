"""Claims against stored runs in probe worlds."""

from pathlib import Path
from statistics import stdev
from types import SimpleNamespace

import pytest

from kb.cli import run
from kb.records import Claim, KBError, Library, pairs
from kb.repro import claims, claims_text, error_rates

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Claim(id="levels", text="All levels beat one.", than=["level1"], margin=2.0)
MECHANISM = {"world": "order-twins", "on": "twins", "inputs": ["motion"], "predicts": "appears"}
SWITCHED = Claim(id="order", text="Levels see order.", than=["level1"], mechanism=MECHANISM)


ALONE = {  # what the command adds to a row of one reproducer
    "by": None,
    "before": None,
    "reproducers": [],
    "contradictions": [],
    "answers": [],
    "stated": {"digest": "0" * 16, "commit": None, "date": None, "note": "no history"},
}


def record(variant, seed, value, *, claim=PLAIN, level="plain", told=None):
    """What a claim reads of a run."""
    probe = SimpleNamespace(mechanism=claim.world, level=level, seed=seed, inputs=["motion"])
    data = SimpleNamespace(size="small", fingerprint=f"{level}{seed}", probe=probe)
    return SimpleNamespace(
        kind="model",
        variant=variant,
        seed=seed,
        data=data,
        metrics={"SumR": 6 * value, "t2v": {"R@1": value}},
        pairs={} if told is None else {"model": {"order": told}, "features": {"order": told}},
        version=1,
        trial=False,
        status="done",
        date="2026-01-01",
        rising=False,
        by=None,
        stated={},
        machine=SimpleNamespace(device="cpu", processor="a processor"),
    )


def stored(full, level1, *, level="plain", claim=PLAIN, told=None):
    """Runs of two variants, seeds from 0."""
    return [
        record(variant, seed, value, claim=claim, level=level, told=told)
        for variant, values in (("full", full), ("level1", level1))
        for seed, value in enumerate(values)
    ]


def switched(absent, twins, told=95.0):
    """Runs of SWITCHED: the first variant's gain without and with the fact, world by world."""
    runs = stored([20 + a for a in absent], [20] * 6, level="absent", claim=SWITCHED)
    with_fact = stored([20 + t for t in twins], [20] * 6, level="twins", claim=SWITCHED, told=told)
    return runs + with_fact


@pytest.mark.parametrize(
    ("full", "level1", "verdict"),
    [
        ([30, 31, 32, 30, 31, 32], [20, 21, 22.5, 20, 21, 22], "holds"),
        ([20, 21, 22.5, 20, 21, 22], [30, 31, 32, 30, 31, 32], "opposite"),
        ([20, 21, 22, 20, 21, 22], [20.2, 21, 22, 20.1, 21, 22], "no-difference"),
        ([20, 29, 22, 30, 20, 21], [22, 21, 29, 20, 25, 21], "undecided"),
        ([30], [20], "not-run"),
        ([30, 31], [], "not-run"),
    ],
)
def test_the_interval_and_the_margin_give_the_verdict(full, level1, verdict: str) -> None:
    """Beyond the margin on either side, within it, or none of these; one world decides nothing."""
    assert claims.check("m", PLAIN, stored(full, level1))["verdict"] == verdict


@pytest.mark.parametrize(
    ("absent", "twins", "verdict"),
    [
        ([0, 0.5, -0.5, 0, 0.5, 0], [20, 21, 22, 20, 21, 22], "holds-for-its-reason"),
        ([20, 21, 22, 20, 21, 22], [20, 21.5, 21.5, 20, 21, 22.4], "holds-not-for-its-reason"),
        ([0, 0.5, -0.5, 0, 0.5, 0], [0, 0.5, -0.5, 0.2, 0.5, 0], "no-difference"),
        ([0, 20, -20, 0, 20, -20], [12, 12, 12, 12.5, 12, 12], "holds"),
    ],
)
def test_a_mechanism_tells_whether_the_reason_is_the_papers(absent, twins, verdict: str) -> None:
    """The effect with the fact, against the effect without it."""
    row = claims.check("m", SWITCHED, switched(absent, twins))
    assert row["verdict"] == verdict
    assert row["comparisons"][0]["interaction"]["n"] == 6


def test_an_effect_that_should_vanish_is_judged_without_the_fact() -> None:
    """`vanishes` is `appears` with the levels exchanged."""
    vanishing = MECHANISM | {"predicts": "vanishes"}
    claim = SWITCHED.model_copy(
        update={"mechanism": type(SWITCHED.mechanism).model_validate(vanishing)}
    )
    runs = switched([20, 21, 22, 20, 21, 22], [0, 0.5, -0.5, 0, 0.5, 0])
    assert claims.check("m", claim, runs)["verdict"] == "holds-for-its-reason"


def test_features_that_do_not_show_the_fact_decide_nothing() -> None:
    """Where the probe tells fewer than 75 % of the twins apart, the benchmark cannot show it."""
    runs = switched([0, 0.5, -0.5, 0, 0.5, 0], [20, 21, 22, 20, 21, 22], told=70.0)
    assert claims.check("m", SWITCHED, runs)["verdict"] == "cannot-be-shown"


def test_a_variant_far_below_the_baseline_did_not_learn() -> None:
    """Half of the bag-of-words baseline in the same worlds is the least."""
    runs = stored([30, 31, 32, 30, 31, 32], [4, 5, 4, 5, 4, 5])
    baseline = [record("full", seed, 12) for seed in range(6)]
    assert claims.check("m", PLAIN, runs, baseline)["verdict"] == "did-not-learn"
    assert claims.check("m", PLAIN, runs)["verdict"] == "holds"


def test_the_weakest_comparison_decides() -> None:
    """A claim over three variants holds only where the first beats both others."""
    claim = PLAIN.model_copy(update={"than": ["level1", "level2"]})
    runs = stored([30, 31, 32, 30, 31, 32], [20, 21, 22.5, 20, 21, 22])
    runs += [record("level2", i, v) for i, v in enumerate([30, 31, 32, 30, 31, 32])]
    row = claims.check("m", claim, runs)
    assert row["verdict"] == "no-difference"
    assert row["difference"] == 0


def test_worlds_that_choose_rates_and_other_sizes_do_not_count() -> None:
    """Tuning seeds, tiny worlds and other mechanisms are left out; the later of two runs counts."""
    runs = stored([30, 31], [20, 21.5])
    tuning = [record("full", pairs.TUNING, 99), record("level1", pairs.TUNING, 0)]
    tiny = record("full", 5, 99)
    tiny.data.size = "tiny"
    later = record("full", 0, 40)
    later.date = "2026-02-02"
    row = claims.check("m", PLAIN, [*runs, *tuning, tiny, later])
    assert row["worlds"] == [0, 1]
    assert row["variants"]["full"]["plain"]["mean"] == 35.5


def test_a_second_look_takes_twelve_worlds_and_never_seven() -> None:
    """Looking after every world would find something in the end."""
    full, other = [30.0 + i % 3 for i in range(12)], [20.0] * 12
    assert claims.check("m", PLAIN, stored(full[:11], other[:11]))["worlds"] == list(range(6))
    assert claims.check("m", PLAIN, stored(full, other))["worlds"] == list(range(12))


def test_effects_are_relative_and_stand_beside_the_papers() -> None:
    """Ours and the paper's in percent of the other variant's; the best of the others in print."""
    figures = {"full": 148.6, "level1": 129.9}
    reported = {"metric": "SumR", "test": "MSR-VTT, full", "figures": figures, "source": "Table 2"}
    claim = Claim(**PLAIN.model_dump() | {"reported": reported})
    row = claims.check("m", claim, stored([30] * 6, [20] * 6))
    assert row["reported"] == reported
    assert row["effect"]["ours"] == pytest.approx(50.0)
    assert row["effect"]["paper"] == pytest.approx(100 * (148.6 / 129.9 - 1))
    assert "effect: +50.0 % here, +14.4 % in the paper" in claims_text.text([row | ALONE])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {
                "reported": {
                    "metric": "SumR",
                    "test": "x",
                    "figures": {"full": 1, "level9": 2},
                    "source": "y",
                }
            },
            "variants the claim has not: level9",
        ),
        ({"than": ["full"]}, "names a variant twice"),
        ({"than": []}, "at least 1 item"),
        ({"mechanism": MECHANISM | {"on": "often"}}, "'present' or 'twins'"),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(change, why: str) -> None:
    """A variant it does not compare, one named twice, none at all, a level that does not exist."""
    with pytest.raises(ValueError, match=why):
        Claim(**PLAIN.model_dump() | change)


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


def test_a_metric_that_no_run_has_is_named() -> None:
    """`t2v R@1` is read inside its direction."""
    sum_r = PLAIN.model_copy(update={"metric": "SumR"})
    row = claims.check("m", sum_r, stored([30, 31], [20, 21.5]))
    assert row["variants"]["full"]["plain"]["mean"] == pytest.approx(183)
    with pytest.raises(KBError, match="no run has a metric"):
        claims.check("m", PLAIN.model_copy(update={"metric": "t2v R@7"}), stored([1], [1]))


def test_the_text_names_verdict_worlds_and_differences() -> None:
    """One block a claim."""
    row = claims.check("m", SWITCHED, switched([0, 0.5, -0.5, 0, 0.5, 0], [20, 21, 22, 20, 21, 22]))
    text = claims_text.text([row | ALONE])
    assert text.startswith("m order: holds-for-its-reason, 6 worlds\n    Levels see order.")
    assert "absent +0.1" in text
    assert "twins +21.0" in text
    assert "twins told apart: features 95 %" in text


def test_the_command_reads_what_is_stored(base, capsys) -> None:
    """`kb claims --json` prints a list; an unknown model is named."""
    assert run(["claims", "--json"]) == 0
    assert capsys.readouterr().out.startswith("[")
    assert run(["claims", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_measured_deviations_are_those_of_the_stored_runs() -> None:
    """Of each comparison at each level, from the worlds that all variants share."""
    runs = switched([0, 1, 2, 3, 4, 5], [20, 22, 20, 22, 20, 22])
    found = error_rates.measured_deviations(SWITCHED, runs)["level1"]
    assert found == {
        "absent": pytest.approx(stdev(range(6))),
        "twins": pytest.approx(stdev([20, 22] * 3)),
    }


def test_a_trial_of_a_recipe_decides_no_claim():
    """It ran in the claim's world, with a recipe that is not the claim's."""
    runs = stored([60.0] * 6, [50.0] * 6)
    assert pairs.cells(PLAIN, runs).enough
    for one in runs:
        one.trial = True
    assert not pairs.cells(PLAIN, runs).enough
