"""Work that takes long makes way for work that takes none: who refuses, hands on or answers a
health check must not wait for a network on the same cores."""

import os
import sys
from typing import Final

NICE: Final = 15


def stand_back() -> None:
    """This thread, and those that it starts from now on, come after others on a busy machine.

    On Linux niceness is a thread's: Ray's own threads are as they were. Elsewhere it is a whole
    process's, and stays as it is.
    """
    if sys.platform == "linux":
        os.nice(NICE)
