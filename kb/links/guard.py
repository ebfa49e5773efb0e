"""Which addresses are allowed: checked after name resolution, so that no name can hide one.

Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses; the metadata services of
the clouds that stand outside them. `Reach` tells a network that is down from links that are.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from kb.links.urls import Target, parse
from kb.links.verdict import Failure, Result

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]  # (host, port) -> numeric addresses

# The first network that contains an address names it.
SPECIAL: tuple[tuple[str, str], ...] = (
    ("169.254.169.254/32", "metadata"),
    ("100.100.100.200/32", "metadata"),
    ("168.63.129.16/32", "metadata"),
    ("fd00:ec2::254/128", "metadata"),
    ("0.0.0.0/8", "unspecified"),
    ("127.0.0.0/8", "loopback"),
    ("10.0.0.0/8", "private"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("100.64.0.0/10", "shared"),
    ("169.254.0.0/16", "link-local"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("192.88.99.0/24", "reserved"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::/128", "unspecified"),
    ("64:ff9b:1::/48", "private"),
    ("100::/64", "reserved"),
    ("100:0:0:1::/64", "reserved"),
    ("2001:2::/48", "benchmarking"),
    ("2001::/23", "reserved"),  # protocol assignments: ORCHID, AMT, AS112 ...; none has pages
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "reserved"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
TABLE = tuple((ipaddress.ip_network(block), name) for block, name in SPECIAL)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
ABSENT = frozenset({"invalid", "test", "example", "onion"})  # RFC 6761, 7686: never in the DNS
REMEMBERED = 60.0  # seconds in the cache


class RefusedAddressError(Exception):
    """The name leads to a refused address."""


class NoSuchNameError(Exception):
    """The name does not exist."""


class LookupFailedError(Exception):
    """The name server did not answer."""


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries inside, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def kind(address: Address) -> str:
    """`public`, or what else the address is: `private`, `loopback`, `metadata` ..."""
    inner = embedded(address)
    for network, name in TABLE:
        if inner.version == network.version and inner in network:
            return name
    if isinstance(inner, ipaddress.IPv6Address) and inner not in GLOBAL_UNICAST:
        return "reserved"
    return "public"


def kind_of(text: str) -> str:
    """The kind of a numeric address, without an IPv6 zone."""
    return kind(ipaddress.ip_address(text.partition("%")[0]))


def system_resolver(host: str, port: int) -> list[str]:
    """All addresses of a name, in the system's order of preference."""
    if host.rstrip(".").rpartition(".")[2] in ABSENT:
        raise NoSuchNameError(f"no host is called {host}")
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise NoSuchNameError(f"{host} is not a host name") from error
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)}:
            raise NoSuchNameError(f"no host is called {host}") from error
        raise LookupFailedError(f"{host} could not be looked up ({error.strerror})") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


@dataclass(frozen=True)
class Guard:
    """Resolves a name once and returns only allowed addresses.

    `allowed` are kinds beside `public`; `--allow-private` gives loopback and private. Metadata,
    link-local, multicast and unspecified addresses are refused whatever is allowed.
    """

    allowed: frozenset[str] = frozenset()
    resolver: Resolver = system_resolver

    def addresses(self, host: str, port: int) -> list[str]:
        """The numeric addresses of a host, all checked; one bad address refuses the name."""
        addresses = self.resolver(host, port)
        if not addresses:
            raise NoSuchNameError(f"no host is called {host}")
        for text in addresses:
            what = kind_of(text)
            if what != "public" and what not in self.allowed:
                named = text if text == host else f"{host} is {text}"
                raise RefusedAddressError(f"{what} address ({named})")
        return addresses


class Remembering:
    """A resolver with a cache of one minute: a list has few hosts and many links."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.known: dict[tuple[str, int], tuple[float, list[str] | Exception]] = {}

    def __call__(self, host: str, port: int) -> list[str]:
        """The addresses, or the resolver's exception, from the last minute."""
        until, answer = self.known.get((host, port), (0.0, []))
        if monotonic() >= until:
            try:
                answer = self.resolver(host, port)
            except (NoSuchNameError, LookupFailedError) as error:
                answer = error
            self.known[host, port] = (monotonic() + REMEMBERED, answer)
        if isinstance(answer, Exception):
            raise type(answer)(*answer.args)  # a fresh one: a kept one would collect tracebacks
        return answer


PRIVATE_ALLOWED = frozenset({"loopback", "private"})


# Names that exist as long as there is a DNS; looked up, never connected to.
ROOTS = ("iana.org", "icann.org", "ietf.org")
SILENT = frozenset({Failure.NO_NAME, Failure.LOOKUP, Failure.UNREACHABLE, Failure.TIMEOUT})


class Reach:
    """Collects evidence during a run of whether there is a network."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.answered = self.silent = 0

    def note(self, result: Result) -> None:
        """Count a result of a public address."""
        if result.cached or result.attempts == 0:
            return
        if self.unreached(result):
            self.silent += 1
        elif result.failure is not Failure.REFUSED and not self.inside(parse(result.url)):
            self.answered += 1

    def unreached(self, result: Result) -> bool:
        """Whether a public address failed as it would without a network."""
        return result.failure in SILENT and not self.inside(parse(result.final_url or result.url))

    def nothing(self) -> bool:
        """Whether all public addresses and the name servers failed."""
        return bool(self.silent) and not self.answered and not self.names()

    def names(self) -> bool:
        """Whether a name that certainly exists resolves."""
        for name in ROOTS:
            with suppress(NoSuchNameError, LookupFailedError):
                if self.resolver(name, 443):
                    return True
        return False

    @staticmethod
    def inside(target: Target) -> bool:
        """Whether an address's name is not public."""
        labels = target.host.rstrip(".").split(".")
        if labels[-1] in ABSENT | {"localhost", "local", "internal"}:
            return True
        try:
            return kind(ipaddress.ip_address(target.host)) != "public"
        except ValueError:
            return False
