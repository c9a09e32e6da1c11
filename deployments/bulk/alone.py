"""One run at a time writes to an output: a lock that ends with its run, however that ends.

In a folder it is the kernel's (flock), in a bucket a lease (`deployments.bulk.lease`).
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carpose.places import Place
from deployments.bulk.hold import LOCK, Hold, taken, unlocked, who
from deployments.bulk.lease import BEAT_S, STALE_S, leased
from deployments.bulk.output import Output


@contextmanager
def alone(output: Output, beat_s: float = BEAT_S, stale_s: float = STALE_S) -> Iterator[Hold]:
    """Holds an output for as long as the block runs, and first removes what a killed run left.

    Waits for a dead run's lock in a bucket to grow old. Where the place knows no locks, says so on
    standard error and goes on.

    Raises: BulkError where another run writes to it.
    """
    place = output.place
    with _folder(place) if place.local else leased(place, beat_s, stale_s) as hold:
        output.clear()
        yield hold


@contextmanager
def _folder(place: Place) -> Iterator[Hold]:
    path = Path(place.file(LOCK))
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file stays: who removed it would take another one's lock away.
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise taken(place, file.read()) from error
        except OSError as error:
            unlocked(place, str(error.strerror))
        file.truncate(0)
        file.write(json.dumps(who()))
        file.flush()
        yield Hold()
