"""Four link checkers on one local server with known faults: speed, cost, and who tells the truth.

    python bench/links.py                        everything; some ten minutes
    python bench/links.py --only "kb links"      ours alone
    python bench/links.py --tools DIR            keep the installed checkers of others for next time

Only loopback addresses are asked; every command ends by itself or is ended after --limit seconds.
The checkers of others are installed into a temporary folder, by npm and pip.
"""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from linkbench.field import FAULTS, HOSTS, STALLS, Field, lay, score  # noqa: E402
from linkbench.meter import Measured, measure  # noqa: E402
from linkbench.tools import Tool, install, ours, read_ours, tools  # noqa: E402

from tests.servers.web import Web  # noqa: E402

LATENCY = 0.1  # seconds before every answer
LONG = 20_000  # links of the run that looks for leaks


def main() -> None:
    """Run what is asked for and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", help="one checker, or `long`, by its name in the table")
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=100, help="requests at once")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for a request")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for a checker")
    parser.add_argument("--tools", type=Path, help="where the checkers of others are, or will be")
    wanted = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.tools or Path(scratch) / "tools"
        work = Path(scratch) / "work"
        for made in (folder, work):
            made.mkdir(parents=True, exist_ok=True)
        for made in (Path(scratch), folder, work):
            made.chmod(0o755)  # linkchecker, started by root, reads as nobody
        if wanted.only not in {"kb links", "long"}:
            for name, why in install(folder).items():
                print(f"not to be had by {name}: {why}")
        if wanted.only != "long":
            compare(folder, work, wanted)
            calm(work, wanted)
        if wanted.only in {None, "long"}:
            long_run(work, wanted)
    print()
    machine()


def machine() -> None:
    """Where this runs, and how busy it is."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}; load {load}\n")


def write(field: Field, work: Path) -> None:
    """The list in both forms."""
    (work / "list.md").write_text(field.markdown())
    (work / "list.html").write_text(field.page())


def forget(web: Web) -> None:
    """Make the server new for the next checker."""
    web.counts.clear()
    web.requests = web.connections = 0


def compare(folder: Path, work: Path, wanted: argparse.Namespace) -> None:
    """All checkers over the same list, one after the other."""
    shares: dict[str, dict[str, float]] = {}
    with Web(HOSTS, latency=LATENCY, log=False) as web:
        field = lay(web, wanted.links)
        write(field, work)
        print(f"{wanted.links} links, {len(HOSTS)} hosts, {LATENCY * 1000:.0f} ms, ", end="")
        print(f"{wanted.concurrency} requests at once, {wanted.timeout:g} s for a request\n")
        print("| checker | wall s | CPU s | peak MiB | requests | wall / bound | right verdicts |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for tool in tools(folder, work, wanted.concurrency, wanted.timeout):
            if wanted.only not in {None, tool.name} or not Path(tool.command[0]).exists():
                continue
            forget(web)
            run = measure(tool.command, work, wanted.limit)
            shares[tool.name] = row(tool, run, field, web.requests, wanted)
    print(f"\nbound: requests x {LATENCY:g} s / {wanted.concurrency}\n")
    by_fault(shares)


def row(
    tool: Tool, run: Measured, field: Field, requests: int, wanted: argparse.Namespace
) -> dict[str, float]:
    """Print a checker's line; its share of right verdicts for each fault."""
    bound = requests * LATENCY / wanted.concurrency
    numbers = f"| {run.wall:.1f} | {run.cpu:.1f} | {run.peak:.0f} | {requests} "
    if not run.finished:
        print(f"| {tool.name} {numbers}| - | ended after {wanted.limit:g} s |", flush=True)
        return {}
    try:
        whole, each = score(field, tool.read(run.output))
    except (ValueError, KeyError) as error:
        print(f"| {tool.name} {numbers}| - | no readable output: {error} |", flush=True)
        return {}
    print(f"| {tool.name} {numbers}| {run.wall / bound:.2f} | {100 * whole:.1f} % |", flush=True)
    return each


def by_fault(shares: dict[str, dict[str, float]]) -> None:
    """Right verdicts in percent, a line for each fault."""
    print("| fault | " + " | ".join(shares) + " |")
    print("|---|" + "---:|" * len(shares))
    for kind in ("ok", *FAULTS):
        cells = (f"{100 * each[kind]:.0f}" if kind in each else "-" for each in shares.values())
        print(f"| {kind} | " + " | ".join(cells) + " |")
    print()


def calm(work: Path, wanted: argparse.Namespace) -> None:
    """Ours on a server that answers everything after the latency: how close to the bound."""
    if wanted.only not in {None, "kb links"}:
        return
    print(f"Without {' and '.join(STALLS)}, whose answers take longer than the latency:\n")
    print("| requests at once | wall s | requests | bound s | wall / bound | right verdicts |")
    print("|---:|---:|---:|---:|---:|---:|")
    for concurrency in sorted({32, 64, wanted.concurrency}):
        with Web(HOSTS, latency=LATENCY, log=False) as web:
            field = lay(web, wanted.links, stalls=False)
            write(field, work)
            command = ours(work / "list.md", concurrency, wanted.timeout)
            run = measure(command, work, wanted.limit)
            bound = web.requests * LATENCY / concurrency
            whole, _ = score(field, read_ours(run.output))
            print(f"| {concurrency} | {run.wall:.1f} | {web.requests} | {bound:.1f} ", end="")
            print(f"| {run.wall / bound:.2f} | {100 * whole:.1f} % |", flush=True)
    print()


def long_run(work: Path, wanted: argparse.Namespace) -> None:
    """Ours over many links: memory and open files over time."""
    with Web(HOSTS, log=False) as web:
        field = lay(web, LONG)
        write(field, work)
        command = ours(work / "list.md", wanted.concurrency, wanted.timeout)
        run = measure(command, work, 2 * wanted.limit, every=0.5)
        whole, _ = score(field, read_ours(run.output)) if run.finished else (0.0, {})
        print(f"{LONG} links: {run.wall:.0f} s, {run.cpu:.0f} s CPU, peak {run.peak:.0f} MiB, ")
        print(f"{web.requests} requests, {100 * whole:.1f} % right verdicts\n")
    print("| at s | MiB | open files |")
    print("|---:|---:|---:|")
    step = max(1, len(run.samples) // 12)
    for at, size, files in [*run.samples[::step], *run.samples[-1:]]:
        print(f"| {at:.0f} | {size:.0f} | {files} |")


if __name__ == "__main__":
    main()
