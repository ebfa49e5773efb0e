"""A server for the built site, by default on the loopback address."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kb.records import Exit, KBError


class _Handler(SimpleHTTPRequestHandler):
    """Serves files without logging and without caching in the browser."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

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
