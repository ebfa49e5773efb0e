"""`kb repro`: what it prints, what it records, what it refuses."""

import json
import re
import shutil
import socket
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch

from kb.cli import run
from kb.cli.runs import raise_failures
from kb.records import Claim, KBError, Library, Run, pairs
from kb.records.statements import digest
from kb.repro import claim_runs, engines, models, ranks, store, verdicts
from kb.repro import reproduce as reproduction
from kb.repro.plan import plan
from kb.repro.progress import Lines
from kb.repro.reproduce import Executor, Request, reproduce, resolve
from kb.repro.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "data" / "kb" / "data" / "results" / "paper-boats"
TINY = ["repro", "dual-encoding", "--size", "tiny", "--epochs", "1"]


def leaves(value):
    """Every value inside a document, keys left out."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def records(base: Path) -> dict[str, bytes]:
    """Every record by its path under results."""
    folder = base / "data" / "results"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.json")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A knowledge base with one seed of the model and its baseline, and the printed document."""
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("made")
    (folder / "data").mkdir()
    (folder / "models").symlink_to(root / "models")
    for name in ("papers", "datasets", "published"):
        shutil.copy(root / "data" / f"{name}.yaml", folder / "data")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.setenv("KB_ROOT", str(folder))
        assert run(TINY) == 0
    return folder


@pytest.fixture
def used(made, tmp_path, monkeypatch) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(made / "data", tmp_path / "data")
    (tmp_path / "models").symlink_to(made / "models")
    monkeypatch.setenv("KB_ROOT", str(tmp_path))
    return tmp_path


def document(capsys) -> dict:
    """What was printed on stdout, as one JSON document."""
    return json.loads(capsys.readouterr().out)


def test_the_document_has_ours_the_references_and_the_published_numbers(used, capsys) -> None:
    """One document: runs, means, chance, baseline, oracle, the paper's numbers, a verdict."""
    assert run([*TINY, "--json"]) == 0
    printed = document(capsys)
    assert (printed["model"], printed["paper"]) == ("dual-encoding", "dong2019dual")
    assert [row["status"] for row in printed["runs"]] == ["existing", "existing"]
    assert 0 < printed["summary"]["t2v"]["R@1"] < 100
    assert printed["summary"]["SumR"] == pytest.approx(
        sum(printed["summary"][d][f"R@{k}"] for d in ("t2v", "v2t") for k in (1, 5, 10))
    )
    low, high = printed["summary"]["ci95"]["t2v"]["R@1"]
    assert low <= printed["summary"]["t2v"]["R@1"] <= high
    assert printed["reference"]["chance"]["t2v"]["R@1"] == pytest.approx(100 / 30)
    assert printed["reference"]["oracle"]["SumR"] > printed["reference"]["baseline"]["SumR"]
    assert {row["dataset"] for row in printed["published"]} == {"msrvtt"}
    assert printed["comparable"] is False
    assert "other data" in printed["reason"]


def test_what_is_there_is_not_run_again(used, capsys) -> None:
    """A second call trains nothing and changes no byte."""
    before = records(used)
    assert run(TINY) == 0
    assert records(used) == before
    assert capsys.readouterr().err.count("there already") == 2


def test_a_record_says_everything_and_no_path(made) -> None:
    """The record is whole: config, recipe, machine, cost, curve, ranks; nothing names this machine."""
    records = list(Library(made).runs("dual-encoding"))
    assert len(records) == 1
    record = records[0]
    assert record.id.startswith("diorama-msrvtt-tiny.full.s0.")
    assert record.id.endswith(f".{record.config_hash[:8]}.{record.code[:6]}")
    assert record.command == (
        "kb repro dual-encoding --data diorama-msrvtt --size tiny --seed 0 --epochs 1"
    )
    assert record.cost.epochs == len(record.curve) == 1
    assert record.cost.parameters > 0
    assert (record.data.queries, record.data.gallery) == (600, 30)
    text = record.model_dump_json()
    assert str(made) not in text
    names = {socket.gethostname(), socket.getfqdn()}
    assert not names & {value for value in leaves(json.loads(text)) if isinstance(value, str)}
    assert list(made.rglob("*.partial*")) == []


def test_ranks_give_the_metrics_back(made) -> None:
    """From the ranks of a record every R@K can be computed again."""
    for record in Library(made).runs():
        for direction in ("t2v", "v2t"):
            for cutoff in (1, 5, 10):
                again = 100 * ranks.hits(record, direction, cutoff).mean()
                assert again == pytest.approx(record.metrics[direction][f"R@{cutoff}"])


def test_results_are_never_changed(used) -> None:
    """Other numbers under the same name are refused with one line; the same ones are let be."""
    library = Library(used)
    record = next(library.runs("dual-encoding"))

    class Named:
        model, id = record.model, record.id

    store.add(library, Named, record)
    other = Run(**{**record.model_dump(), "metrics": {**record.metrics, "SumR": 1.0}})
    before = records(used)
    with pytest.raises(Exception, match="holds other numbers"):
        store.add(library, Named, other)
    assert records(used) == before


def test_seeds_and_jobs_run_side_by_side(used, capsys, monkeypatch) -> None:
    """Two more seeds, four runs in two processes: four records, and a deviation over three seeds."""
    start, started = engines._start, []
    monkeypatch.setattr(engines, "_start", lambda *given: started.append(given) or start(*given))
    assert run([*TINY, "--seed", "0,1,2", "--jobs", "2", "--json"]) == 0
    printed = document(capsys)
    assert printed["summary"]["seeds"] == [0, 1, 2]
    assert printed["summary"]["sd"]["t2v"]["R@1"] >= 0
    assert len(records(used)) == 6
    assert len(started) == 2


def test_a_variant_is_another_run(used, capsys) -> None:
    """A named change of the model gives a record of its own, against the same baseline."""
    assert run([*TINY, "--variant", "level1", "--json"]) == 0
    statuses = [row["status"] for row in document(capsys)["runs"]]
    assert statuses == ["existing", "new"]
    assert any(".level1.s0." in name for name in records(used))


def test_one_request_that_cannot_be_met_does_not_stop_the_others(used) -> None:
    """Of several models one is not there: it is refused with its reason, the other is shown."""
    requests = [Request("nosuch", size="tiny"), Request("dual-encoding", size="tiny", epochs=1)]
    first, second = reproduce(Library(used), requests, Executor(), Lines())
    assert first["status"] == "refused"
    assert "nosuch" in first["reason"]
    assert second["status"] == "done"
    with pytest.raises(KBError, match=r"1 of 2 models were not run, the first: .*nosuch"):
        raise_failures([first, second])


def test_without_data_a_model_runs_where_its_views_are(base, capsys) -> None:
    """Nested sentences are in the ActivityNet form, and every model of the list finds some data."""
    assert run(["repro", "hse", "--size", "tiny", "--epochs", "1", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["data"] == "diorama-activitynet"
    assert "hse: diorama-activitynet, as diorama-msrvtt lacks what it reads" in printed.err
    assert run(["repro", "hse", "--size", "tiny", "--data", "diorama-msrvtt"]) == 4
    assert "diorama-msrvtt lacks what the model reads" in capsys.readouterr().err


@pytest.mark.parametrize("name", models.names())
def test_every_model_has_data_by_default(name) -> None:
    """What `kb repro all` does without options: no model is refused."""
    _, data, (baseline, own) = reproduction._with_data(name, Request(name, size="tiny"), Lines())
    assert data.corpus.name in reproduction.DEFAULT_DATA
    assert (baseline.model, own.model) == ("bow-mean", name)


@pytest.mark.slow
def test_claims_are_run_and_held(base, capsys, monkeypatch) -> None:
    """--run chooses rates, then makes every variant's run in each world, once."""
    monkeypatch.setattr(claim_runs, "SETTINGS", {"captions_per_video": 2, "epochs": 1})
    monkeypatch.setattr(claim_runs, "FURTHER", 0)
    monkeypatch.setattr(reproduction, "BASELINE_IN_PROBES", {"epochs": 1})
    monkeypatch.setattr(verdicts, "LEARNT", 0.0)
    monkeypatch.setattr(pairs, "WORLDS", 3)
    mechanism = {"world": "order-twins", "on": "twins", "inputs": ["motion"], "predicts": "appears"}
    claim = Claim(id="order", text="Levels see order.", than=["level1"], mechanism=mechanism)
    with Library.editing(base) as library:
        library.paper("dual-encoding").claims = [claim]
        library.save()
    call = ["claims", "dual-encoding", "--size", "tiny", "--worlds", "3", "--json"]
    assert run([*call, "--run", "--budget", "0.001s"]) == 0
    assert document(capsys)[0]["verdict"] == "not-run"
    assert run([*call, "--run", "--jobs", "2"]) == 0
    told = capsys.readouterr()
    assert "dual-encoding order: 12 runs to make, about " in told.err
    (row,) = json.loads(told.out)
    assert (row["model"], row["claim"], row["worlds"]) == ("dual-encoding", "order", [*range(3)])
    assert row["verdict"] != "not-run"
    low, high = row["ci95"]
    assert low <= row["difference"] <= high
    for name in ("full", "level1"):
        assert row["variants"][name]["absent"]["n"] == row["variants"][name]["twins"]["n"] == 3
    before = records(base)
    assert run([*call, "--run"]) == 0
    assert records(base) == before
    capsys.readouterr()
    with Library.editing(base) as library:
        library.paper("dual-encoding").claims[0].margin = 5.0
        library.save()
    assert run(call) == 0
    assert document(capsys)[0]["verdict"] == "to-be-run-again"
    assert run([*call, "--run", "--budget", "0.001s"]) == 0
    assert "dual-encoding order: 12 runs to make, about " in capsys.readouterr().err


def test_a_signed_run_has_a_record_of_its_own(used, capsys, monkeypatch) -> None:
    """`--by` or KB_BY: made again beside the knowledge base's, with the name in record and id."""
    before = records(used)
    assert run([*TINY, "--by", " Ada  Lovelace ", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert {row["status"] for row in rows} == {"new"}
    made = {name: json.loads(text) for name, text in records(used).items() if name not in before}
    assert {one["by"] for one in made.values()} == {"Ada Lovelace"}
    assert all(re.search(r"\.ada-lovelace-[0-9a-f]{6}\.json$", name) for name in made)
    assert [before[name] for name in before] == [records(used)[name] for name in before]
    monkeypatch.setenv("KB_BY", "Ada Lovelace")
    assert run([*TINY, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert {(row["status"], row["by"]) for row in rows} == {("existing", "Ada Lovelace")}
    assert run([*TINY, "--by", "x" * 101]) == 2


def test_a_record_older_than_its_claim_gets_a_run_with_another_id(base, corpus) -> None:
    """The record of before stays; the new run's id has the new statement in it, and who ran it."""
    claim = Claim(id="order", text="Levels see order.", than=["level1"])
    with Library.editing(base) as library:
        library.paper("dual-encoding").claims = [claim]
        library.save()
    library, seen = Library(base), {"order": "0" * 16}
    words = Vocabulary.build(one.text for one in corpus.splits["train"].captions)
    one = plan("dual-encoding", corpus, words, seed=0)
    one = replace(one, stated={"order": digest(claim)}, by="Ada Lovelace")
    assert reproduction.after_its_claim(library, one, claim).id == one.id
    assert re.fullmatch(r".+\.[0-9a-f]{6}\.ada-lovelace-[0-9a-f]{6}", one.id)
    record = json.loads((INVENTED / "paper-boats-full-1.json").read_text(encoding="utf-8"))
    there = store.path(library, one)
    there.parent.mkdir(parents=True)
    there.write_text(json.dumps(record | {"stated": seen, "by": "Ada Lovelace"}))
    again = reproduction.after_its_claim(library, one, claim)
    assert again.id == one.id.replace(".ada", f".st{digest(claim)[:6]}.ada")
    there.write_text(json.dumps(record | {"stated": {"order": digest(claim)}}))
    assert reproduction.after_its_claim(library, one, claim).id == one.id


def test_a_spent_budget_keeps_the_partial_and_goes_on(base, capsys) -> None:
    """The first call stops after an epoch, the next one finishes: exit code 0 both times."""
    call = ["repro", "dong2019dual", "--size", "tiny", "--epochs", "2", "--json"]
    assert run([*call, "--budget", "0.001s"]) == 0
    first = document(capsys)
    assert first["status"] == "stopped"
    assert "run the same command again" in first["verdict"]
    assert first["summary"] is None
    assert run(call) == 0
    assert document(capsys)["status"] == "done"
    assert list(base.rglob("*.partial*")) == []


def test_a_table_for_people(used, capsys) -> None:
    """Without --json: both directions, ours between baseline and oracle, the published rows."""
    assert run(TINY) == 0
    out = capsys.readouterr().out
    for words in ("Text to video", "Video to text", "chance", "baseline", "ours", "oracle"):
        assert words in out
    assert "* not comparable: other data" in out
    assert "Verdict: " in out


def test_official_weights_are_evaluated_not_trained(used, capsys) -> None:
    """A checkpoint in the official code's form that fits the data is scored; no epoch is made."""
    weights = used / "weights.pth"
    weights.write_bytes(b"no checkpoint")
    assert run([*TINY, "--checkpoint", str(weights)]) == 2
    assert "weights.pth: " in capsys.readouterr().err
    torch.save({"model": [{}, {}]}, weights)
    assert run([*TINY, "--checkpoint", str(weights)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_checkpoint_with_code_in_it_is_not_opened(used, capsys, tmp_path) -> None:
    """A pickle that would run a command is refused, and the command does not run."""
    mark = tmp_path / "mark"

    class Bad:
        def __reduce__(self):
            return (mark.write_text, ("x",))

    torch.save({"model": Bad()}, tmp_path / "bad.pth")
    assert run([*TINY, "--checkpoint", str(tmp_path / "bad.pth")]) == 2
    assert "more than tensors" in capsys.readouterr().err
    assert not mark.exists()


def test_a_paper_whose_model_has_no_file_is_named(base, capsys) -> None:
    """One line that says so, exit code 2."""
    with Library.editing(base) as library:
        library.paper("sea").model = "sea-two"
        library.save()
    assert run(["repro", "sea-two"]) == 2
    assert "has no model file yet" in capsys.readouterr().err


REFUSED = {
    "model": (["repro", "nosuch"], 2, "models: .*dual-encoding"),
    "data": (["repro", "dual-encoding", "--data", "nosuch"], 2, "diorama-msrvtt"),
    "size": (["repro", "dual-encoding", "--size", "huge"], 2, "tiny"),
    "variant": ([*TINY, "--variant", "nosuch"], 2, "level1"),
    "device": ([*TINY, "--device", "tpu"], 2, "auto, cpu or cuda"),
    "engine": ([*TINY, "--engine", "moon"], 2, "choose local or ray"),
    "jobs over Ray": ([*TINY, "--engine", "ray", "--jobs", "2"], 2, "leave --jobs out"),
    "address of no engine": ([*TINY, "--address", "localhost:1"], 2, "add --engine ray"),
    "precision": ([*TINY, "--precision", "int4"], 2, "float32, bf16"),
    "protocol": ([*TINY, "--protocol", "2k"], 2, "1k-A"),
    "seed": ([*TINY, "--seed", "a"], 2, "0,1,2"),
    "negative seed": ([*TINY, "--seed=-1"], 2, "negative"),
    "budget": ([*TINY, "--budget", "soon"], 2, "9m"),
    "epochs": ([*TINY[:4], "--epochs", "0"], 2, "epochs"),
    "root": (["repro", "dual-encoding", "--data", "msrvtt"], 4, "--root"),
    "missing root": (["repro", "dual-encoding", "--data", "msrvtt", "--root", "/no/where"], 4, ""),
    "checkpoint": ([*TINY, "--checkpoint", "/no/such.pth"], 4, "is not there"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_exist_is_named_in_one_line(base, capsys, case: str) -> None:
    """One line says what there is instead; nothing is recorded."""
    arguments, code, message = REFUSED[case]
    assert run(arguments) == code
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(message, err)
    assert not (base / "data" / "results").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none(base, capsys) -> None:
    """A device that torch does not see is out of reach."""
    assert run([*TINY, "--device", "cuda"]) == 4
    assert "--device cpu" in capsys.readouterr().err


def test_a_paper_is_found_by_id_and_by_model() -> None:
    """Either key names the model."""
    library = Library.open(ROOT)
    assert resolve(library, "dong2019dual")[0] == resolve(library, "dual-encoding")[0]
