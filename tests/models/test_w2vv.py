"""Dong et al. 2018, step by step, against sums written out longhand."""

from dataclasses import replace

import pytest
import torch

from models.official.w2vv import Released, config_of, official_state
from models.parts.batch import Captions
from models.w2vv import Config, Model, ResetFirstGRU
from tests.models import longhand, toy


def built(**change):
    """A small model and a toy batch."""
    net = toy.built(Model, **change)
    return net, toy.batch(net)


def sigmoid(a):
    """The paper's gate."""
    return 1 / (1 + torch.exp(-a))


def hard_sigmoid(a):
    """The release's."""
    return torch.stack(
        [min(max(0.2 * one + 0.5, torch.tensor(0.0)), torch.tensor(1.0)) for one in a]
    )


def last_state(gru, x, gate=sigmoid):
    """The state after the last step, one gate at a time, the reset before the product."""
    d = gru.hidden
    (wz, wr, wn), (bz, br, bn) = gru.input.weight.split(d), gru.input.bias.split(d)
    uz, ur, un = gru.recurrent.weight.split(d)
    h = torch.zeros(d)
    for step in x:
        z, r = gate(wz @ step + uz @ h + bz), gate(wr @ step + ur @ h + br)
        h = z * h + (1 - z) * torch.tanh(wn @ step + un @ (r * h) + bn)
    return h


def inner(captions, row):
    """The words of one caption between <start> and <end>."""
    return captions.words[row][captions.mask[row]][1:-1]


def test_the_gru_resets_before_its_product():
    """Eq. (1), gate by gate; torch's resets after, and gives another state."""
    torch.manual_seed(1)
    gru, x = ResetFirstGRU(3, 4, 0.0), torch.randn(2, 5, 3)
    torch.nn.init.normal_(gru.input.bias)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    for row, length in enumerate((5, 2)):
        torch.testing.assert_close(gru(x, mask)[row], last_state(gru, x[row, :length]))
    other = torch.nn.GRU(3, 4, batch_first=True)
    own = dict(zip("zrn", range(3), strict=True))
    order = [own[gate] for gate in "rzn"]
    with torch.no_grad():
        for weight, name in ((gru.input.weight, "ih"), (gru.recurrent.weight, "hh")):
            parts = weight.split(4)
            getattr(other, f"weight_{name}_l0").copy_(torch.cat([parts[i] for i in order]))
        bias = gru.input.bias.split(4)
        other.bias_ih_l0.copy_(torch.cat([bias[i] for i in order]))
        other.bias_hh_l0.zero_()
    assert not other(x)[0][0, -1].allclose(gru(x, mask)[0], atol=1e-3)


def test_the_gru_is_read_where_the_sentence_ends():
    """Eq. (2): the state at each caption's last word; neither <start> nor <end> is a word."""
    net, batch = built()
    h = net.read("gru", batch.captions)
    for row in range(4):
        words = net.words(inner(batch.captions, row))
        torch.testing.assert_close(h[row], last_state(net.gru, words))


def test_the_gru_reads_no_further_than_its_limit():
    """A long sentence ends for it after `max_words`; bag and word vectors are of all of it."""
    net, batch = built(max_words=2)
    h = net.read("gru", batch.captions)
    for row in range(4):
        words = net.words(inner(batch.captions, row)[:2])
        torch.testing.assert_close(h[row], last_state(net.gru, words))


def test_bag_and_word_vectors_are_those_of_the_data():
    """Eq. (2): the model changes neither, and is as wide as the data make it."""
    net, batch = built()
    assert net.read("bow", batch.captions) is batch.captions.bow
    assert net.read("w2v", batch.captions) is batch.captions.vectors["w2v"]
    assert net.text[0].in_features == 128 + net.data.bow + net.data.vectors["w2v"]


def test_a_sentence_becomes_the_feature_of_its_video():
    """Eqs. (3) and (4): GRU, bag and word vectors side by side, two layers, ReLU after each."""
    net, batch = built(last_relu=True)
    captions = batch.captions
    u = torch.cat([net.read("gru", captions), captions.bow, captions.vectors["w2v"]], 1)
    first, second = net.text[0], net.text[3]
    for row, p in enumerate(net.encode_text(captions)):
        hidden = (first.weight @ u[row] + first.bias).clamp(min=0)
        torch.testing.assert_close(p, (second.weight @ hidden + second.bias).clamp(min=0))


def test_without_its_last_relu_a_feature_may_be_negative():
    """D4: what the synthetic benchmark and features of either sign need."""
    bare, batch = built()
    p = bare.encode_text(batch.captions)
    assert (p < 0).any()
    cut = toy.built(Model, last_relu=True)
    torch.testing.assert_close(cut.encode_text(batch.captions), p.clamp(min=0))


def test_a_video_is_the_mean_of_its_frames_and_nothing_more():
    """Nothing is trained on its side."""
    net, batch = built()
    frames, mask = batch.clips.features["frames"], batch.clips.mask["frames"]
    for row, x in enumerate(net.encode_video(batch.clips)):
        torch.testing.assert_close(x, sum(frames[row][mask[row]]) / mask[row].sum())
    assert not [name for name, _ in net.named_parameters() if name.startswith("video")]


def test_scores_are_cosines():
    """Eq. (5), one pair at a time."""
    net, batch = built()
    text, video = net.encode_text(batch.captions), net.encode_video(batch.clips)
    scores = net.similarity(text, video)
    for i in range(4):
        for j in range(4):
            assert scores[i, j].item() == pytest.approx(
                longhand.cosine(text[i], video[j]), abs=1e-6
            )


def test_the_loss_is_the_mean_squared_error_of_the_pairs():
    """Eq. (6): over captions and numbers of the feature; there are no negatives."""
    net, batch = built()
    p = net.encode_text(batch.captions).tolist()
    x = net.encode_video(batch.clips).tolist()
    squares = [(p[i][d] - x[i][d]) ** 2 for i in range(4) for d in range(6)]
    assert net.loss(batch).item() == pytest.approx(sum(squares) / 24, rel=1e-5)


def test_the_joint_space_is_trained_on_both_sides():
    """D5: a layer on the video, cosine, hardest wrong video and hardest wrong caption."""
    net, batch = built(space="joint")
    mean, video = toy.built(Model).encode_video(batch.clips), net.encode_video(batch.clips)
    for row in range(4):
        torch.testing.assert_close(video[row], net.video.weight @ mean[row] + net.video.bias)
    expected = longhand.triplet(net(batch).tolist(), 0.2)
    assert net.loss(batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("encoder", ["gru", "bow", "w2v"])
def test_one_scale_alone_is_all_that_is_read(encoder):
    """A variant has no weights of the others and asks for none of their views."""
    net, batch = built(encoders=(encoder,))
    widths = {"gru": 128, "bow": net.data.bow, "w2v": net.data.vectors["w2v"]}
    assert net.text[0].in_features == widths[encoder]
    assert hasattr(net, "gru") is (encoder == "gru")
    assert Model.needs(net.config) == {"words", "frames"} | ({encoder} - {"gru"})
    assert (batch.captions.bow is None) is (encoder != "bow")
    assert net(batch).isfinite().all()


def test_dropout_in_the_gru_is_one_mask_for_all_steps():
    """D3: in training a fifth of the inputs and of the states, the same ones at each step."""
    torch.manual_seed(0)
    gru, seen, masks = ResetFirstGRU(50, 50, 0.2).train(), [], []
    gru.input.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    step = gru.step
    gru.step = lambda x, h, drop: masks.append(drop) or step(x, h, drop)
    gru(torch.ones(40, 6, 50), torch.ones(40, 6, dtype=torch.bool))
    (x,) = seen
    assert torch.equal(x, x[:, :1].expand_as(x))
    assert all(torch.equal(mask, masks[0]) for mask in masks)
    for mask in (x[:, 0], masks[0]):
        assert set(mask.unique().tolist()) == {0.0, 1.25}
        assert (mask == 0).float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert not torch.equal(x[:, 0], masks[0])


def test_masks_act_on_gates_and_on_the_candidate_and_not_on_what_is_carried_over():
    """D3: a dropped state is still what the update gate keeps."""
    torch.manual_seed(0)
    gru, x, h = ResetFirstGRU(3, 4, 0.0), torch.randn(2, 12), torch.randn(2, 4)
    drop = torch.tensor([[0.0, 2.0, 0.0, 2.0]] * 2)
    uz, ur, un = gru.recurrent.weight.split(4)
    xz, xr, xn = x.split(4, dim=1)
    z, r = sigmoid(xz + (drop * h) @ uz.T), sigmoid(xr + (drop * h) @ ur.T)
    expected = z * h + (1 - z) * torch.tanh(xn + (r * drop * h) @ un.T)
    torch.testing.assert_close(gru.step(x, h, drop), expected)


def test_weights_start_as_keras_starts_them():
    """Xavier uniform, recurrent ones orthogonal, biases at zero; word vectors in U(-1, 1)."""
    net = toy.built(Model, word_init=1.0)
    for layer in (net.gru.input, net.text[0], net.text[3]):
        bound = (6 / sum(layer.weight.shape)) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()
    recurrent = net.gru.recurrent.weight
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(128), rtol=0, atol=1e-5)
    assert 0.95 < net.words.weight.abs().max() <= 1


def released(**change):
    """The small model as released, and its weights as Keras has them."""
    torch.manual_seed(0)
    config = toy.config_of(Model, last_relu=True, **change)
    sizes = replace(toy.sizes(Model, config), vectors={"w2v": config.word_dim})
    net = Released(config, sizes).eval()
    weights = {key: weight.numpy() for key, weight in official_state(net).items()}
    return net, toy.batch(net), weights


def test_the_released_gru_has_hard_gates_and_reads_the_padding_before_a_sentence():
    """Q1, Q2: from position 1 of `max_words` on, where nothing stands as word 0."""
    net, batch, _ = released(max_words=9)
    h = net.read("gru", batch.captions)
    for row in range(4):
        words = inner(batch.captions, row)
        padded = torch.cat([torch.zeros(9 - len(words), dtype=torch.long), words])
        expected = last_state(net.gru, net.words(padded), hard_sigmoid)
        torch.testing.assert_close(h[row], expected)
    net.loss(batch).backward()
    assert net.words.weight.grad[0].any()


def test_a_released_sentence_that_is_too_long_loses_its_end():
    """Q2: cut on the right before it is padded on the left."""
    net, _, _ = released(max_words=3)
    words = torch.tensor([[1, 5, 6, 7, 8, 2], [1, 9, 2, 0, 0, 0]])
    padded, mask = net.sentence(Captions(words, words > 0))
    assert padded.tolist() == [[5, 6, 7], [0, 0, 9]]
    assert mask.all()


def test_keras_weights_give_sizes_and_scores():
    """Kernels are (in, out) there; the bag is what is left of the first layer's input."""
    net, batch, weights = released()
    assert weights["gru_1/kernel"].shape == (64, 3 * 128)
    config, data = config_of(weights, {"sent_maxlen": 32})
    assert replace(config, word_init=0.1, common=256) == net.config
    assert (data.vocabulary, data.bow, data.dims) == (30, 12, net.data.dims)
    assert data.vectors == {"w2v": 64}
    torch.testing.assert_close(Model.from_official(weights).eval()(batch), net(batch))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gru_1/bias": None}, "gru_1/bias is missing"),
        ({"embedding_1/embeddings": None}, "embedding_1/embeddings is missing"),
        ({"lstm_1/kernel": torch.ones(2, 2)}, "lstm_1/kernel is unknown"),
        ({"dense_2/bias": torch.ones(2)}, "dense_2/bias is"),
        ({"dense_2/bias": {"a": 1}}, "no array"),
        ({"dense_2/bias": "a"}, "no array"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_line(change, words):
    """Missing, unknown, of another shape, or no array."""
    _, _, weights = released()
    weights = {k: w for k, w in (weights | change).items() if w is not None}
    with pytest.raises(ValueError, match="official weights do not fit") as caught:
        Model.from_official(weights)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_defaults_are_the_published_sizes():
    """1024 states, a bag and word vectors of 500 numbers, to 2048 and to 2048 of ResNet-152."""
    data = replace(toy.sizes(Model, Config()), bow=10_000, dims={"frames": 2048})
    with torch.device("meta"):
        net = Model(Config(), replace(data, vectors={"w2v": 500}))
    assert net.text[0].in_features == 1024 + 10_000 + 500
    assert net.text[0].out_features == net.text[3].out_features == 2048
    assert isinstance(net.text[4], torch.nn.ReLU)
