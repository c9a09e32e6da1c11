"""A replica whose model can run nothing any more is replaced, and nobody has to look for it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import serve

from carpose.images import Limits, Look, decode
from deployments.config import DetectorArgs
from deployments.detector import Detector
from tests.servers import ROOT, free_port

pytestmark = pytest.mark.slow

TIMEOUT_S = 240


class Mortal(Detector):
    """A detector whose device can be lost, as a GPU's context is: its process lives on."""

    async def lose_device(self) -> None:
        """From now on everything that is run fails."""

        def lost(*_: Any) -> Any:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

        segmenter: Any = self._served.model.segmenter
        segmenter._run = lost

    async def replica(self) -> str:
        """Which one answers."""
        return str(serve.get_replica_context().replica_tag)


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": free_port()})
    args = DetectorArgs(bundle="embedded:main_car", health_check_period_s=1)
    mortal = serve.deployment(name="Mortal", **args.options())(Mortal)
    yield serve.run(mortal.bind("main_car", args), name="mortal", route_prefix=None)
    serve.shutdown()
    ray.shutdown()


@pytest.mark.slow
def test_a_replica_that_lost_its_device_is_replaced(handle: Any, photos: list[Path]) -> None:
    picture = decode(photos[0].read_bytes(), Limits(), Look(400))

    def found() -> int:
        return len(handle.detect.remote(picture).result(timeout_s=60))

    assert found() > 0
    first = handle.replica.remote().result(timeout_s=60)
    handle.lose_device.remote().result(timeout_s=60)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        found()
    end = time.monotonic() + TIMEOUT_S
    while handle.replica.remote().result(timeout_s=60) == first:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert found() > 0
