"""A local GitHub API, as far as the bot uses it: it holds every request to its written form.

By hand: `python -m tests.servers.github --port 8098`, then `kb bot post --api http://127.0.0.1:8098`.
"""

import argparse
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from jsonschema import Draft202012Validator

from tests.servers.github_answers import Refusal, State, answer

OPERATIONS = Path(__file__).resolve().parents[1] / "data" / "bot" / "github_requests.json"
TOKEN = "local-token"
HEADERS = {
    "Authorization": re.compile(rf"Bearer {TOKEN}"),
    "Accept": re.compile(r"application/vnd\.github\+json"),
    "X-GitHub-Api-Version": re.compile(r"2022-11-28"),
    "User-Agent": re.compile(r".+"),
}
SCRIPTED = {
    "403": Refusal(403, "Resource not accessible by integration"),
    "404": Refusal(404, "Not Found"),
    "422": Refusal(422, "Validation Failed", errors=[{"resource": "Issue", "code": "custom"}]),
    "429": Refusal(429, "You have exceeded a secondary rate limit.", headers={"Retry-After": "2"}),
    "403-limit": Refusal(
        403,
        "API rate limit exceeded for installation ID 1.",
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"},
    ),
    "429-long": Refusal(
        429, "You have exceeded a secondary rate limit.", headers={"Retry-After": "3600"}
    ),
    "502": Refusal(502, "Server Error"),
}


@dataclass
class Operation:
    """One documented request."""

    name: str
    method: str
    path: re.Pattern[str]
    status: int
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def operations(path: Path = OPERATIONS) -> list[Operation]:
    """Every request that this server knows."""
    rows = json.loads(path.read_text(encoding="utf-8"))["operations"]
    made = []
    for row in rows:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", row["path"])
        made.append(Operation(**{**row, "path": re.compile(pattern)}))
    return made


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def meet(self) -> None:
        """Find the operation, hold the request to it, answer."""
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path.startswith("/store/"):
            self.store(parts.path)
            return
        for operation in self.server.operations:
            match = operation.path.fullmatch(parts.path)
            if match and operation.method == self.command:
                names = {key: unquote(value) for key, value in match.groupdict().items()}
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                self.serve(operation, names, query, body)
                return
        self.server.violations.append(f"{self.command} {self.path}: no such operation")
        self.refuse(SCRIPTED["404"])

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = meet  # noqa: N815  (names of http.server)

    def serve(
        self, operation: Operation, names: dict[str, str], query: dict[str, str], body: bytes
    ) -> None:
        """One known operation."""
        state, server = self.server.state, self.server
        with server.lock:
            server.log.append((operation.name, self.path))
            wrong = [*self.wrong_headers(), *_wrong(operation, query, body)]
            server.violations += [f"{operation.name}: {what}" for what in wrong]
            scripted = server.script.get(operation.name)
            fault = scripted.pop(0) if scripted else ""
            if fault:
                self.refuse(SCRIPTED[fault])
                return
            if wrong:
                self.refuse(Refusal(422, "Validation Failed", errors=[{"message": wrong[0]}]))
                return
            given = json.loads(body) if body else {}
            try:
                document = answer(state, operation.name, names, query, given)
            except Refusal as refusal:
                self.refuse(refusal)
                return
        if operation.name == "actions/download-artifact":
            where = f"{server.store_address}/store/{names['id']}"
            self.reply(302, b"", Location=where)
        elif isinstance(document, list):
            self.page(document, query)
        else:
            text = b"" if operation.status == 204 else json.dumps(document).encode()
            self.reply(operation.status, text)

    def wrong_headers(self) -> list[str]:
        """Headers that GitHub documents and this request lacks."""
        return [
            f"header {name}: {self.headers.get(name)!r}"
            for name, pattern in HEADERS.items()
            if not pattern.fullmatch(self.headers.get(name, ""))
        ]

    def page(self, rows: list[Any], query: dict[str, str]) -> None:
        """One page of a list, with the Link header to the next."""
        size = min(int(query.get("per_page", 30)), self.server.largest_page)
        number = int(query.get("page", 1))
        links = {}
        if number * size < len(rows):
            parts = urlsplit(self.path)
            more = urlencode({**query, "page": number + 1})
            host = self.server.next_origin or self.server.address
            links["Link"] = f'<{host}{parts.path}?{more}>; rel="next"'
        self.reply(200, json.dumps(rows[(number - 1) * size : number * size]).encode(), **links)

    def store(self, path: str) -> None:
        """The place where artifacts lie: another service, which must never see the token."""
        if "Authorization" in self.headers:
            self.server.violations.append("the token was sent to the store")
        body = self.server.state.store.get(int(path.rpartition("/")[2]))
        self.reply(200 if body is not None else 404, body or b"")

    def refuse(self, refusal: Refusal) -> None:
        """An error as GitHub words it."""
        document = {
            "message": refusal.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(refusal.status),
        }
        if refusal.errors:
            document["errors"] = refusal.errors
        self.reply(refusal.status, json.dumps(document).encode(), **refusal.headers)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Send one whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def _wrong(operation: Operation, query: dict[str, str], body: bytes) -> list[str]:
    """What of a request is not as documented."""
    wrong = [f"unknown parameter {name}" for name in query if name not in operation.query]
    for name, value in query.items():
        schema = operation.query.get(name, {})
        wrong += [f"{name}: {e.message}" for e in Draft202012Validator(schema).iter_errors(value)]
    if operation.body is None:
        return [*wrong, *(["a body where none belongs"] if body else [])]
    try:
        given = json.loads(body)
    except ValueError:
        return [*wrong, "the body is not JSON"]
    return [*wrong, *(e.message for e in Draft202012Validator(operation.body).iter_errors(given))]


class Server(ThreadingHTTPServer):
    """The local API on loopback. `script` gives faults by operation; `violations` must stay empty."""

    daemon_threads = True

    def __init__(self, state: State | None = None, port: int = 0) -> None:
        self.state = state or State()
        self.operations = operations()
        self.script: dict[str, list[str]] = {}
        self.violations: list[str] = []
        self.log: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        self.largest_page = 100
        self.next_origin: str | None = None  # an origin that pages are said to go on at
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def store_address(self) -> str:
        """The same, under the name that its store goes by."""
        return f"http://localhost:{self.server_address[1]}"

    def writes(self) -> list[str]:
        """The operations that changed something or tried to, in order."""
        reading = {op.name for op in self.operations if op.method == "GET"}
        return [name for name, _ in self.log if name not in reading]

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8098)
    server = Server(port=parser.parse_args().port)
    print(f"{server.address}  GITHUB_TOKEN={TOKEN}")  # noqa: T201
    server.serve_forever()
