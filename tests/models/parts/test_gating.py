"""The gated embedding unit."""

import pytest
import torch

from models.official._loading import official_names
from models.parts.gating import GatedUnit, official_unit


@pytest.mark.parametrize(("norm", "gate"), [(True, True), (False, True), (False, False)])
def test_a_gated_unit_longhand(norm, gate):
    """What is mapped is multiplied by its own gate, normalised inside or not, to unit length."""
    torch.manual_seed(0)
    unit, x = GatedUnit(3, 4, norm=norm, gate=gate).eval(), torch.randn(2, 3)
    if norm:
        unit.gate.norm.running_mean[:] = torch.tensor([0.5, -0.5, 0.0, 1.0])
        unit.gate.norm.running_var[:] = torch.tensor([4.0, 0.25, 1.0, 9.0])
    for row, found in zip(x, unit(x), strict=True):
        z = unit.embed.weight @ row + unit.embed.bias
        if gate:
            g = unit.gate.affine.weight @ z + unit.gate.affine.bias
            if norm:
                bn = unit.gate.norm
                g = (g - bn.running_mean) / (bn.running_var + 1e-5).sqrt() * bn.weight + bn.bias
            z = z / (1 + torch.exp(-g))
        torch.testing.assert_close(found, z / sum(z**2) ** 0.5)


def test_a_gated_unit_reads_the_released_names():
    """Both weights, both biases and the normalisation in the gate are found by their names."""
    unit = GatedUnit(3, 4)
    assert set(official_names(unit, official_unit("GU.0.", ""))) == {
        *(f"GU.0.{layer}.{what}" for layer in ("fc", "cg.fc") for what in ("weight", "bias")),
        *(f"GU.0.cg.batch_norm.{what}" for what in unit.gate.norm.state_dict()),
    }
