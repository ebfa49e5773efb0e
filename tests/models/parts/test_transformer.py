"""Blocks before and after their norms, causal or not, BERT's embeddings, and its names."""

import pytest
import torch

from models.official._loading import load_renamed, official_names
from models.parts.transformer import (
    Bert,
    bert_names,
    encoder_layers,
    encoder_states,
    merge_qkv,
    quick_gelu,
    split_qkv,
)
from tests.models.parts.longhand import HEADS, WIDTH, block, normalised, pre_norm_block

INNER = 12


def bert(vocabulary=20, layers=2, segments=2):
    """A small one, in evaluation mode, from the same seed always."""
    torch.manual_seed(0)
    stack = encoder_layers(WIDTH, HEADS, INNER, layers, 0.1)
    return Bert(vocabulary, 10, stack, segments=segments).eval()


@torch.no_grad()
def test_states_longhand():
    """Word, position and segment added and normalised, then block after block; padding unread."""
    net, words = bert(), torch.tensor([[3, 7, 5, 9]])
    mask = torch.tensor([[True, True, True, False]])
    x = [
        normalised(net.norm, net.words.weight[w] + net.positions.weight[i] + net.segments.weight[0])
        for i, w in enumerate((3, 7, 5))
    ]
    for layer in net.blocks.layers:
        x = block(layer, x)
    torch.testing.assert_close(net(words, mask)[0, :3], torch.stack(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("causal", [False, True])
@torch.no_grad()
def test_pre_norm_states_longhand(causal):
    """Normalised before each half; a causal state reads nothing after it; padding is unread."""
    torch.manual_seed(0)
    kind = {"activation": quick_gelu, "norm_first": True, "epsilon": 1e-5}
    stack = encoder_layers(WIDTH, HEADS, INNER, 2, 0.1, **kind).eval()
    for weight in stack.parameters():
        weight.normal_(std=0.5)
    x, mask = torch.randn(2, 4, WIDTH), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]) > 0
    x[~mask] = float("nan")
    y = encoder_states(stack, x, mask, causal=causal)
    for row, length, states in zip(x, (4, 2), y, strict=True):
        by_hand = list(row[:length])
        for layer in stack.layers:
            by_hand = pre_norm_block(layer, by_hand, causal=causal)
        torch.testing.assert_close(states[:length], torch.stack(by_hand), atol=1e-5, rtol=1e-4)
    assert not y[1, 2:].any()


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_a_row_without_a_step_is_zero(norm_first, causal):
    """In training and evaluation; gradients are finite and the other rows are what they are alone."""
    torch.manual_seed(0)
    stack = encoder_layers(WIDTH, HEADS, INNER, 2, 0.0, norm_first=norm_first)
    x = torch.randn(2, 3, WIDTH, requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    y = encoder_states(stack, x, mask, causal=causal)
    y.square().sum().backward()
    assert not y[1].any()
    assert x.grad.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in stack.parameters())
    with torch.no_grad():
        alone = encoder_states(stack.eval(), x[:1, :2], mask[:1, :2], causal=causal)
        torch.testing.assert_close(y[:1, :2], alone)


@torch.no_grad()
def test_dropout_is_on_the_attention_s_weights_and_on_both_halves():
    """Each of the three changes a training's states; without them no other is left."""
    torch.manual_seed(0)
    stack, x = encoder_layers(WIDTH, HEADS, INNER, 1, 0.5), torch.randn(2, 3, WIDTH)
    for weight in stack.parameters():
        weight.normal_()
    every, layer = torch.ones(2, 3, dtype=torch.bool), stack.layers[0]
    evaluated = encoder_states(stack.eval(), x, every)
    stack.train()
    places = [(layer.self_attn, "dropout"), (layer.dropout1, "p"), (layer.dropout2, "p")]
    rates = [getattr(module, name) for module, name in places]
    assert rates == [0.5] * 3
    for one in range(4):  # the last has none
        for n, (module, name) in enumerate(places):
            setattr(module, name, 0.5 if n == one else 0.0)
        changed = not torch.allclose(encoder_states(stack, x, every), evaluated, atol=1e-5)
        assert changed == (one < 3)


@torch.no_grad()
def test_a_layer_may_read_the_steps_and_segments_may_be_missing():
    """Frames go through a linear map; positions alone are added, and the norm's grain is as asked."""
    torch.manual_seed(0)
    stack = encoder_layers(WIDTH, HEADS, INNER, 1, 0.1)
    net = Bert(torch.nn.Linear(5, WIDTH), 10, stack, segments=0, epsilon=1e-3).eval()
    assert net.norm.eps == 1e-3
    frames = torch.randn(1, 3, 5)
    x = [
        normalised(net.norm, net.words.weight @ frame + net.words.bias + net.positions.weight[i])
        for i, frame in enumerate(frames[0])
    ]
    y = net(frames, torch.ones(1, 3, dtype=torch.bool))[0]
    torch.testing.assert_close(y, torch.stack(block(stack.layers[0], x)), atol=1e-5, rtol=1e-4)
    assert not any("segments" in name for name in net.state_dict())


@torch.no_grad()
def test_vectors_are_read_where_there_are_no_words():
    """Segments and positions may be passed; the states are those of the words themselves."""
    net, words = bert(), torch.tensor([[3, 7, 5]])
    other, mask = bert(None), torch.ones(1, 3, dtype=torch.bool)
    other.load_state_dict({k: w for k, w in net.state_dict().items() if k != "words.weight"})
    numbers = (torch.zeros_like(words), torch.arange(3)[None])
    torch.testing.assert_close(other(net.words(words), mask, *numbers), net(words, mask))
    assert not torch.allclose(
        other(net.words(words), mask, numbers[0] + 1, numbers[1]), net(words, mask)
    )


@torch.no_grad()
def test_a_row_without_words_has_finite_states():
    """Its first place is read, whatever the mask says."""
    assert bert()(torch.zeros(2, 3).long(), torch.zeros(2, 3).bool()).isfinite().all()


def test_fresh_weights_are_small_and_differ_from_block_to_block():
    """Normal with a deviation of 0.02, in the attention too; biases zero; norms as BERT's."""
    stack = encoder_layers(64, 2, 128, 2, 0.1)
    for layer in stack.layers:
        for weight in (layer.self_attn.in_proj_weight, layer.linear1.weight):
            assert weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert not layer.self_attn.in_proj_bias.any()
        assert (layer.norm1.eps, layer.norm2.eps) == (1e-12, 1e-12)
    assert encoder_layers(8, 2, 8, 1, 0.1, epsilon=1e-3).layers[0].norm2.eps == 1e-3
    assert not stack.layers[0].linear1.weight.equal(stack.layers[1].linear1.weight)


def test_names_of_bert_lead_to_ours_and_back():
    """Every weight has an official name; three matrices are one of ours."""
    net, names = bert(), bert_names("b.", "", 2)
    own = net.state_dict()
    theirs = split_qkv({key: own[name] for key, name in official_names(net, names).items()})
    assert theirs["b.encoder.layer.1.attention.self.key.weight"].shape == (WIDTH, WIDTH)
    assert "b.embeddings.LayerNorm.bias" in theirs
    again = load_renamed(bert(), {k: w + 1 for k, w in merge_qkv(theirs).items()}, names)
    assert all(again.state_dict()[name].equal(w + 1) for name, w in own.items())


def test_a_query_without_its_key_is_named():
    """One line says which."""
    with pytest.raises(ValueError, match=r"x\.self\.query\.bias has no equal key"):
        merge_qkv({"x.self.query.bias": torch.ones(2), "x.self.value.bias": torch.ones(2)})


def test_other_names_of_queries_keys_and_values_merge_too():
    """DistilBERT has its own; what is split again is what was merged."""
    qkv = (".attention.q_lin.", ".attention.k_lin.", ".attention.v_lin.")
    official = {f"t.0{name}weight": torch.full((2, 2), float(i)) for i, name in enumerate(qkv)}
    merged = merge_qkv(official, qkv)
    assert list(merged) == ["t.0.attention.in_proj_weight"]
    assert merged["t.0.attention.in_proj_weight"][:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert {k: w.tolist() for k, w in split_qkv(merged, qkv).items()} == {
        k: w.tolist() for k, w in official.items()
    }
