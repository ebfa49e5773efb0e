"""The ground: one local server under fifty names, a list of links with known truth, and a score."""

import random
from collections import Counter
from dataclasses import dataclass

from tests.servers.web import Web
from tests.servers.web_apis import BEHAVIOURS

HOSTS = tuple(f"127.0.1.{number}" for number in range(1, 51))
SHARE = 0.05  # of the links for each fault; what is left is in order
STALLS = ("silent", "slow-body")  # these hold a connection far longer than the latency
FAULTS = (
    "404", "410", "403", "500", "503-once", "429-seconds", "head-405", "301", "302", "loop",
    "reset", "soft-404", *STALLS,
)  # fmt: skip
SEED = 4

ALIVE, BROKEN, UNSURE = "alive", "broken", "unsure"  # what a tool says of a link


@dataclass(frozen=True)
class Field:
    """Addresses in the order of the list, each with the behaviour it shows."""

    links: dict[str, str]

    def markdown(self) -> str:
        """The list as the Markdown checkers read it."""
        return "".join(f"- [{number}]({url})\n" for number, url in enumerate(self.links))

    def page(self) -> str:
        """The same list as a page, for a checker that reads HTML."""
        anchors = (f'<a href="{url}">{number}</a>\n' for number, url in enumerate(self.links))
        return f"<!doctype html><title>A list</title>\n{''.join(anchors)}"


def lay(web: Web, count: int, *, stalls: bool = True) -> Field:
    """`count` links spread evenly over the hosts, `SHARE` of them for each fault, shuffled."""
    faults = [fault for fault in FAULTS if stalls or fault not in STALLS]
    each = round(count * SHARE)
    kinds = [fault for fault in faults for _ in range(each)]
    kinds += ["ok"] * (count - len(kinds))
    links = [
        (web.url(kind, str(number), host=HOSTS[(number * 7 + number // each) % len(HOSTS)]), kind)
        for number, kind in enumerate(kinds)
    ]
    random.Random(SEED).shuffle(links)
    return Field(dict(links))


def right(kind: str, said: str | None) -> bool:
    """Whether what a tool says of a link agrees with what a reader meets who clicks on it.

    Where a program cannot know (a wall against programs) only `broken` is wrong; a link that a
    tool says nothing about is wrong.
    """
    works = BEHAVIOURS[kind].works
    if works is None:
        return said in {ALIVE, UNSURE}
    return said == (ALIVE if works else BROKEN)


def score(field: Field, said: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Share of right verdicts, over all links and for each behaviour."""
    good, total = Counter[str](), Counter(field.links.values())
    for url, kind in field.links.items():
        good[kind] += right(kind, said.get(url))
    return sum(good.values()) / len(field.links), {kind: good[kind] / total[kind] for kind in total}
