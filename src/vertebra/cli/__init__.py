"""The command line: parse arguments, call the API, print. Data to stdout, the rest to stderr.

Exit codes: 0 success; 1 a failure, reported with a remedy; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command.

    Args:
        argv: the arguments after the program's name; None takes the process's.
    """
    # imports make many objects that stay, and every search for garbage would visit them
    gc.set_threshold(50_000, 20, 100)
    from vertebra.cli.app import app
    from vertebra.disk_errors import disk_error
    from vertebra.errors import VertebraError

    arguments = list(sys.argv[1:] if argv is None else argv)
    before = os.environ.get("VERTEBRA_DEBUG", "")
    debug = "--debug" in arguments or bool(before)
    arguments = [argument for argument in arguments if argument != "--debug"]
    os.environ["VERTEBRA_DEBUG"] = "1" if debug else ""
    try:
        app(args=arguments, prog_name="vertebra")
    except VertebraError as error:
        if debug:
            raise
        _print_error(error)
        sys.exit(1)
    except BrokenPipeError:
        # the reader of stdout went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        about_disk = disk_error(error)
        if about_disk is not None:
            _print_error(about_disk)
            sys.exit(1)
        sys.stderr.write(f"unexpected {type(error).__name__}: {error}\n  next:  repeat the command with --debug\n")
        sys.exit(1)
    finally:
        os.environ["VERTEBRA_DEBUG"] = before


def _print_error(error: Exception) -> None:
    """Print an error, in colour on terminals that support it."""
    from rich.console import Console
    from rich.text import Text

    rich = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    first, _, rest = str(error).partition("\n")
    rich.print(Text.assemble(("error: ", "bold red"), first))
    if rest:
        rich.print(Text(rest))
