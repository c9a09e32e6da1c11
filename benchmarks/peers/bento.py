"""Our library behind BentoML: two worker processes of one thread.

    python -m benchmarks.peers.bento --port 8100

Needs `pip install bentoml`, which carpose does not. BentoML takes a photo in a form.
"""

import os
import sys
from pathlib import Path

import bentoml

from benchmarks.peers.library import estimator
from benchmarks.peers.server import arguments


@bentoml.service(workers=2, threads=1, logging={"access": {"enabled": False}})
class Pose:
    """See BentoML."""

    def __init__(self) -> None:
        self._estimator = estimator(parts_threads=1)

    @bentoml.api(route="/v1/pose")  # type: ignore[untyped-decorator]
    def pose(self, image: Path) -> dict[str, object]:
        """A photo's answer."""
        return self._estimator.answer(image.read_bytes()).response().model_dump()


if __name__ == "__main__":
    port = arguments(__doc__).parse_args().port
    command = ["-m", "bentoml", "serve", "benchmarks.peers.bento:Pose", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *command])
