"""`python -m tests.parity FILE.npz... [--json]`: the largest relative differences.

Exit codes: 0 every difference below the limit, 1 one is not, 2 a file is unreadable.
"""

import argparse
import json
import sys
from pathlib import Path

from kb.records.errors import Exit, KBError
from tests.parity.compare import LIMIT, ParityReport, report


def table(parity: ParityReport) -> str:
    """One line an array, the verdict last."""
    width = max(map(len, [*parity.max_rel, *parity.skipped]), default=0)
    rows = [
        f"  {array:{width}}  {'not comparable' if d is None else f'{d:.1e}'}"
        for array, d in parity.max_rel.items()
    ]
    rows += [f"  {array:{width}}  skipped: {why}" for array, why in parity.skipped.items()]
    verdict = "ok" if parity.ok else "not ok"
    return "\n".join([f"{parity.model} {parity.case}", *rows, f"{verdict} (limit {LIMIT:g})"])


def main() -> int:
    """Compare the named recordings."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        reports = [report(path) for path in options.file]
    except KBError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.code)
    if options.json:
        documents = [one.document() for one in reports]
        text = json.dumps(documents if len(documents) > 1 else documents[0])
    else:
        text = "\n".join(map(table, reports))
    sys.stdout.write(f"{text}\n")
    return int(Exit.CLEAN if all(one.ok for one in reports) else Exit.FINDINGS)


if __name__ == "__main__":
    sys.exit(main())
