"""Every parser that reads what strangers wrote: seeds, tokens, and one call for any bytes.

A call returns or raises KBError; whatever else it raises is a fault.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kb.bot import issue, report, workflow_run
from kb.datasets.features.bigfile import open_features
from kb.datasets.features.storages import from_folder, from_table
from kb.datasets.features.tensorfiles import read_tables
from kb.datasets.readers import textfiles
from kb.datasets.unpack import unpack
from kb.enrich import bibtex, feed
from kb.links import history, pages, settings, urls
from kb.links.pace import retry_after
from kb.records import equations, plainfile, recount, store, yamlfile
from kb.records.errors import KBError
from kb.retrieval import files as retrieval_files
from kb.retrieval import trec
from tests.fuzz import seeds, target

Read = Callable[[bytes, Path], None]
MARKS = tuple(
    b"{ } [ ] \" ' : , - | > # & * ! % @ ` \n \t \\ \x00 \xff null nan -1 1e999".split(b" ")
)


@dataclass(frozen=True)
class Parser:
    """A parser under test."""

    name: str
    read: Read
    seeds: Callable[[], list[bytes]]
    tokens: tuple[bytes, ...] = MARKS


def written(name: str, call: Callable[[Path], object]) -> Read:
    """A parser of a file by this name."""

    def read(data: bytes, folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        call(path)

    return read


def _yaml(data: bytes, _folder: Path) -> None:
    yamlfile.parse(data.decode("utf-8", "replace").replace("\0", ""), "input.yaml")


def _run(path: Path) -> None:
    list(recount.problems(store.read_run(path)))


def _page(data: bytes, _folder: Path) -> None:
    page = pages.text_of(data, {"content-type": data[:80].decode("latin-1")})
    pages.says_not_found(page)
    pages.refreshes_to(page, {})
    pages.refreshes_to("", {"refresh": page})
    pages.anchors(page)
    retry_after({"retry-after": page[:100]})


def _address(data: bytes, _folder: Path) -> None:
    text = data.decode("utf-8", "surrogateescape")
    base = urls.parse("https://a.org/b/c")
    for call in (urls.parse, lambda text: urls.follow(base, text)):
        with suppress(urls.InvalidURLError, urls.RefusedURLError, urls.NotWebError):
            call(text)


def _feed(data: bytes, _folder: Path) -> None:
    for call in (feed.read, feed.read_withdrawn):
        with suppress(feed.FeedError, feed.RefusedError):
            call(data)


def _issue(data: bytes, folder: Path) -> None:
    """An event, and an issue whose body these bytes are: most changes of an event are no JSON."""
    body = {"issue": {"number": 12, "body": data.decode("utf-8", "surrogateescape")}}
    for event in (data, json.dumps(body).encode()):
        with suppress(KBError):
            written("e.json", issue.read_event)(event, folder)


def _model(data: bytes, _folder: Path) -> None:
    source = data.decode("utf-8", "replace")
    equations.trace(source)
    equations.functions(source)
    equations.named(source)


def _tables(path: Path) -> None:
    for table in read_tables(path).values():
        storage = from_table(path, table)
        for video in storage.videos:
            storage.read(video)


def _arrays(path: Path) -> None:
    storage, _ = from_folder(path.parent)
    for video in storage.videos:
        storage.read(video)


def _hdf5(path: Path) -> None:
    from kb.datasets.features.hdf5 import captions, from_hdf5  # noqa: PLC0415  (needs h5py)

    with suppress(KBError):
        for storage in from_hdf5(path, {"v1", "v2"})[0].values():
            for video in storage.videos:
                storage.read(video)
    captions(path)


def _bigfile(data: bytes, folder: Path) -> None:
    shutil.copytree(seeds.DATA / "bigfile", folder / "bigfile", dirs_exist_ok=True)
    for name in ("shape.txt", "id.txt", "video2frames.txt"):
        (folder / "bigfile" / name).write_bytes(data)
        if name == "id.txt":
            continue
        try:
            features = open_features(folder / "bigfile")
            for video in getattr(features.store, "names", [])[:20]:
                if video in features:
                    features.read(video)
        except KBError:
            shutil.copy(seeds.DATA / "bigfile" / "shape.txt", folder / "bigfile")


def _archive(path: Path) -> None:
    shutil.rmtree(path.parent / "unpacked", ignore_errors=True)
    (path.parent / "unpacked").mkdir()
    unpack(path, path.parent / "unpacked")


def _annotations(path: Path) -> None:
    digest = sha256()
    for call in (
        textfiles.read_json,
        textfiles.read_lines,
        textfiles.read_ids,
        lambda path, digest: textfiles.read_tabs(path, digest, 2),
    ):
        with suppress(KBError):
            call(path, digest)


def _scores(path: Path) -> None:
    for call in (retrieval_files.read_relevance, trec.read_qrels, trec.read_run):
        with suppress(KBError):
            call(path)


def _video(path: Path) -> None:
    from kb.datasets.features.videos import frames_of  # noqa: PLC0415  (needs PyAV)

    for number, _ in enumerate(frames_of(path, 5)):
        assert number < 10_000


def void(_value: object) -> None:
    """Nothing: what was read is not needed."""


PARSERS = (
    Parser("lists", lambda data, _folder: target.one_input(data), seeds.texts("tests/data/lists/*.md"),
           tuple(token.encode() for token in target.TOKENS)),
    Parser("yaml", _yaml, seeds.texts("tests/data/kb/data/*.yaml", "data/venues.yaml")),
    Parser("runs", written("r.json", _run), seeds.texts("tests/data/kb/data/results/*/*.json")),
    Parser("links", written("l.json", history.read), seeds.plain(seeds.LINK)),
    Parser("json", written("j.json", lambda path: plainfile.read_json(path, "x")), seeds.plain(seeds.LINK)),
    Parser("policy", written("p.yaml", settings.read), seeds.texts("kb/links/policy.yaml")),
    Parser("bibtex", written("b.bib", bibtex.read), seeds.plain(seeds.BIB)),
    Parser("feed", _feed, seeds.feeds),
    Parser("page", _page, seeds.plain(seeds.PAGE)),
    Parser("address", _address, seeds.plain(b"https://a.org/b?c#d", b"//[::1]/x", b"http://xn--a.b\\c")),
    Parser("model", _model, seeds.texts("models/w2vvpp.py", "tests/data/toy_model.py")),
    Parser("report", lambda data, _folder: void(report.parse(data)), seeds.reports),
    Parser("issue", _issue, seeds.issues),
    Parser("event", written("e.json", workflow_run.read_event), seeds.events),
    Parser("pickle", written("x.pkl", _tables), seeds.pickles),
    Parser("pth", written("x.pth", _tables), seeds.pth),
    Parser("npy", written("npy/v1.npy", _arrays), lambda: seeds.saved(packed=False)),
    Parser("npz", written("npz/v1.npz", _arrays), lambda: seeds.saved(packed=True)),
    Parser("hdf5", written("x.h5", _hdf5), seeds.hdf5s),
    Parser("bigfile", _bigfile, seeds.texts("tests/data/bigfile/*.txt")),
    Parser("zip", written("x.zip", _archive), seeds.zips),
    Parser("tar", written("x.tar", _archive), seeds.tars),
    Parser("annotations", written("a.json", _annotations), seeds.plain(b'{"a": [1, "b"]}', b"a\tb\nc\td\n")),
    Parser("scores", written("s.tsv", _scores), seeds.plain(b"0\t0\t1\n1\t1\n", b"q 0 d 1\nq Q0 d 1 0.5 t\n")),
    Parser("video", written("x.mp4", _video), seeds.films),
)  # fmt: skip
