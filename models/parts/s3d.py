"""S3D-G and its blocks: 3-D convolutions split in space and time, gated by what a clip shows.

Xie, Sun, Huang, Tu, Murphy. "Rethinking Spatiotemporal Feature Learning: Speed-Accuracy Trade-offs
in Video Classification." ECCV 2018, arXiv:1712.04851.
"""

from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Triple: TypeAlias = tuple[int, int, int]  # of frames, rows, columns


class ConvUnit(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self,
        in_dim: int,
        dim: int,
        kernel: Triple,
        stride: Triple = (1, 1, 1),
        pad: Triple | None = None,
    ) -> None:
        """`pad` None: half a kernel, so that an odd kernel of stride 1 keeps the size."""
        pad = tuple(k // 2 for k in kernel) if pad is None else pad
        conv = nn.Conv3d(in_dim, dim, kernel, stride, pad, bias=False)
        super().__init__(conv, nn.BatchNorm3d(dim), nn.ReLU())


class SeparableConv(nn.Sequential):
    """A unit over 3 x 3 pixels, then one over 3 frames."""

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__(ConvUnit(in_dim, dim, (1, 3, 3)), ConvUnit(dim, dim, (3, 1, 1)))


class SelfGate(nn.Module):
    """x sigmoid(W m + b), m the mean of x over frames, rows and columns."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "b dim t h w"]) -> Float[Tensor, "b dim t h w"]:
        """Each channel, opened as far as the clip asks."""
        return x * self.affine(x.mean((2, 3, 4))).sigmoid()[..., None, None, None]


class SamePool(nn.Module):
    """Maximum over a window. Pads with zeros, max(kernel - stride, 0) in all, more of it behind.

    The padding does not depend on the size of the input, and a last window that is not full counts:
    at odd sizes this differs from TensorFlow's "SAME". Inputs are behind a ReLU: a zero is never
    the maximum alone.
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        total = [max(k - s, 0) for k, s in zip(kernel, stride, strict=True)]
        self.pad = [side for n in reversed(total) for side in (n // 2, n - n // 2)]

    def forward(self, x: Float[Tensor, "b dim _ _ _"]) -> Float[Tensor, "b dim _ _ _"]:
        """Fewer frames, rows and columns."""
        return F.max_pool3d(F.pad(x, self.pad), self.kernel, self.stride, ceil_mode=True)


class Widths(NamedTuple):
    """Of the branches of an inception block: a pair is its 1 x 1 x 1 and its separable unit."""

    point: int
    small: tuple[int, int]
    large: tuple[int, int]
    pooled: int

    @property
    def out(self) -> int:
        """Channels of the block."""
        return self.point + self.small[1] + self.large[1] + self.pooled

    def narrowed(self, by: int) -> "Widths":
        """Every width divided."""
        (a, b), (c, d) = self.small, self.large
        return Widths(self.point // by, (a // by, b // by), (c // by, d // by), self.pooled // by)


class InceptionBlock(nn.Module):
    """Four gated branches, side by side: a point, two separable convolutions, a pooled point."""

    def __init__(self, in_dim: int, widths: Widths) -> None:
        super().__init__()
        one = (1, 1, 1)
        pairs = [
            nn.Sequential(ConvUnit(in_dim, a, one), SeparableConv(a, b))
            for a, b in (widths.small, widths.large)
        ]
        pooled = nn.Sequential(SamePool((3, 3, 3), one), ConvUnit(in_dim, widths.pooled, one))
        self.branches = nn.ModuleList([ConvUnit(in_dim, widths.point, one), *pairs, pooled])
        sizes = (widths.point, widths.small[1], widths.large[1], widths.pooled)
        self.gates = nn.ModuleList(SelfGate(size) for size in sizes)

    def forward(self, x: Float[Tensor, "b dim t h w"]) -> Float[Tensor, "b out t h w"]:
        """Of the same number of frames, rows and columns."""
        branches = zip(self.branches, self.gates, strict=True)
        return torch.cat([gate(branch(x)) for branch, gate in branches], dim=1)


def space_to_depth(x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c8 t2 h2 w2"]:
    """Each 2 x 2 x 2 cube as one place of 8 c channels, the frame changing slowest, c fastest."""
    b, c, t, h, w = x.shape
    cubes = x.view(b, c, t // 2, 2, h // 2, 2, w // 2, 2)
    return cubes.permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(b, 8 * c, t // 2, h // 2, w // 2)


WIDTHS = {  # of the tower's inception blocks, by their published names
    "3b": Widths(64, (96, 128), (16, 32), 32),
    "3c": Widths(128, (128, 192), (32, 96), 64),
    "4b": Widths(192, (96, 208), (16, 48), 64),
    "4c": Widths(160, (112, 224), (24, 64), 64),
    "4d": Widths(128, (128, 256), (24, 64), 64),
    "4e": Widths(112, (144, 288), (32, 64), 64),
    "4f": Widths(256, (160, 320), (32, 128), 128),
    "5b": Widths(256, (160, 320), (32, 128), 128),
    "5c": Widths(384, (192, 384), (48, 128), 128),
}
STEM, SECOND = 64, 192  # channels before the blocks
POOLED = {"4b": ((3, 3, 3), (2, 2, 2)), "5b": ((2, 2, 2), (2, 2, 2))}  # before these blocks


class S3DG(nn.Module):
    """Pixels of a clip -> one vector of `out` numbers, its last maps averaged.

    `narrow` divides every width. `cubes`: the stem reads cubes of 2 x 2 x 2 pixels as channels, and
    frames, rows and columns are even in number.
    """

    def __init__(self, narrow: int = 1, *, cubes: bool = False) -> None:
        super().__init__()
        first, second, self.cubes = STEM // narrow, SECOND // narrow, cubes
        kernel: Triple = (2, 4, 4) if cubes else (3, 7, 7)
        stride: Triple = (1, 1, 1) if cubes else (2, 2, 2)
        around: Triple = (1, 2, 2) if cubes else (1, 3, 3)
        self.stem = ConvUnit(24 if cubes else 3, first, kernel, stride, around)
        self.point = ConvUnit(first, first, (1, 1, 1))
        self.separable, self.gate = SeparableConv(first, second), SelfGate(second)
        self.flat_pool = SamePool((1, 3, 3), (1, 2, 2))
        self.pools = nn.ModuleDict({name: SamePool(*pool) for name, pool in POOLED.items()})
        self.blocks = nn.ModuleDict()
        for name, widths in WIDTHS.items():
            self.blocks[name] = InceptionBlock(second, widths.narrowed(narrow))
            second = widths.narrowed(narrow).out
        self.out = second

    def forward(self, pixels: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b out"]:
        """Between 0 and 1; not of unit length."""
        x = self.stem(space_to_depth(pixels) if self.cubes else pixels)
        x = x[:, :, 1:, 1:, 1:] if self.cubes else x
        x = self.separable(self.point(self.flat_pool(x)))
        x = self.flat_pool(self.gate(x))
        for name, block in self.blocks.items():
            x = block(self.pools[name](x) if name in self.pools else x)
        return x.mean((2, 3, 4))


def unit_names(official: str, ours: str, n: int = 1) -> dict[str, str]:
    """Beginnings of the released names of one unit -> of ours; `n` counts the two of a pair."""
    return {f"{official}conv{n}.": f"{ours}0.", f"{official}bn{n}.": f"{ours}1."}


def separable_names(official: str, ours: str) -> dict[str, str]:
    """The same for a `SeparableConv`."""
    return unit_names(official, f"{ours}0.") | unit_names(official, f"{ours}1.", 2)


def inception_names(official: str, ours: str) -> dict[str, str]:
    """The same for an `InceptionBlock`."""
    places = {"conv_b0.": "0.", "conv_b1_a.": "1.0.", "conv_b2_a.": "2.0.", "conv_b3_b.": "3.1."}
    names = {f"{official}gating_b{n}.fc.": f"{ours}gates.{n}.affine." for n in range(4)}
    for theirs, place in places.items():
        names |= unit_names(official + theirs, f"{ours}branches.{place}")
    for n in (1, 2):
        names |= separable_names(f"{official}conv_b{n}_b.", f"{ours}branches.{n}.1.")
    return names


def s3d_names(official: str, ours: str) -> dict[str, str]:
    """The same for a whole `S3DG`; `official` ends before `conv1`."""
    names = unit_names(f"{official}conv1.", f"{ours}stem.")
    names |= unit_names(f"{official}conv_2b.", f"{ours}point.")
    names |= separable_names(f"{official}conv_2c.", f"{ours}separable.")
    names[f"{official}gating.fc."] = f"{ours}gate.affine."
    for name in WIDTHS:
        names |= inception_names(f"{official}mixed_{name}.", f"{ours}blocks.{name}.")
    return names
