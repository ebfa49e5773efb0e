"""CLIP's two towers: a causal transformer over words, a patch transformer over frames.

Radford et al. "Learning Transferable Visual Models From Natural Language Supervision." ICML 2021,
arXiv:2103.00020. The patch tower's kernel over three frames: Luo et al. "CLIP4Clip: An Empirical
Study of CLIP for End to End Video Clip Retrieval." 2021, arXiv:2104.08860.
"""

import math

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from models.parts.pixels import square_pixels
from models.parts.temporal import last_states
from models.parts.transformer import encoder_layers, encoder_states, quick_gelu

EPSILON = 1e-5
DEPTH = 3  # frames under a kernel of the 3-D patch tower
LARGEST = math.log(100)  # of the logit scale
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of red, green, blue, as shares of the brightest
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def clip_layers(
    width: int, heads: int, layers: int, epsilon: float = EPSILON
) -> nn.TransformerEncoder:
    """Pre-norm blocks with QuickGELU, four times as wide inside, without dropout.

    They start as CLIP's text tower does: the deeper the stack, the smaller what a block adds.
    """
    kind = {"activation": quick_gelu, "norm_first": True, "epsilon": epsilon}
    stack = encoder_layers(width, heads, 4 * width, layers, 0.0, **kind)
    for block in stack.layers:
        nn.init.normal_(block.self_attn.in_proj_weight, std=width**-0.5)
        nn.init.normal_(block.linear1.weight, std=(2 * width) ** -0.5)
        for last in (block.self_attn.out_proj, block.linear2):
            nn.init.normal_(last.weight, std=(2 * width * layers) ** -0.5)
    return stack


def _width(blocks: nn.TransformerEncoder) -> int:
    """What a block reads and writes."""
    return blocks.layers[0].linear1.in_features


def clip_pixels(pixels: UInt8[Tensor, "v n 3 h w"], side: int) -> Float[Tensor, "v n 3 side side"]:
    """Frames as CLIP reads them: square, every colour normalised."""
    x = square_pixels(pixels, side)
    mean, deviation = (x.new_tensor(one)[:, None, None] for one in (MEAN, DEVIATION))
    return (x - mean) / deviation


class TextTower(nn.Module):
    """Words -> one vector: the causal states' last, which has read them all, normalised and mapped."""

    def __init__(
        self, vocabulary: int, positions: int, blocks: nn.TransformerEncoder, out: int
    ) -> None:
        super().__init__()
        width = _width(blocks)
        self.words = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.positions = nn.Parameter(0.01 * torch.randn(positions, width))
        self.blocks, self.norm = blocks, nn.LayerNorm(width, EPSILON)
        self.projection = nn.Parameter(width**-0.5 * torch.randn(width, out))

    def forward(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t out"]:
        """Not of unit length. The last true step of a row is the end token.

        A row without a step has the vector of a state of zeros; more steps than positions raise
        RuntimeError.
        """
        x = self.words(words) + self.positions[: words.shape[1]]
        states = encoder_states(self.blocks, x, mask, causal=True)
        return self.norm(last_states(states, mask)) @ self.projection


class PatchTower(nn.Module):
    """Frames of `size` pixels a side -> one vector each, read as patches of `patch` pixels a side.

    `depth` 1: a frame by itself. `depth` 3: a patch sees the frames before and after too.
    """

    def __init__(
        self, size: int, patch: int, blocks: nn.TransformerEncoder, out: int, *, depth: int = 1
    ) -> None:
        super().__init__()
        width = _width(blocks)
        kernel, around = (depth, patch, patch), (depth // 2, 0, 0)
        self.patches = nn.Conv3d(3, width, kernel, (1, patch, patch), around, bias=False)
        self.token = nn.Parameter(width**-0.5 * torch.randn(width))
        self.positions = nn.Parameter(width**-0.5 * torch.randn((size // patch) ** 2 + 1, width))
        self.norm_in, self.norm_out = (nn.LayerNorm(width, EPSILON) for _ in range(2))
        self.blocks = blocks
        self.projection = nn.Parameter(width**-0.5 * torch.randn(width, out))

    def forward(
        self, pixels: Float[Tensor, "v n 3 size size"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v n out"]:
        """Not of unit length; zeros at the padding, whose pixels count as zero."""
        pixels = pixels.masked_fill(~mask[..., None, None, None], 0.0)
        patches = self.patches(pixels.transpose(1, 2))  # (v, width, n, rows, columns)
        x = patches.flatten(3).permute(0, 2, 3, 1)[mask]  # (frames, patches, width)
        x = torch.cat([self.token.expand(len(x), 1, -1), x], 1) + self.positions
        rows = self.norm_out(self.blocks(self.norm_in(x))[:, 0]) @ self.projection
        return rows.new_zeros(*mask.shape, rows.shape[1]).masked_scatter(mask[..., None], rows)


def inflate(
    kernel: Float[Tensor, "width 3 patch patch"], depth: int = DEPTH
) -> Float[Tensor, "width 3 depth patch patch"]:
    """A kernel over `depth` frames that starts as one over the middle frame; 1: the same kernel."""
    deep = kernel.new_zeros(*kernel.shape[:2], depth, *kernel.shape[2:])
    deep[:, :, depth // 2] = kernel
    return deep


class LogitScale(nn.Module):
    """A learnt factor of all scores, e^log; call `clamp` after each step of the optimiser."""

    def __init__(self, start: float = 1 / 0.07) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.tensor(math.log(start)))

    def forward(self, scores: Float[Tensor, "t v"]) -> Float[Tensor, "t v"]:
        """The scores, scaled."""
        return scores * self.log.exp()

    @torch.no_grad()
    def clamp(self) -> None:
        """At most 100, as CLIP has it."""
        self.log.clamp_(max=LARGEST)


def clip_block_names(official: str, ours: str, layers: int) -> dict[str, str]:
    """Beginnings of CLIP's names -> of ours; `official` ends before `resblocks.0`."""
    within = {"attn.": "self_attn.", "ln_1.": "norm1.", "ln_2.": "norm2."}
    within |= {"mlp.c_fc.": "linear1.", "mlp.c_proj.": "linear2."}
    return {
        f"{official}resblocks.{n}.{theirs}": f"{ours}layers.{n}.{own}"
        for n in range(layers)
        for theirs, own in within.items()
    }


def text_tower_names(official: str, ours: str, layers: int) -> dict[str, str]:
    """The same for a whole `TextTower`; `official` ends before `token_embedding`."""
    names = {"token_embedding.": "words.", "positional_embedding": "positions"}
    names |= {"ln_final.": "norm.", "text_projection": "projection"}
    names = {official + theirs: ours + own for theirs, own in names.items()}
    return names | clip_block_names(f"{official}transformer.", f"{ours}blocks.", layers)


def patch_tower_names(official: str, ours: str, layers: int, conv: str = "conv1") -> dict[str, str]:
    """The same for a whole `PatchTower`; `official` ends before `class_embedding`.

    A kernel over one frame needs `inflate(kernel, 1)` first.
    """
    names = {f"{conv}.": "patches.", "class_embedding": "token", "proj": "projection"}
    names |= {"positional_embedding": "positions", "ln_pre.": "norm_in.", "ln_post.": "norm_out."}
    names = {official + theirs: ours + own for theirs, own in names.items()}
    return names | clip_block_names(f"{official}transformer.", f"{ours}blocks.", layers)
