"""A memory bank."""

import pytest
import torch

from models.parts.memory import MemoryBank


def bank(momentum=0.5):
    """Five items of three numbers."""
    torch.manual_seed(0)
    return MemoryBank(5, 3, momentum)


def test_rows_move_towards_new_vectors_longhand():
    """Old and new are mixed by momentum and scaled to unit length; the others stay."""
    memory, x = bank(0.25), torch.randn(2, 3)
    before = memory.bank.clone()
    memory.update(torch.tensor([3, 1]), x)
    for row, new in ((3, x[0]), (1, x[1])):
        mixed = [0.25 * a + 0.75 * b for a, b in zip(before[row], new, strict=True)]
        length = sum(float(a) ** 2 for a in mixed) ** 0.5
        assert memory.bank[row].tolist() == pytest.approx([float(a) / length for a in mixed])
    for row in (0, 2, 4):
        assert memory.bank[row].equal(before[row])


def test_an_item_that_occurs_twice_is_updated_once():
    """With the mean of its vectors, whatever their order."""
    x = torch.randn(3, 3)
    one, other, mean = bank(), bank(), bank()
    one.update(torch.tensor([2, 4, 2]), x)
    other.update(torch.tensor([2, 2, 4]), x[[2, 0, 1]])
    mean.update(torch.tensor([2, 4]), torch.stack([x[[0, 2]].mean(0), x[1]]))
    torch.testing.assert_close(one.bank, other.bank)
    torch.testing.assert_close(one.bank, mean.bank)


def test_rows_are_read_without_gradient_and_as_they_were():
    """A row read before an update is the old one; the bank is saved, and no parameter."""
    memory = bank()
    rows = memory(torch.tensor([[0, 1], [1, 1]]))
    before = memory.bank.clone()
    x = torch.randn(1, 3, requires_grad=True)
    memory.update(torch.tensor([1]), x)
    assert rows.shape == (2, 2, 3)
    assert rows[0, 1].equal(before[1])
    assert not memory(torch.tensor([1])).requires_grad
    assert list(memory.state_dict()) == ["bank"]
    assert not list(memory.parameters())


def test_fresh_rows_have_unit_length_on_average():
    """Uniform within the root of 3 / dim."""
    torch.manual_seed(0)
    memory = MemoryBank(2000, 12)
    assert memory.bank.abs().max().item() == pytest.approx(0.5, rel=0.01)
    assert memory.bank.square().sum(1).mean().item() == pytest.approx(1.0, rel=0.02)
