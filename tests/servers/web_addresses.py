"""Faults that lie in the address or below HTTP, each with the verdict that is true of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.servers.web import Web

Make = Callable[[Web], str]


@dataclass(frozen=True)
class Address:
    """What stands in the list, and what a checker that may ask this machine ought to say of it.

    `works` and `later` are as for a Behaviour; `tls` names the port that has to be served.
    """

    name: str
    verdict: str
    make: Make
    works: bool | None
    what: str
    later: str | None = None
    tls: str | None = None


def at(url: str) -> Make:
    """Always the same address."""
    return lambda _web: url


def secure(kind: str) -> Make:
    """A page on the port that has this kind of certificate."""
    return lambda web: web.url("ok", scheme=kind)


ADDRESSES: dict[str, Address] = {
    entry.name: entry
    for entry in (
        Address("tls-ok", "ok", secure("ok"), True, "A good certificate.", tls="ok"),
        Address("tls-expired", "suspect", secure("expired"), False, "Out of date.", tls="expired"),
        Address(
            "tls-stranger", "suspect", secure("stranger"), False, "Nobody's word.", tls="stranger"
        ),
        Address(
            "tls-wrong-name",
            "suspect",
            secure("wrong-name"),
            False,
            "Another host's certificate.",
            tls="wrong-name",
        ),
        Address(
            "tls-to-plain",
            "suspect",
            lambda web: web.url("ok").replace("http://", "https://"),
            False,
            "https asked of a server that speaks http.",
        ),
        Address(
            "plain-to-tls",
            "suspect",
            lambda web: web.url("ok", scheme="ok").replace("https://", "http://"),
            False,
            "http asked of a server that speaks TLS.",
            tls="ok",
        ),
        Address(
            "no-such-host",
            "suspect",
            at("http://no-such-host.invalid/page"),
            False,
            "A name that is not in the DNS.",
            later="dead",
        ),
        Address(
            "nobody-listens",
            "suspect",
            lambda web: f"http://{web.hosts[0]}:{web.closed_port}/page",
            False,
            "The connection is refused.",
        ),
        Address(
            "userinfo-in-address",
            "ok",
            lambda web: web.url("ok").replace("http://", "http://someone:secret@"),
            True,
            "A name and password, that are not sent.",
        ),
        Address("fragment", "ok", lambda web: web.url("ok") + "#part", True, "A part of a page."),
        Address(
            "metadata-address",
            "refused",
            at("http://169.254.169.254/latest/meta-data/"),
            False,
            "A cloud's credentials.",
        ),
        Address(
            "metadata-as-a-number",
            "refused",
            at("http://2852039166/"),
            False,
            "The same, spelt as one number.",
        ),
        Address(
            "metadata-mapped",
            "refused",
            at("http://[::ffff:169.254.169.254]/"),
            False,
            "The same, inside IPv6.",
        ),
        Address("link-local", "refused", at("http://169.254.7.7/"), False, "Link-local."),
        Address("multicast", "refused", at("http://224.0.0.1/"), False, "Multicast."),
        Address("ftp", "refused", at("ftp://127.0.0.1/x"), False, "A scheme that is not http."),
        Address("file-scheme", "refused", at("file:///etc/passwd"), False, "A file of ours."),
        Address(
            "other-port", "refused", at("http://127.0.0.1:6379/"), False, "Another protocol's port."
        ),
        Address("placeholder", "invalid", at("link"), False, "A word nobody replaced."),
        Address("no-host", "invalid", at("http://"), False, "Half an address."),
        Address("bad-port", "invalid", at("http://127.0.0.1:99999/"), False, "No such port."),
        Address("mail", "skipped", at("mailto:someone@a.test"), None, "Not a web address."),
    )
}


def served(web: Web) -> Iterator[tuple[Address, str]]:
    """The addresses this server can show, as they stand in its list."""
    for entry in ADDRESSES.values():
        if entry.tls is None or entry.tls in web.tls_ports:
            yield entry, entry.make(web)
