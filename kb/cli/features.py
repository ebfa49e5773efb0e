"""`kb features`: features of video files from a pretrained network."""

from pathlib import Path
from typing import Annotated

import typer

from kb.cli.data import progress_bar
from kb.cli.options import Json, emit, emit_json, say
from kb.records.errors import Exit, KBError


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command("features")(features)


def features(
    videos: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.")],
    backbone: Annotated[
        str,
        typer.Option(help="diorama, torchvision:resnet152, timm:NAME, open_clip:NAME."),
    ],
    fps: Annotated[float, typer.Option(min=0.001, max=1000, help="Frames per second of video.")],
    out: Annotated[Path, typer.Option(help="Folder of the BigFile; resumes if it exists.")],
    weights: Annotated[
        str, typer.Option(help="default (the library's own), none (untrained), a tag or a FILE.")
    ] = "default",
    batch: Annotated[int, typer.Option(min=1, help="Frames per batch.")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: Json = False,
) -> None:
    """Extract features of video files into a BigFile; broken videos are reported and skipped."""
    try:
        from kb.datasets.features import backbones, extraction  # noqa: PLC0415  (numpy is slow to load)
    except ImportError as error:
        hint = "pip install 'kb-video-text-retrieval[features]'"
        raise KBError(f"needs {error.name}", hint=hint, code=Exit.UNREACHABLE) from error
    paths = extraction.videos_of(videos)
    network = backbones.load(backbone, weights, device)
    with progress_bar() as progress:
        show_progress = progress or (lambda *_: None)
        report = extraction.extract(
            paths, network, out, fps=fps, batch=batch, progress=show_progress
        )
    for video in report.broken:
        say(f"skipped {video['video']}: {video['reason']}")
    if json:
        emit_json(report.plain())
    else:
        resumed = f", {len(report.kept):,} from before" if report.kept else ""
        emit(
            f"{report.out}: {len(report.extracted):,} videos{resumed}, {report.frames:,} frames, "
            f"{report.dim} dimensions by {report.backbone}"
        )
    raise typer.Exit(Exit.FINDINGS if report.broken else Exit.CLEAN)
