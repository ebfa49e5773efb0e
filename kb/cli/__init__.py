"""The command line: parses, calls one function of a room, prints. Rooms are imported when called."""

import sys
import traceback

from kb.records.errors import Exit, KBError


def main() -> None:
    """Run `kb`. Nothing but one clear line reaches a user; `--debug` adds the trace."""
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    sys.exit(run(arguments, debug=debug))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command line and return its exit code."""
    import click  # noqa: PLC0415  (kept off the path of `import kb.cli`)

    from kb.cli.app import app  # noqa: PLC0415

    try:
        code = app(arguments, standalone_mode=False)
    except KBError as error:
        return fail(str(error), error.code, debug=debug)
    except click.ClickException as error:
        return fail(
            f"{error.format_message()}; `kb --help` shows the commands", Exit.USAGE, debug=debug
        )
    except (click.Abort, KeyboardInterrupt):
        return fail("interrupted; what was done is kept", 130, debug=False)
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.CLEAN
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, never a trace)
        what = (
            f"unexpected {type(error).__name__}: {error}; please report it with the --debug output"
        )
        return fail(what, Exit.USAGE, debug=debug)
    return int(code or 0)


def fail(sentence: str, code: int, *, debug: bool) -> int:
    """One line on stderr."""
    if debug:
        traceback.print_exc()
    print("kb:", " ".join(sentence.split()), file=sys.stderr)  # noqa: T201  (this is the printer)
    return int(code)
