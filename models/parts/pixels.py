"""Frames of videos as a visual tower reads them: square, of one size, between 0 and 1."""

import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor


def square_pixels(
    pixels: UInt8[Tensor, "v n 3 h w"], side: int
) -> Float[Tensor, "v n 3 side side"]:
    """The shorter side resized to `side`, the middle of the longer one kept; 1 is the brightest."""
    x = pixels.flatten(0, 1).float()
    h, w = x.shape[2:]
    if min(h, w) != side:
        size = (round(h * side / min(h, w)), round(w * side / min(h, w)))
        x = F.interpolate(x, size, mode="bicubic", antialias=True).round().clamp(0, 255)
    top, left = ((n - side) // 2 for n in x.shape[2:])
    x = x[:, :, top : top + side, left : left + side] / 255
    return x.view(*pixels.shape[:3], side, side)
