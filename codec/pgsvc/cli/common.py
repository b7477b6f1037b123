"""What the command lines share: exit codes, error reporting, common options (spec B.2)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence

from pgsvc import __version__
from pgsvc.errors import PgsError

INTERRUPTED = 130


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the examples as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def parser(name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser with examples, ``--version`` and ``-q``."""
    p = argparse.ArgumentParser(
        prog=name, description=description, epilog="examples:\n" + examples, formatter_class=HelpFormatter
    )
    p.add_argument("--version", action="version", version=f"{name} {__version__}")
    p.add_argument("-q", "--quiet", action="store_true", help="only errors on stderr")
    return p


def add_decoding_options(p: argparse.ArgumentParser) -> None:
    p.add_argument("--threads", type=int, default=0, metavar="N", help="threads of the sum; 0 = one per core (default)")
    p.add_argument(
        "--cpu",
        metavar="NAME",
        help="kernel: reference, scalar, v3 or v4 (default: the fastest; also PGSVC_CPU); all give the same bits",
    )
    p.add_argument(
        "--allow",
        metavar="LIMITS",
        help="accept larger streams: a limit level 1–6 (default 4), or e.g. pixels=64M,splats=2M (spec A)",
    )


def limits_from(text: str | None):  # noqa: ANN201
    from pgsvc.limits import DEFAULT_LEVEL, LEVELS, parse_allow

    return LEVELS[DEFAULT_LEVEL] if text is None else parse_allow(text, LEVELS[DEFAULT_LEVEL])


class _NotGiven(list):
    """Marks destinations that no flag has filled; a list, since some flags append."""


def given(p: argparse.ArgumentParser, argv: Sequence[str] | None) -> set[str]:
    """Destinations that the command line names, whether with their defaults or other values."""
    none = _NotGiven()
    marked = argparse.Namespace(**dict.fromkeys(vars(p.parse_args(argv)), none))
    return {name for name, value in vars(p.parse_args(argv, marked)).items() if value is not none}


def refuse_flags(destinations: Iterable[str], why: str) -> None:
    """Raises UsageError for flags that do not fit, by their names: "--gop is for pictures, …"."""
    from pgsvc.errors import UsageError

    names = ["--" + name.replace("_", "-") for name in sorted(destinations)]
    if names:
        raise UsageError(f"{' and '.join(names)} {why if len(names) == 1 else why.replace('is for', 'are for', 1)}")


def refuse_same_file(source: str, target: str) -> None:
    """Raises UsageError if the output would replace the input."""
    from pgsvc.errors import UsageError

    paths = [os.path.realpath(p) for p in (source, target)]
    if "-" not in (source, target) and paths[0] == paths[1]:
        raise UsageError("input and output are the same file")


def note(quiet: bool, text: str) -> None:
    if not quiet:
        print(text, file=sys.stderr)


def progress(quiet: bool, done: int, total: int) -> None:
    """One line that is rewritten, only on a terminal."""
    if not quiet and total > 1 and sys.stderr.isatty():
        print(f"\r{done}/{total} frames", end="\n" if done == total else "", file=sys.stderr, flush=True)


def numbers(flag: str, text: str | None, limit: int) -> list[int] | None:
    """Numbers of objects or tiles, separated by commas, without repetitions; None where the flag is not given.

    Raises:
        UsageError: something else is there, or a number is not below ``limit``.
    """
    from pgsvc.errors import UsageError

    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UsageError(f"{flag} {text}: numbers separated by commas are wanted")
    found = sorted({int(part) for part in parts})
    if found[-1] >= limit:
        raise UsageError(f"{flag} {text}: the stream has only the numbers 0 to {limit - 1}")
    return found


def run(name: str, body: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Run a command body; errors become one line on stderr and an exit code."""
    try:
        return body(argv)
    except PgsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{name}: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except MemoryError:
        print(f"{name}: not enough memory", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
