"""Stand-ins for GitHub's repository API, the Wayback Machine and Software Heritage, as behaviours of the same web.

The owner in /repos/OWNER/NAME says what becomes of the repository.
"""

import json

from tests.servers import web_streams
from tests.servers.web import Exchange
from tests.servers.web_behaviours import BEHAVIOURS, behaviour

__all__ = ["BEHAVIOURS", "web_streams"]  # whoever imports this has every behaviour

LIMITED = {
    "X-RateLimit-Limit": "60",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "4102444800",
}


@behaviour("repos", "ok", works=True)
async def repos(exchange: Exchange) -> None:
    """GitHub's GET /repos/{owner}/{repo}."""
    owner, name = exchange.rest
    facts = {"id": 1000 + len(name), "full_name": f"{owner}/{name}", "archived": False}
    if owner == "gone":
        await answer(exchange, {"message": "Not Found"}, 404)
    elif owner == "withheld":
        await answer(exchange, {"message": "Repository access blocked"}, 451)
    elif owner == "limited":
        await answer(exchange, {"message": "API rate limit exceeded"}, 403, LIMITED)
    elif owner == "renamed":
        await exchange.redirect(301, exchange.url(f"/repositories/{1000 + len(name)}"))
    elif owner == "elsewhere":  # an API that would carry the token to another host
        port = exchange.headers["host"].rpartition(":")[2]
        await exchange.redirect(301, f"http://localhost:{port}/repositories/7")
    elif owner == "hostile":
        await answer(exchange, facts | {"full_name": "../../evil\n::error::x"})
    else:
        await answer(exchange, facts | {"archived": owner == "archived"})


@behaviour("repositories", "ok", works=True)
async def repositories(exchange: Exchange) -> None:
    """GitHub's GET /repositories/{id}: where a renamed repository is found."""
    number = int(exchange.rest[0])
    await answer(exchange, {"id": number, "full_name": "someone-new/new-name", "archived": False})


@behaviour("web", "ok", works=True)
async def web(exchange: Exchange) -> None:
    """The Wayback Machine's /web/URL: a redirect to the newest snapshot, 404 where there is none."""
    asked = exchange.path.removeprefix("/web/")
    if "never-saved" in asked:
        await exchange.send(404)
    else:
        await exchange.redirect(302, f"/web/20200102030405/{asked}")


@behaviour("save", "ok", works=True)
async def save(exchange: Exchange) -> None:
    """The Wayback Machine's /save/URL: a redirect to the snapshot that it makes, or a refusal."""
    asked = exchange.path.removeprefix("/save/")
    if "robots" in asked:
        await exchange.send(403, body=b"This site does not want to be saved.")
    elif "busy" in asked:
        await exchange.send(429, {"Retry-After": "60"})
    else:
        await exchange.redirect(302, f"/web/20261130000000/{asked}")


@behaviour("api", "ok", works=True)
async def software_heritage(exchange: Exchange) -> None:
    """Software Heritage's origin visits and Save Code Now, as its API describes them."""
    _, _, rest = exchange.path.partition("/1/origin/")
    if exchange.method == "POST":
        origin = rest.removeprefix("save/git/url/").rstrip("/")
        rejected = "rejected" if "/never-saved/bad" in origin else "accepted"
        facts = {
            "id": 1,
            "origin_url": origin,
            "visit_type": "git",
            "save_request_status": rejected,
        }
        await answer(exchange, facts | {"save_task_status": "not yet scheduled"})
        return
    origin = rest.partition("/visit/latest/")[0]
    if "busy" in origin:
        await answer(exchange, {"exception": "Throttled"}, 429, {"Retry-After": "60"})
    elif "never-saved" in origin:
        reason = f"No visit for origin with url {origin} found"
        await answer(exchange, {"exception": "NotFoundExc", "reason": reason}, 404)
    else:
        day = "2024-05-06T07:08:09.000000+00:00"
        await answer(exchange, {"origin": origin, "date": day, "visit": 3, "status": "full"})


async def answer(
    exchange: Exchange, facts: object, code: int = 200, headers: dict[str, str] | None = None
) -> None:
    """One JSON document."""
    kind = "application/json; charset=utf-8"
    await exchange.send(code, headers, json.dumps(facts).encode(), kind)
