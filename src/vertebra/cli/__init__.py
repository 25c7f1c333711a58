"""The command line: parse arguments, call the API, print. Data to stdout, the rest to stderr.

Exit codes: 0 all went well; 1 a failure we foresaw, with a remedy; 2 the command was wrong; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.errors import VertebraError

_OF_WRITING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command.

    Args:
        argv: the arguments after the program's name; None takes the process's.
    """
    from vertebra.cli.app import app
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
        _tell(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of stdout went away, as `head` does; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in _OF_WRITING:
            _tell(_not_written(error))
            sys.exit(1)
        sys.stderr.write(f"unexpected {type(error).__name__}: {error}\n  next:  repeat the command with --debug\n")
        sys.exit(1)
    finally:
        os.environ["VERTEBRA_DEBUG"] = before


def _not_written(error: OSError) -> VertebraError:
    from vertebra.errors import VertebraError

    return VertebraError(
        f"{error.filename or 'a file'} could not be written",
        cause=f"{error.strerror}; what was committed before stays",
        remedy="make room, or have the disk mounted for writing, then repeat the command",
    )


def _tell(error: Exception) -> None:
    """Print an error: the first line red where there is a terminal and colour is wanted."""
    from rich.console import Console
    from rich.text import Text

    rich = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    first, _, rest = str(error).partition("\n")
    rich.print(Text.assemble(("error: ", "bold red"), first))
    if rest:
        rich.print(Text(rest))
