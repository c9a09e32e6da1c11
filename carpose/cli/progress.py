"""How far many photos are: on standard error, and only on a terminal."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def progress(items: Sequence[Item], what: str = "photos") -> Iterator[Item]:
    """The items, with a bar that counts them where there are several."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield from items
        return
    from rich import progress as rich_
    from rich.console import Console

    bar = rich_.Progress(
        rich_.TextColumn(what),
        rich_.BarColumn(),
        rich_.MofNCompleteColumn(),
        rich_.TextColumn("{task.fields[rate]}"),
        rich_.TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
        # Answers that go to the same terminal are printed above the bar, those for a pipe are not.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        task = bar.add_task(what, total=len(items), rate="")
        for item in items:
            yield item
            bar.advance(task)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:.1f}/s" if speed else "")
