"""What goes wrong below a page: bodies, packing, floods, slowness, connections that break."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from functools import cache

from tests.servers.web import Exchange, head
from tests.servers.web_behaviours import PAGE, behaviour, page


@behaviour("file", "ok", works=True)
async def file(exchange: Exchange) -> None:
    """A PDF: HEAD tells all."""
    await exchange.send(body=b"%PDF-1.7 " * 20_000, kind="application/pdf")


@behaviour("ranged", "ok", works=True)
async def ranged(exchange: Exchange) -> None:
    """A page from a server that honours Range."""
    body = PAGE % b"ranges" + b"x" * 200_000
    wanted = exchange.headers.get("range")
    if wanted is None:
        await exchange.send(body=body)
        return
    last = int(wanted.rpartition("-")[2])
    where = {"Content-Range": f"bytes 0-{last}/{len(body)}"}
    await exchange.send(206, where, body[: last + 1])


@behaviour("no-ranges", "ok", works=True)
async def no_ranges(exchange: Exchange) -> None:
    """A page from a server that refuses to give a part of it."""
    if "range" in exchange.headers:
        await exchange.send(416, {"Content-Range": "bytes */9"})
    else:
        await page(exchange)


@behaviour("chunked", "ok", works=True)
async def chunked(exchange: Exchange) -> None:
    """A page of unknown length, in pieces."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Transfer-Encoding": "chunked"}))
    if exchange.method != "HEAD":
        piece = PAGE % b"chunks"
        await exchange.raw(b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece), piece))


@behaviour("bad-chunks", "ok", works=True)
async def bad_chunks(exchange: Exchange) -> None:
    """Pieces whose sizes are nonsense, after a good first one."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Transfer-Encoding": "chunked"}))
    if exchange.method != "HEAD":
        piece = PAGE % b"chunks"
        await exchange.raw(b"%x\r\n%s\r\nnonsense\r\n" % (len(piece), piece))
        await exchange.hang_up()


@behaviour("gzip", "ok", works=True)
async def gzipped(exchange: Exchange) -> None:
    """A packed page."""
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=gzip.compress(PAGE % b"gzip"))


@behaviour("gzip-soft-404", "suspect", works=False)
async def gzipped_soft(exchange: Exchange) -> None:
    """A packed page that says it is not there."""
    body = gzip.compress(b"<title>404 Not Found</title>")
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=body)


@behaviour("deflate-soft-404", "suspect", works=False)
async def deflated_soft(exchange: Exchange) -> None:
    """Packed without the head that zlib writes, as some servers do."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(b"<title>404 Not Found</title>") + packer.flush()
    await exchange.send(headers={"Content-Encoding": "deflate"}, body=body)


@behaviour("gzip-not", "ok", works=True)
async def gzip_not(exchange: Exchange) -> None:
    """Said to be packed, and is not."""
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=PAGE % b"plain")


@behaviour("gzip-cut", "ok", works=True)
async def gzip_cut(exchange: Exchange) -> None:
    """A packed page of which half is sent."""
    body = gzip.compress(PAGE % b"half" + bytes(range(256)) * 40)
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=body[: len(body) // 2])


def packed(name: str, magic: bytes) -> Callable[[Exchange], Awaitable[None]]:
    """Bytes in an encoding that nobody asked for."""

    async def serve(exchange: Exchange) -> None:
        await exchange.send(headers={"Content-Encoding": name}, body=magic + bytes(range(200)))

    return serve


behaviour("brotli", "ok", works=True)(packed("br", b"\x1b\x05\x00\xf8"))
behaviour("zstd", "ok", works=True)(packed("zstd", b"\x28\xb5\x2f\xfd"))
behaviour("packed-twice", "ok", works=True)(packed("gzip, br", gzip.compress(b"x")))


@behaviour("early-hints", "ok", works=True)
async def early_hints(exchange: Exchange) -> None:
    """103 Early Hints, twice, before the answer."""
    await exchange.raw(head(103, {"Link": "</s.css>; rel=preload"}) * 2)
    await page(exchange)


@behaviour("processing", "ok", works=True)
async def processing(exchange: Exchange) -> None:
    """102 Processing and 100 Continue before the answer."""
    await exchange.raw(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    await page(exchange)


@behaviour("hint-flood", "suspect", works=False)
async def hint_flood(exchange: Exchange) -> None:
    """Early Hints without end."""
    while True:
        await exchange.raw(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000)
        await asyncio.sleep(0)


@cache
def bomb() -> bytes:
    """Some 100 kB that unpack to 100 MB."""
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(1 << 20)
    return b"".join([packer.compress(block) for _ in range(100)] + [packer.flush()])


@behaviour("gzip-bomb", "ok", works=True)
async def gzip_bomb(exchange: Exchange) -> None:
    """Small on the wire, huge unpacked."""
    await exchange.send(headers={"Content-Encoding": "gzip"}, body=bomb())


@behaviour("huge-body", "ok", works=True)
async def huge_body(exchange: Exchange) -> None:
    """A page that never ends; the client must stop reading."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Content-Length": str(1 << 40)}))
    if exchange.method != "HEAD":
        await exchange.raw(PAGE % b"much")
        while True:
            await exchange.raw(b"x" * 65_536)
            await asyncio.sleep(0)  # the others are served too


@behaviour("slow-body", "ok", works=True)
async def slow_body(exchange: Exchange) -> None:
    """The headers at once, then a byte now and then."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Content-Length": "100000"}))
    while exchange.method != "HEAD":
        await exchange.raw(b"<")
        await asyncio.sleep(0.2)


@behaviour("slow-soft-404", "suspect", works=False)
async def slow_soft_404(exchange: Exchange) -> None:
    """A page that says at once that it is not there, and then dawdles."""
    await exchange.raw(head(200, {"Content-Type": "text/html", "Content-Length": "100000"}))
    if exchange.method != "HEAD":
        await exchange.raw(b"<title>Page not found</title>")
    while exchange.method != "HEAD":
        await asyncio.sleep(0.2)
        await exchange.raw(b" ")


@behaviour("slow-headers", "timeout", works=False)
async def slow_headers(exchange: Exchange) -> None:
    """A byte of the headers now and then: no single read takes long, all of them do."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 10_000:
        await exchange.raw(bytes([byte]))
        await asyncio.sleep(0.2)


@behaviour("silent", "timeout", works=False)
async def silent(exchange: Exchange) -> None:
    """Takes the request and never answers."""
    await asyncio.sleep(600)
    await exchange.hang_up()


@behaviour("header-flood", "suspect", works=False)
async def header_flood(exchange: Exchange) -> None:
    """Headers without end."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.raw(b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(100)))
        await asyncio.sleep(0)


@behaviour("long-header", "suspect", works=False)
async def long_header(exchange: Exchange) -> None:
    """One header without end."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await exchange.raw(b"y" * 65_536)
        await asyncio.sleep(0)


@behaviour("continue-flood", "suspect", works=False)
async def continue_flood(exchange: Exchange) -> None:
    """Interim answers without end."""
    while True:
        await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        await asyncio.sleep(0)


@behaviour("reset", "suspect", works=False)
async def reset(exchange: Exchange) -> None:
    """The connection is torn down."""
    await exchange.reset()


@behaviour("reset-once", "ok", works=True)
async def reset_once(exchange: Exchange) -> None:
    """Torn down twice, then the page."""
    await (exchange.reset() if exchange.count < 2 else page(exchange))


@behaviour("empty", "suspect", works=False)
async def empty(exchange: Exchange) -> None:
    """Closed without a byte."""
    await exchange.hang_up()


@behaviour("half-headers", "suspect", works=False)
async def half_headers(exchange: Exchange) -> None:
    """Closed in the middle of the status line."""
    await exchange.raw(b"HTTP/1.")
    await exchange.hang_up()


@behaviour("garbage", "suspect", works=False)
async def garbage(exchange: Exchange) -> None:
    """Bytes that are no HTTP."""
    await exchange.raw(b"220 mail.test ESMTP\r\n" + bytes(range(256)))
    await exchange.hang_up()


@behaviour("wrong-length", "ok", works=True)
async def wrong_length(exchange: Exchange) -> None:
    """Less body than promised; a browser shows it all the same."""
    body = PAGE % b"less"
    promised = {"Content-Type": "text/html", "Content-Length": str(len(body) + 100)}
    await exchange.raw(head(200, promised) + (b"" if exchange.method == "HEAD" else body))
    await exchange.hang_up()
