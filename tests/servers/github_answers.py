"""What the local GitHub API knows and does: pull requests, comments, reviews, labels, artifacts."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kb.bot.suggestions import HUNK

BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}


class Refusal(Exception):  # noqa: N818  (an answer, not a fault)
    """An error answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.errors, self.headers = errors, headers or {}


@dataclass
class State:
    """One repository, `us/list`, as GitHub keeps it."""

    pulls: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by pull request
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # review comments
    labels: dict[int, list[str]] = field(default_factory=dict)
    artifacts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by run
    store: dict[int, bytes] = field(default_factory=dict)  # artifact -> zip
    ids: Any = field(default_factory=lambda: count(1001))

    def open(
        self, number: int, head: str, sha: str, files: dict[str, str | None], base: str = "main"
    ) -> None:
        """A pull request from `head` (owner:branch) at `sha`, with the diffs of its files."""
        owner, branch = head.split(":", 1)
        repository = {"full_name": f"{owner}/list"}
        self.pulls.append(
            {
                "number": number,
                "state": "open",
                "head": {"label": head, "ref": branch, "sha": sha, "repo": repository},
                "base": {"ref": base},
            }
        )
        rows = (
            {"filename": path, "status": "modified", "patch": diff} for path, diff in files.items()
        )
        self.files[number] = [{k: v for k, v in row.items() if v is not None} for row in rows]
        self.comments[number], self.reviews[number], self.labels[number] = [], [], []


def answer(
    state: State, name: str, names: dict[str, str], query: dict[str, str], given: dict[str, Any]
) -> Any:
    """The document that answers an operation. Raises Refusal."""
    if f"{names['owner']}/{names['repo']}" != "us/list":
        raise Refusal(404, "Not Found")
    if "number" in names and int(names["number"]) not in state.files:
        raise Refusal(404, "Not Found")
    number = int(names.get("number", 0))
    room, _, act = name.partition("/")
    if room == "actions":
        return _artifacts(state, act, int(names["id"]))
    if name in {"issues/list-comments", "issues/create-comment", "issues/update-comment"}:
        return _comments(state, act, number or int(names["id"]), given)
    if room == "issues":
        return _labels(state, act, number, names.get("label", ""), given)
    if act == "list":
        wanted = [p for p in state.pulls if query.get("state", "open") in (p["state"], "all")]
        return [p for p in wanted if query.get("head") in (None, p["head"]["label"])]
    if act == "list-files":
        return state.files[number]
    return _reviews(state, act, number, names, given)


def _artifacts(state: State, act: str, number: int) -> Any:
    if act == "download-artifact":
        if number not in state.store:
            raise Refusal(404, "Not Found")
        return {}
    rows = state.artifacts.get(number, [])
    return {"total_count": len(rows), "artifacts": rows}


def _comments(state: State, act: str, number: int, given: dict[str, Any]) -> Any:
    if act == "list-comments":
        return state.comments[number]
    if act == "create-comment":
        row = {"id": next(state.ids), "user": BOT, "body": given["body"]}
        state.comments[number].append(row)
        return row
    for row in (row for rows in state.comments.values() for row in rows):
        if row["id"] == number:
            row["body"] = given["body"]
            return row
    raise Refusal(404, "Not Found")


def _labels(state: State, act: str, number: int, label: str, given: dict[str, Any]) -> Any:
    labels = state.labels[number]
    if act == "add-labels":
        labels += [name for name in given["labels"] if name not in labels]
    elif act == "remove-label":
        if label not in labels:
            raise Refusal(404, "Label does not exist")
        labels.remove(label)
    return [{"name": name} for name in labels]


def _reviews(
    state: State, act: str, number: int, names: dict[str, str], given: dict[str, Any]
) -> Any:
    if act == "list-review-comments":
        return state.reviews[number]
    if act == "delete-review-comment":
        for rows in state.reviews.values():
            for row in rows:
                if row["id"] == int(names["id"]):
                    rows.remove(row)
                    return {}
        raise Refusal(404, "Not Found")
    pull = next(p for p in state.pulls if p["number"] == number)
    if given.get("commit_id", pull["head"]["sha"]) != pull["head"]["sha"]:
        raise Refusal(
            422, "Unprocessable Entity", errors=["Commit is not part of the pull request"]
        )
    made = given.get("comments", [])
    for row in made:
        _resolve(state, number, row)
    state.reviews[number] += [{"id": next(state.ids), "user": BOT, **row} for row in made]
    return {"id": next(state.ids), "state": "COMMENTED"}


def _resolve(state: State, number: int, row: dict[str, Any]) -> None:
    """Refuse, as GitHub does, the whole review for one line that is not in the diff."""
    diff = next(
        (f.get("patch", "") for f in state.files[number] if f["filename"] == row["path"]), ""
    )
    shown: set[int] = set()
    for line in diff.split("\n"):
        hunk = HUNK.match(line)
        if hunk:
            first, size = int(hunk[1]), int(hunk[2] or 1)
            shown |= set(range(first, first + size))
    lines = {row.get("line"), row.get("start_line", row.get("line"))}
    if not lines <= shown or row.get("side", "RIGHT") != "RIGHT":
        raise Refusal(422, "Unprocessable Entity", errors=["Line could not be resolved"])
    if row.get("start_line", 0) >= row["line"]:
        raise Refusal(422, "Unprocessable Entity", errors=["start_line must precede the end line"])
