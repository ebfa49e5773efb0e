"""`kb sync URL`: a list from a server is complete or is not taken at all."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kb.cli import run
from kb.links.document import Reader
from kb.records import KBError
from tests.sync.base import document, line

LIST = document(line("A Paper on Video"), line("Another One", author="Li", paper=None)).encode()
PLAIN = "text/plain; charset=utf-8"
# path -> status, headers, body
PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/list.md": (200, {"Content-Type": PLAIN}, LIST),
    "/moved": (301, {"Location": "/list.md"}, b""),
    "/away": (302, {"Location": "http://inside.test:{port}/list.md"}, b""),
    "/round": (302, {"Location": "/round"}, b""),
    "/page": (200, {"Content-Type": "text/html"}, b"<p>no list"),
    "/short": (200, {"Content-Type": PLAIN, "Content-Length": "99999"}, LIST[:-40]),
    "/packed": (200, {"Content-Type": PLAIN, "Content-Encoding": "gzip"}, b"\x1f\x8b"),
    "/large": (200, {"Content-Type": PLAIN}, LIST * 9000),
    "/binary": (200, {"Content-Type": PLAIN}, b"\x7fELF\0\1\2"),
    "/prose": (200, {"Content-Type": PLAIN}, b"# Prose\n\nand no entry.\n"),
}


class Handler(BaseHTTPRequestHandler):
    """Answers with PAGES."""

    def do_GET(self) -> None:
        """One page, or 404."""
        status, headers, body = PAGES.get(self.path, (404, {}, b"nothing here"))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value.format(port=self.server.server_address[1]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """A server on this machine; its address without a path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("path", ["/list.md", "/moved"])
def test_a_list_is_read_from_an_address(
    site: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Directly or after a redirect, with the same records as from a file."""
    (tmp_path / "data").mkdir()

    assert run(["sync", site + path, "-C", str(tmp_path), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["added"] == ["luo2021paper", "li2021another"]


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/absent", 4, "HTTP 404; check the address"),
        ("/round", 4, "more than 5 redirects"),
        ("/short", 4, "cannot be fetched"),
        ("/page", 2, "a web page, not Markdown; name the raw file"),
        ("/packed", 2, "the server compresses it"),
        ("/binary", 2, "a binary file"),
        ("/prose", 2, "no entries found"),
    ],
)
def test_what_is_not_a_whole_list_is_one_line_and_changes_nothing(
    site: str,
    path: str,
    code: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A list that breaks off would take half the records for removed."""
    assert run(["sync", f"{site}/list.md", "-C", str(tmp_path)]) == 0
    before = {file: file.read_bytes() for file in (tmp_path / "data").glob("*.*")}
    capsys.readouterr()

    assert run(["sync", site + path, "-C", str(tmp_path)]) == code

    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said
    assert {file: file.read_bytes() for file in (tmp_path / "data").glob("*.*")} == before


def test_a_list_is_read_up_to_a_limit(site: str) -> None:
    """What is larger is refused."""
    with pytest.raises(KBError, match="larger than 1 MB"):
        Reader(1 << 20).read(f"{site}/large")


def test_a_redirect_leads_from_outside_to_no_private_address(site: str) -> None:
    """Another host's word is not the user's: its redirect into the house is refused."""
    names = {"outside.test": "192.0.43.8", "inside.test": "10.0.0.1", "127.0.0.1": "127.0.0.1"}

    def resolver(host: str, _port: int) -> list[str]:
        return [names[host]]

    with pytest.raises(KBError, match="address refused: private address"):
        Reader(1 << 20, resolver=resolver).read(f"{site}/away")


@pytest.mark.parametrize("address", ["http://169.254.169.254/list.md", "http://[fe80::1]/list.md"])
def test_some_addresses_are_never_asked(address: str) -> None:
    """A cloud's metadata service is no place for a list, whoever names it."""
    with pytest.raises(KBError, match="address refused"):
        Reader(1 << 20).read(address)


def test_an_address_nobody_listens_at_is_out_of_reach(tmp_path: Path) -> None:
    """Exit code 4: nothing is wrong with the list."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

    assert run(["sync", f"http://127.0.0.1:{port}/list.md", "-C", str(tmp_path)]) == 4


def test_a_knowledge_base_begins_with_a_list_of_the_web(site: str, tmp_path: Path) -> None:
    """`kb init --list URL` keeps the list as README.md; a list that is none leaves no trace."""
    new = tmp_path / "new"

    assert run(["init", str(new), "--list", f"{site}/prose"]) == 2
    assert not new.exists()
    assert run(["init", str(new), "--list", f"{site}/list.md"]) == 0

    assert (new / "README.md").read_bytes() == LIST
    assert "luo2021paper" in (new / "data" / "papers.yaml").read_text(encoding="utf-8")
