"""What is asked of every paper's file."""

import ast
import sys
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.publish.equations import trace
from kb.repro import models
from models.parts.batch import Clips
from models.parts.contract import Recipe
from tests.models import toy

NAMES = models.names()
every_model = pytest.mark.parametrize("model", [models.load(n) for n in NAMES], ids=NAMES)
several_experts = pytest.mark.parametrize(
    "model", [pytest.param(m, id=n) for n in NAMES for m in [models.load(n)] if m.optional]
)
every_file = pytest.mark.parametrize("path", [models.path(n) for n in NAMES], ids=NAMES)
every_variant = pytest.mark.parametrize(
    ("model", "change"),
    [
        pytest.param(model, change, id=f"{name}-{variant}")
        for name in NAMES
        for model in [models.load(name)]
        for variant, change in model.variants.items()
    ],
)


@every_model
def test_scores_are_captions_by_videos(model):
    """Three captions and five videos give three rows and five columns."""
    net = toy.built(model)
    captions, clips = toy.batch(model, 3)[0], toy.batch(model, 5)[1]
    assert net(captions, clips).shape == (3, 5)


@every_model
def test_a_row_is_its_caption_and_a_column_its_video(model):
    """Score (i, j) is the score of caption i with video j, asked for alone."""
    net, (captions, clips) = toy.built(model), toy.batch(model)
    alone = [
        torch.cat(
            [
                net(toy.picked(captions, clips, [i])[0], toy.picked(captions, clips, [j])[1])
                for j in range(4)
            ],
            dim=1,
        )
        for i in range(4)
    ]
    torch.testing.assert_close(net(captions, clips), torch.cat(alone))


@every_model
def test_padding_changes_nothing(model):
    """More padding, whatever stands in it, changes neither scores nor loss."""
    net, batch = toy.built(model), toy.batch(model)
    torch.testing.assert_close(net(*toy.padded(*batch)), net(*batch))
    torch.testing.assert_close(net.loss(*toy.padded(*batch)), net.loss(*batch))


@every_model
def test_the_order_of_a_batch_changes_nothing(model):
    """A shuffled batch has the same scores, shuffled, and the same loss."""
    net, batch, order = toy.built(model), toy.batch(model), [2, 0, 3, 1]
    shuffled = toy.picked(*batch, order)
    torch.testing.assert_close(net(*shuffled), net(*batch)[order][:, order])
    torch.testing.assert_close(net.loss(*shuffled), net.loss(*batch))


@every_model
def test_a_missing_clip_and_an_empty_caption_harm_no_other(model):
    """A row without a single step has finite scores and leaves the other rows theirs."""
    net, (captions, clips) = toy.built(model), toy.batch(model)
    whole = net(captions, clips)
    captions.mask[1] = False
    for mask in clips.mask.values():
        mask[1] = False
    scores = net(captions, clips)
    rest = [0, 2, 3]
    assert scores.isfinite().all()
    torch.testing.assert_close(scores[rest][:, rest], whole[rest][:, rest])


@every_model
def test_a_batch_in_which_everything_is_missing_has_finite_scores(model):
    """No clip, no word: nothing to read is no reason to stop."""
    net, (captions, clips) = toy.built(model), toy.batch(model)
    captions.mask[:] = False
    for mask in clips.mask.values():
        mask[:] = False
    assert net(captions, clips).isfinite().all()


@several_experts
@pytest.mark.parametrize("more", [0, 1], ids=["needed", "one-more"])
def test_experts_that_the_data_lack_are_done_without(model, more):
    """Built for the experts there are, a model scores by them, and no weight waits for another."""
    lacking = sorted(model.optional)[more:]
    dims = {name: dim for name, dim in toy.dims(model).items() if name not in lacking}
    net, (captions, clips) = toy.built(model, experts=tuple(dims.items())), toy.batch(model)
    clips = Clips({e: clips.features[e] for e in dims}, {e: clips.mask[e] for e in dims})
    scores = net(captions, clips)
    assert scores.isfinite().all()
    assert scores.std() > 0
    net.loss(captions, clips).backward()
    weighing = ("mixture", "text_weight") if len(dims) == 1 else ()  # of one expert: always one
    idle = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert [n for n in idle if not n.startswith(weighing)] == []


@every_variant
def test_every_variant_trains_every_parameter(model, change):
    """A variant builds, and its loss sends a finite gradient, not all zero, to each parameter."""
    net = toy.built(model, **change)
    net.loss(*toy.batch(model)).backward()
    idle = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
    assert [n for n, p in net.named_parameters() if not p.grad.isfinite().all()] == []


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
    assert set(model.recipes) <= set(model.variants) - {"full"}
    for change in model.recipes.values():
        assert replace(model.small_recipe, **change) != model.small_recipe


@every_model
def test_recipes_of_stagings_change_what_a_recipe_has(model):
    """Each is a staging's of the world, and trains there otherwise than elsewhere."""
    assert set(model.staged) <= set(COUNTERPARTS)
    for change in model.staged.values():
        assert replace(model.small_recipe, **change) != model.small_recipe


@every_model
def test_a_toy_batch_can_be_learnt_by_heart(model):
    """After two hundred steps on four pairs the loss is a fifth of what it was, and pairs lead.

    Both losses are taken without dropout, whose noise is no part of what was learnt.
    """
    net, batch = toy.built(model), toy.batch(model)
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    first = net.loss(*batch).item()
    net.train()
    for _ in range(200):
        optimiser.zero_grad()
        net.loss(*batch).backward()
        optimiser.step()
    assert net.eval().loss(*batch).item() < 0.2 * first
    scores = net(*batch)
    assert scores.argmax(1).tolist() == scores.argmax(0).tolist() == [0, 1, 2, 3]


@every_model
def test_a_config_is_frozen(model):
    """Sizes cannot be changed under a built model's feet."""
    name = fields(model.Config)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(model.Config(), name, 1)


@every_model
def test_data_give_their_sizes_and_a_recipe_trains(model):
    """The fields data fill in are there, and both recipes are complete."""
    names = {field.name for field in fields(model.Config)}
    assert "vocabulary" in names
    assert names & {"frame_dim", "experts"}
    assert isinstance(model.recipe, Recipe)
    assert isinstance(model.small_recipe, Recipe)
    assert "words" in model.needs


@every_file
def test_equations_declared_are_cited_and_the_other_way_round(path):
    """Every label of the header stands in a comment, every label of a comment in the header."""
    found = trace(path.read_text(encoding="utf-8"), path)
    rows = [*found.equations, *found.departures, *found.quirks]
    assert found.equations
    assert [row.number for row in rows if not row.lines] == []
    assert found.undeclared == {}


@every_file
def test_an_equation_stands_where_the_header_says(path):
    """The lines that cite an equation lie in the function its row names."""
    source = path.read_text(encoding="utf-8")
    spans = dict(_functions(ast.parse(source)))
    for equation in trace(source, path).equations:
        begin, end = spans[equation.place]
        assert [n for n in equation.lines if not begin <= n <= end] == [], equation.number


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
