"""What a model reads: a batch of captions and a batch of clips. None or absent: not asked for."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

ROLES = (  # PropBank's, of a predicate, its arguments and modifiers; last, of any other noun phrase
    *("V", "ARG1", "ARG0", "ARG2", "ARG3", "ARG4", "ARGM-LOC", "ARGM-MNR", "ARGM-TMP", "ARGM-DIR"),
    *("ARGM-ADV", "ARGM-PRP", "ARGM-PRD", "ARGM-COM", "ARGM-MOD", "NOUN"),
)
PREDICATE = ROLES.index("V")
TAGS = (  # of Universal Dependencies 2; 0: padding and special tokens
    *("", "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON"),
    *("PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
WORD_CLASSES = {"verb": ("VERB",), "noun": ("NOUN", "PROPN"), "adverb": ("ADV",)}  # their tags

Items = TypeVar("Items", "Captions", "Clips")


@dataclass
class RoleGraph:
    """Semantic roles of a batch of sentences: who does what to whom. A wordless node is padding."""

    members: Bool[Tensor, "t nodes words"]  # which words a node has, columns as in Captions
    role: Int[Tensor, "t nodes"]  # rows of ROLES; 0 at the padding
    argument: Bool[Tensor, "t nodes nodes"]  # [i, p, a]: node a belongs to predicate p


@dataclass
class Tokens:
    """Sequences of ids: word pieces of a tower's own tokeniser, or words heard or read on screen."""

    ids: Int[Tensor, "b n"]  # 0 at the padding
    mask: Bool[Tensor, "b n"]
    seconds: Float[Tensor, "b n 2"] | None = None  # start and end of each, where it has a time
    line: Int[Tensor, "b n"] | None = None  # number of each one's line, of what comes in lines


@dataclass
class Regions:
    """Boxes in the frames of a batch of clips, with the features of what is in them."""

    features: Float[Tensor, "v steps boxes dim"]
    place: Float[Tensor, "v steps boxes 4"]  # x0, y0, x1, y1 as shares of the frame
    mask: Bool[Tensor, "v steps boxes"]


@dataclass
class Nested(Generic[Items]):
    """The parts of a batch of wholes, end to end: sentences of paragraphs, segments of videos."""

    items: Items
    owner: Int[Tensor, " n"]  # row of the whole each part belongs to, rising
    span: Float[Tensor, "n 2"]  # seconds of the video: start and end


@dataclass
class Captions:
    """A batch of sentences. `words` is always there; the other views where `needs` names them."""

    words: Int[Tensor, "t words"]  # ids: 0 <pad>, 1 <start>, 2 <end>, 3 <unk>, then words
    mask: Bool[Tensor, "t words"]  # True where there is a token, <start> and <end> included
    bow: Float[Tensor, "t bow"] | None = None  # counts over the bag-of-words vocabulary
    # One vector per sentence, made outside the model: w2v (mean of word vectors), bert; concepts:
    # shares of what the captions of the video name; mentions, video-mentions: 1 for each concept of
    # the sentence, of all sentences of its video.
    vectors: dict[str, Float[Tensor, "t dim"]] = field(default_factory=dict)
    images: Float[Tensor, "t images width"] | None = None  # what an image search with each finds
    graph: RoleGraph | None = None
    tags: Int[Tensor, "t words"] | None = None  # rows of TAGS; 0 at the padding
    heads: Int[Tensor, "t words"] | None = None  # column of each word's head; its own for a root
    classes: dict[str, Int[Tensor, " t"]] = field(
        default_factory=dict
    )  # verb, noun, adverb; -1: none
    pieces: Tokens | None = None  # of a pre-trained tower's own tokeniser
    index: Int[Tensor, " t"] | None = None  # row of the training split: of a memory bank
    sentences: "Nested[Captions] | None" = None  # of each paragraph
    candidates: "Nested[Captions] | None" = None  # of each clip: nearby captions, its own first


@dataclass
class Clips:
    """A batch of videos: one feature sequence per expert; a single-stream paper reads `frames`."""

    features: dict[str, Float[Tensor, "v steps dim"]] = field(default_factory=dict)
    mask: dict[str, Bool[Tensor, "v steps"]] = field(default_factory=dict)  # row of False: missing
    seconds: dict[str, Float[Tensor, "v steps"]] = field(
        default_factory=dict
    )  # middle of each step
    video: Int[Tensor, " v"] | None = None  # which video each clip was cut from; None: each its own
    pixels: UInt8[Tensor, "v frames 3 h w"] | None = None
    pixels_mask: Bool[Tensor, "v frames"] | None = None
    regions: Regions | None = None
    speech: Tokens | None = None  # what is said, with times
    ocr: Tokens | None = None  # what is written in the picture, with times
    classes: dict[str, Float[Tensor, "v k"]] = field(default_factory=dict)  # 1 where a video has it
    index: Int[Tensor, " v"] | None = None  # row of the training split
    segments: "Nested[Clips] | None" = None  # of each video


@dataclass
class Batch:
    """Captions and clips that belong together: caption i describes clip `owner[i]`."""

    captions: Captions
    clips: Clips
    owner: Int[Tensor, " t"] | None = None  # None: caption i describes clip i
    unpaired: "Batch | None" = None  # another domain, whose captions are not known to fit its clips
    second_source: "Batch | None" = None  # pairs of a second labelled domain

    @property
    def owners(self) -> Int[Tensor, " t"]:
        """Row of the clip that each caption describes."""
        if self.owner is not None:
            return self.owner
        return torch.arange(len(self.captions.words), device=self.captions.words.device)
