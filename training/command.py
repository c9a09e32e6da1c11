"""What the commands have in common: known errors end in one line, not in a traceback."""

import functools
import sys
from collections.abc import Callable, Sequence

from carpose.errors import CarposeError
from training.errors import TrainingError

Main = Callable[[Sequence[str] | None], int]
"""Takes the arguments of the command line, None for this process's own; returns the exit code."""

ERROR = 2
"""Exit code where an error ended a command; argparse's own is the same."""


def command(main: Main) -> Callable[..., int]:
    """A command that says its errors on standard error and returns ERROR."""

    @functools.wraps(main)
    def guarded(arguments: Sequence[str] | None = None) -> int:
        try:
            return main(arguments)
        except (TrainingError, CarposeError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return ERROR

    return guarded
