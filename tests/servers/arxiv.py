"""A local arXiv: the query API, OAI arXivRaw, abs and pdf pages, and the faults seen in practice.

By hand: `python -m tests.servers.arxiv --port 8099`, then `KB_ARXIV_ENDPOINT=http://127.0.0.1:8099/api/query`
and `KB_ARXIV_OAI=http://127.0.0.1:8099/oai`. Papers: tests/data/arxiv/papers.json.
"""

import argparse
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.arxiv_feed import entry, feed, oai_error, raw, refusal

PAPERS = Path(__file__).resolve().parents[1] / "data" / "arxiv" / "papers.json"
FAULTS = (
    "429", "429-date", "429-long", "503", "403", "empty", "truncated", "html", "slow", "drip",
    "reset", "moved", "elsewhere",
)  # fmt: skip
VALID = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?")


@dataclass
class State:
    """The papers, the faults still to come, and what was asked when."""

    papers: dict[str, dict[str, Any]]
    faults: list[str] = field(default_factory=list)
    seed: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    active: int = 0
    most_active: int = 0
    connected: int = 0
    most_connected: int = 0  # connections open at one time, idle ones too
    clock: Callable[[], float] = time.time
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, path: str) -> str | None:
        """Note a request's arrival; the fault it is to meet, if any."""
        with self.lock:
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            self.log.append({"time": self.clock(), "path": path})
            return self.faults.pop(0) if self.faults else None

    def leave(self) -> None:
        """Note that a request is answered."""
        with self.lock:
            self.active -= 1

    def connect(self, change: int) -> None:
        """Note that a connection was opened (1) or closed (-1)."""
        with self.lock:
            self.connected += change
            self.most_connected = max(self.most_connected, self.connected)

    def gaps(self) -> list[float]:
        """Seconds between successive requests, as the server saw them."""
        times = [row["time"] for row in self.log]
        return [later - earlier for earlier, later in pairwise(times)]


def load(path: Path = PAPERS) -> dict[str, dict[str, Any]]:
    """Papers by base identifier."""
    return {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))}


def answer(state: State, given: dict[str, list[str]]) -> tuple[int, bytes]:
    """Status and body for the parameters of a query."""
    first = {key: values[0] for key, values in given.items()}
    query = {
        "search_query": first.get("search_query", ""),
        "id_list": first.get("id_list", ""),
        "start": first.get("start", "0"),
        "max_results": first.get("max_results", "10"),
    }
    for name in ("start", "max_results"):
        if not re.fullmatch(r"-?[0-9]+", query[name]):
            return 400, refusal(f"{name} must be an integer")
        if int(query[name]) < 0:
            return 400, refusal(f"{name} must be non-negative")
    if int(query["max_results"]) > 30000:
        return 400, refusal("max_results must not exceed 30000")
    found: list[tuple[dict[str, Any], int]] = []
    for ident in filter(None, query["id_list"].split(",")):
        match = VALID.fullmatch(ident)
        if match is None:
            return 400, refusal(f"incorrect id format for {ident}")
        paper = state.papers.get(match[1])
        last = paper.get("version", 1) if paper else 0
        version = int(match[2][1:]) if match[2] else last
        if paper and 1 <= version <= last:
            found.append((paper, version))
    if query["search_query"]:
        matching = search(state, query["search_query"])
        if first.get("sortBy") == "submittedDate":
            down = first.get("sortOrder") != "ascending"
            matching.sort(key=lambda row: row[0]["published"], reverse=down)
        chosen = {paper["id"] for paper, _ in matching}
        # Both given: those of the list that also match.
        found = [row for row in found if row[0]["id"] in chosen] if query["id_list"] else matching
    start, most = int(query["start"]), int(query["max_results"])
    page = found[start : start + min(most, 2000)]
    random.Random(state.seed + len(state.log)).shuffle(page)
    return 200, feed(query, len(found), [entry(paper, version) for paper, version in page])


def search(state: State, text: str) -> list[tuple[dict[str, Any], int]]:
    """Papers whose title holds every word of a `ti:"..."` query, or that each part of AND fits."""
    if " AND " in text:
        parts = text.split(" AND ")
        rows = [one for one in state.papers.values() if all(_fits(one, part) for part in parts)]
        return [(paper, paper.get("version", 1)) for paper in rows]
    words = re.findall(r"\w+", text.split(":", 1)[-1].casefold())
    rows = state.papers.values()
    held = [p for p in rows if set(words) <= set(re.findall(r"\w+", p["title"].casefold()))]
    return [(paper, paper.get("version", 1)) for paper in held]


def _fits(paper: dict[str, Any], part: str) -> bool:
    """Whether a paper fits `ti:a`, `(ti:a OR ti:b)` or `submittedDate:[FROM TO UNTIL]`."""
    if days := re.fullmatch(r"submittedDate:\[(\d{12}) TO (\d{12})\]", part):
        return days[1] <= re.sub(r"\D", "", paper["published"])[:12] <= days[2]
    title = set(re.findall(r"\w+", paper["title"].casefold()))
    return any(one.strip("() ").removeprefix("ti:") in title for one in part.split(" OR "))


def oai(state: State, given: dict[str, list[str]]) -> bytes:
    """The OAI-PMH answer to GetRecord in arXivRaw; the protocol's errors for anything else."""
    first = {key: values[0] for key, values in given.items()}
    if first.get("verb") != "GetRecord":
        return oai_error("badVerb", "only GetRecord is served here")
    if first.get("metadataPrefix") != "arXivRaw":
        return oai_error("cannotDisseminateFormat", "only arXivRaw is served here")
    paper = state.papers.get(first.get("identifier", "").removeprefix("oai:arXiv.org:"))
    return raw(paper) if paper else oai_error("idDoesNotExist", "no such identifier")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def setup(self) -> None:
        """A connection opens."""
        super().setup()
        self.server.state.connect(1)

    def finish(self) -> None:
        """A connection closes."""
        self.server.state.connect(-1)
        super().finish()

    def do_GET(self) -> None:
        """Answer a query, or meet the next fault of the script."""
        self.route(parse_qs(urlsplit(self.path).query, keep_blank_values=True))

    def do_POST(self) -> None:
        """The same with parameters in the body."""
        size = int(self.headers.get("Content-Length") or 0)
        self.route(parse_qs(self.rfile.read(size).decode(), keep_blank_values=True))

    def route(self, given: dict[str, list[str]]) -> None:
        """Find the room of the address."""
        path = urlsplit(self.path).path
        state = self.server.state
        if path == "/__stats":
            stats = {
                "requests": len(state.log),
                "gaps": state.gaps(),
                "most_active": state.most_active,
                "most_connected": state.most_connected,
            }
            self.reply(200, json.dumps(stats).encode(), "application/json")
            return
        fault = state.enter(self.path)
        try:
            if fault and self.meet(fault):
                return
            if path == "/api/query":
                status, body = answer(state, given)
                cut = len(body) // 2 if fault == "truncated" else len(body)
                self.reply(status, body[:cut], "application/atom+xml")
            elif path == "/oai":
                self.reply(200, oai(state, given), "text/xml")
            else:
                self.page(path)
        finally:
            state.leave()

    def page(self, path: str) -> None:
        """An abs or pdf page: 404 for an unknown paper, and for the pdf of a withdrawn one."""
        kind, _, ident = path.lstrip("/").partition("/")
        if kind == "pdf" and ident.endswith(".pdf"):
            self.reply(301, b"", "text/html", Location=path.removesuffix(".pdf"))
            return
        match = VALID.fullmatch(ident)
        paper = self.server.state.papers.get(match[1]) if match else None
        known = paper and kind in {"abs", "pdf"} and not (kind == "pdf" and paper.get("withdrawn"))
        self.reply(200 if known else 404, b"<html></html>", "text/html")

    def meet(self, fault: str) -> bool:
        """Play one fault; False where the answer is still to be given."""
        later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
        plain = {
            "429": (429, b"Rate exceeded.", {"Retry-After": "1"}),
            "429-date": (429, b"Rate exceeded.", {"Retry-After": later}),
            "429-long": (429, b"Rate exceeded.", {"Retry-After": "3600"}),
            "503": (503, b"<html>busy</html>", {}),
            "moved": (301, b"", {"Location": self.path}),
            "elsewhere": (302, b"", {"Location": "http://169.254.169.254/latest/"}),
            "403": (403, b"<html>forbidden</html>", {}),
            "html": (200, b"<html><body>maintenance</body></html>", {}),
        }
        if fault in plain:
            status, body, headers = plain[fault]
            self.reply(status, body, "text/html", **headers)
        elif fault == "empty":
            query = dict.fromkeys(("search_query", "id_list"), "") | {
                "start": "0",
                "max_results": "10",
            }
            self.reply(200, feed(query, 7, []), "application/atom+xml")
        elif fault == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault == "slow":
            time.sleep(1.0)
            return False
        elif fault == "drip":
            self.drip()
        else:
            return False
        return True

    def drip(self) -> None:
        """A long body, a byte at a time, until the client has enough."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(0.02)
        self.close_connection = True

    def reply(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        """Send one whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Server(ThreadingHTTPServer):
    """The local arXiv on loopback."""

    daemon_threads = True

    def __init__(self, state: State | None = None, port: int = 0) -> None:
        self.state = state or State(load())
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Serve in a thread of its own."""
        self.thread.start()

    def stop(self) -> None:
        """End the thread and free the port."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that went away is no error of ours."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--papers", type=Path, default=PAPERS)
    parser.add_argument(
        "--fault", action="append", default=[], help=f"one of {', '.join(FAULTS)}; may be repeated"
    )
    chosen = parser.parse_args()
    server = Server(State(load(chosen.papers), chosen.fault), chosen.port)
    print(f"{server.address}/api/query")  # noqa: T201
    server.serve_forever()
