"""Frozen networks that turn frames into features, by name: the world's own, or another library's.

`diorama` is the world's integer CNN. `torchvision:resnet152`, `timm:vit_base_patch16_224` and
`open_clip:ViT-B-32` are the libraries' models without their last layer (of CLIP, the image
encoder); a name without a library is torchvision's. A library is imported when it is asked for.
Weights: `default`, what the library publishes (`open_clip` takes a tag); `none`, untrained; or a
file of a state dictionary, read as weights only.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import backbone as world
from kb.records.errors import Exit, KBError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean, deviation of its pixels
_HEADS = ("fc", "classifier", "heads", "head")  # names of a torchvision model's last part
_CROP = 224 / 256  # side of the crop over the shorter side, as ImageNet's evaluation has it

Frames = NDArray[np.uint8]


class Backbone(Protocol):
    """A frozen network: the name of its features, and the frames it reads."""

    @property
    def name(self) -> str:
        """Network and weights, so that another of either has another name."""
        ...

    @property
    def side(self) -> int:
        """Height and width of the square that it reads."""
        ...

    @property
    def crop(self) -> float:
        """Side of that square over the shorter side of the frame."""
        ...

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        """(n, side, side, 3) RGB -> (n, dim)."""
        ...


@dataclass(frozen=True)
class WorldBackbone:
    """The frozen CNN of the generated world; numpy only, the same bytes on any machine."""

    name: str = world.NAME
    side: int = 64
    crop: float = 1.0

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        """(n, 64, 64, 3) RGB -> (n, dim)."""
        return world.features(frames)


@dataclass(frozen=True)
class TorchBackbone:
    """A torch network in evaluation mode, on a device, with the normalisation it was trained with."""

    name: str
    network: Any  # (n, 3, side, side) -> (n, dim)
    side: int
    crop: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    device: str

    def __call__(self, frames: Frames) -> NDArray[np.float32]:
        """(n, side, side, 3) RGB -> (n, dim)."""
        import torch  # noqa: PLC0415  (slow to load)

        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device)
            scaled = pixels.permute(0, 3, 1, 2).float() / 255
            mean, deviation = (
                torch.tensor(numbers, device=self.device)[:, None, None]
                for numbers in (self.mean, self.deviation)
            )
            output = self.network((scaled - mean) / deviation)
        vectors: NDArray[np.float32] = output.float().flatten(1).cpu().numpy()
        return vectors


def load(name: str, weights: str = "default", device: str = "auto") -> Backbone:
    """A backbone by name.

    Raises KBError where its library or its weights are out of reach, or it does not know the name.
    """
    if name == "diorama":
        return WorldBackbone()
    library, _, model = name.rpartition(":")
    library = library or "torchvision"
    if library not in _LIBRARIES:
        known = ", ".join(["diorama", *(f"{each}:NAME" for each in _LIBRARIES)])
        raise KBError(f"backbone {name} is unknown", hint=f"choose {known}")
    made = _LIBRARIES[library](_library(library), model, weights)
    return _placed(made, weights, device)


@dataclass
class _Made:
    """A network as its library makes it."""

    name: str
    network: Any
    side: int = 224
    crop: float = _CROP
    mean: tuple[float, ...] = IMAGENET[0]
    deviation: tuple[float, ...] = IMAGENET[1]


def _library(name: str) -> Any:
    """The library; KBError where it is missing or does not fit this torch."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.replace("_clip", "_clip_torch")
        hint = f"pip install {package}, in the release that goes with your torch"
        what = f"the backbone needs {name}, which cannot be imported ({error})"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE) from error
    except RuntimeError as error:  # torchvision beside a torch that it was not built for
        what = f"{name} does not fit the installed torch ({error})"
        hint = "install the pair of releases that its page names"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE) from error


def _torchvision(library: Any, model: str, weights: str) -> _Made:
    models = import_module("torchvision.models")
    pretrained = None
    try:
        if weights == "default":
            pretrained = models.get_model_weights(model).DEFAULT
        network = _reachable(lambda: models.get_model(model, weights=pretrained), model)
    except ValueError as error:
        known = "names are those of torchvision.models.list_models()"
        raise KBError(f"torchvision has no model {model}", hint=known) from error
    without_last_layer(network, model)
    made = _Made(f"torchvision-{model}", network)
    if pretrained is not None:
        shown = pretrained.transforms()
        made.side, made.crop = shown.crop_size[0], shown.crop_size[0] / shown.resize_size[0]
        made.mean, made.deviation = tuple(shown.mean), tuple(shown.std)
    del library
    return made


def without_last_layer(network: Any, model: str) -> None:
    """Take the layer that names classes off a torchvision model; what leads to it stays.

    A head of several layers loses its last linear one: of a VGG fc7 is left, 4,096 numbers.
    Raises KBError where no such layer is known.
    """
    nn = import_module("torch.nn")
    owner, name = network, next((part for part in _HEADS if hasattr(network, part)), "")
    if isinstance(head := getattr(network, name, None), nn.Sequential):
        linear = [key for key, layer in head.named_children() if isinstance(layer, nn.Linear)]
        owner, name = head, linear[-1] if linear else ""
    if not isinstance(getattr(owner, name, None), nn.Linear):
        raise KBError(f"the last layer of {model} is not known", hint="take resnet152 or a ViT")
    setattr(owner, name, nn.Identity())


def _timm(library: Any, model: str, weights: str) -> _Made:
    if not library.is_model(model.partition(".")[0]):
        raise KBError(f"timm has no model {model}", hint="names are those of timm.list_models()")
    pretrained = weights == "default"
    network = _reachable(
        lambda: library.create_model(model, pretrained=pretrained, num_classes=0), model
    )
    shown = import_module("timm.data").resolve_model_data_config(network)
    side, crop = int(shown["input_size"][-1]), float(shown["crop_pct"])
    mean, deviation = tuple(shown["mean"]), tuple(shown["std"])
    return _Made(f"timm-{model}", network, side, crop, mean, deviation)


def _open_clip(library: Any, model: str, weights: str) -> _Made:
    if model not in library.list_models():
        known = "names are those of open_clip.list_models()"
        raise KBError(f"open_clip has no model {model}", hint=known)
    named = weights not in {"none", "default"} and not Path(weights).is_file()
    tag = "openai" if weights == "default" else weights if named else None
    network = _reachable(lambda: library.create_model(model, pretrained=tag), model)
    size = network.visual.image_size
    side = size[0] if isinstance(size, tuple) else int(size)
    name = f"open_clip-{model}" + (f"-{tag}" if tag else "")
    mean, deviation = tuple(network.visual.image_mean), tuple(network.visual.image_std)
    return _Made(name, network.visual, side, 1.0, mean, deviation)


_LIBRARIES: dict[str, Callable[[Any, str, str], _Made]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "open_clip": _open_clip,
}


def _reachable(make: Callable[[], Any], model: str) -> Any:
    """A network, whose weights the library may have to fetch."""
    try:
        return make()
    except (OSError, RuntimeError) as error:
        what = f"the weights of {model} are out of reach ({' '.join(str(error).split())[:90]})"
        hint = "--weights FILE gives your own, --weights none leaves it untrained"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE) from error


def _placed(made: _Made, weights: str, device: str) -> TorchBackbone:
    """The network with a user's weights, on its device, frozen."""
    import torch  # noqa: PLC0415

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    name = made.name
    path = Path(weights)
    if weights == "none":
        name += "-untrained"
    elif path.is_file():
        fill(made.network, path)
        name += f"-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
    elif weights != "default" and not name.endswith(f"-{weights}"):
        raise KBError(f"weights {weights} are neither a file nor a name", hint="see --help")
    network = made.network.eval().to(device)
    return TorchBackbone(name, network, made.side, made.crop, made.mean, made.deviation, device)


def fill(network: Any, path: Path) -> None:
    """Weights of a file, never executed; those of the removed layer are skipped."""
    import torch  # noqa: PLC0415

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        state = {key.removeprefix("module."): value for key, value in state.items()}
        missing = network.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        what = f"is no state dictionary of this network ({' '.join(str(error).split())[:90]})"
        raise KBError(what, where=path, hint="nothing in it was executed") from error
    if missing:
        what = f"lacks {len(missing)} weights of this network, {missing[0]} first"
        raise KBError(what, where=path, hint="is it another network's?")
