"""The command line: parse options, call one function of a room, print. Rooms load on demand."""

import errno
import sys
import traceback

from kb.records.errors import Exit, KBError, MissingExtraError, shortened, visible

INTERRUPTED = "interrupted; finished work is saved, run the same command to resume"
# Libraries of the extras, for commands that do not check for their extra first.
EXTRA_OF = dict.fromkeys(("numpy", "torch", "numba", "jaxtyping", "threadpoolctl"), "repro")
DATASET_COMMANDS = {"data", "repro", "features"}  # whose --root is a dataset's folder
_HINTS = {  # for errors of the disk, of rights and of limits
    errno.ENOSPC: "free some disk space; finished work is saved",
    errno.EDQUOT: "free some disk space; finished work is saved",
    errno.EROFS: "choose a writable folder",
    errno.EACCES: "choose a folder that you may write to, or change its permissions",
    errno.EPERM: "choose a folder that you may write to, or change its permissions",
    errno.ENOTDIR: "a file is in the place of a folder",
    errno.EEXIST: "a file is in the place of a folder",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "use shorter names",
    errno.ELOOP: "a symbolic link points to itself",
}
EXTRA_OF |= {"h5py": "features", "av": "features", "ray": "cluster"}


def main() -> None:
    """Run `kb`. An error is one line on stderr; `--debug` adds the traceback."""
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    sys.exit(run(arguments, debug=debug))


def renamed(arguments: list[str]) -> list[str]:
    """Replace old option names by the current ones, with a note on stderr.

    `--root DIR` named the knowledge base, except in commands that read a dataset: there it still
    names the dataset's folder.
    """
    command = next((word for word in arguments if word in DATASET_COMMANDS), None)
    until = arguments.index(command) if command else len(arguments)
    words = list(arguments)
    for place, word in enumerate(arguments[:until]):
        name, equals, value = word.partition("=")
        if name == "--root":
            words[place] = f"--directory{equals}{value}"
            sys.stderr.write("kb: use -C DIR instead of --root DIR for the knowledge base\n")
    return words


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command line and return its exit code."""
    import typer  # noqa: PLC0415  (kept off the path of `import kb.cli`)

    from kb.cli.app import tree  # noqa: PLC0415

    # Typer brings its own click or uses the installed one, by version: take the class from it.
    usage = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        words = renamed(arguments) or ["--help"]
        code = tree(words)(words, standalone_mode=False)
    except KBError as error:
        return fail(str(error), error.code, debug=debug)
    except (typer.Abort, KeyboardInterrupt):
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.CLEAN
    except typer.Exit as stop:
        code = stop.exit_code
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, never a trace)
        return fail(*explained(error, usage), debug=debug)
    if code == Exit.INTERRUPTED:  # typer turns Ctrl-C into an exit code without a message
        return fail(INTERRUPTED, code, debug=False)
    return code if isinstance(code, int) else Exit.CLEAN


def explained(error: Exception, usage: type) -> tuple[str, Exit]:
    """Message and exit code of an error: a missing extra, memory, the disk, or `sentence`."""
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRA_OF:
        return str(MissingExtraError(error.name, EXTRA_OF[error.name])), Exit.UNREACHABLE
    if isinstance(error, MemoryError):
        return (
            "not enough memory; use a smaller batch or a smaller file",
            Exit.UNREACHABLE,
        )
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        hint = _HINTS.get(error.errno, "check the path and its permissions")
        return f"{place}{error.strerror}; {hint}", Exit.UNREACHABLE
    return sentence(error, usage), Exit.USAGE


def sentence(error: Exception, usage: type) -> str:
    """The message of a usage error, or of an unexpected error, which is our bug."""
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):  # pydantic's
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"invalid value in a record ({field}: {first['msg']}); correct it"
    if not isinstance(error, usage):
        return f"unexpected {type(error).__name__}: {error}; please report it with `--debug`"
    if type(error).__name__ == "NoArgsIsHelpError":
        return "a command is missing; `--help` lists them"
    return f"{error.format_message()}; `kb --help` shows the commands"  # type: ignore[attr-defined]


def fail(what: str, code: int, *, debug: bool) -> int:
    """One line on stderr."""
    if debug:
        traceback.print_exc()
    print("kb:", visible(" ".join(shortened(what, 2000).split())), file=sys.stderr)  # noqa: T201  (this is the printer)
    return int(code)
