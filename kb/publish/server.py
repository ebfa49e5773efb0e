"""A server for the built site, by default on the loopback address."""

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kb.records import Exit, KBError


class _Handler(SimpleHTTPRequestHandler):
    """Serves files without logging and without caching in the browser; the site's own error page."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The site's page for an address that is not there, where it has one."""
        page = Path(self.directory) / "404.html"
        if code != HTTPStatus.NOT_FOUND or not page.is_file():
            super().send_error(code, message, explain)
            return
        body = page.read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def list_directory(self, _path: object) -> None:
        """404 for a folder without a page: the site has no listings."""
        self.send_error(404)

    def log_message(self, *_args: object) -> None:
        """Stay quiet."""


def listen(folder: Path, host: str = "127.0.0.1", port: int = 8000) -> ThreadingHTTPServer:
    """A server bound to host:port. Raises KBError where the port is taken."""
    try:
        return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        raise KBError(
            f"cannot listen on {host}:{port} ({error.strerror or error})",
            hint="name another with --port N, or 0 for any free one",
            code=Exit.UNREACHABLE,
        ) from error
