"""Blocks and embeddings as BERT has them, longhand, and its names."""

import math

import pytest
import torch
from models.parts.official import load_renamed, official_names

from models.parts.transformer import Bert, bert_names, encoder_layers, merge_qkv, split_qkv

WIDTH, HEADS, INNER = 8, 2, 12


def bert(vocabulary=20, layers=2, segments=2):
    """A small one, in evaluation mode, from the same seed always."""
    torch.manual_seed(0)
    stack = encoder_layers(WIDTH, HEADS, INNER, layers, 0.1)
    return Bert(vocabulary, 10, stack, segments=segments).eval()


def normalised(norm, x):
    """One vector at mean 0 and variance 1, then scaled and moved."""
    centred = x - sum(x) / len(x)
    return centred / (sum(centred**2) / len(x) + 1e-12).sqrt() * norm.weight + norm.bias


def block(layer, x):
    """One post-norm block over a list of vectors, none of them padding."""
    attention = layer.self_attn
    three = [(attention.in_proj_weight @ one + attention.in_proj_bias).chunk(3) for one in x]
    q, k, v = zip(*three, strict=True)
    size, out = WIDTH // HEADS, []
    for i, one in enumerate(x):
        read = []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            weight = [math.exp(sum(q[i][part] * other[part]) / size**0.5) for other in k]
            said = [w * other[part] for w, other in zip(weight, v, strict=True)]
            read.append(sum(said) / sum(weight))
        y = normalised(layer.norm1, one + layer.self_attn.out_proj(torch.cat(read)))
        inner = [t * 0.5 * (1 + math.erf(t / math.sqrt(2))) for t in layer.linear1(y).tolist()]
        out.append(normalised(layer.norm2, y + layer.linear2(torch.tensor(inner))))
    return out


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


@torch.no_grad()
def test_vectors_are_read_where_there_are_no_words():
    """Segments and positions may be told; the same states come out as for the words themselves."""
    net, words = bert(), torch.tensor([[3, 7, 5]])
    other, mask = bert(None), torch.ones(1, 3, dtype=torch.bool)
    other.load_state_dict({k: w for k, w in net.state_dict().items() if k != "words.weight"})
    told = (torch.zeros_like(words), torch.arange(3)[None])
    torch.testing.assert_close(other(net.words(words), mask, *told), net(words, mask))
    assert not torch.allclose(other(net.words(words), mask, told[0] + 1, told[1]), net(words, mask))


@torch.no_grad()
def test_a_row_without_words_has_finite_states():
    """Its first place is read, whatever the mask says."""
    assert bert()(torch.zeros(2, 3).long(), torch.zeros(2, 3).bool()).isfinite().all()


def test_fresh_weights_are_small_and_differ_from_block_to_block():
    """Normal with a deviation of 0.02, in the attention too; biases zero."""
    stack = encoder_layers(64, 2, 128, 2, 0.1)
    for layer in stack.layers:
        for weight in (layer.self_attn.in_proj_weight, layer.linear1.weight):
            assert weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert not layer.self_attn.in_proj_bias.any()
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
