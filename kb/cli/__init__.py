"""The command line: parses, calls one function of a room, prints. Rooms are imported when called."""

import errno
import sys
import traceback

from kb.records.errors import Exit, KBError, shortened, visible

INTERRUPTED = "interrupted; what was finished is kept, and the same command goes on"
# Libraries of the extras, for rooms whose command did not ask for its extra first.
EXTRA_OF = dict.fromkeys(("numpy", "torch", "numba", "jaxtyping", "threadpoolctl"), "repro")
DATASET_COMMANDS = {"data", "repro", "features"}  # whose --root is a dataset's folder
_OF_THE_MACHINE = {  # what a disk or its rights refuse, whatever was being done
    errno.ENOSPC: "make room on the disk; what was finished is kept",
    errno.EDQUOT: "make room on the disk; what was finished is kept",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "name a folder that you may write, or change its rights",
    errno.EPERM: "name a folder that you may write, or change its rights",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "use shorter names",
    errno.ELOOP: "a link leads to itself",
}
EXTRA_OF |= {"h5py": "features", "av": "features", "ray": "cluster"}


def main() -> None:
    """Run `kb`. Nothing but one clear line reaches a user; `--debug` adds the trace."""
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    sys.exit(run(arguments, debug=debug))


def renamed(arguments: list[str]) -> list[str]:
    """The arguments with old option names as they are called now; one line on stderr says so.

    `--root DIR` named the knowledge base everywhere but in commands that read a dataset, whose
    folder it still names.
    """
    command = next((word for word in arguments if word in DATASET_COMMANDS), None)
    until = arguments.index(command) if command else len(arguments)
    words = list(arguments)
    for place, word in enumerate(arguments[:until]):
        name, equals, value = word.partition("=")
        if name == "--root":
            words[place] = f"--directory{equals}{value}"
            sys.stderr.write("kb: --root DIR of the knowledge base is called -C DIR now\n")
    return words


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command line and return its exit code."""
    import typer  # noqa: PLC0415  (kept off the path of `import kb.cli`)

    from kb.cli.app import app  # noqa: PLC0415

    # Typer brings its own click or uses the installed one, by version: take the class from it.
    usage = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        code = app(renamed(arguments) or ["--help"], standalone_mode=False)
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
    if code == Exit.INTERRUPTED:  # typer makes Ctrl-C an exit code and says nothing
        return fail(INTERRUPTED, code, debug=False)
    return code if isinstance(code, int) else Exit.CLEAN


def explained(error: Exception, usage: type) -> tuple[str, Exit]:
    """What went wrong and the exit code: a library of an extra that is not there, or `sentence`."""
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRA_OF:
        hint = f"run `pip install 'kb-video-text-retrieval[{EXTRA_OF[error.name]}]'`"
        return f"{error.name} is not installed; {hint}", Exit.UNREACHABLE
    if isinstance(error, MemoryError):
        return (
            "more memory is needed than there is; fewer at once, or a smaller file",
            Exit.UNREACHABLE,
        )
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        hint = _OF_THE_MACHINE.get(error.errno, "check the path and its rights")
        return f"{place}{error.strerror}; {hint}", Exit.UNREACHABLE
    return sentence(error, usage), Exit.USAGE


def sentence(error: Exception, usage: type) -> str:
    """What went wrong: a wrong usage in its own words, anything else as a fault of ours."""
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):  # pydantic's
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return (
            f"a value that no record may have ({field}: {first['msg']}); correct it where it stands"
        )
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
