"""A plugin of coverage.py for Ray's workers, which end without a chance to save what was covered.

Named in pyproject.toml; coverage.py loads it in every process that it follows.
"""

import sys
import threading
from typing import Any

from coverage import Coverage

EVERY_S = 3.0


def coverage_init(registry: Any, options: dict[str, Any]) -> None:
    """Called by coverage.py; in a worker of Ray, save from time to time."""
    if any(argument.endswith("default_worker.py") for argument in sys.orig_argv):
        threading.Thread(target=_keep_saving, daemon=True, name="coverage").start()


def _keep_saving() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY_S):
        if covered := Coverage.current():
            covered.save()
