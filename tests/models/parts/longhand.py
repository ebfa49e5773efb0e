"""Transformer blocks of 8 numbers and 2 heads, written out with loops."""

import math

import torch

WIDTH, HEADS = 8, 2


def normalised(norm, x):
    """One vector at mean 0 and variance 1, then scaled and moved."""
    centred = x - sum(x) / len(x)
    return centred / (sum(centred**2) / len(x) + norm.eps).sqrt() * norm.weight + norm.bias


def exact_gelu(t):
    """A number times the share of a normal distribution below it."""
    return t * 0.5 * (1 + math.erf(t / math.sqrt(2)))


def quick_gelu(t):
    """A number times its sigmoid, 1.702 times as steep."""
    return t / (1 + math.exp(-1.702 * t))


def attended(attention, x, *, causal=False):
    """Each vector's mixture of all values, or of those up to its own, head by head."""
    three = [(attention.in_proj_weight @ one + attention.in_proj_bias).chunk(3) for one in x]
    q, k, v = zip(*three, strict=True)
    size, out = WIDTH // HEADS, []
    for i in range(len(x)):
        last, mixed = i + 1 if causal else len(x), []
        for h in range(HEADS):
            part = slice(h * size, (h + 1) * size)
            weight = [math.exp(sum(q[i][part] * one[part]) / size**0.5) for one in k[:last]]
            values = [w * one[part] for w, one in zip(weight, v[:last], strict=True)]
            mixed.append(sum(values) / sum(weight))
        out.append(attention.out_proj(torch.cat(mixed)))
    return out


def inner(layer, x, activation=exact_gelu):
    """The feed-forward half of one vector."""
    return layer.linear2(torch.tensor([activation(t) for t in layer.linear1(x).tolist()]))


def block(layer, x):
    """One post-norm block over a list of vectors, none of them padding."""
    read = attended(layer.self_attn, x)
    y = [normalised(layer.norm1, one + other) for one, other in zip(x, read, strict=True)]
    return [normalised(layer.norm2, one + inner(layer, one)) for one in y]


def pre_norm_block(layer, x, *, causal):
    """One pre-norm block with QuickGELU."""
    read = attended(layer.self_attn, [normalised(layer.norm1, one) for one in x], causal=causal)
    y = [one + other for one, other in zip(x, read, strict=True)]
    return [one + inner(layer, normalised(layer.norm2, one), quick_gelu) for one in y]
