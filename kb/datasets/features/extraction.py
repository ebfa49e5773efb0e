"""Video files -> frames at a rate -> features -> a BigFile: `kb features`.

Frames of several videos go through the network together. Each video's features are put aside when
it is through, so that another run goes on from there; the BigFile appears when all are. A video
that cannot be decoded is reported and left out.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.aside import AsideStore
from kb.datasets.features.backbones import Backbone
from kb.datasets.features.videos import EXTENSIONS, find_videos, frames_of
from kb.records.errors import KBError

_QUEUED = 512  # frames that are decoded ahead

Progress = Callable[[str, int, int], None]


@dataclass
class Report:
    """The outcome for each video."""

    out: str
    backbone: str
    fps: float | None  # None: frames by the rule of `like`
    like: str | None = None
    extracted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # from earlier runs
    broken: list[dict[str, str]] = field(default_factory=list)  # video, reason
    frames: int = 0  # extracted now
    dim: int = 0

    def plain(self) -> dict[str, Any]:
        """As one JSON document."""
        return asdict(self)


@dataclass(frozen=True)
class FrameRule:
    """Which frames of a file are taken, by their numbers, and how they become the network's."""

    note: dict[str, Any]  # what the folder of features remembers of it
    frames: Callable[[Path], Iterator[tuple[int, NDArray[np.uint8]]]]
    prepare: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def at_rate(fps: float, backbone: Backbone) -> FrameRule:
    """So many frames a second, the middle of each as large as the network reads."""
    return FrameRule(
        {"fps": fps},
        lambda path: enumerate(frames_of(path, fps)),
        lambda frame: prepare(frame, backbone.side, backbone.crop),
    )


def videos_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Video files by id, the name without extension; of a folder, all in it.

    Raises KBError for a path that is no video, an id that two files have, and one with white space,
    which a BigFile cannot hold.
    """
    file_of: dict[str, Path] = {}
    for path in paths:
        files = list(find_videos(path).values()) if path.is_dir() else [path]
        if not files or (not path.is_dir() and path.suffix.lower() not in EXTENSIONS):
            hint = f"videos end in {' '.join(sorted(EXTENSIONS))}"
            raise KBError(
                "is no video" if not path.is_dir() else "has no videos", where=path, hint=hint
            )
        for file in files:
            if any(letter.isspace() for letter in file.stem):
                raise KBError("has white space in its name", where=file, hint="rename it")
            if file.stem in file_of and file_of[file.stem] != file:
                what = f"has the id {file.stem}, as {file_of[file.stem]} has"
                raise KBError(what, where=file, hint="give one of them another name")
            file_of[file.stem] = file
    return file_of


def extract(  # noqa: PLR0913  (all but the first three are named)
    videos: dict[str, Path],
    backbone: Backbone,
    out: Path,
    *,
    fps: float = 1.0,
    rule: FrameRule | None = None,
    batch: int = 64,
    progress: Progress = lambda *_: None,
) -> Report:
    """Features of videos, as a BigFile in `out`. Those that an earlier run left there are kept.

    `rule`: which frames, instead of so many a second.
    """
    rule = rule or at_rate(fps, backbone)
    report = Report(str(out), backbone.name, rule.note.get("fps"), rule.note.get("like"))
    store = AsideStore(out)
    store.open({"backbone": backbone.name, **rule.note})
    report.kept = [video for video in videos if video in store]
    todo = {video: path for video, path in videos.items() if video not in set(report.kept)}
    for done, (video, result) in enumerate(_through(todo, backbone, rule, batch), start=1):
        if isinstance(result, KBError):
            report.broken.append({"video": video, "reason": str(result)})
        else:
            numbers, vectors = result
            store.put(video, numbers, vectors)
            report.extracted.append(video)
            report.frames += len(vectors)
        progress("videos", done, len(todo))
    report.dim = store.gather()
    return report


def prepare(
    frame: NDArray[np.uint8], side: int, crop: float, *, mode: str = "bilinear"
) -> NDArray[np.uint8]:
    """(height, width, 3) -> (side, side, 3): the shorter side to side / crop, the middle cut out.

    Bilinear or bicubic with antialiasing, as torchvision's transforms and PIL do; nothing where it
    fits.
    """
    height, width = frame.shape[:2]
    shorter = round(side / crop)
    if (height, width) == (side, side) and shorter == side:
        return frame
    import torch  # noqa: PLC0415  (slow to load)

    scale = shorter / min(height, width)
    size = (max(side, round(height * scale)), max(side, round(width * scale)))
    pixels = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    scaled = torch.nn.functional.interpolate(
        pixels, size, mode=mode, antialias=True, align_corners=False
    )
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    middle = scaled[0, :, top : top + side, left : left + side]
    image: NDArray[np.uint8] = middle.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return image


# Number and frame, what is wrong, or the end.
Item = tuple[int, NDArray[np.uint8]] | KBError | None
Decoded = tuple[str, Item]
Numbered = tuple[list[int], NDArray[np.float32]]  # numbers of frames, (frames, dim)


def _decoded(videos: dict[str, Path], rule: FrameRule, stop: threading.Event) -> Iterator[Decoded]:
    """Frames of all videos, one after the other; after each its end or what is wrong with it."""
    for video, path in videos.items():
        for item in _frames(path, rule):
            yield video, item
            if stop.is_set():
                return


def _frames(path: Path, rule: FrameRule) -> Iterator[Item]:
    """Frames of one video as the network reads them, then None or what is wrong."""
    try:
        for number, frame in rule.frames(path):
            yield number, rule.prepare(frame)
    except KBError as error:
        yield error
    else:
        yield None


def _ahead(items: Iterator[Decoded], stop: threading.Event) -> Iterator[Decoded]:
    """Decode ahead in a thread while the network computes."""
    waiting: queue.Queue[Decoded | BaseException | None] = queue.Queue(_QUEUED)

    def put(item: Decoded | BaseException | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            for item in items:
                put(item)
            put(None)
        except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _through(
    videos: dict[str, Path], backbone: Backbone, rule: FrameRule, batch: int
) -> Iterator[tuple[str, Numbered | KBError]]:
    """Each video and its numbered (frames, dim) features, or its error."""
    stop = threading.Event()
    frames: list[NDArray[np.uint8]] = []  # not yet through the network
    owners: list[tuple[str, int]] = []
    ended: list[tuple[str, KBError | None]] = []  # whole, but with frames that may be waiting
    done: dict[str, list[tuple[int, NDArray[np.float32]]]] = {}

    def compute() -> Iterator[tuple[str, Numbered | KBError]]:
        if frames:
            for (owner, number), vector in zip(owners, backbone(np.stack(frames)), strict=True):
                done.setdefault(owner, []).append((number, vector))
        frames.clear()
        owners.clear()
        for video, error in ended:
            parts = done.pop(video, [])
            yield video, error or ([n for n, _ in parts], np.stack([v for _, v in parts]))
        ended.clear()

    for video, item in _ahead(_decoded(videos, rule, stop), stop):
        if item is None or isinstance(item, KBError):
            ended.append((video, item))
        else:
            frames.append(item[1])
            owners.append((video, item[0]))
            if len(frames) == batch:
                yield from compute()
    yield from compute()
