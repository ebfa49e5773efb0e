"""Commands of publishing: the site, a local server, exports."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kb.cli.options import Json, Root, emit_json, say

Out = Annotated[
    Path | None,
    typer.Option("--out", help="Target folder of docs/ and site/ [default: DIR/build]."),
]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("publish")(publish)
    app.command("serve")(serve)
    app.command("export")(export)


def publish(
    root: Root = None,
    out: Out = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat mkdocs warnings as errors.")
    ] = False,
    no_mkdocs: Annotated[
        bool, typer.Option("--no-mkdocs", help="Write only the Markdown, JSON and SVG files.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Address of the published site: for sitemap, canonical links, feed and pictures.",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", metavar="NAME", help="What builds the pages: mkdocs or zensical."),
    ] = "mkdocs",
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="Only write a chart of the results to this SVG file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a static site from records and results."""
    from kb.publish import publishing, social  # noqa: PLC0415  (imported when called, as below)
    from kb.publish.engine import named  # noqa: PLC0415
    from kb.publish.pages.results import picture as chart_of  # noqa: PLC0415
    from kb.records import Library, atomic  # noqa: PLC0415

    library = Library.open(root)
    if picture is not None:
        atomic.write(picture, chart_of(library).encode("utf-8"))
        say(f"wrote {picture}")
        return
    target = out if out is not None else library.root / "build"
    done = publishing.publish(
        library, target, strict=strict, mkdocs=not no_mkdocs, url=url, engine=named(engine)
    )
    if url and not no_mkdocs and not social.available():
        say("no social pictures: `pip install 'kb-video-text-retrieval[site]'` brings Pillow")
    if as_json:
        emit_json(done.as_json())
        return
    say(f"{done.pages} pages; {done.changed} files changed in {done.docs}")
    if done.site is None:
        typer.echo(done.docs)
        return
    say("built the site" if done.rebuilt else "the site is up to date")
    typer.echo(done.site / "index.html")


def serve(
    root: Root = None,
    out: Out = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8000,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Build the site and serve it at a local address until interrupted."""
    from kb.publish import publishing, server  # noqa: PLC0415
    from kb.records import Library  # noqa: PLC0415

    library = Library.open(root)
    done = publishing.publish(library, out if out is not None else library.root / "build")
    assert done.site is not None
    with server.listen(done.site, host, port) as http:
        say(f"http://{host}:{http.server_port}/ (Ctrl-C stops)")
        http.serve_forever()


def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="bibtex, csl-json, ris, csv, csv-published, csv-leaderboards, csv-claims, json, sqlite,"
            " model-index, hf-eval or every-eval-ever; one record's: model-card/NAME, croissant/ID,"
            " every-eval-ever/NAME.",
        ),
    ],
    root: Root = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write [default: print it].")
    ] = None,
) -> None:
    """Export the records in a format of other tools."""
    from kb.publish import exports  # noqa: PLC0415
    from kb.records import KBError, Library, atomic  # noqa: PLC0415

    content = exports.export(Library.open(root), name)
    data = content.encode("utf-8") if isinstance(content, str) else content
    if out is not None:
        atomic.write(out, data)
        say(f"wrote {out}")
    elif isinstance(content, bytes) and sys.stdout.isatty():
        raise KBError(f"{name} is not text", hint="name a file with --out FILE")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
