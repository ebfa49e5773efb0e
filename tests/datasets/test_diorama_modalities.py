"""Motion, sound, regions, speech and on-screen text come from the script, in exact integers."""

import numpy as np
import pytest

from kb import datasets
from kb.datasets.synthetic import (
    audio,
    backbone,
    lexicon,
    modalities,
    motion,
    plot,
    regions,
    rendering,
    speech,
    truth,
)
from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.difficulty import Difficulty, Size
from kb.datasets.synthetic.draws import Draws, noise
from kb.datasets.synthetic.world import EXPERTS, World

SCRIPTS = [script for _, _, script in plot.families(("modalities",), Difficulty(), 40)]


def acting(action="jump", manner="slowly", shape="ball", size="small", place="room"):
    """A script of one act."""
    cast = (
        s.Entity(shape, "red", size, "plain", 20, 40),
        s.Entity("box", "blue", "large", "dotted", 44, 40),
    )
    patient = None if action in s.ALONE else 1
    return s.Script(place, 16, cast, (s.Event(0, action, patient, manner, 2, 9),), 12)


def heard(script):
    """Sound features without the noise's luck."""
    return audio.features(audio.waveform(script, 1))


def test_noise_is_the_stream_of_draws():
    """All words at once are the words one by one."""
    draws = Draws("noise")
    key = draws._state
    assert list(noise(key, 50, 1000)) == [((draws.word() >> 32) * 1000) >> 32 for _ in range(50)]


def test_motion_features_are_what_integer_arithmetic_gives():
    """Float32 products of the 3-D CNN give what 64-bit integers give, and stay below 2^24."""
    *convolutions, last = backbone.layers(motion.WEIGHTS)
    assert all(layer.largest_sum() < backbone.EXACT for layer in (*convolutions, last))
    pixels = rendering.render(SCRIPTS[0])
    maps = motion.clips(pixels).astype(np.int64) - backbone.MIDDLE
    for layer, strides in zip(convolutions, motion.STRIDES, strict=True):
        maps = in_integers(layer, motion.patches(maps, *strides))
    exact = in_integers(last, maps.reshape(len(maps), -1))
    assert np.array_equal(motion.features(pixels) * backbone.UNIT, exact)


def in_integers(layer, inputs):
    """A layer without a float."""
    sums = inputs @ layer.weight.astype(np.int64) + layer.bias.astype(np.int64)
    return np.clip(sums >> layer.shift, 0, backbone.TOP)


def test_a_window_begins_every_four_frames():
    """Eight frames each; the last ones repeat the last frame, and no frame is left out."""
    frames = np.arange(21, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 64, 3), np.uint8)
    seen = motion.clips(frames)[:, :, 0, 0, 0]
    assert [list(row[[0, -1]]) for row in seen] == [[0, 7], [4, 11], [8, 15], [12, 19], [16, 20]]
    assert motion.clips(frames[:3]).shape == (1, 8, 32, 32, 3)


def test_motion_features_tell_twins_in_order_apart():
    """The mean over clips differs where the mean over frames does not."""
    for script in SCRIPTS[:10]:
        twin = plot.other_manner(script)
        one, other = (rendering.render(x) for x in (script, twin))
        assert np.array_equal(backbone.features(one).sum(0), backbone.features(other).sum(0))
        assert not np.array_equal(motion.features(one).sum(0), motion.features(other).sum(0))


def test_every_act_place_depth_and_beat_sounds_different():
    """Whatever the sound stands for changes its features."""
    sounds = [heard(acting(action=a)).tobytes() for a in s.ACTIONS]
    sounds += [heard(acting(place=p)).tobytes() for p in s.PLACES if p != "room"]
    sounds += [heard(acting(size="large")).tobytes(), heard(acting(manner="quickly")).tobytes()]
    assert len(set(sounds)) == len(sounds)


def test_a_louder_tone_has_more_energy_in_its_band():
    """A sine of full loudness is loudest in the band around its frequency, and only there."""
    second = np.arange(audio.RATE)
    for hertz in (200, 700, 1500):
        tone = np.round(1000 * np.sin(2 * np.pi * hertz * second / audio.RATE)).astype(np.int16)
        mel = audio.features(tone).mean(0)
        edges = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 2000 / 700), 34)
        nearest = np.abs(edges[1:-1] - 2595 * np.log10(1 + hertz / 700)).argmin()
        assert abs(int(mel.argmax()) - int(nearest)) <= 1
        assert np.median(mel) < mel.max() / 2


def test_sound_keeps_its_bounds():
    """No sample is cut, and every feature is a multiple of 1/1024."""
    for script in SCRIPTS:
        wave = audio.waveform(script, 7)
        assert len(wave) == script.frames * audio.FRAME
        assert np.abs(wave.astype(int)).max() < 2048
        features = audio.features(wave) * 1024
        assert np.array_equal(features, features.round())
        assert len(features) == 2 * script.frames


def test_boxes_hold_their_figures():
    """Painting the stage without a figure changes pixels inside its box only."""
    for script in SCRIPTS[:10]:
        states = rendering.poses(script)
        whole = rendering.paint(script, states)
        for frame, member, left, top, right, bottom in regions.boxes(script):
            gone = {name: track.copy() for name, track in states.items()}
            gone["thin"][member] = 8
            differs = (whole[frame] != rendering.paint(script, gone)[frame]).any(axis=-1)
            assert not differs[:top].any()
            assert not differs[bottom:].any()
            assert not differs[:, :left].any()
            assert not differs[:, right:].any()


def test_a_crop_is_grey_outside_its_box():
    """Inside it has the frame's pixels."""
    script = SCRIPTS[1]
    pixels = rendering.render(script)
    for (frame, _, left, top, right, bottom), crop in zip(
        regions.boxes(script), regions.crops(script, pixels), strict=True
    ):
        assert np.array_equal(crop[top:bottom, left:right], pixels[frame, top:bottom, left:right])
        assert (crop[:top] == backbone.MIDDLE).all()
        assert (crop[:, right:] == backbone.MIDDLE).all()


def test_speech_tells_of_the_video():
    """The last line speaks of one of the acts, while it goes on."""
    for number, script in enumerate(SCRIPTS):
        *_, remark = speech.spoken(script, Draws("said", number))
        (event,) = [e for e in script.events if e.start == remark.start * speech.SECOND]
        doing = {form[1].split()[0] for form in lexicon.VERBS[event.action]}
        assert doing & set(remark.text.split())


def test_a_word_has_one_vector():
    """The same word the same vector wherever it stands; other words others."""
    lines = [speech.Line(0, 1, "red ball red"), speech.Line(1, 2, "box")]
    red, ball, again, box = speech.vectors(lines)
    assert np.array_equal(red, again)
    assert not np.array_equal(red, ball)
    assert not np.array_equal(ball, box)
    assert speech.vectors([]).shape == (0, speech.DIM)


@pytest.fixture(scope="module")
def tiny(smallest):
    """The tiny size of seed 0."""
    return smallest("diorama-msrvtt")


def test_a_model_can_ask_for_every_expert(tiny):
    """Each is in the corpus under its name; frames and motion of all videos, others of most or some."""
    corpus = datasets.load("diorama-msrvtt", root=tiny)
    assert set(corpus.features) == set(EXPERTS)
    videos = [video for split in corpus.splits.values() for video in split.videos]
    share = {n: sum(v in f for v in videos) / len(videos) for n, f in corpus.features.items()}
    assert share["frames"] == share["motion"] == 1
    assert 0 < share["ocr"] < share["speech"] < share["audio"] < 1
    assert share["regions"] < 1


def test_words_spoken_and_shown_are_in_the_corpus(tiny):
    """As many vectors as words, for exactly the videos that have the expert."""
    corpus = datasets.load("diorama-msrvtt", root=tiny)
    for expert in ("speech", "ocr"):
        lines = corpus.transcripts[expert]
        assert lines
        for video in truth.videos(tiny):
            assert (video.id in lines) == (video.id in corpus.features[expert])
        for video, lines_of_video in lines.items():
            words = sum(len(line.text.split()) for line in lines_of_video)
            assert corpus.features[expert].read(video).shape == (words, speech.DIM)


def test_what_is_derived_depends_on_no_other_video():
    """A video alone, or among others in threads: the same features."""
    world = World("diorama-test", Size(20, 2, 18), seed=3)
    videos = list(world.videos())
    together = dict(enumerate(seen for _, seen in modalities.derive(world, videos)))
    for number in (0, 17, 39):
        ((_, alone),) = modalities.derive(world, [videos[number]])
        assert alone.speech == together[number].speech
        assert alone.features.keys() == together[number].features.keys()
        for name, vectors in alone.features.items():
            assert np.array_equal(vectors, together[number].features[name])
