"""Photos that arrive in a folder, once they are whole."""

import errno
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

STILL_S: Final = 1.0
"""Seconds for which a file must not have changed."""

PATIENCE_S: Final = 10.0
"""And one that cannot be read as it is: it may be coming slowly."""


@dataclass(frozen=True)
class State:
    """What tells that a file has changed; `since` when it was first seen so, in seconds."""

    size: int
    modified_ns: int
    since: float

    @property
    def content(self) -> tuple[int, int]:
        """What is another once it was written to."""
        return self.size, self.modified_ns


@dataclass
class Arrivals:
    """Files that came and are waited for; times are those of a clock that the caller reads."""

    waiting: dict[Path, State] = field(default_factory=dict)
    broken: dict[Path, float] = field(default_factory=dict)
    """Those that could not be read, and since when."""
    done: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """What those that were handed out were like."""

    def came(self, paths: Iterable[Path], now: float) -> None:
        """These files are new, or were written to."""
        for path in paths:
            state = _state(path, now)
            if state is not None and self.done.get(path) != state.content:
                self.waiting[path] = state

    def whole(self, now: float) -> list[Path]:
        """Those that are whole as far as can be told, in the order in which they came; they are
        waited for no more."""
        ready = []
        for path, before in list(self.waiting.items()):
            state = _state(path, now)
            if state is None:
                del self.waiting[path]
            elif state.content != before.content:
                self.waiting[path] = state
            elif now - before.since >= STILL_S and state.size and not is_open_for_writing(path):
                del self.waiting[path]
                self.done[path] = state.content
                ready.append(path)
        return ready

    def comes_slowly(self, path: Path, now: float) -> bool:
        """Whether a file that could not be read is waited for a little longer, which it then is."""
        if now - self.broken.setdefault(path, now) >= PATIENCE_S:
            del self.broken[path]
            return False
        self.done.pop(path, None)
        self.came([path], now)
        return path in self.waiting


def _state(path: Path, now: float) -> State | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return State(stat.st_size, stat.st_mtime_ns, now)


def is_open_for_writing(path: Path) -> bool:
    """Whether a process of this machine still has the file open to write; False also where the
    system cannot say.

    Linux grants a lease to read only while nobody does (fcntl(2), F_SETLEASE).
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False
