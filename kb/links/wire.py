"""Connections that go only to judged addresses, and stop reading when time or bytes run out.

The checks sit below HTTP, where a socket is made and read, so nothing above can go around them:
the name is resolved once, every address judged, and the connection made to exactly one of those.
Host header, SNI and certificate keep the name. urllib3 is the library under requests; here it is
used without that layer, which would follow, decode and log in on its own.
"""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from kb.links.guard import Guard

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

LEAST = 0.001  # seconds; a timeout of 0 would make the socket non-blocking
MOST_INTERIM = 20  # answers before the answer
PER_HOST = 4  # idle connections kept for a host
SPARE = 64  # file descriptors left for everything else: files, name look-ups


class FloodError(Exception):
    """More bytes than the request may bring."""


class RefusedByGuardError(HTTPError):
    """Carries the guard's answer through urllib3; `cause` is what the guard raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Meter(threading.local):
    """What the request of this thread may still use: seconds and bytes."""

    deadline: float = 0.0
    bytes_left: int = 0

    def start(self, seconds: float, size: int) -> None:
        """A new request: `seconds` from now, `size` bytes of answer."""
        self.deadline, self.bytes_left = monotonic() + seconds, size

    def shorten(self, seconds: float) -> None:
        """At most `seconds` more from now."""
        self.deadline = min(self.deadline, monotonic() + seconds)

    def left(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return max(left, LEAST)

    def take(self, count: int) -> int:
        """Count bytes that came in. Raises FloodError beyond the limit."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise FloodError
        return count


METER = Meter()


class MeteredSocket(socket.socket):
    """A plain socket whose every read is held to the deadline of the whole request."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read what is there, within what is left."""
        self.settimeout(METER.left())
        return METER.take(super().recv_into(*args, **kwargs))


class MeteredTLSSocket(ssl.SSLSocket):
    """The same for TLS. The handshake is held by OpenSSL's own deadline, the socket's timeout."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read what is there, within what is left."""
        self.settimeout(METER.left())
        return METER.take(super().recv_into(*args, **kwargs))


def connect(guard: Guard, host: str, port: int) -> MeteredSocket:
    """A connection to one of the judged addresses of `host`, tried in order.

    Raises what the guard raises, wrapped; OSError or TimeoutError where nobody answers.
    """
    try:
        addresses = guard.addresses(host, port)
    except Exception as error:
        raise RefusedByGuardError(error) from error
    last: OSError = OSError("no address")
    for index, address in enumerate(addresses):
        share = METER.left() / (len(addresses) - index)  # one dead address leaves time for the next
        try:
            return _connect_one(address, port, share)
        except OSError as error:
            last = error
    raise last


def _connect_one(address: str, port: int, seconds: float) -> MeteredSocket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = MeteredSocket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect((address, port))
        sock.settimeout(METER.left())
    except BaseException:
        sock.close()
        raise
    return sock


class _Guarded:
    """What both kinds of connection share: how the socket is made."""

    guard: Guard
    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        """Called by urllib3 to open the socket, before any TLS."""
        try:
            return connect(self.guard, self.host.strip("[]"), self.port)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error


class FinalResponse(http.client.HTTPResponse):
    """Skips every interim answer (102, 103 Early Hints); http.client itself skips 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200 or status == http.client.SWITCHING_PROTOCOLS:  # noqa: PLR2004
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise FloodError


class GuardedHTTP(_Guarded, HTTPConnection):
    """http."""

    response_class = FinalResponse


class GuardedHTTPS(_Guarded, HTTPSConnection):
    """https, the certificate checked against the name that was asked."""

    response_class = FinalResponse


def room(wanted: int) -> int:
    """How many of the `wanted` sockets this process may open; raises its soft limit where it can.

    macOS starts programs with 256 descriptors, Debian with 1,024.
    """
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = wanted + SPARE
    if soft != resource.RLIM_INFINITY and soft < goal:
        most = goal if hard == resource.RLIM_INFINITY else min(goal, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - SPARE)


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Verification as browsers do it: the system's authorities and Mozilla's, or `ca_file`."""
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(certifi.where())
    context.sslsocket_class = MeteredTLSSocket
    context.set_alpn_protocols(["http/1.1"])
    return context


def pools(guard: Guard, *, keep: int, per_host: int, context: ssl.SSLContext) -> PoolManager:
    """Kept-alive connections: at most `per_host` for a host, for the `keep` hosts used last."""
    # A class for each manager: urllib3 builds connections itself and hands them nothing of ours.
    http = type("HTTP", (GuardedHTTP,), {"guard": guard})
    https = type("HTTPS", (GuardedHTTPS,), {"guard": guard})
    manager = PoolManager(
        num_pools=keep, maxsize=per_host, block=False, retries=False, ssl_context=context
    )
    manager.pool_classes_by_scheme = {
        "http": type("HTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }
    return manager
