"""`kb features --like video-cnn-feat`: the toolkit's steps, each by hand, on real encoded videos."""

import json
import math

import numpy as np
import pytest

from kb.cli import run
from kb.datasets.features import video_cnn_feat as toolkit
from kb.datasets.features.backbones import WorldBackbone
from kb.datasets.features.bigfile import BigFile, open_features, read_frames
from kb.datasets.features.videos import LOSSLESS, frames_of, write_video
from kb.datasets.synthetic import backbone as world
from kb.records.errors import KBError

av = pytest.importorskip("av")
if LOSSLESS not in av.codecs_available:
    pytest.skip("this FFmpeg has no x264", allow_module_level=True)

SIDE = 73  # of frames before a crop of 64: 256 / 224 of it, less the fraction


def pixels(count, side=SIDE, seed=0):
    """Frames whose numbers can be told by a square in them."""
    frames = np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    frames[:, :8, :8] = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return frames


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two videos of 25 and 10 frames a second, without a loss, and their pixels."""
    folder = tmp_path_factory.mktemp("films")
    made = {"boat": (pixels(52), 25), "raft_1": (pixels(11, seed=1), 10)}
    for video, (frames, rate) in made.items():
        write_video(folder / f"{video}.mp4", frames, rate)
    return folder, {video: frames for video, (frames, _) in made.items()}


def by_hand(frame):
    """The features of one frame of the right size: ten crops, their mean, six digits."""
    places = [(4, 4), (0, 0), (9, 0), (0, 9), (9, 9)]  # 9 // 2 is 4
    mirrored = frame[:, ::-1]
    cut = [side[y : y + 64, x : x + 64] for side in (frame, mirrored) for y, x in places]
    total = sum(world.features(one[None])[0].astype(np.float64) for one in cut)
    return np.array([np.float32(f"{x:.6g}") for x in total / 10])


@pytest.mark.parametrize(
    ("rate", "numbers"),
    [
        (25, [0, 12, 25, 37, 50]),
        (10, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        (29, [0, 14, 29, 43]),
        (1, list(range(52))),
    ],
)
def test_two_frames_of_each_second_are_taken(rate, numbers):
    """Those whose number is a multiple of the rate, or half of one more, rounded down."""
    assert [number for number in range(52) if toolkit.kept(number, rate)] == numbers


def test_frames_are_numbered_as_they_are_stored(films):
    """25 a second: 0, 12, 25, 37 and 50, and the pictures are those of the file."""
    folder, made = films
    frames = dict(toolkit.frames_of(folder / "boat.mp4"))
    assert list(frames) == [0, 12, 25, 37, 50]
    assert all(np.array_equal(frame, made["boat"][number]) for number, frame in frames.items())


def test_features_of_a_video_by_hand(films, tmp_path):
    """A row for each frame under its number, one for each video, in the toolkit's folders."""
    folder, made = films
    line = ["features", str(folder), "--like", "video-cnn-feat", "--backbone", "diorama"]
    pooling = [word for name in toolkit.POOLINGS for word in ("--pooling", name)]
    assert run([*line, *pooling, "--out", str(tmp_path)]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    feature = f"{world.NAME},os"
    assert names == {feature, *(f"{name}_{feature}" for name in toolkit.POOLINGS)}
    frames = read_frames(tmp_path / feature / "video2frames.txt")
    assert frames["boat"] == [f"boat_{n}" for n in (0, 12, 25, 37, 50)]
    assert frames["raft_1"] == ["raft_1_0", "raft_1_5", "raft_1_10"]
    rows = np.stack([by_hand(made["boat"][n]) for n in (0, 12, 25, 37, 50)])
    ours = open_features(tmp_path / feature).read("boat")
    np.testing.assert_allclose(ours, rows, rtol=1e-5, atol=1e-6)
    weights = [math.exp(-0.25 * abs(x - 2)) for x in range(5)]
    gauss = sum(w * row for w, row in zip(weights, ours.astype(float), strict=True)) / sum(weights)
    for name, expected in (("mean", ours.mean(0)), ("max", ours.max(0)), ("gauss", gauss)):
        pooled = BigFile(tmp_path / f"{name}_{feature}").read("boat")
        np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)


def test_frames_are_resized_without_their_proportions():
    """Bilinear between the centres of pixels: two by four to one by two is the mean of four each."""
    frame = np.arange(8, dtype=np.uint8).reshape(2, 4, 1).repeat(3, axis=2)
    wide = toolkit.resized(frame, 2)
    assert wide[:, :, 0].tolist() == [[0, 2], [4, 6]]  # 0.5 and 2.5, 4.5 and 6.5: even
    assert toolkit.resized(wide, 2) is wide


def test_ten_crops_in_the_toolkits_order():
    """Centre and corners, bottom left before top right, then the mirrored ones; centre alone."""
    frame = np.arange(25).reshape(1, 5, 5, 1)
    cut = toolkit.crops(frame, 2)[0, :, :, :, 0]
    assert [crop[0, 0] for crop in cut] == [6, 0, 15, 3, 18, 8, 4, 19, 1, 16]
    assert cut[5].tolist() == [[8, 7], [13, 12]]
    assert toolkit.crops(frame, 2, oversample=False)[0, :, 0, 0, 0].tolist() == [6]
    with pytest.raises(ValueError, match="no crop of 6"):
        toolkit.crops(frame, 6)


def test_numbers_have_six_digits():
    """As written to text with %g and read again."""
    numbers = np.array([[1234567.0, 0.000012345678, -2.0, 0.0]], np.float32)
    assert toolkit.rounded(numbers).tolist()[0] == [
        np.float32(text) for text in ("1.23457e+06", "1.23457e-05", "-2", "0")
    ]


def test_features_of_two_networks_are_joined(films, tmp_path):
    """In the order of the command and of the first one's videos; the folder has both names."""
    folder, _ = films
    paths = {"raft_1": folder / "raft_1.mp4", "boat": folder / "boat.mp4"}
    networks = [WorldBackbone("first"), WorldBackbone("second")]
    made = toolkit.make(paths, networks, tmp_path, toolkit.Options(oversample=False))
    assert [one.name for one in made.folders] == [
        "mean_first",
        "mean_second",
        "mean_first+mean_second",
    ]
    first, _, joined = (BigFile(one) for one in made.folders)
    assert joined.names == first.names
    np.testing.assert_array_equal(joined.read("boat"), np.tile(first.read("boat"), 2))


def test_features_of_other_ids_are_not_joined():
    """A video that one of the features lacks is named."""
    vector = np.zeros(2, np.float32)
    with pytest.raises(KBError, match="boat is in one only"):
        toolkit.concatenated([{"raft": vector, "boat": vector}, {"raft": vector}])


def test_a_run_goes_on_where_another_stopped(films, tmp_path, capsys):
    """Videos that are there are kept with their numbers; another way of taking frames is refused."""
    folder, _ = films
    line = ["features", "--like", "video-cnn-feat", "--backbone", "diorama", "--out", str(tmp_path)]
    assert run([*line, str(folder / "boat.mp4"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["features"][0]["extracted"] == ["boat"]
    assert run([*line, str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["features"][0]["kept"] == ["boat"]
    assert [place.rpartition("/")[2] for place in document["pooled"]] == [f"mean_{world.NAME},os"]
    assert sorted(BigFile(tmp_path / f"mean_{world.NAME},os").names) == ["boat", "raft_1"]
    place = tmp_path / f"{world.NAME},os"
    other = ["features", str(folder), "--backbone", "diorama", "--fps", "2", "--out", str(place)]
    assert run(other) == 2
    assert "another folder" in capsys.readouterr().err


def test_a_video_of_less_than_one_frame_a_second_is_left_out(tmp_path, capsys):
    """The rule divides by the whole part of the rate."""
    path = tmp_path / "slow.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(LOSSLESS, rate=1, options={"crf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        for number, frame in enumerate(pixels(3, 64)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = 3 * number
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    line = ["features", str(path), "--like", "video-cnn-feat", "--backbone", "diorama"]
    assert run([*line, "--out", str(tmp_path / "out")]) == 1
    assert "needs one at least" in capsys.readouterr().err
    assert len(list(frames_of(path, 1.0))) > 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--like", "video-cnn-feat", "--fps", "2"], "has its own frame rule"),
        (["--like", "another"], "no toolkit is called 'another'"),
        (["--like", "video-cnn-feat", "--backbone", "diorama", "--pooling", "sum"], "no pooling"),
        (["--like", "video-cnn-feat", *["--backbone", "diorama"] * 2], "named twice"),
        (["--fps", "2"], "--backbone is missing"),
        (["--backbone", "diorama"], "--fps is missing"),
        (["--backbone", "diorama", "--fps", "2", "--pooling", "mean"], "belong to --like"),
    ],
)
def test_options_that_do_not_go_together_are_refused(films, tmp_path, capsys, options, reason):
    """One line, exit code 2, and nothing is written."""
    folder, _ = films
    assert run(["features", str(folder), "--out", str(tmp_path / "out"), *options]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
