"""What is asked of every paper's file."""

import ast
import re
import sys
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.records.equations import trace
from kb.repro import models, views
from kb.repro.toy import narrated
from models.parts.batch import Batch
from models.parts.recipe import Recipe
from tests.models import toy
from tests.models.walking import BROKEN, LOADED, NAMES, every_model

REGULARISERS = {"diversity"}  # weights of terms that stay where every pair leads
several_experts = pytest.mark.parametrize(
    "model", [pytest.param(m, id=n) for n, m in LOADED.items() if m.optional]
)
every_file = pytest.mark.parametrize("path", [models.path(n) for n in LOADED], ids=LOADED)
every_variant = pytest.mark.parametrize(
    ("model", "variant"),
    [
        pytest.param(model, variant, id=f"{name}-{variant}")
        for name, model in LOADED.items()
        for variant in model.variants
    ],
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_keeps_the_contract(name):
    """It can be imported and has all that the contract asks for; one that has not fails here."""
    assert str(BROKEN.get(name, "")) == ""


@every_model
def test_scores_are_captions_by_videos(model):
    """Three captions and five videos give three rows and five columns."""
    net = toy.built(model)
    three, five = toy.batch(net, 3), toy.batch(net, 5)
    assert net(Batch(three.captions, five.clips)).shape == (3, 5)


@every_model
def test_a_row_is_its_caption_and_a_column_its_video(model):
    """Score (i, j) is the score of caption i with video j, asked for alone."""
    net = toy.built(model)
    batch = toy.batch(net)
    each = [toy.picked(batch, [i]) for i in range(4)]
    alone = [torch.cat([net(Batch(a.captions, b.clips)) for b in each], dim=1) for a in each]
    torch.testing.assert_close(net(batch), torch.cat(alone))


@every_model
def test_padding_changes_nothing(model):
    """More padding, whatever stands in it, changes neither scores nor loss."""
    net = toy.built(model)
    batch = toy.batch(net)
    torch.testing.assert_close(net(toy.padded(batch)), net(batch))
    torch.testing.assert_close(net.loss(toy.padded(batch)), net.loss(batch))


@every_model
def test_the_order_of_a_batch_changes_nothing(model):
    """A shuffled batch has the same scores, shuffled, and the same loss."""
    net, order = toy.built(model), [2, 0, 3, 1]
    batch = toy.batch(net)
    shuffled = toy.picked(batch, order)
    torch.testing.assert_close(net(shuffled), net(batch)[order][:, order])
    torch.testing.assert_close(net.loss(shuffled), net.loss(batch))


@every_model
def test_weights_come_back_from_a_plain_copy(model):
    """As the training loop restores its best epoch: all of them, and the scores."""
    net, other = toy.built(model), toy.built(model)
    for weight in other.parameters():
        weight.data.zero_()
    other.load_state_dict({name: value.clone() for name, value in net.state_dict().items()})
    batch = toy.batch(net)
    torch.testing.assert_close(other(batch), net(batch))


@every_model
def test_a_missing_clip_and_an_empty_caption_harm_no_other(model):
    """A row without a single step has finite scores and leaves the other rows theirs."""
    net = toy.built(model)
    batch = toy.batch(net)
    whole = net(batch)
    batch.captions.mask[1] = False
    for mask in batch.clips.mask.values():
        mask[1] = False
    scores = net(batch)
    rest = [0, 2, 3]
    assert scores.isfinite().all()
    torch.testing.assert_close(scores[rest][:, rest], whole[rest][:, rest])


@every_model
def test_a_batch_in_which_everything_is_missing_has_finite_scores(model):
    """No clip, no word: nothing to read is no reason to stop."""
    net = toy.built(model)
    batch = toy.batch(net)
    batch.captions.mask[:] = False
    for mask in batch.clips.mask.values():
        mask[:] = False
    assert net(batch).isfinite().all()


@several_experts
@pytest.mark.parametrize("more", [0, 1], ids=["needed", "one-more"])
def test_experts_that_the_data_lack_are_done_without(model, more):
    """Built for the experts there are, a model scores by them, and no weight waits for another."""
    lacking = sorted(model.optional)[more:]
    config = toy.config_of(model)
    dims = {name: d for name, d in toy.dims(model, config).items() if name not in lacking}
    net = toy.built(model, toy.sizes(model, config, dims=dims))
    batch = toy.batch(net)
    assert batch.clips.features.keys() == dims.keys()
    scores = net(batch)
    assert scores.isfinite().all()
    assert scores.std() > 0
    net.loss(batch).backward()
    weighing = ("mixture", "text_weight") if len(dims) == 1 else ()  # of one expert: always one
    assert [name for name in _idle(net) if not name.startswith(weighing)] == []


@every_variant
def test_every_variant_trains_every_parameter(model, variant):
    """A variant builds, and its loss sends a finite gradient, not all zero, to each parameter.

    That of pre-training counts too, where there is one.
    """
    net = toy.built(model, **model.variants[variant])
    batch = toy.batch(net)
    net.loss(batch).backward()
    if model.small_recipe.but(**model.recipe_by_variant.get(variant, {})).stages:
        net.loss(narrated(batch)).backward()
    assert _idle(net) == []
    assert [n for n, p in net.named_parameters() if not p.grad.isfinite().all()] == []


def _idle(net):
    """Parameters without a gradient, or with one that is zero throughout."""
    return [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]


@every_model
def test_dropout_is_off_in_evaluation(model):
    """Two evaluations of one batch give the same scores."""
    net = toy.built(model)
    batch = toy.batch(net)
    assert net(batch).equal(net(batch))


@every_model
def test_variants_change_what_the_config_has(model):
    """`full` changes nothing; the others change fields of Config, and to something else."""
    names = {field.name for field in fields(model.Config)}
    assert model.variants["full"] == {}
    for change in model.variants.values():
        assert set(change) <= names
        assert (replace(model.Config(), **change) == model.Config()) is (not change)


@every_model
def test_recipes_of_variants_change_what_a_recipe_has(model):
    """Each is a variant's, and trains it otherwise than the others are trained."""
    assert set(model.recipe_by_variant) <= set(model.variants) - {"full"}
    for change in model.recipe_by_variant.values():
        assert model.small_recipe.but(**change) != model.small_recipe


@every_model
def test_recipes_of_datasets_change_what_a_recipe_has(model):
    """Each is of a counterpart in the benchmark, and trains there otherwise than elsewhere."""
    assert set(model.recipe_by_dataset) <= set(COUNTERPARTS)
    for change in model.recipe_by_dataset.values():
        assert model.small_recipe.but(**change) != model.small_recipe


LOOK = 20  # steps between two looks at what was learnt


@every_model
def test_a_toy_batch_can_be_learnt_by_heart(model):
    """Within two hundred steps on four pairs the loss is a fifth of what it was, and pairs lead.

    Both losses are taken without dropout and without a regulariser: neither is learnt by heart.
    Pairs lead where the loss ranks videos.
    """
    names = {field.name for field in fields(model.Config)} & REGULARISERS
    net = toy.built(model, **dict.fromkeys(names, 0.0))
    batch = toy.batch(net)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    first = net.loss(batch).item()
    for _ in range(200 // LOOK):
        net.train()
        for _ in range(LOOK):
            optimiser.zero_grad()
            net.loss(batch).backward()
            optimiser.step()
        if _learnt(net.eval(), batch, first):
            return
    pytest.fail(f"the loss is {net.loss(batch).item() / first:.2f} of what it was")


@torch.no_grad()
def _learnt(net, batch, first: float) -> bool:
    if net.loss(batch).item() >= 0.2 * first:
        return False
    scores = net(batch) if type(net).ranks_videos else torch.eye(4)
    return scores.argmax(1).tolist() == scores.argmax(0).tolist() == [0, 1, 2, 3]


@every_model
def test_a_config_is_frozen_and_has_no_size_of_the_data(model):
    """Settings cannot be changed under a built model's feet; what the data decide is no setting."""
    names = [field.name for field in fields(model.Config)]
    with pytest.raises(FrozenInstanceError):
        setattr(model.Config(), names[0], 1)
    assert {"vocabulary", "bow_size", "frame_dim", "experts"} & set(names) == set()


@every_model
def test_a_model_has_both_recipes_and_reads_captions_and_videos(model):
    """Both recipes are there; every configuration reads words, and an expert, pixels or boxes."""
    assert isinstance(model.recipe, Recipe)
    assert isinstance(model.small_recipe, Recipe)
    for change in model.variants.values():
        needs = model.needs(toy.config_of(model, **change))
        assert "words" in needs
        assert (needs | model.optional) - (views.VIEWS.keys() - {"pixels", "boxes"}) - {"words"}


@every_file
def test_equations_declared_are_cited_and_the_other_way_round(path):
    """Every label of the header stands in a comment, every label of a comment in the header."""
    traced = trace(path.read_text(encoding="utf-8"), path, path.parent)
    rows = [*traced.equations, *traced.departures, *traced.quirks]
    assert traced.equations
    assert [row.number for row in rows if not row.lines] == []
    assert traced.undeclared == {}


@every_file
def test_an_equation_stands_where_the_header_says(path):
    """The lines that cite an equation lie in the function its row names, here or in a part."""
    source = path.read_text(encoding="utf-8")
    for equation in trace(source, path, path.parent).equations:
        home, name = path, equation.place
        if equation.part:
            home, name = path.parent / equation.part, name.split(" ")[0].split(".", 2)[2]
        begin, end = dict(_functions(ast.parse(home.read_text(encoding="utf-8"))))[name]
        assert [n for n in equation.lines if not begin <= n <= end] == [], equation.number


@every_file
def test_a_symbol_keeps_its_case(path):
    """A docstring that begins with a symbol of the header has it as there: p is not P."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    listed = re.search(r"^Symbols\n(.*?)\n\n", ast.get_docstring(tree), re.MULTILINE | re.DOTALL)
    symbols = (
        set(re.findall(r"(?:^|\s)([A-Za-z]\w{0,2})(?=,|\s{2})", listed[1])) if listed else set()
    )
    docstrings = [
        ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    first = {text.split(maxsplit=1)[0].strip(".,;:") for text in docstrings if text} - {"A"}
    capitalised = {f"{one[0].upper()}{one[1:]}" for one in symbols} - symbols
    assert first & capitalised == set()


@every_file
def test_a_paper_leans_on_torch_and_the_parts_alone(path):
    """A model file imports torch, jaxtyping, the standard library and models.parts."""
    allowed = set(sys.stdlib_module_names) | {"torch", "jaxtyping"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert [
            n for n in names if n.split(".")[0] not in allowed and not n.startswith("models.parts")
        ] == []


def _functions(tree, prefix=""):
    """("Class.method", (first line, last line)) of every function of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}", (node.lineno, node.end_lineno)
