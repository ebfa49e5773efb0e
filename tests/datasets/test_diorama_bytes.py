"""The same seed gives the same bytes: every counterpart at every size, on any machine and number of threads."""

import hashlib
import os
import subprocess
import sys

import pytest

from kb import datasets
from kb.datasets.synthetic import modalities
from kb.datasets.synthetic.counterparts import COUNTERPARTS

# sha256 over every file of seed 0; another value is another generator: raise its VERSION.
WHOLE = {
    "diorama-didemo": "0a8d6d6cfb773f86dd9a28f6ec05faba2f140f2b3aef71f66d0b803152caf6b7",
    "diorama-activitynet": "87006f4c9b60dd57a1a3d832e1168a80e20b209d91d867519eef72e6c251cae5",
    "diorama-lsmdc": "23052f5f3ba92018a2ed283564c66d017b6504a35b6193f424a5b392e0973eda",
    "diorama-avs": "e16eab8c6166600751c237bed8d6b7225d7f7f6d36ce639c93e28817e034270c",
    "diorama-howto100m": "628c0017d0cf8645401badc39f2ff5577c5e5bc4bb3f6410e45287d93567cd51",
    "diorama-msvd": "184a459b0a46518e3f9c825278c15be9fc54f2e5120ea034e2bfc7eca6095551",
    "diorama-msrvtt": "acae1c0e13014129663321ed557bbd19103f678a1df9375b968d1dc9fae084c7",
    "diorama-tgif": "d6de8964c24ca427fd5383a33b699f5820e8fc75484e3c90494c34b9f5780731",
    "diorama-vatex": "8f908c542fd481efd9964eb93a785adb09d3f20d592d67ca935b155284d9e312",
}
SAMPLED = {  # the same with the features of every 25th video only
    "diorama-didemo": {"small": "c23a2152067f5013d476f91032e3d306ffe673b7219db68fb71f678afa79ce98"},
    "diorama-activitynet": {
        "small": "8399ff73e721aa477f6e0bbc91f9a7af23f71e6d8d89feac85f11f5435f2a858"
    },
    "diorama-lsmdc": {"small": "baaa20a40c26e1e0d8ad7fec18512b2a1ce98486f6ab27e8ea91f2c0713671a1"},
    "diorama-avs": {"small": "e2b09d960dc53578531f634654c941c34a5744f23967933599b6e5b1f8d19897"},
    "diorama-howto100m": {
        "small": "068d3f0de19136fcf05a8d5506faf003da34e75e2baa5baf5e1316622b00ad02",
    },
    "diorama-msvd": {"small": "64bed8b1f3008d0f641d33a94ac9f6670627f955f8cc2309c3bd4955b85d093e"},
    "diorama-msrvtt": {
        "small": "39c18b27b732824cd62b3170fbe9f10d0b22af368b9771e17b0c6e9a03e217fa",
    },
    "diorama-tgif": {"small": "fec6057251114b787cf2a38d8e85393f10b3ef5f55e49910a01ded47392800a7"},
    "diorama-vatex": {"small": "84a1157bca70c8b0e78ec223da9ccc8afcec0b2e20c947dae810d29fbb122e9c"},
}
EVERY = 25


def fingerprint(folder):
    """sha256 over every file of a counterpart, by name."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def test_every_staging_has_its_fingerprints():
    """A counterpart without them is not offered."""
    assert set(WHOLE) == set(SAMPLED) == set(COUNTERPARTS)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_tiny_staging_is_the_recorded_bytes(name, smallest):
    """Annotations, features and truth."""
    assert fingerprint(smallest(name)) == WHOLE[name]


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name, sizes in SAMPLED.items() for size in sizes]
)
@pytest.mark.slow
def test_a_larger_staging_is_the_recorded_bytes(name, size, tmp_path, monkeypatch):
    """Annotations and truth whole, features of every 25th video."""
    whole = modalities.derive

    def sampled(world, videos):
        for number, video in enumerate(videos):
            if number % EVERY:
                yield video, modalities.wordings(world, video)
            else:
                yield from whole(world, [video])

    monkeypatch.setattr(modalities, "derive", sampled)
    made = datasets.make(name, size=size, out=tmp_path / size)
    assert fingerprint(made) == SAMPLED[name][size]


def test_threads_change_no_byte(tmp_path):
    """One core or all of them, one thread in the matrix products or two: the same files."""
    code = (
        "import sys, os; os.cpu_count = lambda: int(sys.argv[2]);"
        "from pathlib import Path; from kb import datasets;"
        "datasets.make('diorama-msrvtt', size='tiny', out=Path(sys.argv[1]))"
    )
    for threads in ("1", "3"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        command = [sys.executable, "-c", code, str(tmp_path / threads), threads]
        subprocess.run(command, check=True, env=environment)
    one, three = (fingerprint(tmp_path / threads) for threads in ("1", "3"))
    assert one == three == WHOLE["diorama-msrvtt"]
