"""Script -> pixels: (frames, 64, 64, 3) uint8, in integer arithmetic, all frames at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic.script import Entity, Event, Script

SIDE = 64
Ints = NDArray[np.int32]
Pixels = NDArray[np.uint8]

_RADIUS = {"small": 6, "large": 9}
_TURN = {  # 64 cos, 64 sin of one turn in 7 and in 9 steps
    7: ((64, 40, -14, -58, -58, -14, 40), (0, 50, 62, 28, -28, -62, -50)),
    9: ((64, 49, 11, -32, -60, -60, -32, 11, 49), (0, 41, 63, 55, 22, -22, -55, -63, -41)),
}
_PAINT = {
    "red": (220, 30, 30),
    "orange": (250, 140, 10),
    "yellow": (250, 235, 60),
    "green": (20, 150, 40),
    "blue": (30, 60, 220),
    "purple": (165, 40, 190),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
}
_SCENERY = {  # sky, ground
    "meadow": ((150, 190, 210), (120, 165, 100)),
    "beach": ((140, 200, 230), (215, 195, 150)),
    "desert": ((215, 180, 150), (190, 140, 90)),
    "street": ((120, 120, 140), (90, 90, 95)),
    "snow": ((150, 165, 195), (200, 210, 222)),
    "room": ((190, 165, 160), (150, 125, 105)),
}
_ROW: Ints = np.arange(SIDE, dtype=np.int32)[:, None]
_COLUMN: Ints = np.arange(SIDE, dtype=np.int32)[None, :]
_HORIZON = 30
_DARK = 60  # paint below it gets lighter marks, above it darker ones
_EDGE = 5  # pixels: nobody leaves the stage
_ROUNDS = {"slowly": 1, "quickly": 2}


def render(script: Script) -> Pixels:
    """All frames of a video: (frames, 64, 64, 3)."""
    states = poses(script)
    frames = paint(script, states)
    for event in script.events:
        if event.patient is not None and event.patient > event.agent:  # the agent is in front
            during = slice(event.start, event.end)
            pose = {name: track[event.agent, during] for name, track in states.items()}
            _draw(frames[during], script.cast[event.agent], pose)
    return (frames * script.light // 16).astype(np.uint8)


def paint(script: Script, states: dict[str, Ints]) -> Ints:
    """The cast on its place, one frame per state, in the cast's order from back to front."""
    frames = np.repeat(_scene(script.place)[None], script.frames, axis=0)
    for member, entity in enumerate(script.cast):
        _draw(frames, entity, {name: track[member] for name, track in states.items()})
    return frames


def poses(script: Script) -> dict[str, Ints]:
    """Where and how each of the cast is in each frame: x, y, radius, white, thin: (cast, frames)."""
    shape = (len(script.cast), script.frames)
    rest: dict[str, list[int]] = {
        "x": [e.x for e in script.cast],
        "y": [e.y for e in script.cast],
        "radius": [_RADIUS[e.size] for e in script.cast],
        "white": [0] * len(script.cast),  # of 8: how far towards white
        "thin": [0] * len(script.cast),  # of 8: how far towards nothing
    }
    states = {
        name: np.broadcast_to(np.array(values, np.int32)[:, None], shape).copy()
        for name, values in rest.items()
    }
    for event in script.events:
        _act(states, event)
    for axis in ("x", "y"):
        np.clip(states[axis], _EDGE, SIDE - _EDGE, out=states[axis])
    return states


def _phase(event: Event) -> Ints:
    """Step of the act in each of its frames: one round slowly, two rounds quickly.

    Both visit each step 0 .. n-1 once, so the manner changes the order of frames and nothing else.
    """
    return np.arange(event.length, dtype=np.int32) * _ROUNDS[event.manner] % event.length


def _act(states: dict[str, Ints], event: Event) -> None:
    """Write one event into the states of its frames."""
    step, n, during = _phase(event), event.length, slice(event.start, event.end)
    swing = 64 * 4 * step * (n - step) // (n * n)  # 0 at rest, 64 at the height of the act
    at = (event.agent, during)
    if event.patient is None:
        _alone(states, event.action, at, swing, _TURN[n][1], step)
    else:
        _together(states, event, at, swing, step)


def _alone(
    states: dict[str, Ints], action: str, at: Any, swing: Ints, sine: Any, step: Ints
) -> None:
    if action == "jump":
        states["y"][at] -= 18 * swing // 64
    elif action == "sink":
        states["y"][at] += 14 * swing // 64
    elif action == "swell":
        states["radius"][at] += 8 * swing // 64
    elif action == "flash":
        states["white"][at] = 8 * swing // 64
    elif action == "fade":
        states["thin"][at] = 8 * swing // 64
    else:  # sway
        states["x"][at] += 9 * np.array(sine, np.int32)[step] // 64


def _together(states: dict[str, Ints], event: Event, at: Any, swing: Ints, step: Ints) -> None:
    x, y = states["x"], states["y"]
    to = (event.patient, slice(event.start, event.end))
    dx, dy = x[to] - x[at], y[to] - y[at]
    away = np.sign(dx)
    if event.action == "push":
        travel = (np.abs(dx) + 2) * swing // 64
        room = np.abs(dx) - states["radius"][at] - states["radius"][to]
        x[at] += away * travel
        y[at] += dy * swing // 64
        x[to] += away * np.maximum(travel - room, 0)
    elif event.action == "circle":
        cosine, sine = (np.array(t, np.int32)[step] for t in _TURN[event.length])
        x[at], y[at] = (
            x[to] - (dx * cosine - dy * sine) // 64,
            y[to] - (dx * sine + dy * cosine) // 64,
        )
    elif event.action == "lift":
        x[at] += dx * swing // 64
        y[at] += (dy + 6) * swing // 64
        y[to] -= 14 * swing // 64
    elif event.action == "vault":
        x[at] += 2 * dx * swing // 64
        y[at] -= 20 * 4 * swing * (64 - swing) // 4096
    elif event.action == "cover":
        x[at] += dx * swing // 64
        y[at] += dy * swing // 64
    else:  # chase
        x[at] += away * (14 * swing // 64)
        x[to] += away * (14 * swing // 64)


def _scene(place: str) -> Ints:
    """(64, 64, 3) background: sky over ground, each place with marks of its own."""
    sky, ground = (np.array(paint, np.int32) for paint in _SCENERY[place])
    scene = np.where(_ROW[..., None] < _HORIZON, sky, ground) + np.zeros((SIDE, SIDE, 1), np.int32)
    below, above = _ROW > _HORIZON, _ROW < _HORIZON
    marks = {
        "meadow": below & _every(11, _ROW * 5 + _COLUMN * 3),
        "beach": above & (_HORIZON - 6 < _ROW) & _every(6, _ROW + _COLUMN, run=3),
        "desert": np.int32(6**2) > (_COLUMN - 32) ** 2 + (_ROW - 8) ** 2,
        "street": (_HORIZON + 14 < _ROW) & (_HORIZON + 18 > _ROW) & _every(16, _COLUMN, run=9),
        "snow": _every(29, _ROW * 7 + _COLUMN * 13),
        "room": above & _every(8, _COLUMN),
    }
    scene[np.broadcast_to(marks[place], (SIDE, SIDE))] += 22
    return scene.astype(np.int32)


def _every(period: int, count: Ints, *, run: int = 1) -> NDArray[np.bool_]:
    """The first `run` of each `period`."""
    return count % period < run


def _draw(frames: Ints, entity: Entity, pose: dict[str, Ints]) -> None:
    """Paint one figure into every frame, in place."""
    dx = _COLUMN[None] - pose["x"][:, None, None]
    dy = _ROW[None] - pose["y"][:, None, None]
    inside = _mask(entity.shape, dx, dy, pose["radius"][:, None, None])
    dark = _pattern(entity.texture, dx, dy)
    paint = np.array(_PAINT[entity.colour], np.int32)
    shade = np.where(paint > _DARK, paint * 9 // 16, paint + 90)
    white, thin = pose["white"][:, None, None, None], pose["thin"][:, None, None, None]
    colour = np.where(dark[..., None], shade, paint)
    colour = (colour * (8 - white) + 255 * white) // 8
    mixed = (colour * (8 - thin) + frames * thin) // 8
    np.copyto(frames, mixed, where=inside[..., None])


def _mask(shape: str, dx: Ints, dy: Ints, r: Ints) -> NDArray[np.bool_]:
    """Which pixels a figure of radius r covers, (frames, 64, 64)."""
    ax, ay = np.abs(dx), np.abs(dy)
    distance = dx * dx + dy * dy
    masks = {
        "ball": lambda: distance <= r * r,
        "box": lambda: np.maximum(ax, ay) * 8 <= 7 * r,
        "pyramid": lambda: (ay <= r) & (2 * ax <= dy + r),
        "diamond": lambda: ax + ay <= r,
        "cross": lambda: (np.minimum(ax, ay) * 4 <= r) & (np.maximum(ax, ay) <= r),
        "ring": lambda: (distance <= r * r) & (distance * 4 >= r * r),
        "moon": lambda: (distance <= r * r) & ((2 * dx - r) ** 2 + 4 * dy * dy > 3 * r * r),
        "plank": lambda: (ax <= r + 1) & (ay * 3 <= r),
    }
    covered: NDArray[np.bool_] = masks[shape]()
    return covered


def _pattern(texture: str, dx: Ints, dy: Ints) -> NDArray[np.bool_]:
    """Which pixels are painted in the darker shade, relative to the figure's middle."""
    if texture == "striped":
        return _every(4, dx + dy, run=2)
    if texture == "dotted":
        return _every(3, dx) & _every(3, dy)
    return np.zeros((), np.bool_)
