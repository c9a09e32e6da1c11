"""How far a run is: a bar on a terminal, a line now and then anywhere else; on standard error."""

import sys
import time
from typing import Final

from tqdm import tqdm

LINE_S: Final = 30.0


class Progress:
    """Counts photos."""

    def __init__(self, total: int) -> None:
        self.total, self.count = total, 0
        self._began = self._said = time.monotonic()
        terminal = sys.stderr.isatty()
        self._bar = tqdm(total=total, unit="photo", smoothing=0.05) if terminal else None

    @property
    def rate(self) -> float:
        """Photos per second."""
        return self.count / max(time.monotonic() - self._began, 1e-9)

    def add(self, photos: int) -> None:
        """Some more are done."""
        self.count += photos
        if self._bar is not None:
            self._bar.update(photos)
        elif time.monotonic() - self._said >= LINE_S:
            self._said = time.monotonic()
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        left = (self.total - self.count) / max(self.rate, 1e-9)
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        done = f"{self.count:,} of {self.total:,} photos, {self.rate:.1f} photos/s"
        return f"{done}, {hours}:{minutes:02}:{seconds:02} left"

    def close(self) -> None:
        """No more."""
        if self._bar is not None:
            self._bar.close()
        elif self.count:
            print(self._line(), file=sys.stderr, flush=True)
