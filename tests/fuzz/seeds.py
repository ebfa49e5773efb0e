"""Honest inputs that the fuzzer changes: small, and of every form that a parser takes."""

import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.servers import arxiv_feed

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"

LINK = b'{"schema_version": 1, "links": {"http://a/": {"verdict": "ok", "checked": "2026-01-01T00:00:00Z"}}}'
BIB = b'@string{x = "y"}\n@inproceedings{a2020, title = {T {\\"o}}, author = "A and B, C", year = 2020, booktitle = x # "z"}\n'
PAGE = b'<html><head><title>404 Not Found</title><meta http-equiv="refresh" content="0; url=/x"></head><h1 id=a>'


def films() -> list[bytes]:
    """Two seconds of noise in three containers."""
    from kb.datasets.features.videos import LOSSY, write_video  # noqa: PLC0415  (needs PyAV)

    pixels = np.random.default_rng(0).integers(255, size=(12, 32, 48, 3), dtype=np.uint8)
    made = []
    with TemporaryDirectory() as folder:
        for extension in (".mp4", ".avi", ".mkv"):
            path = Path(folder) / f"x{extension}"
            write_video(path, pixels, 8, LOSSY)
            made.append(path.read_bytes())
    return made


def pickles() -> list[bytes]:
    """Arrays and plain values in every protocol."""
    value = {"v1": np.ones((2, 3), np.float32), "v2": np.zeros(3), "v3": [1.5, "a", None]}
    return [pickle.dumps(value, protocol) for protocol in range(6)]


def pth() -> list[bytes]:
    """A tensor in both forms of torch."""
    import torch  # noqa: PLC0415  (slow to import)

    made = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save({"v1": torch.ones(2, 3)}, buffer, _use_new_zipfile_serialization=zipped)
        made.append(buffer.getvalue())
    return made


def saved(*, packed: bool) -> list[bytes]:
    """Arrays by row and by column, as npy or npz."""
    made = []
    for array in (np.ones((2, 3), np.float32), np.asfortranarray(np.arange(6.0).reshape(2, 3))):
        buffer = io.BytesIO()
        if packed:
            np.savez_compressed(buffer, features=array)
        else:
            np.save(buffer, array)
        made.append(buffer.getvalue())
    return made


def hdf5s() -> list[bytes]:
    """Arrays and words."""
    import h5py  # noqa: PLC0415  (an extra)

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("v1", data=np.ones((4, 3), np.float32), compression="gzip")
        file["v2"] = np.zeros((2, 3), np.float32)
        file["raw_captions.0"] = np.array(["a", "b"], dtype=h5py.string_dtype())
    return [buffer.getvalue()]


def zips() -> list[bytes]:
    """Two files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", b"x" * 300)
        archive.writestr("c.txt", b"y")
    return [buffer.getvalue()]


def tars() -> list[bytes]:
    """Two files, one of a long name, in two forms."""
    made = []
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            for name in ("a/b.txt", "d" * 120):
                entry = tarfile.TarInfo(name)
                entry.size = 30
                archive.addfile(entry, io.BytesIO(bytes(30)))
        made.append(buffer.getvalue())
    return made


def texts(*paths: str) -> Callable[[], list[bytes]]:
    """Seeds from files of the repository, 4 KiB of each."""
    return lambda: [file.read_bytes()[:4096] for path in paths for file in sorted(ROOT.glob(path))]


def plain(*seeds: bytes) -> Callable[[], list[bytes]]:
    """These seeds."""
    return lambda: list(seeds)


def reports() -> list[bytes]:
    """A bot's report."""
    finding = {"rule": "http_link", "severity": "error", "line": 3, "end_line": 3, "col": 1,
               "end_col": 9, "message": "x"}  # fmt: skip
    made = {"schema": 1, "tool": "kb", "tool_version": "1.0", "path": "README.md",
            "head_sha": "0" * 40, "findings": [finding]}  # fmt: skip
    return [json.dumps(made).encode()]


def issues() -> list[bytes]:
    """Events of issues, with numbers of every kind, and a body of the form."""
    body = "### Title or arXiv id\n\n2203.00001\n\n### Code\n\nhttps://github.com/a/b\n"
    numbers = (12, "12", 12.0, -1, float("inf"), 10**400, None, [])
    made = [{"number": number, "title": "x", "body": body} for number in numbers]
    return [body.encode()] + [json.dumps({"issue": issue}).encode() for issue in made]


def events() -> list[bytes]:
    """An event of the run of a workflow."""
    name = {"full_name": "a/b"}
    pull = {"number": 7, "base": {"ref": "main"}}
    made = {"id": 1, "event": "pull_request", "head_sha": "0" * 40, "head_branch": "x",
            "head_repository": name, "pull_requests": [pull], "conclusion": "success"}  # fmt: skip
    return [json.dumps({"action": "completed", "workflow_run": made, "repository": name}).encode()]


def feeds() -> list[bytes]:
    """ArXiv's answers: Atom, and a record of its history."""
    papers = json.loads((DATA / "arxiv" / "papers.json").read_text(encoding="utf-8"))[:2]
    atom = arxiv_feed.feed(
        {"start": "0", "max_results": "9"},
        len(papers),
        [arxiv_feed.entry(paper, 1) for paper in papers],
    )
    return [atom, arxiv_feed.raw(papers[0]), arxiv_feed.refusal("no")]
