"""What several papers are held against, written out with loops."""

import torch


def gru(layer, x, suffix=""):
    """States of one direction of a GRU, one gate at a time (torch: reset, update, new)."""
    w, u, b, c = (
        getattr(layer, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, states = torch.zeros(layer.hidden_size), []
    for step in x.flip(0) if suffix else x:
        (rx, zx, nx), (rh, zh, nh) = (w @ step + b).chunk(3), (u @ h + c).chunk(3)
        r, z = 1 / (1 + torch.exp(-rx - rh)), 1 / (1 + torch.exp(-zx - zh))
        h = (1 - z) * torch.tanh(nx + r * nh) + z * h
        states.append(h)
    return states[::-1] if suffix else states


def bigru(layer, x):
    """Forward and backward states, side by side."""
    pairs = zip(gru(layer, x), gru(layer, x, "_reverse"), strict=True)
    return [torch.cat(pair) for pair in pairs]


def windows(filters, states):
    """Each filter at each place where a window touches a state; the largest, nothing below 0."""
    rows, largest = [state.tolist() for state in states], []
    for conv in filters:
        (k,) = conv.kernel_size
        for weight, bias in zip(conv.weight.mT.tolist(), conv.bias.tolist(), strict=True):
            scores = [0.0]
            for end in range(len(rows) + k - 1):
                steps = [(place, end - (k - 1) + place) for place in range(k)]
                inside = [(weight[p], rows[s]) for p, s in steps if 0 <= s < len(rows)]
                products = (w * x for tap, row in inside for w, x in zip(tap, row, strict=True))
                scores.append(bias + sum(products))
            largest.append(max(scores))
    return torch.tensor(largest)


def multi_levels(net, whole, steps, pool="mean"):
    """Levels 2, 3 and 1 of one row, side by side; `whole` is level 1."""
    states = bigru(net.gru, steps)
    mean = sum(states) / len(states)
    largest = torch.stack([max(column) for column in zip(*states, strict=True)])
    return torch.cat([mean if pool == "mean" else largest, windows(net.filters, states), whole])


def cosine(a, b):
    """One cosine."""
    a, b = a.detach(), b.detach()
    return float(sum(a * b) / (sum(a**2) ** 0.5 * sum(b**2) ** 0.5))


def hinges(s, margin):
    """Violations by row and by column of a score table: lists of n lists, wrong pairs only."""
    n = range(len(s))
    rows = [[max(0.0, margin + s[i][j] - s[i][i]) for j in n if j != i] for i in n]
    columns = [[max(0.0, margin + s[j][i] - s[i][i]) for j in n if j != i] for i in n]
    return rows, columns


def triplet(s, margin, *, direction="both", hardest=True, reduction="sum"):
    """The triplet loss of the VSE++ line: hardest or all wrong pairs, summed or averaged."""
    rows, columns = hinges(s, margin)
    wanted = {"both": [rows, columns], "t2v": [rows], "v2t": [columns]}[direction]
    total = sum(max(terms) if hardest else sum(terms) for lines in wanted for terms in lines)
    cells = 1 if reduction == "sum" else len(s) if hardest else len(s) ** 2
    return total / cells
