"""Fetching from a real local server with faults."""

import gzip
import hashlib
import io
import json
import threading
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep

import pytest

from kb.cli import run
from kb.datasets import download, sources
from kb.datasets.download import Remote, fetch
from kb.records.errors import Exit, KBError

BODY = bytes(range(256)) * 4096  # one mebibyte
SUM = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves BODY, with Range and If-Range, and the next fault of `server.faults`."""

    def do_GET(self):
        """One request."""
        server = self.server
        server.log.append(dict(self.headers))
        fault = server.faults.pop(0) if server.faults else ""
        if fault.startswith("to "):
            self.send_response(302)
            self.send_header("Location", fault.removeprefix("to "))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "endless":
            self.endless()
            return
        if fault.isdecimal():
            self.send_error(int(fault))
            return
        if server.gzip:
            self.compressed()
            return
        if fault.startswith("encoding "):
            self.send_response(200)
            self.send_header("Content-Encoding", fault.removeprefix("encoding "))
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"\x28\xb5\x2f\xfd....\0")
            return
        start = self.start()
        self.send_response(206 if start else 200)
        if start:
            first = start + 1 if fault == "wrong range" else start
            self.send_header(
                "Content-Range", f"bytes {first}-{len(server.body) - 1}/{len(server.body)}"
            )
        self.send_header("ETag", server.tag)
        if fault != "no length":
            self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        end = len(server.body) // 2 if fault == "cut" else len(server.body)
        self.wfile.write(server.body[start:end])
        if fault == "cut":
            self.close_connection = True

    def endless(self):
        """More and more bytes, of a length that is not said."""
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(bytes(1 << 16))
                self.server.sent += 1 << 16
        self.close_connection = True

    def compressed(self):
        """The whole body, though nobody asked for gzip."""
        body = gzip.compress(self.server.body)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def start(self):
        """The byte from which to go on; 0 where the version asked for is another."""
        span = self.headers.get("Range", "")
        if not span or self.server.plain or self.headers.get("If-Range") != self.server.tag:
            return 0
        return int(span.removeprefix("bytes=").rstrip("-"))

    def log_message(self, *words):
        """Nothing is printed."""


@pytest.fixture
def server():
    """A server on a free port of this machine."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.body, http.tag, http.faults, http.log, http.plain = BODY, '"one"', [], [], False
    http.gzip, http.sent = False, 0
    http.url = f"http://127.0.0.1:{http.server_port}/data/file.bin"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def get(server, folder, **more):
    """Fetch the file without pauses between tries."""
    remote = Remote(server.url, "sub/file.bin", **{"sha256": SUM, "bytes": len(BODY), **more})
    return fetch(remote, folder, lambda *_: None, pause=0.0)


def test_a_file_arrives_whole_and_is_checked(server, tmp_path):
    """Bytes, sum, no leftovers; a second run asks nobody."""
    result = get(server, tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY
    assert (result.bytes, result.sha256, result.verified) == (len(BODY), SUM, True)
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["file.bin"]
    assert get(server, tmp_path).resumed_from is None
    assert len(server.log) == 1


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    """Cut in half twice: the second request asks from that byte on, of the same version."""
    server.faults = ["cut"]
    get(server, tmp_path)
    assert server.log[1]["Range"] == f"bytes={len(BODY) // 2}-"
    assert server.log[1]["If-Range"] == '"one"'
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_another_run_goes_on_from_what_is_there(server, tmp_path):
    """All tries of the first run fail; what came is kept, and the second run asks for the rest."""
    server.faults = ["cut", *["503"] * (download.TRIES - 1)]
    with pytest.raises(KBError, match="what has arrived is kept") as caught:
        get(server, tmp_path)
    assert caught.value.code == Exit.UNREACHABLE
    result = get(server, tmp_path)
    assert result.resumed_from == len(BODY) // 2
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_begun_again(server, tmp_path):
    """If-Range: the parts of two versions are never joined."""
    server.faults = ["cut", *["503"] * (download.TRIES - 1)]
    with suppress(KBError):
        get(server, tmp_path)
    server.tag, server.body = '"two"', BODY[::-1]
    result = get(server, tmp_path, sha256=hashlib.sha256(BODY[::-1]).hexdigest())
    assert result.verified


@pytest.mark.parametrize("fault", ["500", "429", "wrong range", "no length"])
def test_faults_that_pass_are_waited_out(server, tmp_path, fault):
    """A server error, too many requests, a wrong range, no length."""
    server.faults = ["cut", fault, "cut", fault]
    get(server, tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path):
    """200 in answer to a Range: the part is overwritten, not appended to."""
    server.plain, server.faults = True, ["cut"]
    get(server, tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_a_file_that_is_not_there_is_told_at_once(server, tmp_path):
    """404: no second try, exit code 4."""
    server.faults = ["404"]
    with pytest.raises(KBError, match="answers 404") as caught:
        get(server, tmp_path)
    assert (caught.value.code, len(server.log)) == (Exit.UNREACHABLE, 1)


def test_another_sum_or_length_is_refused(server, tmp_path):
    """What is not as published is thrown away, or not even fetched."""
    with pytest.raises(KBError, match="was published; it was thrown away"):
        get(server, tmp_path, sha256="0" * 64)
    assert list((tmp_path / "sub").iterdir()) == []
    with pytest.raises(KBError, match="is 1,048,576 bytes long, 5 were published"):
        get(server, tmp_path, bytes=5)
    (tmp_path / "sub/file.bin").write_bytes(b"mine")
    with pytest.raises(KBError, match="move it away and fetch it again"):
        get(server, tmp_path)


def test_a_full_disk_is_told_before_the_first_byte(server, tmp_path, monkeypatch):
    """Free space is asked for, and what has arrived is kept."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(KBError, match="needs 1,048,576 bytes more, 1,000 are free"):
        get(server, tmp_path)


def test_the_command_shows_source_and_licence_first(server, tmp_path, capsys):
    """Sources and licence on stderr, then the files; JSON alone on stdout; --dry-run fetches none."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inner/train.json", "{}")
    server.body = archive.getvalue()
    entry = {
        "home": "https://example.org/",
        "licence": "to be shown",
        "elsewhere": "videos",
        "files": [{"url": server.url, "path": "captions.zip"}],
    }
    (tmp_path / "sources.json").write_text(json.dumps({"toy": entry}))
    line = ["data", "fetch", "toy", "--sources", str(tmp_path / "sources.json")]
    line += ["--out", str(tmp_path / "out")]
    assert run([*line, "--dry-run"]) == 0
    assert server.log == []
    assert run([*line, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.index("licence: to be shown") < err.index("captions.zip: ")
    assert json.loads(out)["unpacked"] == ["inner/train.json"]
    assert (tmp_path / "out/inner/train.json").read_text() == "{}"


def test_an_archive_that_came_before_a_kill_is_unpacked_by_the_next_fetch(server, tmp_path):
    """It is whole, but nothing says that it was unpacked; what was is left alone afterwards."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("train.json", "{}")
    (tmp_path / "captions.zip").write_bytes(archive.getvalue())
    toy = sources.Source("toy", "", "", "", (Remote(server.url, "captions.zip"),))
    assert sources.fetch(toy, tmp_path, lambda *_: None).unpacked == ["train.json"]
    (tmp_path / "train.json").write_text("{1}")
    assert sources.fetch(toy, tmp_path, lambda *_: None).unpacked == []
    assert (tmp_path / "train.json").read_text() == "{1}"


def test_a_data_set_given_by_agreement_says_so(tmp_path, capsys):
    """LSMDC: no link, exit code 4, and the way to it."""
    assert run(["data", "fetch", "lsmdc", "--out", str(tmp_path / "x")]) == 4
    assert "sign the agreement" in capsys.readouterr().err
    assert run(["data", "fetch", "nothing"]) == 2


def test_what_is_compressed_on_the_way_is_measured_unpacked(server, tmp_path):
    """A server that compresses all the same: its length is not the file's, and nothing is resumed."""
    server.gzip = True
    result = get(server, tmp_path)
    assert (result.bytes, result.verified) == (len(BODY), True)


def test_a_file_is_never_read_beyond_its_published_size(server, tmp_path):
    """A source that sends without end is left at the first byte too many, and nothing is kept."""
    server.faults = ["endless"]
    with pytest.raises(KBError, match="sends more than 1,048,576 bytes") as caught:
        get(server, tmp_path)
    assert caught.value.code == Exit.UNREACHABLE
    assert server.sent < 64 << 20  # what lay in buffers on the way
    assert list((tmp_path / "sub").iterdir()) == []


def test_without_a_published_size_there_is_a_cap(server, tmp_path, monkeypatch):
    """Announced or not, more than the cap is refused."""
    monkeypatch.setattr(download, "LARGEST", 1 << 19)
    with pytest.raises(KBError, match="no size was published and 524,288 is the most"):
        get(server, tmp_path, bytes=None, sha256=None)
    server.faults = ["endless"]
    with pytest.raises(KBError, match="no size was published"):
        get(server, tmp_path, bytes=None, sha256=None)


def test_what_unpacks_beyond_the_size_is_refused(server, tmp_path):
    """Compressed on the way: what counts is what comes out."""
    server.gzip, server.body = True, bytes(64 << 20)
    with pytest.raises(KBError, match="sends more than 1,048,576 bytes"):
        get(server, tmp_path)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "x"])
def test_an_encoding_that_was_not_asked_for_is_not_stored(server, tmp_path, encoding):
    """What is packed in Brotli or Zstandard never becomes the file, published sum or not."""
    server.faults = [f"encoding {encoding}"]
    with pytest.raises(KBError, match="which was not asked for") as caught:
        get(server, tmp_path, bytes=None, sha256=None)
    assert caught.value.code == Exit.UNREACHABLE
    assert list((tmp_path / "sub").iterdir()) == []


@pytest.mark.parametrize(
    "body", [b"\x1f\x8b" + bytes(7), b"no gzip..", b"\x1f\x8b\x08" + b"\xff" * 6]
)
def test_a_broken_encoding_is_one_line(server, tmp_path, monkeypatch, body):
    """What says that it is gzip and is none, every time that it is asked for."""
    monkeypatch.setattr(gzip, "compress", lambda _: body)
    server.gzip = True
    with pytest.raises(KBError, match="cannot be fetched"):
        get(server, tmp_path, bytes=None, sha256=None)


def test_a_source_slower_than_is_worth_it_is_given_up(server, tmp_path, monkeypatch):
    """Every byte in time and all of them too late: the whole transfer has a limit."""
    monkeypatch.setattr(download, "SECONDS", 0.5)
    monkeypatch.setattr(download, "SLOWEST", 1 << 40)
    monkeypatch.setattr(download, "TRIES", 1)
    monkeypatch.setattr(Handler, "start", lambda _self: sleep(1) or 0)
    with pytest.raises(KBError, match="cannot be fetched") as caught:
        get(server, tmp_path)
    assert caught.value.code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/",
        "http://2852039166/", "http://224.0.0.1/", "http://127.0.0.1:22/x", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_a_redirect_inside_is_refused(server, tmp_path, location):
    """Metadata, multicast, another protocol's port, a file: one line, asked once."""
    server.faults = [f"to {location}"] * 9
    with pytest.raises(KBError, match=r"refused|never followed|another protocol") as caught:
        get(server, tmp_path)
    assert caught.value.code == Exit.UNREACHABLE
    assert len(server.log) == 1


def test_a_redirect_from_outside_to_this_machine_is_refused(server, tmp_path, monkeypatch):
    """A public source may not lead to a private address, though a private source may be named."""
    monkeypatch.setattr(download, "system_resolver", lambda _host, _port: ["93.184.216.34"])
    with pytest.raises(KBError, match="loopback address"):
        get(server, tmp_path)
    assert server.log == []


@pytest.mark.parametrize("location", ["http://[::1/", "//[", "http://a]b/", "http://a.test:x/"])
def test_a_redirect_to_no_address_is_one_line(server, tmp_path, location):
    """A Location that cannot be read ends that file, without a trace and without more tries."""
    server.faults = [f"to {location}"] * 9
    with pytest.raises(KBError, match="cannot be fetched"):
        get(server, tmp_path)
    assert len(server.log) == 1


def test_redirects_are_followed_and_end(server, tmp_path):
    """Relative and absolute ones, five at most."""
    server.faults = ["to /elsewhere", f"to {server.url}", "to ?x=1"]
    assert get(server, tmp_path).verified
    server.faults = ["to /round"] * 99
    with pytest.raises(KBError, match="more than 5 redirects"):
        get(server, tmp_path / "again")


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "http://a/", "path": "x", "bytes": -1}, {"url": "http://a/", "path": "x", "bytes": "9"},
        {"url": "http://a/", "path": "x", "sha256": "0"}, {"url": "ftp://a/", "path": "x"},
        {"url": "http://a/", "path": "../x"}, {"url": 1, "path": "x"}, "x", None,
    ],
)  # fmt: skip
def test_a_catalogue_of_another_form_is_one_line(tmp_path, capsys, entry):
    """A mirror's catalogue is checked before anything is asked."""
    row = {"home": "h", "licence": "l", "elsewhere": "e", "files": [entry]}
    (tmp_path / "sources.json").write_text(json.dumps({"toy": row}))
    assert run(["data", "fetch", "toy", "--sources", str(tmp_path / "sources.json")]) == 2
    assert "no source" in capsys.readouterr().err
