"""Liu et al. 2019, expert by expert, against sums written out longhand."""

import pytest
import torch

from models.collaborative_experts import Config, Model, NetVLAD, official_prefixes
from models.official._loading import official_names
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
    """e_i of one video; zeros where an expert is missing: nobody reads them."""
    found = []
    for layer, (name, _) in zip(net.video_unit, net.config.experts, strict=True):
        x = read(net, clips, name, row)
        e = torch.zeros(layer.out_features) if x is None else layer.weight @ x + layer.bias
        found.append(e if x is None else e / sum(e**2) ** 0.5)
    return found


def seasoned(net):
    """The same model with running statistics and weights of normalisations that tell apart."""
    torch.manual_seed(3)
    for bn in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        bn.running_mean[:], bn.running_var[:] = torch.randn_like(bn.bias) / 3, bn.weight.data * 0.7
        bn.bias.data[:] = torch.randn_like(bn.bias) / 3
    return net


def test_netvlad_drops_what_ghosts_take():
    """Step (a): a ghost takes its share of a step and gives nothing back."""
    torch.manual_seed(0)
    pool, x = NetVLAD(3, 2, ghosts=1).eval(), torch.randn(3, 5, 3)
    pool.norm.running_mean[:] = torch.tensor([0.3, -0.2, 0.5])
    mask = torch.arange(5) < torch.tensor([5, 2, 0])[:, None]
    found = pool(x, mask)
    torch.testing.assert_close(found[0], vlad(pool, x[0]))
    torch.testing.assert_close(found[1], vlad(pool, x[1, :2]))
    assert not found[2].any()


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("mlp", [{}, {"h_layers": 1, "normed": False, "nonlinearity": "relu"}])
def test_experts_are_gated_by_what_the_present_ones_say(include_self, released, mlp):
    """Eqs. (1), (2) and step (b): all at once; Q2: as released one after another."""
    change = {"include_self": include_self, "as_released": released, **mlp}
    net, (captions, clips) = seasoned(toy.built(Model, **change)), toy.batch(Model)
    if released:  # without padding and missing experts, so that Q2 is all there is
        captions, clips = toy.picked(captions, clips, [0])
    names = [name for name, _ in net.config.experts]
    video = net.encode_video(clips)
    for row in range(len(captions.words)):
        e, told = projected(net, clips, row), net.collaboration
        there = [m for m, name in enumerate(names) if clips.mask[name][row].any()]
        before = list(e)
        for i in there:
            seen = e if released else before
            others = [j for j in there if include_self or j != i]
            said = [chain([told.pair, *told.g], torch.cat([e[i], seen[j]])) for j in others]
            t = batch_norm(told.norm[i], chain(told.h, sum(said) / len(others)))
            gate = net.gate[i]
            own = batch_norm(gate.norm, gate.affine.weight @ e[i] + gate.affine.bias)
            v = e[i] / (1 + torch.exp(-t - own))
            e[i] = v / sum(v**2) ** 0.5 if released else e[i]
            torch.testing.assert_close(video.embedding[i][row], v / sum(v**2) ** 0.5)


def test_an_own_gate_and_no_gate_hear_nobody():
    """The variants: e_i opens its gate alone; the units of MEE on the features themselves."""
    own, none = (seasoned(toy.built(Model, gating=kind)) for kind in ("own", "none"))
    clips = toy.batch(Model)[1]
    for i, (name, _) in enumerate(own.config.experts):
        e, gate = projected(own, clips, 0)[i], own.gate[i]
        v = e / (1 + torch.exp(-batch_norm(gate.norm, gate.affine.weight @ e + gate.affine.bias)))
        found = own.encode_video(clips).embedding[i][0]
        torch.testing.assert_close(found, v / sum(v**2) ** 0.5)
        wanted = unit(none.video_unit[i], read(none, clips, name, 0))
        torch.testing.assert_close(none.encode_video(clips).embedding[i][0], wanted)


@pytest.mark.parametrize("mixture", ["learned", "uniform"])
@pytest.mark.parametrize("missing", ["left out", "kept"])
def test_scores_longhand(mixture, missing):
    """Steps (c) and (d): weights over the experts the video has; kept, each counts one."""
    net = seasoned(toy.built(Model, mixture=mixture, missing=missing))
    captions, clips = toy.batch(Model)
    text, video = net.encode_text(captions), net.encode_video(clips)
    scores, names = net.similarity(text, video), [name for name, _ in net.config.experts]
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
            there = [m for m, name in enumerate(names) if clips.mask[name][j].any()]
            wanted = sum(w[m] * dots[m] for m in there) / sum(w[m] for m in there)
            wanted = sum(dots) if missing == "kept" else wanted
            assert scores[i, j].item() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("terms", ["wrong pairs", "all pairs"])
def test_the_loss_longhand(terms):
    """Eq. (3): the mean over both directions' wrong pairs, or over all, each with itself too."""
    net, batch = toy.built(Model, terms=terms, margin=0.3), toy.batch(Model)
    rows, columns = longhand.hinges(net(*batch).tolist(), 0.3)
    total = sum(map(sum, rows + columns))
    wanted = total / 24 if terms == "wrong pairs" else (total + 8 * 0.3) / 32
    assert net.loss(*batch).item() == pytest.approx(wanted, rel=1e-5)


def test_without_spaces_the_longer_side_is_cut():
    """The baseline: dot products of pooled sentence and pooled features, as far as both reach."""
    batch = toy.batch(Model)
    for clusters in (1, 2):
        net = toy.built(Model, gating="concat", text_clusters=clusters)
        scores = net(*batch)
        for j in range(4):
            x = []
            for name, dim in net.config.experts:
                one = read(net, batch[1], name, j)
                width = dim * dict(net.config.clusters).get(name, 1)
                x.append(torch.zeros(width) if one is None else one)
            video = torch.cat(x)
            for i in range(4):
                words = net.words(batch[0].words[i][batch[0].mask[i]])
                wanted = sum(
                    a * b for a, b in zip(vlad(net.text_pooling, words), video, strict=False)
                )
                assert scores[i, j].item() == pytest.approx(wanted.item(), abs=1e-5)


def test_as_released_a_longer_sentence_finds_nothing():
    """Q3: every score is zero where the pooled sentence is longer than the features."""
    batch = toy.batch(Model)
    for clusters, silent in ((1, False), (8, True)):
        net = toy.built(Model, gating="concat", text_clusters=clusters, as_released=True)
        assert bool(net(*batch).any()) is not silent
    assert toy.built(Model, gating="concat", text_clusters=8)(*batch).any()


def test_as_released_the_padding_is_pooled():
    """Q1: more steps of zeros give other scores, whatever stood in them."""
    net, batch = toy.built(Model, as_released=True), toy.batch(Model)
    one, two = net(*toy.padded(*batch, 1)), net(*toy.padded(*batch, 5))
    assert (one - two).abs().max() > 1e-5
    captions, clips = batch
    words = net.words(captions.words[2]) * captions.mask[2][:, None]
    h = vlad(net.text_pooling, words)
    torch.testing.assert_close(net.encode_text(captions).embedding[0][2], unit(net.text_unit[0], h))
    missing = next(n for n in net.pooling if not clips.mask[n].any(1).all())
    row = int((~clips.mask[missing].any(1)).nonzero()[0])
    nothing = torch.zeros_like(clips.features[missing][row])
    wanted = vlad(net.pooling[missing], nothing)
    torch.testing.assert_close(net.pooled(missing, clips)[row], wanted)


def test_official_weights_come_under_our_names():
    """What the released code calls a weight, as released by default, and what does not fit."""
    net = toy.built(Model, h_layers=1)
    own = net.state_dict()
    names = official_names(net, official_prefixes(net.config))
    assert set(names.values()) == set(own) - {"words.weight"}
    weights = {key: own[name] for key, name in names.items()}
    again = Model.from_official(weights, net.config)
    for name, weight in again.named_parameters():
        assert name == "words.weight" or weight.equal(own[name])
    with pytest.raises(ValueError, match=r"ce\.moe_fc\.weight is \(5, 512\), not \(9, 21504\)"):
        Model.from_official({"ce.moe_fc.weight": weights["ce.moe_fc.weight"]})


def test_defaults_are_the_published_sizes():
    """Nine experts in spaces of 768, some of them pooled by NetVLAD; a sentence of 21504 numbers."""
    with torch.device("meta"):
        net = Model(Config())
    assert {u.embed.in_features for u in net.text_unit} == {21504}
    widths = [u.in_features for u in net.video_unit]
    assert widths == [1024, 512, 1024, 2048, 2048, 12900, 512, 2208, 5700]
    assert sum(widths) == 27976
    assert {u.out_features for u in net.video_unit} == {768}
