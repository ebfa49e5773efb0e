"""Addresses: from the text of a list to what may be asked, and from a Location to the next hop."""

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import idna

LONGEST = 4096  # characters; no list needs more, and servers refuse it
SAFE = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986: reserved characters and the percent sign stay
NOT_WEB = frozenset({"mailto", "tel"})  # fine in a list, nothing to ask
SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(?=:)")
# White space, control characters, lone surrogates: no address holds them, and none is printed.
CONTROL = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff\u2028\u2029]")
LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # RFC 1035, 2.3.4; underscores are asked in practice
# WHATWG fetch, "bad port": other protocols' ports, that an HTTP request could be made to speak to.
BAD_PORTS = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95}
    | {101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179}
    | {389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601}
    | {636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379}
    | {6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211}
)


class InvalidURLError(ValueError):
    """Not an address: the message says why."""


class RefusedURLError(ValueError):
    """An address that is never asked, whatever it resolves to."""


class NotWebError(ValueError):
    """An address of another world (mail, telephone): nothing to check."""


@dataclass(frozen=True, slots=True)
class Target:
    """An http(s) address in the form it is asked: no user-info, no fragment, ASCII only."""

    scheme: str
    host: str  # lower case, IDNA; an IPv6 address without brackets
    port: int
    path: str  # with the query, percent-encoded, from "/"
    fragment: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and, where it is not the usual one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def url(self) -> str:
        """What is asked."""
        return self.origin + self.path

    @property
    def shown(self) -> str:
        """What a reader clicks: with the fragment."""
        return self.url + (f"#{self.fragment}" if self.fragment else "")


def parse(text: str) -> Target:
    """Read one address.

    Raises InvalidURLError, RefusedURLError or NotWebError, each with its reason as the message.
    """
    if not text.strip():
        raise InvalidURLError("empty address")
    if len(text) > LONGEST:
        raise InvalidURLError(f"address of {len(text)} characters")
    if CONTROL.search(text):
        raise InvalidURLError("white space or control character in the address")
    scheme = SCHEME.match(text)
    if scheme is None:
        raise InvalidURLError("not a web address (no http:// or https://)")
    return _parts(text, scheme.group().lower())


def _parts(text: str, scheme: str) -> Target:
    if scheme in NOT_WEB:
        raise NotWebError(f"{scheme}: is not a web address")
    if scheme not in {"http", "https"}:
        raise RefusedURLError(f"scheme {scheme}: is never followed")
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise InvalidURLError(f"malformed address ({error})") from error
    if port is None:
        port = 443 if scheme == "https" else 80
    if not text[len(scheme) :].startswith("://") or not split.hostname:
        raise InvalidURLError("no host in the address")
    if re.search(
        r"\][^:]|\\", split.netloc
    ):  # browsers take it for "/": the host would depend on who reads
        raise InvalidURLError("malformed host")
    if port in BAD_PORTS or port == 0:
        raise RefusedURLError(f"port {port} belongs to another protocol")
    path = quote(split.path or "/", safe=SAFE) + (
        f"?{quote(split.query, safe=SAFE)}" if split.query else ""
    )
    fragment = "".join(c if c.isprintable() else quote(c) for c in split.fragment)
    return Target(scheme, _host(split.hostname), port, path, fragment)


def _host(host: str) -> str:
    """The host as the wire knows it: IDNA where it is not ASCII."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError as error:
            raise InvalidURLError("malformed IPv6 address") from error
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except UnicodeError as error:  # IDNAError is one
            raise InvalidURLError(f"host name {host!r} is not allowed ({error})") from error
    host = host.lower()
    labels = host.removesuffix(".").split(".")
    if any(len(label) > 63 for label in labels):  # noqa: PLR2004  (RFC 1035, 2.3.4)
        raise InvalidURLError("a part of the host name is longer than 63 characters")
    if not all(map(LABEL.fullmatch, labels)):
        raise InvalidURLError("malformed host")
    return host


def follow(base: Target, location: str) -> Target:
    """The next hop: relative addresses resolved, bytes outside ASCII encoded, user-info dropped.

    http.client reads headers as Latin-1; servers send UTF-8, so it is read again as that.
    Raises as `parse` does.
    """
    with suppress(UnicodeEncodeError, UnicodeDecodeError):  # it was Latin-1, or already text
        location = location.encode("latin-1").decode("utf-8")
    try:
        joined = urljoin(base.url, location.strip(" \t").replace(" ", "%20"))
    except ValueError as error:
        raise InvalidURLError(f"malformed address ({error})") from error
    target = parse(joined)
    if not target.fragment and base.fragment:  # RFC 9110, 10.2.2: the fragment is inherited
        return Target(target.scheme, target.host, target.port, target.path, base.fragment)
    return target
