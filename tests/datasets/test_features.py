"""`kb features` on real encoded videos of the world: rates, resuming, broken files, backbones."""

import json
import sys

import numpy as np
import pytest

from kb.cli import run
from kb.datasets.features import backbones, extraction
from kb.datasets.features.bigfile import open_features
from kb.datasets.features.videos import LOSSLESS, LOSSY, frames_of, write_video
from kb.datasets.synthetic import backbone as world
from kb.datasets.synthetic import rendering
from kb.datasets.synthetic.difficulty import SIZES
from kb.datasets.synthetic.world import World
from kb.records.errors import Exit, KBError

av = pytest.importorskip("av")
if LOSSLESS not in av.codecs_available:
    pytest.skip("this FFmpeg has no x264", allow_module_level=True)

FPS = 8


@pytest.fixture(scope="module")
def rendered():
    """Pixels of five videos of the world, by id."""
    videos = World("diorama-msrvtt", SIZES["tiny"]).videos()
    return {
        video.id: rendering.render(video.script) for video, _ in zip(videos, range(5), strict=False)
    }


@pytest.fixture
def films(rendered, tmp_path):
    """The same, encoded, in a folder."""
    folder = tmp_path / "films"
    folder.mkdir()
    for video, pixels in rendered.items():
        write_video(folder / f"{video}.mp4", pixels, FPS)
    return folder


def command(films, out, *more, fps=FPS, backbone="diorama"):
    """Run the command."""
    line = ["features", str(films), "--backbone", backbone, "--fps", str(fps), "--out", str(out)]
    return run([*line, *more])


def test_features_of_an_encoded_video_are_those_of_its_pixels(films, rendered, tmp_path):
    """Lossless H.264: the features that the dataset itself has, number for number."""
    assert command(films, tmp_path / "out") == 0
    features = open_features(tmp_path / "out")
    for video, pixels in rendered.items():
        assert np.array_equal(features.read(video), world.features(pixels))


def test_a_lossy_video_decodes_to_nearly_its_pixels(rendered, tmp_path):
    """MPEG-4 with halved colour: under six of 255 on the mean, as many frames, in their order."""
    for video, pixels in rendered.items():
        write_video(tmp_path / f"{video}.avi", pixels, FPS, LOSSY)
        decoded = np.stack(list(frames_of(tmp_path / f"{video}.avi", FPS)))
        assert decoded.shape == pixels.shape
        assert np.abs(decoded.astype(int) - pixels).mean() < 6


@pytest.mark.parametrize(("fps", "frames"), [(8, 8), (4, 4), (16, 16), (3, 3), (0.5, 1)])
def test_frames_come_at_the_rate_that_was_asked_for(tmp_path, fps, frames):
    """One second of eight pictures: every, every other, each twice, a third, the first."""
    pixels = np.stack([np.full((64, 64, 3), 30 * k, np.uint8) for k in range(8)])
    write_video(tmp_path / "x.mp4", pixels, 8)
    levels = [int(frame.mean()) for frame in frames_of(tmp_path / "x.mp4", fps)]
    assert len(levels) == frames
    wanted = [30 * int(k / fps * 8) for k in range(frames)]
    assert np.abs(np.array(levels) - wanted).max() <= 4


def test_a_broken_video_is_reported_and_skipped(films, tmp_path, capsys):
    """Text, half a file, no picture, nothing: each with its reason; the others are extracted."""
    whole = (films / "video0.mp4").read_bytes()
    (films / "text.mp4").write_text("<html>404</html>")
    (films / "half.mp4").write_bytes(whole[: len(whole) // 2])
    (films / "empty.mp4").write_bytes(b"")
    with av.open(str(films / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert command(films, tmp_path / "out", "--json") == Exit.FINDINGS
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert {entry["video"] for entry in report["broken"]} == {"text", "half", "empty", "sound"}
    assert len(report["extracted"]) == 5
    assert len([line for line in err.splitlines() if line.startswith("skipped ")]) == 4
    assert "half" not in open_features(tmp_path / "out")


def test_a_video_damaged_in_the_middle_leaves_no_features(films, tmp_path):
    """Frames that were decoded before the damage are dropped with the rest."""

    class Counting(backbones.WorldBackbone):
        """Names itself apart."""

    path = films / "video1.mp4"
    raw = bytearray(path.read_bytes())
    for at in range(len(raw) // 3, len(raw) - 2000):
        raw[at] = 255
    path.write_bytes(bytes(raw))
    report = extraction.extract({"video1": path}, Counting(), tmp_path / "out", fps=8, batch=4)
    whole = [*report.extracted, *(entry["video"] for entry in report.broken)]
    assert whole == ["video1"]
    assert bool(report.extracted) == ("video1" in _read(tmp_path / "out"))


def _read(out):
    return open_features(out) if (out / "shape.txt").is_file() else {}


def test_an_interrupted_run_goes_on_where_it_stopped(films, tmp_path):
    """What is through is kept; the BigFile is the same, byte for byte, as of one run."""

    class Stopping(backbones.WorldBackbone):
        """Gives up at its third batch."""

        calls = 0

        def __call__(self, frames):
            """Features, twice."""
            Stopping.calls += 1
            if Stopping.calls == 3:
                raise KeyboardInterrupt
            return super().__call__(frames)

    videos, out = extraction.videos_of([films]), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        extraction.extract(videos, Stopping(), out, fps=FPS, batch=16)
    report = extraction.extract(videos, backbones.WorldBackbone(), out, fps=FPS, batch=16)
    assert report.kept
    assert report.extracted
    assert set(report.kept) | set(report.extracted) == set(videos)
    once = tmp_path / "once"
    extraction.extract(videos, backbones.WorldBackbone(), once, fps=FPS)
    for name in ("feature.bin", "id.txt", "shape.txt", "video2frames.txt"):
        assert (out / name).read_bytes() == (once / name).read_bytes()
    assert {path.name for path in out.iterdir()} == {path.name for path in once.iterdir()}


def test_new_videos_join_an_earlier_bigfile(films, tmp_path):
    """A second run extracts what is new and keeps the rest."""
    out, network = tmp_path / "out", backbones.WorldBackbone()
    videos = extraction.videos_of([films])
    first = dict(list(videos.items())[:2])
    extraction.extract(first, network, out, fps=FPS)
    before = {video: np.array(open_features(out).read(video)) for video in first}
    report = extraction.extract(videos, network, out, fps=FPS)
    assert sorted(report.kept) == sorted(first)
    features = open_features(out)
    assert all(np.array_equal(features.read(video), before[video]) for video in first)
    assert all(video in features for video in videos)
    assert extraction.extract(videos, network, out, fps=FPS).frames == 0


def test_a_folder_of_another_rate_or_network_is_left_alone(films, tmp_path, capsys):
    """Features that cannot be compared do not share a folder."""
    assert command(films, tmp_path / "out") == 0
    assert command(films, tmp_path / "out", fps=4) == Exit.USAGE
    assert "holds features of diorama-cnn-1 at 8.0" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no.mp4", "note.txt", "a b.mp4"])
def test_what_is_no_video_is_told_before_anything_is_done(tmp_path, name):
    """Another kind of file, an id with white space, a file that is not there."""
    if name != "no.mp4":
        (tmp_path / name).write_bytes(b"x")
    videos = tmp_path / name
    if name == "no.mp4":
        report = extraction.extract(
            extraction.videos_of([videos]), backbones.WorldBackbone(), tmp_path / "out", fps=1
        )
        assert "No such file" in report.broken[0]["reason"]
    else:
        with pytest.raises(KBError, match=r"is no video|white space"):
            extraction.videos_of([videos])


def test_two_files_of_one_id_are_refused(tmp_path):
    """x.mp4 and x.avi would be one video."""
    for name in ("x.mp4", "x.avi"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(KBError, match="has the id x"):
        extraction.videos_of([tmp_path / "x.mp4", tmp_path / "x.avi"])


@pytest.mark.parametrize("library", ["torchvision", "timm", "open_clip"])
def test_a_missing_library_is_one_line_with_the_mend(library, monkeypatch):
    """Exit code 4; what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(KBError, match=f"needs {library}.*pip install {library}") as caught:
        backbones.load(f"{library}:some")
    assert caught.value.code == Exit.UNREACHABLE


def test_an_unknown_backbone_names_the_choice():
    """A typo."""
    with pytest.raises(KBError, match="choose diorama, torchvision:NAME, timm:NAME"):
        backbones.load("keras:some")


def test_a_frame_is_cut_to_the_square_the_network_reads():
    """The shorter side is scaled, the middle is cut out; a frame that fits is left alone."""
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, 100:200] = 200
    image = extraction.prepare(frame, 56, 56 / 64)
    assert image.shape == (56, 56, 3)
    assert image.mean() > 195
    same = np.zeros((64, 64, 3), np.uint8)
    assert extraction.prepare(same, 64, 1.0) is same


def test_a_torch_network_sees_normalised_pixels_in_batches(films, tmp_path):
    """(pixels / 255 - mean) / deviation, channels first; the same features for any batch."""
    import torch  # noqa: PLC0415

    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 5, 4), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    backbone = backbones.TorchBackbone("toy", network.eval(), 32, 1.0, *backbones.IMAGENET, "cpu")
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    mean, deviation = np.array(backbones.IMAGENET[0]), np.array(backbones.IMAGENET[1])
    shown = torch.tensor(((frames / 255 - mean) / deviation).transpose(0, 3, 1, 2)).float()
    with torch.inference_mode():
        assert np.allclose(backbone(frames), network(shown).numpy(), atol=1e-5)
    videos = extraction.videos_of([films])
    for batch in (3, 1000):
        extraction.extract(videos, backbone, tmp_path / str(batch), fps=2, batch=batch)
    small, large = (open_features(tmp_path / str(batch)) for batch in (3, 1000))
    assert all(np.allclose(small.read(v), large.read(v), atol=1e-5) for v in videos)
