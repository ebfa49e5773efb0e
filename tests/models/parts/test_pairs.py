"""Two streams as one, and every caption with every video."""

import pytest
import torch

from models.parts.pairs import all_pairs, concat_streams
from models.parts.transformer import Bert, encoder_layers


def test_streams_are_concatenated_with_their_masks_and_segments():
    """Second after first, padding in its place."""
    x, y = torch.zeros(2, 2, 3), torch.ones(2, 3, 3)
    x_mask = torch.tensor([[True, False], [True, True]])
    y_mask = torch.tensor([[True, True, False], [False, False, False]])
    stream = concat_streams(x, x_mask, y, y_mask)
    assert stream.x[:, :, 0].tolist() == [[0, 0, 1, 1, 1]] * 2
    assert stream.mask.tolist() == [[True, False, True, True, False], [True, True] + [False] * 3]
    assert stream.segment.tolist() == [[0, 0, 1, 1, 1]] * 2


@torch.no_grad()
def test_a_cross_encoder_reads_both_streams():
    """A change of either changes the first state; a change of the padding does not."""
    torch.manual_seed(0)
    net = Bert(None, 8, encoder_layers(4, 2, 8, 1, 0.1)).eval()
    for weight in net.parameters():
        weight.normal_()
    x, y = torch.randn(1, 2, 4), torch.randn(1, 3, 4)
    x_mask, y_mask = torch.ones(1, 2) > 0, torch.tensor([[True, True, False]])

    def first(x, y):
        return net(*concat_streams(x, x_mask, y, y_mask))[:, 0]

    other = y.clone()
    other[0, 2] = torch.randn(4)
    torch.testing.assert_close(first(x, other), first(x, y))
    other[0, 1] = torch.randn(4)
    assert not torch.allclose(first(x, other), first(x, y))
    assert not torch.allclose(first(x.flip(2), y), first(x, y))


@pytest.mark.parametrize("chunk", [1, 4, 5, 1000])
def test_every_pair_is_scored_in_its_place(chunk):
    """Row: caption, column: video, however many pairs go at a time; gradients reach both sides."""
    a, b = torch.randn(3, 2, requires_grad=True), torch.randn(5, 2, requires_grad=True)
    sizes = []

    def score(text, video):
        sizes.append(len(text[0]))
        return (text[0] * video[0]).sum(1) + text[1] - 10 * video[1]

    t, v = torch.arange(3.0), torch.arange(5.0)
    scores = all_pairs(score, (a, t), (b, v), chunk)
    for i in range(3):
        for j in range(5):
            expected = sum(a[i] * b[j]) + i - 10 * j
            torch.testing.assert_close(scores[i, j], expected)
    assert max(sizes) <= chunk
    assert sum(sizes) == 15
    scores.sum().backward()
    assert a.grad.any()
    assert b.grad.any()
