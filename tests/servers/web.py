"""A small web on this machine with every fault a link checker meets; each fault tells its truth.

    python -m tests.servers.web --port 8399          then, in another window:
    curl -s http://127.0.0.1:8399/list.md > list.md
    kb links --file list.md --allow-private --timeout 3

list.md names every fault with the verdict that is true of it. Only loopback addresses are served.
A path's first part names the behaviour; what follows makes addresses distinct: /ok/1, /404/1.

With --ca FILE the list has https links too, with good and bad certificates; FILE is the authority:
    SSL_CERT_FILE=FILE kb links --file list.md --allow-private --timeout 3

The same server stands in for GitHub's API (the owner in the address says what becomes of the
repository: archived, renamed, gone, withheld, limited; any other is well) and for the Wayback
Machine:
    KB_GITHUB_API=http://127.0.0.1:8399 KB_WAYBACK=http://127.0.0.1:8399 kb links ...
"""

import argparse
import asyncio
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext
from time import monotonic
from types import TracebackType

from typing_extensions import Self

REQUEST = 64 * 1024  # bytes of a request's head; more is not read
HANDSHAKE = b"\x16"  # the first byte of TLS


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    at: float  # monotonic seconds


@dataclass
class Exchange:
    """One request and the means to answer it."""

    web: "Web"
    method: str
    path: str
    headers: dict[str, str]
    writer: asyncio.StreamWriter
    count: int  # how often this path was asked before, with any method
    open: bool = True  # the connection is kept for another request
    rest: list[str] = field(init=False)  # the path's parts after the behaviour's name

    def __post_init__(self) -> None:
        self.rest = self.path.partition("?")[0].strip("/").split("/")[1:]

    async def send(
        self,
        status: int = 200,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        kind: str = "text/html; charset=utf-8",
    ) -> None:
        """A whole answer; the body is left out for HEAD."""
        fields = {"Content-Type": kind, "Content-Length": str(len(body))} | (headers or {})
        await self.raw(head(status, fields) + (b"" if self.method == "HEAD" else body))

    async def redirect(self, status: int, location: str) -> None:
        """Send elsewhere."""
        await self.send(status, {"Location": location})

    async def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang_up(self) -> None:
        """Close the connection as a server does that has nothing to say."""
        self.open = False

    async def reset(self) -> None:
        """Close it rudely: the client gets a RST."""
        self.open = False
        self.writer.transport.abort()

    def url(self, path: str) -> str:
        """An address on the same host."""
        return f"http://{self.headers.get('host', '')}{path}"


def head(status: int, fields: dict[str, str]) -> bytes:
    """Status line and headers. Values are sent as UTF-8, as careless servers do."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Whatever"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


class Web:
    """The server, in a thread of its own; a context manager.

    `hosts` are loopback addresses, all on one port; `tls` maps a name to the context of one more
    port each. `latency` seconds pass before every answer.
    """

    def __init__(
        self,
        hosts: Sequence[str] = ("127.0.0.1",),
        port: int = 0,
        *,
        latency: float = 0.0,
        tls: dict[str, SSLContext] | None = None,
        log: bool = True,
    ) -> None:
        assert all(host.startswith("127.") or host in {"localhost", "::1"} for host in hosts)
        self.hosts, self.port, self.latency, self.log = tuple(hosts), port, latency, log
        self.tls = tls or {}
        self.tls_ports: dict[str, int] = {}
        self.reserved = socket.socket()  # bound and not listening: whoever connects is refused
        self.reserved.bind((self.hosts[0], 0))
        self.closed_port: int = self.reserved.getsockname()[1]
        self.seen: list[Seen] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.requests = self.connections = self.most_at_once = self.at_once = 0
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        assert self.started.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
        self.reserved.close()

    def url(self, name: str, item: str = "1", host: str | None = None, scheme: str = "http") -> str:
        """An address that shows a behaviour; `scheme` may name one of `tls`."""
        where = host or self.hosts[0]
        if scheme in self.tls_ports:
            return f"https://{where}:{self.tls_ports[scheme]}/{name}/{item}"
        return f"{scheme}://{where}:{self.port}/{name}/{item}"

    def asked(self, path: str) -> list[Seen]:
        """The requests for one path."""
        return [seen for seen in self.seen if seen.path == path]

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        self.stop = asyncio.Event()
        servers = []
        for host in self.hosts:  # the first one finds a free port, the others take the same
            server = await asyncio.start_server(
                self._connection, host, self.port, limit=REQUEST, backlog=1024
            )
            self.port = self.port or server.sockets[0].getsockname()[1]
            servers.append(server)
        for name, context in self.tls.items():
            server = await asyncio.start_server(
                self._connection, self.hosts[0], 0, ssl=context, limit=REQUEST
            )
            self.tls_ports[name] = server.sockets[0].getsockname()[1]
            servers.append(server)
        self.started.set()
        await self.stop.wait()
        for server in servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request, answer it; whether the connection lives on."""
        from tests.servers import web_apis  # noqa: PLC0415  (they import this file)

        first = await reader.readexactly(1)
        if first == HANDSHAKE:
            writer.write(head(400, {"Connection": "close"}))
            return False
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        key = (headers.get("host", ""), path)
        exchange = Exchange(self, method, path, headers, writer, self.counts[key])
        self.counts[key] += 1
        self.requests += 1
        if self.log:
            self.seen.append(Seen(method, path, headers, monotonic()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            behaviour = web_apis.BEHAVIOURS.get(path.strip("/").partition("/")[0].partition("?")[0])
            if behaviour is None:
                await exchange.send(404, body=b"<title>No such behaviour</title>")
            else:
                await behaviour.serve(exchange)
        finally:
            self.at_once -= 1
        return exchange.open and headers.get("connection", "").lower() != "close"


def main() -> None:
    """Serve until Ctrl-C."""
    from tests.servers import web_streams, web_tls  # noqa: PLC0415  (they import this file)

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8399)
    parser.add_argument("--hosts", type=int, default=1, help="127.0.0.1, 127.0.1.1, 127.0.1.2 ...")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--ca", type=Path, help="serve https too, and write the authority here")
    wanted = parser.parse_args()
    hosts = ["127.0.0.1", *(f"127.0.1.{number}" for number in range(1, wanted.hosts))]
    tls = web_tls.contexts(web_tls.authority(wanted.ca)) if wanted.ca else None
    web_streams.bomb()  # packed before anybody waits for it
    with (
        Web(hosts, wanted.port, latency=wanted.latency, tls=tls, log=False) as web,
        contextlib.suppress(KeyboardInterrupt),
    ):
        print(f"serving http://{hosts[0]}:{web.port}/list.md; Ctrl-C ends it", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
