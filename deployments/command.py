"""The command `carpose`: the library's verbs and, from here above it, those that take a server."""

import sys
from collections.abc import Sequence

from carpose.cli import app
from deployments.serve_command import serve

VERBS = {"serve": serve}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    return app.main(arguments, VERBS)


if __name__ == "__main__":
    sys.exit(main())
