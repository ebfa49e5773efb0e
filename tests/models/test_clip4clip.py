"""Luo et al. 2021, head by head, against sums written out longhand."""

import math

import pytest
import torch
from torch import nn

from models.clip4clip import Config, Model
from models.official.clip4clip import Released, config_of, load, unused
from models.parts.batch import Tokens
from models.parts.contract import DataSizes
from tests.models import toy
from tests.models.parts.longhand import HEADS, WIDTH, normalised, pre_norm_block, quick_gelu
from tests.models.releases import official_weights

SMALL = {  # towers that the longhand blocks can follow
    "text": (WIDTH, HEADS, 2),
    "video": (WIDTH, HEADS, 1),
    "common": WIDTH,
    "side": 8,
    "patch": 4,
    "blocks": (HEADS, 2),
}


def built(head="meanP", **change):
    """A small model with weights that are not all small."""
    net = toy.built(Model, **(SMALL | {"head": head} | change))
    for name, weight in net.named_parameters():
        if name.startswith(("blocks.", "lstm.", "dense.", "score.", "types")):
            nn.init.normal_(weight, std=0.5)
    return net


def unit(x):
    """A vector over its length."""
    return x / sum(x**2) ** 0.5


def features(net, batch):
    """Vectors of the captions, and of the frames of each clip, without the padding."""
    pixels, mask = net.frames(batch.clips)
    t = net.text(batch.captions.words, batch.captions.mask)
    return t, [rows[keep] for rows, keep in zip(net.video(pixels, mask), mask, strict=True)]


def video_vector(g):
    """Every frame at unit length, their mean at unit length."""
    rows = [unit(one) for one in g]
    return unit(sum(rows) / len(rows))


def scores_by_hand(net, t, videos):
    """Scaled cosines."""
    scale = math.exp(net.scale.log.item())
    return torch.tensor([[scale * float(sum(unit(a) * b)) for b in videos] for a in t])


@torch.no_grad()
def test_meanp_is_the_mean_of_unit_frames():
    """Eqs. (1), (5) and (6): frames one by one, normalised before and after their mean."""
    net = built()
    batch = toy.batch(net)
    t, f = features(net, batch)
    expected = scores_by_hand(net, t, [video_vector(rows) for rows in f])
    torch.testing.assert_close(net(batch), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_frame_is_read_by_itself_unless_patches_have_depth():
    """Eqs. (1) and (2): another second frame changes the first one's vector with 3-D patches only."""
    for depth in (1, 3):
        net = built(depth=depth)
        clips = toy.batch(net).clips
        pixels, mask = net.frames(clips)
        changed = pixels.clone()
        changed[:, 1] = 0.0
        same = torch.equal(net.video(pixels, mask)[:, 0], net.video(changed, mask)[:, 0])
        assert same is (depth == 1)


@torch.no_grad()
def test_seqlstm_adds_the_states_of_an_lstm():
    """Eq. (3): input, forget, cell and output gates over the frames, added to the frames."""
    net = built("seqLSTM")
    batch = toy.batch(net)
    t, f = features(net, batch)
    lstm, videos = net.lstm, []
    for rows in f:
        h = c = torch.zeros(WIDTH)
        g = []
        for x in rows:
            z = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
            i, forget, new, o = z.chunk(4)
            c = forget.sigmoid() * c + i.sigmoid() * new.tanh()
            h = o.sigmoid() * c.tanh()
            g.append(h + x)
        videos.append(video_vector(g))
    expected = scores_by_hand(net, t, videos)
    torch.testing.assert_close(net(batch), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_seqtransf_adds_the_states_of_a_transformer():
    """Eq. (4): blocks over frames and positions, added to the frames without positions."""
    net = built("seqTransf")
    batch = toy.batch(net)
    t, f = features(net, batch)
    videos = []
    for rows in f:
        x = [one + net.positions[k] for k, one in enumerate(rows)]
        for layer in net.blocks.layers:
            x = pre_norm_block(layer, x, causal=False)
        videos.append(video_vector([a + b for a, b in zip(rows, x, strict=True)]))
    expected = scores_by_hand(net, t, videos)
    torch.testing.assert_close(net(batch), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_tighttransf_reads_caption_and_frames_as_one_sequence():
    """Eq. (7): positions and types, blocks, the caption's state through two layers, unscaled."""
    net = built("tightTransf")
    batch = toy.batch(net, 3)
    t, f = features(net, batch)
    scores = net(batch)
    for i, caption in enumerate(t):
        for j, rows in enumerate(f):
            x = [caption + net.types[0], *(one + net.types[1] for one in rows)]
            x = [one + net.positions[k] for k, one in enumerate(x)]
            for layer in net.blocks.layers:
                x = pre_norm_block(layer, x, causal=False)
            hidden = net.dense(normalised(net.pool, x[0]))
            hidden = torch.tensor([quick_gelu(one) for one in hidden.tolist()])
            expected = float(sum(net.score.weight[0] * hidden))
            assert scores[i, j].item() == pytest.approx(expected, abs=1e-4, rel=1e-4)


def test_the_loss_is_the_mean_of_both_cross_entropies():
    """Eq. (8): the right video of each caption, the right caption of each video."""
    net = built()
    batch = toy.batch(net)
    s = net(batch).tolist()
    rows = [math.log(sum(map(math.exp, s[i]))) - s[i][i] for i in range(4)]
    columns = [math.log(sum(math.exp(s[j][i]) for j in range(4))) - s[i][i] for i in range(4)]
    expected = (sum(rows) / 4 + sum(columns) / 4) / 2
    assert net.loss(batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("head", ["seqTransf", "tightTransf"])
def test_a_head_starts_from_the_text_tower(head):
    """Eq. (9): its positions and as many of its first blocks as the text tower has."""
    net = toy.built(Model, **(SMALL | {"head": head, "blocks": (HEADS, 3)}))
    assert net.positions.equal(net.text.positions)
    for own, of_text in zip(net.blocks.layers[:2], net.text.blocks.layers, strict=True):
        for name, weight in of_text.named_parameters():
            assert own.get_parameter(name).equal(weight)
    assert not net.blocks.layers[2].linear1.weight.equal(net.text.blocks.layers[1].linear1.weight)


@torch.no_grad()
def test_word_pieces_are_read_where_the_configuration_names_them():
    """`tokens` chooses what the text tower reads; the published one needs the view."""
    net = built(tokens="pieces")
    batch = toy.batch(net)
    words = batch.captions
    words.pieces = Tokens(words.words.flip(0), words.mask.flip(0))
    by_words = built().encode_text(words)
    torch.testing.assert_close(net.encode_text(words), by_words.flip(0))
    assert "pieces" in Model.needs(Config())
    assert "pieces" not in Model.needs(Config.small())


def test_frames_beyond_the_limit_are_left_out_evenly():
    """D3: of eight frames four are kept, each at the beginning of its quarter."""
    net = built(max_frames=4)
    clips = toy.batch(net).clips
    whole = built().frames(clips)[0]
    assert net.frames(clips)[0].shape[1] == 4
    torch.testing.assert_close(
        net.frames(clips)[0][0], built(max_frames=8).frames(clips)[0][0, ::2]
    )
    assert whole.shape[1] == Config.small().max_frames


def test_the_scale_is_never_above_100():
    """After a step it is cut; the tight head has none."""
    net = built()
    net.scale.log.data.fill_(9.0)
    net.after_step()
    assert net.scale.log.item() == pytest.approx(math.log(100))
    tight = built("tightTransf")
    tight.after_step()
    assert not hasattr(tight, "scale")


def test_the_recipe_freezes_clip_s_embeddings_and_slows_its_towers():
    """Every weight of a tower trains at a thousandth of the rate or not at all, a head's at all."""
    net = built("seqTransf")
    factor = {
        name: next(
            (f for start, f in Model.recipe.optimiser.lr_multipliers if name.startswith(start)), 1.0
        )
        for name, _ in net.named_parameters()
    }
    frozen = {name for name, f in factor.items() if f == 0}
    assert frozen == {
        *("text.words.weight", "text.positions", "video.patches.weight", "video.token"),
        *("video.positions", "video.norm_in.weight", "video.norm_in.bias"),
    }
    assert factor["text.projection"] == factor["video.norm_out.weight"] == 1e-3
    assert factor["scale.log"] == 1e-3
    assert factor["positions"] == factor["blocks.layers.0.linear1.weight"] == 1.0


@pytest.mark.parametrize("variant", Model.variants)
def test_a_checkpoint_tells_its_head_and_its_patches(variant):
    """Head, depth and number of blocks follow from the weights."""
    config = toy.config_of(Model, **(SMALL | Model.variants[variant]))
    released, data = config_of(official_weights(Released(config, DataSizes(20))))
    assert (released.head, released.depth) == (config.head, config.depth)
    assert released.text[2] == 2
    assert released.side == 8
    assert released.blocks[1] == (2 if "ransf" in config.head else 0)
    assert data.vocabulary == 20


@pytest.mark.parametrize("variant", Model.variants)
def test_layers_that_the_release_never_calls_are_not_loaded(variant):
    """A checkpoint has them; nothing is missed without them."""
    config = toy.config_of(Model, **(SMALL | Model.variants[variant]))
    net = Released(config, DataSizes(20))
    idle = dict.fromkeys(unused(config.head, config.depth), torch.ones(1))
    again = load(official_weights(net) | idle, config)
    assert again.state_dict().keys() == net.state_dict().keys()


def test_the_release_gives_no_types_and_one_bias():
    """Q1 and Q2: the tight head's scores are the paper's with types of zero, all moved alike."""
    config = toy.config_of(Model, **(SMALL | {"head": "tightTransf"}))
    torch.manual_seed(0)
    paper, released = built("tightTransf"), Released(config, toy.sizes(Model, config)).eval()
    weights = {n: w for n, w in paper.state_dict().items() if n != "types"}
    released.load_state_dict(weights | {"score.bias": torch.tensor([0.25])})
    paper.types.data.zero_()
    batch = toy.batch(paper)
    torch.testing.assert_close(released(batch), paper(batch) + 0.25)


def test_defaults_are_the_published_sizes():
    """ViT-B/32: 49 patches of 768 numbers, captions and frames of 512."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(49_408))
    assert net.video.positions.shape == (50, 768)
    assert net.video.patches.weight.shape == (768, 3, 1, 32, 32)
    assert net.text.projection.shape == (512, 512)
    assert len(net.video.blocks.layers) == len(net.text.blocks.layers) == 12
