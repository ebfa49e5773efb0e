"""Verdicts on claims: the statistics of kb.repro.claims, asked for only where a claim is stated."""

from collections.abc import Iterable
from typing import Any

from kb.records import Claim, KBError, Library, Run
from kb.records.errors import Exit


def document(library: Library) -> list[dict[str, Any]]:
    """The rows of `kb claims`. Raises KBError where numpy is not installed."""
    if not any(paper.claims for paper in library.papers):
        return []
    try:
        from kb.repro.claims import document as judged  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return judged(library)


def verdict(model: str, claim: Claim, runs: Iterable[Run]) -> str:
    """What these runs say of a claim. Raises KBError where numpy is not installed."""
    try:
        from kb.repro.claims import check  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return str(check(model, claim, runs)["verdict"])


def _missing(error: ModuleNotFoundError) -> KBError:
    return KBError(
        f"verdicts need {error.name}, which is not installed",
        mend="run `pip install 'kb-video-text-retrieval[site]'`",
        code=Exit.UNREACHABLE,
    )
