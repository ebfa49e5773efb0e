"""Networks by name: what is left of them, and the table of what papers read."""

import re
from pathlib import Path

import pytest

from kb.datasets.features import backbones
from kb.publish import model_names
from kb.records import Library
from kb.records.errors import KBError

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "kb" / "publish" / "theme" / "pages" / "real-data.md"


def _table() -> list[list[str]]:
    """Rows of the table below #networks: network, name, numbers, read by."""
    section = PAGE.read_text().split("{ #networks }")[1].split("\n#")[0]
    rows = re.findall(r"^\|(?!\s*Network|-)(.+)\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


class _Vgg(torch.nn.Module):
    """A head of several layers, as VGG has it."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.classifier = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, pixels):
        return self.classifier(pixels)


def test_a_head_of_several_layers_loses_its_last_one():
    """What is left is fc7, after its activation."""
    network = _Vgg()
    hidden = network.classifier[:2]
    backbones.without_last_layer(network, "vgg16")
    pixels = torch.randn(2, 8)
    assert torch.equal(network(pixels), hidden(pixels))


def test_a_network_whose_classes_are_named_by_a_convolution_is_refused():
    """SqueezeNet: there is no last linear layer to leave out."""
    network = torch.nn.Module()
    network.classifier = torch.nn.Sequential(torch.nn.Conv2d(8, 3, 1), torch.nn.ReLU())
    with pytest.raises(KBError, match="the last layer of squeezenet1_0 is not known"):
        backbones.without_last_layer(network, "squeezenet1_0")


def test_weights_that_were_saved_from_several_devices_are_read(tmp_path):
    """Their names begin with `module.`."""
    network, other = torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    state = {f"module.{name}": value for name, value in other.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "weights.pth")
    backbones.fill(network, tmp_path / "weights.pth")
    assert torch.equal(network.weight, other.weight)


def test_the_table_of_networks_names_models_of_the_list():
    """By the names that the site gives them."""
    names = set(model_names.read(Library(ROOT)).values())
    said = [re.sub(r"\(.*\)", "", row[3]).split(",") for row in _table()]
    named = {name.strip() for row in said for name in row}
    assert len(named) > 12
    assert named <= names


@pytest.mark.parametrize("row", _table(), ids=lambda row: row[0])
def test_a_network_of_the_table_has_the_numbers_it_says(row):
    """Made by its library, without weights."""
    name = re.search(r"`([a-z_]+:[^`]+)`", row[1])
    assert name, f"no --backbone in {row}"
    try:
        backbone = backbones.load(name[1], "none")
    except KBError as error:
        pytest.skip(str(error))
    frames = torch.zeros(1, backbone.side, backbone.side, 3, dtype=torch.uint8).numpy()
    assert backbone(frames).shape == (1, int(row[2].replace(",", "")))
