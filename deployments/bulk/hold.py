"""What a run holds that alone writes to an output, and the words for who has it."""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from typing import Final

from carpose.places import Place
from deployments.bulk.errors import BulkError
from deployments.bulk.output import ASIDE

LOCK: Final = f"{ASIDE}/lock"


class Hold:
    """A lock that this process has."""

    def check(self) -> None:
        """Raises: BulkError where another run has taken it since."""


def who() -> dict[str, object]:
    """This run."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "process": os.getpid(), "since": since}


def taken(place: Place, content: bytes | str) -> BulkError:
    """By the run that wrote this into the lock."""
    try:
        run = json.loads(content)
        words = f" (process {run['process']} of {run['host']}, since {run['since']})"
    except (ValueError, KeyError, TypeError):
        words = ""
    return BulkError(f"output {place.uri}: another run writes to it{words}")


def unlocked(place: Place, why: str) -> None:
    """Said where a place knows no locks."""
    print(
        f"output {place.uri} knows no locks ({why}): see to it that no other run writes there",
        file=sys.stderr,
    )
