"""Features in the forms the field keeps them: the same numbers from each, and nothing executed."""

import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from kb.datasets.features import storages
from kb.datasets.features.experts import find_experts
from kb.datasets.features.hdf5 import from_hdf5
from kb.datasets.features.storages import from_folder, from_table
from kb.datasets.features.tensorfiles import read_tables
from kb.records.errors import KBError

h5py = pytest.importorskip("h5py")

DRAWS = np.random.default_rng(0)
ARRAYS = {
    "v1": DRAWS.normal(size=(7, 300)).astype(np.float32),
    "v2": DRAWS.normal(size=(2, 300)).astype(np.float32),
    "v3": np.asfortranarray(DRAWS.normal(size=(5, 300)).astype(np.float32)),
}
VIDEOS = set(ARRAYS)


def same(features):
    """The features of every video are the arrays above."""
    assert features.dim == 300
    for video, array in ARRAYS.items():
        assert np.array_equal(features.read(video), array)
    assert "v4" not in features
    with pytest.raises(KeyError):
        features.read("v4")


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_arrays_reads_the_same_in_every_protocol(tmp_path, protocol):
    """Protocols 0 to 5, arrays by row and by column, without numpy's unpickling."""
    path = tmp_path / "features.audio.pkl"
    path.write_bytes(pickle.dumps(ARRAYS, protocol=protocol))
    same(from_table(path, read_tables(path)[""]))
    assert list(find_experts(tmp_path, VIDEOS).experts) == ["audio"]


def test_a_video_that_an_expert_missed_is_not_there(tmp_path):
    """CE and MMT write NaN for it, alone or in an array."""
    table = {**ARRAYS, "v4": np.nan, "v5": float("nan"), "v6": np.full((1, 300), np.nan)}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(table))
    features = from_table(path, read_tables(path)[""])
    same(features)
    assert "v6" not in features


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64, torch.int64])
def test_tensors_of_a_pth_are_read_in_both_of_its_forms(tmp_path, zipped, dtype):
    """HowTo100M: {"2d": {video: tensor}, "3d": ...}, zipped or in the older form; views too."""
    whole = torch.arange(600).reshape(2, 300).to(dtype)
    tables = {"2d": OrderedDict(v1=whole[0], v2=whole[1, ::1]), "3d": {"v1": whole.T, "v2": whole}}
    path = tmp_path / "MSRVTT_train.pth"
    torch.save(tables, path, _use_new_zipfile_serialization=zipped)
    features = {name: from_table(path, table) for name, table in read_tables(path).items()}
    assert np.array_equal(features["2d"].read("v2"), whole[1:].float().numpy())
    assert np.array_equal(
        from_table(path, {"v1": read_tables(path)["3d"]["v1"]}).read("v1"), whole.T.float().numpy()
    )


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_folder_of_arrays_is_one_expert(tmp_path, kind):
    """VATEX keeps (1, T, 1024) in npy, CMHSE and COOT `frame_scores` in npz."""
    folder = tmp_path / "i3d"
    folder.mkdir()
    for video, array in ARRAYS.items():
        if kind == "npy":
            np.save(folder / f"{video}.npy", array[None])
        else:
            np.savez(folder / f"{video}.npz", frame_scores=array, fps=3)
    same(from_folder(folder)[0])
    assert list(find_experts(tmp_path, VIDEOS).experts) == ["frames"]


def test_hdf5_is_read_by_video_by_group_and_by_expert(tmp_path):
    """{video: dataset}, ActivityNet's {video: {c3d_features}}, {expert: {video: dataset}}."""
    flat, grouped, nested = (tmp_path / f"{n}.h5" for n in ("flat", "grouped", "nested"))
    with h5py.File(flat, "w") as a, h5py.File(grouped, "w") as b, h5py.File(nested, "w") as c:
        for video, array in ARRAYS.items():
            a.create_dataset(video, data=array, compression="gzip")
            b[f"{video}/c3d_features"] = array
            c[f"rgb/{video}"] = array
            c[f"flow/{video}"] = array
    same(from_hdf5(flat)[0][""])
    same(from_hdf5(grouped)[0][""])
    assert set(from_hdf5(nested)[0]) == {"rgb", "flow"}
    same(from_hdf5(nested)[0]["flow"])


def test_experts_keep_their_names_and_parts_are_joined(tmp_path):
    """One file a split is one expert; the fingerprint follows the bytes."""
    for split, videos in (("train", ["v1", "v2"]), ("test", ["v3"])):
        (tmp_path / split).mkdir()
        part = {video: ARRAYS[video].mean(0) for video in videos}
        (tmp_path / split / "resnet.pickle").write_bytes(pickle.dumps(part))
    experts = find_experts(tmp_path, VIDEOS).experts
    assert list(experts) == ["frames"]
    assert np.allclose(experts["frames"].read("v3"), ARRAYS["v3"].mean(0))


def test_files_that_hold_no_features_are_passed_over(tmp_path):
    """Captions, indices, model weights, and arrays of other ids."""
    for name, value in (
        ("raw-captions", {"v1": [["a"]]}),
        ("idx", {"v1": 3}),
        ("other", {"z": ARRAYS["v1"]}),
    ):
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
    torch.save({"v1": torch.ones(3)}, tmp_path / "model_best.pth")
    assert find_experts(tmp_path, VIDEOS).experts == {}


def test_a_large_pickle_is_indexed_and_not_loaded(tmp_path):
    """Forty megabytes of arrays cost under two of memory until they are read."""
    path = tmp_path / "big.pkl"
    path.write_bytes(pickle.dumps({f"v{n}": np.ones((50, 2048), np.float32) for n in range(100)}))
    assert path.stat().st_size > 40_000_000
    tracemalloc.start()
    features = from_table(path, read_tables(path)[""])
    total = sum(float(features.read(f"v{n}")[0, 0]) for n in range(100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 100
    assert peak < 2_000_000


def line_of(call):
    """The one line with which something is refused."""
    with pytest.raises(KBError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Bomb:
    """Whatever unpickles this runs a program."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_a_program_among_features_is_named_and_does_not_run(tmp_path):
    """At the top, in place of an array, inside a .pth."""
    mark = tmp_path / "ran"
    for value in (Bomb(mark), {"v1": Bomb(mark)}, {"rgb": {"v1": Bomb(mark)}}):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(value))
        assert "wants posix.system called" in line_of(lambda: read_tables(tmp_path / "x.pkl"))
    for zipped in (True, False):
        torch.save({"v1": Bomb(mark)}, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
        assert "system" in line_of(lambda: read_tables(tmp_path / "x.pth"))
    assert not mark.exists()


def test_features_that_are_no_numbers_are_refused_when_read(tmp_path):
    """NaN or infinity in one video, in every form."""
    bad = {**ARRAYS, "v2": np.array([[1.0, np.nan]] * 150, np.float32).reshape(1, 300)}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(bad))
    (tmp_path / "f").mkdir()
    np.save(tmp_path / "f/v2.npy", bad["v2"])
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["v2"] = np.full((2, 300), np.inf)
    stores = [
        from_table(tmp_path / "x.pkl", read_tables(tmp_path / "x.pkl")[""]),
        from_folder(tmp_path / "f")[0],
        from_hdf5(tmp_path / "x.h5")[0][""],
    ]
    for store in stores:
        assert "the features of v2 hold NaN or infinity" in line_of(lambda s=store: s.read("v2"))


def test_another_dimension_is_refused(tmp_path):
    """One video of 7 numbers among those of 300."""
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({**ARRAYS, "v9": np.ones(7)}))
    features = from_table(tmp_path / "x.pkl", read_tables(tmp_path / "x.pkl")[""])
    assert "v9 has 7 dimensions, others have 300" in line_of(lambda: features.read("v9"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("form", ["pkl", "zipped", "old"])
def test_a_truncated_file_is_one_line(tmp_path, share, form):
    """Cut anywhere, a pickle and both forms of .pth are refused and never half read."""
    path = tmp_path / "x.pth"
    if form == "pkl":
        path.write_bytes(pickle.dumps(ARRAYS))
    else:
        tensors = {video: torch.tensor(array) for video, array in ARRAYS.items()}
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "zipped")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    line_of(lambda: read_tables(path))


def test_a_lie_about_an_arrays_shape_is_refused(tmp_path):
    """More numbers announced than bytes there are, in a pickle, an npy and a tensor's strides."""
    raw = pickle.dumps({"v1": np.ones((4, 300), np.float32)}, protocol=4)
    at = raw.index(b"K\x04M")
    (tmp_path / "x.pkl").write_bytes(raw[:at] + b"K\xff" + raw[at + 2 :])
    assert "fewer bytes than its shape" in line_of(lambda: read_tables(tmp_path / "x.pkl"))
    (tmp_path / "f").mkdir()
    np.save(tmp_path / "f/v1.npy", np.ones((4, 300), np.float32))
    raw = (tmp_path / "f/v1.npy").read_bytes()
    (tmp_path / "f/v1.npy").write_bytes(raw.replace(b"(4, 300)", b"(9, 300)"))
    assert "is no array of numbers" in line_of(lambda: from_folder(tmp_path / "f"))


def test_objects_in_arrays_are_refused(tmp_path):
    """Numpy would unpickle them."""
    np.save(tmp_path / "v1.npy", np.array([{}, None], object), allow_pickle=True)
    assert "is no array of numbers" in line_of(lambda: from_folder(tmp_path))


def test_a_bomb_in_an_archive_is_not_unpacked(tmp_path, monkeypatch):
    """More zeros than a video has features, in a few bytes; a compressed member of a .pth."""
    monkeypatch.setattr(storages, "MOST", 1 << 22)
    folder = tmp_path / "f"
    folder.mkdir()
    with zipfile.ZipFile(folder / "v1.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("features.npy")
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as member:
            for _ in range(5):
                member.write(bytes(1 << 20))
    assert "announces 5,242,880 bytes" in line_of(lambda: from_folder(folder))
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"v1": 1}))
    assert "is compressed" in line_of(lambda: read_tables(tmp_path / "x.pth"))


def test_hdf5_leads_to_no_other_file(tmp_path):
    """External links, external storage, virtual datasets and sizes beyond reason are refused."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["v"] = np.ones(3)
    (tmp_path / "raw").write_bytes(bytes(40))
    layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "v", shape=(3,))
    cases = {
        "link": lambda f: f.__setitem__("v1", h5py.ExternalLink(str(tmp_path / "secret.h5"), "/v")),
        "soft": lambda f: f.__setitem__("v1", h5py.SoftLink("/gone")),
        "external": lambda f: f.create_dataset(
            "v1", (10,), "f4", external=[(str(tmp_path / "raw"), 0, 40)]
        ),
        "virtual": lambda f: f.create_virtual_dataset("v1", layout),
        "huge": lambda f: f.create_dataset("v1", (1 << 30, 4), "f4", chunks=(1, 4)),
        "text": lambda f: f.create_dataset("v1", data=[b"abc"]),
    }
    for name, make in cases.items():
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            make(file)
        assert path.name in line_of(lambda p=path: from_hdf5(p))
    (tmp_path / "no.h5").write_bytes(b"no")
    assert "is no HDF5 file" in line_of(lambda: from_hdf5(tmp_path / "no.h5"))
