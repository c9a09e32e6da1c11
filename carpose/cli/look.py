"""`carpose look`: photos answered here, without a server."""

import sys

import typer

from carpose.cli import options as o
from carpose.cli.asking import Asking, Seen
from carpose.cli.asks import asks
from carpose.cli.exits import ANSWERED, BAD_INPUT, NOT_ACCEPTED, told
from carpose.cli.formats import Format, printer
from carpose.cli.photos import named
from carpose.cli.progress import progress

BRIEFLY_FROM = 4
"""As many photos have a line each, fewer all that is known."""


@asks
def look(
    photos: o.Photos,
    asking: Asking,
    kind: Format,
) -> None:
    """Which side of a car photos show, and how it stands.

    Exit code 0: answered; 2: no photo, or no car in it; 3: a photo is refused, or to be looked at.
    """
    with told():
        asked = named(photos)
        if not asked:
            raise FileNotFoundError(f"no photos in {', '.join(photos)}")
        estimator = asking.loaded()
    alone = len(asked) == 1
    out = printer(
        kind, alone and asked[0].name in (*photos, "standard input"), len(asked) >= BRIEFLY_FROM
    )
    code = ANSWERED
    for photo in progress(asked):
        seen = asking.look(estimator, photo, alone)
        out.add(seen)
        complain(seen)
        if seen.error is not None:
            code = BAD_INPUT
        elif not seen.accepted and not code:
            code = NOT_ACCEPTED
    out.end()
    raise typer.Exit(code)


def complain(seen: Seen) -> None:
    """What went wrong with a photo, by standard error."""
    if problem := seen.problem:
        print(f"{seen.name}: {problem['code']}: {problem['detail']}", file=sys.stderr, flush=True)
