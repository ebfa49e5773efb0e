"""What a model reads: a batch of captions and a batch of clips."""

from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor

ROLES = (  # PropBank's, of a predicate, its arguments and modifiers; last, of any other noun phrase
    *("V", "ARG1", "ARG0", "ARG2", "ARG3", "ARG4", "ARGM-LOC", "ARGM-MNR", "ARGM-TMP", "ARGM-DIR"),
    *("ARGM-ADV", "ARGM-PRP", "ARGM-PRD", "ARGM-COM", "ARGM-MOD", "NOUN"),
)
PREDICATE = ROLES.index("V")


@dataclass
class RoleGraph:
    """Semantic roles of a batch of sentences: who does what to whom. A wordless node is padding."""

    members: Bool[Tensor, "t nodes words"]  # which words a node has, columns as in Captions
    role: Int[Tensor, "t nodes"]  # rows of ROLES; 0 at the padding
    argument: Bool[Tensor, "t nodes nodes"]  # [i, p, a]: node a belongs to predicate p


@dataclass
class Captions:
    """A batch of sentences. `words` is always there; the other views where `needs` names them."""

    words: Int[Tensor, "t words"]  # ids: 0 <pad>, 1 <start>, 2 <end>, 3 <unk>, then words
    mask: Bool[Tensor, "t words"]  # True where there is a token, <start> and <end> included
    bow: Float[Tensor, "t bow"] | None = None  # counts over the bag-of-words vocabulary
    vectors: dict[str, Float[Tensor, "t dim"]] = field(
        default_factory=dict
    )  # made outside: w2v (mean of word2vec), bert; concepts, shares of what the video's captions name
    graph: RoleGraph | None = None


@dataclass
class Clips:
    """A batch of videos: one feature sequence per expert; a single-stream paper reads `frames`."""

    features: dict[str, Float[Tensor, "v steps dim"]] = field(default_factory=dict)
    mask: dict[str, Bool[Tensor, "v steps"]] = field(
        default_factory=dict
    )  # a row of False: missing
    video: Int[Tensor, " v"] | None = (
        None  # of which video each clip was cut; None: each of its own
    )
