"""How the command ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from carpose.errors import CarposeError

ANSWERED: Final = 0
BAD_INPUT: Final = 2
"""What was given is no photo, has no car, or cannot be asked."""
NOT_ACCEPTED: Final = 3
"""All photos have an answer, and one is refused, or a person should look at it."""


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong before there is a photo ends the command with a sentence."""
    try:
        yield
    except CarposeError as error:
        typer.echo(f"carpose: {error.code}: {error.detail}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    except OSError as error:
        typer.echo(f"carpose: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
