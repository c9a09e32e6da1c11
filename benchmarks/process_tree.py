"""What a process and all below it cost, as Linux counts it."""

import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

FIRST = -15
"""Niceness of what goes first."""

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    below = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            below[int(_fields(stat)[1])].append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += below[one]
    return found


def cpu_s(pid: int) -> dict[int, float]:
    """Seconds that a process and all below it have had of a processor, each."""
    seconds = {}
    for one in tree(pid):
        with suppress(OSError):
            fields = _fields(Path(f"/proc/{one}/stat"))
            seconds[one] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def pss_mb(pid: int) -> dict[int, float]:
    """Proportional set size in MB of a process and all below it, each: shared memory is counted
    once."""
    sizes = {}
    for one in tree(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            sizes[one] = sum(int(x.split()[1]) for x in lines if x.startswith("Pss:")) / 1024
    return sizes


def command(pid: int) -> str:
    """A process's command line; empty where it is gone."""
    with suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf8", "replace")
        )
    return ""


def name(pid: int) -> str:
    """What a process is called: Ray's own name of a worker, or its program and module."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf8", "replace").split("\0")
        if words[0].startswith("ray::"):
            return words[0].removeprefix("ray::").split("#")[0].strip()
        if "-c" in words:
            return words[words.index("-c") + 1][:50]
        scripts = [Path(w).stem for w in words[1:] if w.endswith(".py")]
        modules = [b for a, b in pairwise(words) if a == "-m"]
        return (modules or scripts or [Path(words[0]).name])[0]
    return "gone"


def go_first(pid: int) -> None:
    """The process and all below it get a processor before others do, in whatever session they are;
    only root may say so."""
    for one in tree(pid):
        with suppress(OSError):
            Path(f"/proc/{one}/autogroup").write_text(str(FIRST))
            os.setpriority(os.PRIO_PROCESS, one, FIRST)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """The process and all below it stand still while the block runs."""
    stopped = tree(pid)
    _tell(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(stopped, signal.SIGCONT)


def _tell(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
