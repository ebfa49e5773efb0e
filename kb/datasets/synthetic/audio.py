"""Script -> sound -> log-mel features, in integers throughout: the same bytes everywhere.

Every act sounds: the act chooses the tone, the agent its depth and colour, the manner the beat.
A place has its own noise. One channel, 4,096 samples a second, four video frames a second.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.draws import noise
from kb.datasets.synthetic.script import Event, Script

RATE = 4096  # samples a second
FRAME = 1024  # samples of a video frame: a quarter of a second
WINDOW = 512  # samples of a step, which do not overlap: two steps a frame
BANDS = 32
_LOWEST, _HIGHEST = 60.0, 2000.0  # Hz: of the bands
_ONE = 1024  # a full sine
_TONES = {action: 110 + 67 * i for i, action in enumerate(s.ACTIONS)}  # Hz
_OVERTONES = {shape: 2 + i % 4 for i, shape in enumerate(s.SHAPES)}
_NOISE = {place: 20 + 24 * i for i, place in enumerate(s.PLACES)}  # of 1024: how loud
_DEPTH = {"small": 4, "large": 3}  # quarters of the tone
Ints = NDArray[np.int64]
Exact = NDArray[np.float64]  # integers below 2^53


def waveform(script: Script, key: int) -> NDArray[np.int16]:
    """(samples,) of the whole video; `key` chooses the noise."""
    loud = _NOISE[script.place]
    sound = noise(key, script.frames * FRAME, 2 * loud) - loud
    for event in script.events:
        sound[event.start * FRAME : event.end * FRAME] += _sound(script, event)
    return sound.astype(np.int16)  # at most 1.5 sines and the noise: far from 2^15


def _sound(script: Script, event: Event) -> Ints:
    """A tone and one overtone, swelling once in a slow act and twice in a quick one."""
    agent = script.cast[event.agent]
    at = np.arange(event.length * FRAME, dtype=np.int64)
    tone = _TONES[event.action] * _DEPTH[agent.size] // 4
    beats = 1 + s.MANNERS.index(event.manner)
    swell = np.abs(_sine()[RATE // 2 * beats * at // len(at) % RATE])
    over = _sine()[tone * _OVERTONES[agent.shape] * at % RATE] // 2
    return (_sine()[tone * at % RATE] + over) * swell // _ONE


@cache
def _sine() -> Ints:
    """One turn in 4,096 steps."""
    return np.array([round(_ONE * math.sin(2 * math.pi * i / RATE)) for i in range(RATE)])


def features(sound: NDArray[np.int16]) -> NDArray[np.float32]:
    """(samples,) -> (steps, 32): base-2 logarithm of the energy in mel bands, over sixteen."""
    steps = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(np.float64)
    cosine, sine = _transform()
    energy = np.floor(steps @ cosine / 512) ** 2 + np.floor(steps @ sine / 512) ** 2
    return _logarithm(energy @ _mel()) / np.float32(16)


@cache
def _transform() -> tuple[Exact, Exact]:
    """(512, 257) real and imaginary parts of the Fourier transform under a Hann window.

    Integers up to 64: a sum over 512 samples of 12 bits stays below 2^27.
    """
    at, bin_ = np.arange(WINDOW)[:, None], np.arange(WINDOW // 2 + 1)[None, :]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * at / WINDOW)
    angle = 2 * np.pi * (at * bin_ % WINDOW) / WINDOW
    return np.round(64 * hann * np.cos(angle), 0), np.round(64 * hann * np.sin(angle), 0)


@cache
def _mel() -> Exact:
    """(257, 32) triangles evenly spaced in mel, in 64ths."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (_LOWEST, _HIGHEST))
    edges = [low + (high - low) * i / (BANDS + 1) for i in range(BANDS + 2)]
    hertz = np.array([700 * (10 ** (m / 2595) - 1) for m in edges])
    at = np.arange(WINDOW // 2 + 1)[:, None] * (RATE / WINDOW)
    left, middle, right = hertz[:-2], hertz[1:-1], hertz[2:]
    rising, falling = (at - left) / (middle - left), (right - at) / (right - middle)
    triangles: Exact = np.round(64 * np.clip(np.minimum(rising, falling), 0, None), 0)
    return triangles


def _logarithm(energy: Exact) -> NDArray[np.float32]:
    """log2(1 + energy) in 64ths, linear between powers of two: Mitchell, IRE Trans. 1962."""
    mantissa, exponent = np.frexp(energy + 1)
    logarithm: NDArray[np.float32] = np.floor((exponent - 2 + 2 * mantissa) * 64).astype(np.float32)
    return logarithm / np.float32(64)
