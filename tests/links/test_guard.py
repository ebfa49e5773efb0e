"""Nothing private is ever asked, however its address is written or reached."""

import ipaddress

import pytest

from kb.links.client import Ask, Client
from kb.links.guard import Guard, RefusedAddressError, kind, system_resolver
from kb.links.urls import RefusedURLError, parse
from kb.links.verdict import Failure
from tests.links.conftest import Look
from tests.servers.web import Web

PRIVATE = {
    "127.0.0.1": "loopback",
    "127.255.0.9": "loopback",
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "shared",
    "100.100.100.200": "metadata",
    "169.254.169.254": "metadata",
    "168.63.129.16": "metadata",
    "169.254.1.1": "link-local",
    "192.0.2.1": "documentation",
    "198.18.0.1": "benchmarking",
    "224.0.0.1": "multicast",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "fe80::1": "link-local",
    "fc00::1": "private",
    "fd00:ec2::254": "metadata",
    "ff02::1": "multicast",
    "2001:db8::1": "documentation",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "metadata",
    "::127.0.0.1": "loopback",
    "2002:7f00:1::": "loopback",  # 6to4 around 127.0.0.1
    "2002:a9fe:a9fe::": "metadata",
    "64:ff9b::a00:1": "private",  # NAT64 around 10.0.0.1
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "public",  # Teredo around 192.0.2.45 is below
    "4000::1": "reserved",
}
PUBLIC = ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "192.0.43.8"]


@pytest.mark.parametrize(("text", "what"), [(k, v) for k, v in PRIVATE.items() if v != "public"])
def test_special_addresses_are_told(text: str, what: str) -> None:
    """Each block of the registries is known by its name, inside IPv6 too."""
    assert kind(ipaddress.ip_address(text)) == what


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_pass(text: str) -> None:
    """The neighbours of private blocks are public."""
    assert kind(ipaddress.ip_address(text)) == "public"


@pytest.mark.parametrize(
    "text",
    ["2001:2::1", "2001:2:0:ffff::1", "2001:10::1", "2001:1f:ffff::1", "2001:20::1", "2001:30::1", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "100:0:0:1::1"],
)  # fmt: skip
def test_reserved_networks_are_refused(text: str) -> None:
    """Benchmarking, ORCHID and the other protocol assignments of 2001::/23 hold no pages."""
    assert kind(ipaddress.ip_address(text)) in {"benchmarking", "reserved", "documentation"}


@pytest.mark.parametrize("text", ["2001:200::1", "2001:4860:4860::8888", "2a00:1450::1"])
def test_their_neighbours_are_public(text: str) -> None:
    """What the registries give to networks is asked."""
    assert kind(ipaddress.ip_address(text)) == "public"


def test_an_address_inside_teredo_is_judged() -> None:
    """The IPv4 client inside a Teredo address counts: 192.168.0.1, inverted bit by bit."""
    inverted = int(ipaddress.IPv4Address("192.168.0.1")) ^ 0xFFFFFFFF
    address = (0x20010000 << 96) | inverted
    assert kind(ipaddress.IPv6Address(address)) == "private"


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.1", "2130706433", "017700000001", "localhost", "0", "127.0.0.1"]
)
def test_odd_spellings_of_this_machine_are_refused(host: str) -> None:
    """Whatever the resolver makes an address of is judged, not the spelling."""
    target = parse(f"http://{host}/")
    with pytest.raises(RefusedAddressError):
        Guard(resolver=system_resolver).addresses(target.host, target.port)


def test_one_private_address_refuses_the_name() -> None:
    """A name with a public and a private address is not asked at all."""
    guard = Guard(resolver=lambda _host, _port: ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(RefusedAddressError, match=r"10\.0\.0\.7"):
        guard.addresses("two.test", 80)


def test_allowing_private_does_not_allow_metadata(look: Look) -> None:
    """--allow-private is for tests; a cloud's credentials stay out of reach."""
    for address in ("169.254.169.254", "224.0.0.1", "0.0.0.0", "[::ffff:169.254.169.254]"):
        assert look(f"http://{address}/").results[0].verdict == "refused", address


def test_a_name_that_changes_its_address_gains_nothing(web: Web) -> None:
    """DNS rebinding: the address that is connected to is the one that was judged."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    calls = []

    def rebinding(host: str, _port: int) -> list[str]:
        calls.append(host)
        return answers[min(len(calls) - 1, 1)]

    client = Client(Guard(frozenset({"loopback"}), rebinding), seconds=10)
    target = parse(f"http://rebind.test:{web.port}/ok/1")
    assert client.ask(Ask("HEAD", target)).status == 200
    assert len(calls) == 1
    client.close()
    assert client.ask(Ask("HEAD", target)).failure is Failure.REFUSED
    assert web.requests == 1
    assert web.seen[0].headers["host"] == f"rebind.test:{web.port}"


@pytest.mark.parametrize(
    "to",
    [
        "http://10.0.0.1/",
        "http://192.168.0.1:8080/admin",
        "https://[fd00::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://167772161/",  # 10.0.0.1 as one number
        "http://inside.test/",  # a name that is 10.0.0.7
        "//inside.test/x",
    ],
)
def test_a_redirect_inside_is_refused(
    web: Web, look: Look, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """Each hop is judged anew: a page that may be asked cannot send us into a private network."""

    def names(host: str, port: int) -> list[str]:
        return ["10.0.0.7"] if host == "inside.test" else system_resolver(host, port)

    monkeypatch.setattr("kb.links.check.PRIVATE_ALLOWED", frozenset({"loopback"}))
    result = look(f"{web.url('to')}?{to}", resolver=names).results[0]
    assert result.verdict == "refused"
    assert result.reason is not None
    assert "private address" in result.reason
    assert len(result.redirects) == 1


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a.test/x",
        "gopher://a.test:70/_x",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://a.test:22/",
        "http://a.test:6379/",
    ],
)
def test_other_schemes_and_ports_are_refused(url: str) -> None:
    """Only http and https, and no port of another protocol."""
    with pytest.raises(RefusedURLError):
        parse(url)


def test_without_permission_this_machine_is_refused(web: Web, look: Look) -> None:
    """A loopback address in a list is refused, and the server hears nothing."""
    result = look(web.url("ok"), allow_private=False).results[0]
    assert (result.verdict, web.requests) == ("refused", 0)
    assert result.reason is not None
    assert "loopback" in result.reason


def test_a_name_and_password_are_never_sent(web: Web, look: Look) -> None:
    """User-info in an address or in a redirect does not reach any server."""
    address = web.url("ok").replace("http://", "http://user:secret@")
    results = look(address, web.url("userinfo")).results
    assert [result.verdict for result in results] == ["ok", "moved"]
    assert all("authorization" not in seen.headers for seen in web.seen)
    assert all("secret" not in str(seen) for seen in web.seen)
    assert all("secret" not in (result.final_url or "") for result in results)
