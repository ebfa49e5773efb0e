"""Liu et al. 2019, expert by expert, against sums written out longhand."""

import pytest
import torch

from models.collaborative_experts import Config, Model
from models.official._loading import official_names
from models.official.collaborative_experts import NINE, Released, config_of, load, prefixes
from models.parts.contract import DataSizes
from tests.models import longhand, toy


def batch_norm(bn, x):
    """Normalisation of one row by what was seen."""
    return (x - bn.running_mean) / (bn.running_var + 1e-5) ** 0.5 * bn.weight + bn.bias


def vlad(pool, x):
    """NetVLAD of one sequence, step by step; the last clusters are ghosts."""
    dim, kept = pool.centres.shape[1:]
    v = torch.zeros(dim, kept)
    for step in x:
        e = torch.exp(batch_norm(pool.norm, step @ pool.clusters))
        for k in range(kept):
            v[:, k] += e[k] / sum(e) * (step - pool.centres[0, :, k])
    columns = [v[:, k] / sum(v[:, k] ** 2) ** 0.5 for k in range(kept)]
    flat = torch.stack([columns[k][d] for d in range(dim) for k in range(kept)])
    return flat / sum(flat**2) ** 0.5


def unit(layer, x):
    """A gated unit of one row."""
    z = layer.embed.weight @ x + layer.embed.bias
    g = batch_norm(layer.gate.norm, layer.gate.affine.weight @ z + layer.gate.affine.bias)
    z = z / (1 + torch.exp(-g))
    return z / sum(z**2) ** 0.5


def chain(layers, x):
    """An MLP of one row."""
    for layer in layers:
        if isinstance(layer, torch.nn.Linear):
            x = layer.weight @ x + layer.bias
        elif isinstance(layer, torch.nn.BatchNorm1d):
            x = batch_norm(layer, x)
        else:
            x = x * torch.tanh(torch.log(1 + torch.exp(x))) if "Mish" in str(layer) else x.clamp(0)
    return x


def read(net, clips, name, row):
    """One expert of one video as a vector; None where it is missing."""
    steps = clips.features[name][row][clips.mask[name][row]]
    if not len(steps):
        return None
    return vlad(net.pooling[name], steps) if name in net.pooling else sum(steps) / len(steps)


def projected(net, clips, row):
    """e_i of one video; zeros where an expert is missing: no expert reads them."""
    experts = []
    for layer, name in zip(net.video_unit, net.data.dims, strict=True):
        x = read(net, clips, name, row)
        e = torch.zeros(layer.out_features) if x is None else layer.weight @ x + layer.bias
        experts.append(e if x is None else e / sum(e**2) ** 0.5)
    return experts


def seasoned(net):
    """The same model with running statistics and weights of normalisations that tell apart."""
    torch.manual_seed(3)
    for bn in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        bn.running_mean[:], bn.running_var[:] = torch.randn_like(bn.bias) / 3, bn.weight.data * 0.7
        bn.bias.data[:] = torch.randn_like(bn.bias) / 3
    return net


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("h_layers", [0, 1])
def test_experts_are_gated_by_messages_of_the_present_ones(include_self, released, h_layers):
    """Eqs. (1), (2) and step (b): all at once; Q2: as released one after another."""
    kind = Released if released else Model
    change = {"include_self": include_self, "h_layers": h_layers}
    change |= {"normed": False, "relu": True} if released and h_layers else {}
    net = seasoned(toy.built(kind, **change))
    batch = toy.batch(net)
    if released:  # without padding and missing experts, so that Q2 is all there is
        batch = toy.picked(batch, [0])
    clips, names = batch.clips, list(net.data.dims)
    video = net.encode_video(clips)
    for row in range(len(batch.captions.words)):
        e, layers = projected(net, clips, row), net.collaboration
        present = [m for m, name in enumerate(names) if clips.mask[name][row].any()]
        before = list(e)
        for i in present:
            senders = e if released else before
            others = [j for j in present if include_self or j != i]
            messages = [
                chain([layers.pair, *layers.g], torch.cat([e[i], senders[j]])) for j in others
            ]
            t = batch_norm(layers.norm[i], chain(layers.h, sum(messages) / len(others)))
            gate = net.gate[i]
            own = batch_norm(gate.norm, gate.affine.weight @ e[i] + gate.affine.bias)
            v = e[i] / (1 + torch.exp(-t - own))
            e[i] = v / sum(v**2) ** 0.5 if released else e[i]
            torch.testing.assert_close(video.embedding[i][row], v / sum(v**2) ** 0.5)


@pytest.mark.parametrize("kind", [Model, Released])
@pytest.mark.parametrize("include_self", [True, False])
def test_in_training_g_is_normalised_pair_by_pair(kind, include_self):
    """Eq. (1) as trained: every ordered pair is a call of g, over the rows of the batch."""
    net = toy.built(kind, include_self=include_self).train()
    calls = []
    for layer in net.collaboration.g:
        layer.register_forward_hook(lambda layer, x, y: calls.append((layer, x[0], y)))
    net.encode_video(toy.batch(net).clips)
    pairs = 25 if include_self else 20
    for norm, x, y in (call for call in calls if "BatchNorm" in str(call[0])):
        for k in range(x.shape[1]):
            mean, var = x[:, k].mean(0), x[:, k].var(0, correction=0)
            torch.testing.assert_close(y[:, k], (x[:, k] - mean) / (var + norm.eps).sqrt())
    assert {int(n.num_batches_tracked) for n in net.collaboration.g if "Batch" in str(n)} == {pairs}


def test_own_gates_and_no_gates_read_no_other_expert():
    """The variants: e_i opens its gate alone; the units of MEE on the features themselves."""
    own, none = (seasoned(toy.built(Model, gating=kind)) for kind in ("own", "none"))
    clips = toy.batch(own).clips
    for i, name in enumerate(own.data.dims):
        e, gate = projected(own, clips, 0)[i], own.gate[i]
        v = e / (1 + torch.exp(-batch_norm(gate.norm, gate.affine.weight @ e + gate.affine.bias)))
        gated = own.encode_video(clips).embedding[i][0]
        torch.testing.assert_close(gated, v / sum(v**2) ** 0.5)
        wanted = unit(none.video_unit[i], read(none, clips, name, 0))
        torch.testing.assert_close(none.encode_video(clips).embedding[i][0], wanted)


@pytest.mark.parametrize("mixture", ["learned", "uniform"])
def test_scores_longhand(mixture):
    """Steps (a), (c) and (d): sentences by NetVLAD, weights over the experts the video has."""
    net = seasoned(toy.built(Model, mixture=mixture))
    batch = toy.batch(net)
    captions, clips = batch.captions, batch.clips
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores, names = net.similarity(text, video), list(net.data.dims)
    for i in range(4):
        h = vlad(net.text_pooling, net.words(captions.words[i][captions.mask[i]]))
        w = [0.2] * 5
        if mixture == "learned":
            e = torch.exp(net.mixture.weight @ h + net.mixture.bias)
            w = (e / sum(e)).tolist()
        for m in range(5):
            torch.testing.assert_close(text.embedding[m][i], unit(net.text_unit[m], h))
        for j in range(4):
            dots = [sum(text.embedding[m][i] * video.embedding[m][j]).item() for m in range(5)]
            present = [m for m, name in enumerate(names) if clips.mask[name][j].any()]
            score = sum(w[m] * dots[m] for m in present) / sum(w[m] for m in present)
            assert scores[i, j].item() == pytest.approx(score, abs=1e-5)


def test_the_loss_longhand():
    """Eq. (3): the mean over both directions' wrong pairs."""
    net = toy.built(Model, margin=0.3)
    batch = toy.batch(net)
    rows, columns = longhand.hinges(net(batch).tolist(), 0.3)
    assert net.loss(batch).item() == pytest.approx(sum(map(sum, rows + columns)) / 24, rel=1e-5)


def test_without_spaces_the_longer_side_is_cut():
    """The baseline: dot products of pooled sentence and pooled features, as far as both reach."""
    for clusters in (1, 2):
        net = toy.built(Model, gating="concat", text_clusters=clusters)
        batch = toy.batch(net)
        captions, clips, pools = batch.captions, batch.clips, dict(net.config.clusters)
        scores = net(batch)
        for j in range(4):
            x = []
            for name, dim in net.data.dims.items():
                one = read(net, clips, name, j)
                x.append(torch.zeros(dim * pools.get(name, 1)) if one is None else one)
            video = torch.cat(x)
            for i in range(4):
                words = net.words(captions.words[i][captions.mask[i]])
                pairs = zip(vlad(net.text_pooling, words), video, strict=False)
                score = sum(a * b for a, b in pairs).item()
                assert scores[i, j].item() == pytest.approx(score, abs=1e-5)


def test_as_released_a_longer_sentence_scores_zero():
    """Q3: every score is zero where the pooled sentence is longer than the features."""
    for clusters, zero in ((1, False), (8, True)):
        net = toy.built(Released, gating="concat", text_clusters=clusters)
        assert bool(net(toy.batch(net)).any()) is not zero
    net = toy.built(Model, gating="concat", text_clusters=8)
    assert net(toy.batch(net)).any()


def test_as_released_the_padding_is_pooled():
    """Q1: more steps of zeros give other scores, whatever stood in them."""
    net = toy.built(Released)
    batch = toy.batch(net)
    one, two = net(toy.padded(batch, 1)), net(toy.padded(batch, 5))
    assert (one - two).abs().max() > 1e-5
    captions, clips = batch.captions, batch.clips
    words = net.words(captions.words[2]) * captions.mask[2][:, None]
    h = vlad(net.text_pooling, words)
    torch.testing.assert_close(net.encode_text(captions).embedding[0][2], unit(net.text_unit[0], h))
    missing = next(n for n in net.pooling if not clips.mask[n].any(1).all())
    row = int((~clips.mask[missing].any(1)).nonzero()[0])
    nothing = torch.zeros_like(clips.features[missing][row])
    pooled = net.pooled(missing, clips)[row]
    torch.testing.assert_close(pooled, vlad(net.pooling[missing], nothing))


def test_official_weights_have_our_numbers():
    """Every weight of the released code has a place; a model for other experts is refused."""
    net = toy.built(Released, h_layers=1)
    own = net.state_dict()
    names = official_names(net, prefixes(net))
    assert set(names.values()) == set(own) - {"words.weight"}
    weights = {key: own[name] for key, name in names.items()}
    again = load(weights, net.config, net.data)
    for name, weight in again.named_parameters():
        assert name == "words.weight" or weight.equal(own[name])
    with pytest.raises(ValueError, match=r"video_dim_reduce\.5\.fc\.weight is missing"):
        Model.from_official(weights)


def test_without_options_the_experts_are_the_nine_of_msrvtt():
    """Sizes are read from the weights."""
    dims = dict.fromkeys(NINE, 5) | {"audio": 3}
    small = Config(word_dim=4, text_clusters=2, clusters=(("audio", 2), ("ocr", 3)), shared=6)
    net = Released(Released.Config(**vars(small)), DataSizes(9, dims=dims))
    weights = {
        key: net.state_dict()[name] for key, name in official_names(net, prefixes(net)).items()
    }
    again = Model.from_official(weights)
    assert again.data.dims == dims
    assert (again.config.shared, again.config.clusters) == (6, (("audio", 2), ("ocr", 3)))
    with pytest.raises(ValueError, match=r"text_pooling\.clusters is missing"):
        config_of({})


def test_defaults_are_the_published_sizes():
    """Nine experts in spaces of 768, some of them pooled by NetVLAD; a sentence of 21504 numbers."""
    with torch.device("meta"):
        net = Model(Config(), DataSizes(100, dims=NINE))
    assert {u.embed.in_features for u in net.text_unit} == {21504}
    widths = [u.in_features for u in net.video_unit]
    assert widths == [1024, 512, 1024, 2048, 2048, 12900, 512, 2208, 5700]
    assert sum(widths) == 27976
    assert {u.out_features for u in net.video_unit} == {768}
