"""A folder that is there whole or not at all, whatever is cut off while it is filled."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from carpose.bundles.manifest import Bundle, checked


def filled_once(final: Path, where: str, fill: Callable[[Path], None]) -> Bundle:
    """The bundle in `final`. Where that is not there yet, `fill` writes a bundle's files into a
    folder beside it, which is checked and then renamed.

    Several processes may fill at once: whoever is first wins.

    Raises: BadBundle when the files are not what their manifest says; what `fill` raises.
    """
    if final.is_dir():
        return checked(final, where)
    final.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="fetch-", dir=final.parent))
    try:
        fill(staging)
        filled = checked(staging, where)
        try:
            os.rename(staging, final)
        except OSError:
            if not final.is_dir():
                raise
            return checked(final, where)
        return filled.model_copy(update={"folder": final})
    finally:
        shutil.rmtree(staging, ignore_errors=True)
