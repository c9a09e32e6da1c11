"""Workers and drivers of a bulk run killed at random moments: is every photo in the output once?

    python -m benchmarks.bulk_kills --photos DIR --output DIR --kills 10 [--seed 0] [--copies 40]
        [options of deployments.bulk]

Starts `python -m deployments.bulk`, kills (SIGKILL) one of its workers or itself, in turn, after a
random number of seconds, starts it again where it is gone, and counts the rows once it is done.
`--copies`: of each photo, under other names; with `--every-photo` each of them is scored. Memory is
the PSS of the run's processes, Ray's included, by fifths of the time in which it ran.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import process_tree
from benchmarks.arguments import about
from deployments.bulk.output import Output

MODELS = "ray::MapWorker"
WORKERS = (MODELS, "ray::MapBatches", "ray::Seen")
"""How the processes that hold photos are called while they do: models, decoding, comparison."""


def workers(pid: int) -> list[int]:
    """Processes below a driver that hold photos."""
    return [one for one in process_tree.tree(pid) if process_tree.command(one).startswith(WORKERS)]


def run_killed(
    command: list[str],
    kills: int,
    seed: int,
    pause_s: tuple[float, float],
    log: Path,
    parts: Callable[[], int],
) -> dict[str, int]:
    """Run `command` to its end, killed `kills` times on the way, by turns a worker and the driver,
    or fewer where it ends before; the kills by what was killed, and the starts.

    pause_s: least and most seconds between two kills.
    parts: how many there are; nobody is killed by whom none was committed yet.

    Raises: SystemExit where a run ends otherwise than by our hand, or well.
    """
    draw, done = random.Random(seed), collections.Counter[str]()
    with log.open("wb") as out:
        while True:
            done["starts"] += 1
            before = parts()
            driver = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            while driver.poll() is None and done["worker"] + done["driver"] < kills:
                if not _ready(driver) or parts() == before:
                    time.sleep(0.05)
                    continue
                time.sleep(draw.uniform(*pause_s))
                victims = workers(driver.pid)
                if (done["worker"] + done["driver"]) % 2 == 0 and victims:
                    os.kill(draw.choice(victims), signal.SIGKILL)
                    done["worker"] += 1
                elif driver.poll() is None:
                    driver.kill()
                    done["driver"] += 1
                    break
            code = driver.wait()
            if code == 0:
                return dict(done)
            if code != -signal.SIGKILL:
                raise SystemExit(f"exit code {code}: {log.read_text()[-2000:]}")


def _ready(driver: "subprocess.Popen[bytes]") -> bool:
    """Whether models look at photos."""
    return any(process_tree.command(one).startswith(MODELS) for one in workers(driver.pid))


def counts(output: str) -> tuple[int, int, collections.Counter[str]]:
    """Rows of an output, photos among them, and errors."""
    uris: collections.Counter[str] = collections.Counter()
    errors: collections.Counter[str] = collections.Counter()
    for _, rows, _ in Output.at(output).read_all(("uri", "error")):
        uris.update(rows["uri"].to_pylist())
        errors.update(e for e in rows["error"].to_pylist() if e)
    return sum(uris.values()), len(uris), errors


def copied(photos: Path, copies: int, into: Path) -> None:
    """Links to all photos, each under so many names."""
    for copy in range(copies):
        (into / f"{copy:03}").mkdir()
        for path in photos.glob("*.jpg"):
            (into / f"{copy:03}" / path.name).symlink_to(path.resolve())


@contextmanager
def memory_watched(every_s: float = 2.0) -> Iterator[list[float]]:
    """Gigabytes of the processes below this one, while any runs."""
    seen: list[float] = []
    end = threading.Event()

    def watch() -> None:
        while not end.wait(every_s):
            sizes = process_tree.pss_mb(os.getpid())
            sizes.pop(os.getpid(), None)
            seen.append(sum(sizes.values()) / 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def main() -> None:
    """Command line."""
    parser = about(__doc__)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--pause", type=float, nargs=2, default=(2.0, 15.0), metavar="S")
    args, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.copies:
            copied(Path(args.photos), args.copies, Path(folder))
        photos_of = folder if args.copies else args.photos
        command = [sys.executable, "-m", "deployments.bulk", "--input", photos_of]
        command += ["--output", args.output, *more]
        began = time.monotonic()
        log = Path(f"{args.output.rstrip('/')}.log")
        output = Output.at(args.output)
        with memory_watched() as gigabytes:
            done = run_killed(
                command, args.kills, args.seed, tuple(args.pause), log, lambda: len(output.parts())
            )
    rows, photos, errors = counts(args.output)
    print(f"killed: {done}, {time.monotonic() - began:.0f} s")
    print(f"{rows} rows of {photos} photos, errors: {dict(errors) or 'none'}")
    fifths = np.array_split(np.array(gigabytes), 5)
    print("memory, GB: " + ", ".join(f"{np.median(of):.2f}" for of in fifths if of.size))


if __name__ == "__main__":
    main()
