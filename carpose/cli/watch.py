"""`carpose watch`: answers as photos arrive in a folder."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from carpose.cli.arrivals import Arrivals
from carpose.cli.asking import Asking
from carpose.cli.asks import asks
from carpose.cli.exits import told
from carpose.cli.formats import Format, printer
from carpose.cli.look import complain
from carpose.cli.photos import Named
from carpose.photo_names import is_photo_name

TICK_MS = 200
"""Between two looks at what has come."""


@asks
def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, show_default=False)
    ],
    asking: Asking,
    kind: Format,
    existing: Annotated[
        bool, typer.Option("--existing", help="Begin with the photos that are there.")
    ] = False,
    poll: Annotated[
        bool, typer.Option("--poll", help="For folders of other machines: look, do not listen.")
    ] = False,
) -> None:
    """Answer photos as they arrive in a folder and those below it, each once it is whole.

    A file is read when nobody writes to it any more and it has not changed for a second. Ctrl-C
    ends it.
    """
    with told():
        out = printer(kind, alone=False, briefly=True)
        there = set() if existing else set(_photos(folder))
        estimator = asking.loaded()
    print(f"watching {folder}: Ctrl-C ends it", file=sys.stderr, flush=True)
    arrivals = Arrivals()
    with suppress(KeyboardInterrupt):
        for path in arriving(folder, there, poll, arrivals):
            name = str(folder / path.relative_to(folder.absolute()))
            seen = asking.look(estimator, Named(name, path), alone=False)
            if (seen.problem or {}).get("code") == "bad-image" and arrivals.comes_slowly(
                path, time.monotonic()
            ):
                continue
            out.add(seen)
            complain(seen)
    out.end()


def arriving(
    folder: Path,
    there: set[Path],
    poll: bool,
    arrivals: Arrivals,
    stop: threading.Event | None = None,
) -> Iterator[Path]:
    """Whole photos as they arrive, absolute paths, until `stop`; not those that are `there`."""
    import watchfiles

    ticks = watchfiles.watch(
        folder,
        watch_filter=lambda change, path: (
            change != watchfiles.Change.deleted and is_photo_name(Path(path).name)
        ),
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        force_polling=poll or None,
        stop_event=stop,
    )
    began = False
    for changes in ticks:
        came = {Path(path) for _, path in changes}
        if not began:
            # Those that came while models were loaded.
            came |= set(_photos(folder)) - there
            began = True
        arrivals.came(sorted(came), time.monotonic())
        yield from arrivals.whole(time.monotonic())


def _photos(folder: Path) -> Iterator[Path]:
    return (path.absolute() for path in folder.rglob("*") if is_photo_name(path.name))
