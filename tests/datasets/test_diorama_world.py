"""The world derives everything from a seed and an index, the same way everywhere."""

from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

from kb.datasets.synthetic import backbone, plot, rendering
from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.difficulty import Difficulty, Size
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.script import script_from
from kb.datasets.synthetic.world import World

SMALL = Size(train=40, val=4, test=20)
WORLD = World("diorama-test", SMALL, seed=5)
VIDEOS = list(WORLD.videos())


def still_frames(pixels):
    """How often each frame occurs in a video, whatever the order."""
    return Counter(frame.tobytes() for frame in pixels)


def twins(kind):
    """(first of the family, twin) pairs of one kind."""
    first = {v.family: v for v in VIDEOS if not v.twin}
    return [(first[v.family], v) for v in VIDEOS if v.twin == kind]


def test_draws_are_the_published_generator():
    """The stream from state 0 is splitmix64's own first words."""
    draws = Draws("any")
    draws._state = 0
    assert [draws.word() for _ in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_draws_are_even():
    """Each of six values comes about equally often in 6,000 draws."""
    draws = Draws("even")
    counts = Counter(draws.below(6) for _ in range(6000))
    assert sorted(counts) == list(range(6))
    assert max(counts.values()) - min(counts.values()) < 200


def test_a_world_has_exactly_the_videos_asked_for():
    """Splits have their sizes, ids count up, no family spans two splits."""
    assert Counter(v.split for v in VIDEOS) == {"train": 40, "val": 4, "test": 20}
    assert [v.id for v in VIDEOS] == [f"video{i}" for i in range(64)]
    splits = {}
    for video in VIDEOS:
        splits.setdefault(video.family, set()).add(video.split)
    assert all(len(own_splits) == 1 for own_splits in splits.values())


def test_another_seed_is_another_world():
    """Seeds share no script; the same seed gives the same scripts again."""
    again = World("diorama-test", SMALL, seed=5).videos()
    other = World("diorama-test", SMALL, seed=6).videos()
    assert [v.script for v in again] == [v.script for v in VIDEOS]
    assert not {v.script for v in other} & {v.script for v in VIDEOS}


def test_a_script_survives_being_written_down():
    """The sidecar's plain form gives the same script back."""
    for video in VIDEOS:
        assert script_from(asdict(video.script)) == video.script


def test_scripts_keep_the_rules_of_the_stage():
    """Shapes and colours differ within a cast; acts follow one another and end before the video."""
    for video in VIDEOS:
        script = video.script
        assert len({e.shape for e in script.cast}) == len({e.colour for e in script.cast})
        assert len({e.shape for e in script.cast}) == len(script.cast)
        clock = 0
        for event in script.events:
            assert clock <= event.start < event.end < script.frames
            assert (event.patient is None) == (event.action in s.ALONE)
            assert event.patient != event.agent
            clock = event.end


@pytest.mark.parametrize("kind", ["order", "manner"])
def test_twins_in_order_and_manner_show_the_same_frames(kind):
    """A mean over frames cannot tell such twins apart: they are the same frames in other order."""
    pairs = twins(kind)
    assert pairs
    for first, twin in pairs:
        one, other = rendering.render(first.script), rendering.render(twin.script)
        assert still_frames(one) == still_frames(other)
        assert not np.array_equal(one, other)


def test_twins_in_binding_have_the_same_cast_and_acts():
    """Who does it to whom differs, and nothing else that words alone could tell."""
    pairs = twins("binding")
    assert pairs
    for first, twin in pairs:
        assert first.script.cast == twin.script.cast
        one = [(e.agent, e.action, e.patient, e.manner) for e in first.script.events]
        other = [(e.agent, e.action, e.patient, e.manner) for e in twin.script.events]
        assert one != other
        assert Counter(x[1] for x in one) == Counter(x[1] for x in other)


def test_every_act_is_seen():
    """Each action moves or changes a figure, and leaves the stage as it was."""
    for action in s.ACTIONS:
        patient = None if action in s.ALONE else 1
        cast = (
            s.Entity("ball", "red", "small", "plain", 14, 40),
            s.Entity("box", "blue", "large", "dotted", 36, 40),
        )
        event = s.Event(0, action, patient, "slowly", 2, 9)
        pixels = rendering.render(s.Script("room", 16, cast, (event,), 11))
        assert np.array_equal(pixels[1], pixels[9])
        assert len(still_frames(pixels[2:9])) > 3, action


def test_every_shape_colour_size_and_texture_looks_different():
    """No two kinds of figure cover and paint the same pixels."""
    seen = set()
    for shape in s.SHAPES:
        for size in s.SIZES:
            for texture in s.TEXTURES:
                for colour in s.COLOURS:
                    cast = (s.Entity(shape, colour, size, texture, 32, 40),)
                    seen.add(rendering.render(s.Script("street", 16, cast, (), 1)).tobytes())
    assert len(seen) == len(s.SHAPES) * len(s.SIZES) * len(s.TEXTURES) * len(s.COLOURS)


def test_pixels_are_bytes_of_a_frame():
    """(frames, 64, 64, 3) uint8."""
    pixels = rendering.render(VIDEOS[0].script)
    assert pixels.shape == (VIDEOS[0].script.frames, 64, 64, 3)
    assert pixels.dtype == np.uint8


def test_no_partial_sum_of_the_backbone_can_lose_a_digit():
    """Every layer's largest conceivable sum is below 2^24, where float32 is exact."""
    for layer in backbone.layers():
        assert layer.largest_sum() < backbone.EXACT
        assert np.array_equal(layer.weight, layer.weight.round())
        assert np.array_equal(layer.bias, layer.bias.round())


def test_features_are_the_integers_that_integer_arithmetic_gives():
    """Float32 products give what 64-bit integers give, whatever the batch a frame is in."""
    pixels = np.concatenate([rendering.render(v.script) for v in VIDEOS[:4]])
    features = backbone.features(pixels)
    maps = pixels.astype(np.int64) - backbone.MIDDLE
    *convolutions, last = backbone.layers()
    for layer, stride in zip(convolutions, backbone.STRIDES, strict=True):
        maps = in_integers(layer, backbone.patches(maps, stride))
    exact = in_integers(last, maps.reshape(len(maps), -1))
    assert np.array_equal(features * backbone.UNIT, exact)
    alone = np.concatenate([backbone.features(pixels[i : i + 1]) for i in range(5)])
    assert np.array_equal(alone, features[:5])


def in_integers(layer, inputs):
    """A layer without a float."""
    sums = inputs @ layer.weight.astype(np.int64) + layer.bias.astype(np.int64)
    return np.clip(sums >> layer.shift, 0, backbone.TOP)


def test_difficulty_moves_what_it_names():
    """Twice the twins make larger families; none makes none."""
    shares = []
    for twins_percent in (0, 50, 100):
        families = plot.families(("key",), Difficulty(twins=twins_percent), 300)
        shares.append(sum(bool(kind) for _, kind, _ in families))
    assert shares[0] == 0
    assert shares[0] < shares[1] < shares[2]
