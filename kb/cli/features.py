"""`kb features`: features of video files from a pretrained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.cli.data import progress_bar
from kb.cli.options import Json, emit, emit_json, say
from kb.records.errors import Exit, KBError, MissingExtraError
from kb.records.wording import counted

if TYPE_CHECKING:
    from kb.datasets.features.extraction import Report

LIKE = "video-cnn-feat"
NETWORK = "torchvision:resnet152"  # of --like, where no other is named


def register(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command("features")(features)


def features(
    videos: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.")],
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            help="diorama, torchvision:resnet152, timm:NAME, open_clip:NAME;"
            " with --like several, whose pooled features are also joined."
        ),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.001, max=1000, help="Frames per second of video.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the BigFile; resumes if it exists.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help=f"{LIKE}: its two frames a second, ten crops, rounding, pooling and folders;"
            " --out is then the folder of all features."
        ),
    ] = None,
    pooling: Annotated[
        list[str] | None, typer.Option(help="With --like: mean, max or gauss over frames  [mean].")
    ] = None,
    oversample: Annotated[
        bool,
        typer.Option("--oversample/--centre", help="With --like: ten crops or the centre alone."),
    ] = True,
    weights: Annotated[
        str, typer.Option(help="default (the library's own), none (untrained), a tag or a FILE.")
    ] = "default",
    batch: Annotated[int, typer.Option(min=1, help="Frames per batch.")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: Json = False,
) -> None:
    """Extract features of video files into a BigFile; broken videos are reported and skipped.

    With --like video-cnn-feat the features are made as that toolkit makes them: OUT/NETWORK,os
    holds a vector per frame, OUT/mean_NETWORK,os one per video, and OUT/mean_A,os+mean_B,os those
    of several networks side by side.
    """
    out, networks = _checked(backbone, fps, out, like, pooling, oversample=oversample)
    try:
        from kb.datasets.features import extraction  # noqa: PLC0415  (numpy is slow to load)
    except ImportError as error:
        raise MissingExtraError(error.name, "features") from error
    from kb.datasets.features import backbones, video_cnn_feat  # noqa: PLC0415

    paths = extraction.videos_of(videos)
    loaded = [backbones.load(name, weights, device) for name in networks]
    with progress_bar() as progress:
        show_progress = progress or (lambda *_: None)
        if fps is None:
            options = video_cnn_feat.Options(tuple(pooling or ["mean"]), oversample, batch)
            made = video_cnn_feat.make(paths, loaded, out, options, progress=show_progress)
            reports, folders = made.reports, made.folders
        else:
            report = extraction.extract(
                paths, loaded[0], out, fps=fps, batch=batch, progress=show_progress
            )
            reports, folders = [report], []
    _tell(reports, folders, json=json)
    raise typer.Exit(Exit.FINDINGS if reports[0].broken else Exit.CLEAN)


def _checked(
    backbone: list[str] | None,
    fps: float | None,
    out: Path | None,
    like: str | None,
    pooling: list[str] | None,
    *,
    oversample: bool,
) -> tuple[Path, list[str]]:
    """The folder and the networks. KBError (usage) for options that do not go together."""
    if like not in (None, LIKE):
        raise KBError(f"no toolkit is called {like!r}", hint=f"--like {LIKE}")
    if out is None:
        raise KBError("--out is missing", hint="--out DIR, a new folder")
    if like is None:
        if backbone is None or fps is None:
            hint = f"give --backbone NAME and --fps F, or --like {LIKE}"
            raise KBError(f"--{'backbone' if backbone is None else 'fps'} is missing", hint=hint)
        if len(backbone) > 1 or pooling or not oversample:
            what = "several --backbone, --pooling and --centre belong to --like"
            raise KBError(what, hint=f"--like {LIKE}")
        return out, backbone
    if fps is not None:
        raise KBError(f"{LIKE} has its own frame rule", hint="leave out --fps")
    networks = backbone or [NETWORK]
    if len(set(networks)) < len(networks):
        raise KBError("a --backbone is named twice", hint="name each once")
    return out, networks


def _tell(reports: list[Report], folders: list[Path], *, json: bool) -> None:
    for video in reports[0].broken:
        say(f"skipped {video['video']}: {video['reason']}")
    if json:
        documents: list[dict[str, Any]] = [report.plain() for report in reports]
        if reports[0].like is None:
            emit_json(documents[0])
        else:
            emit_json({"features": documents, "pooled": [str(folder) for folder in folders]})
        return
    for report in reports:
        resumed = f", {len(report.kept):,} from before" if report.kept else ""
        emit(
            f"{report.out}: {counted(len(report.extracted), 'video')}{resumed}, {counted(report.frames, 'frame')}, "
            f"{report.dim} dimensions by {report.backbone}"
        )
    for folder in folders:
        emit(f"{folder}: one vector per video")
