"""An engine that finds one car of its own wherever it looks; see CONTRIBUTING.md."""

from typing import Any

import numpy as np
from ray.serve import Application

from carpose.detections import Detections
from carpose.engines import Engine, Found
from carpose.images import Picture
from deployments.app import graph
from deployments.config import Args, QueueArgs
from deployments.engines import OneDeployment, ServedEngine
from deployments.replicas import deployment

TOY = Engine("toy", longest_px=256)


def find(picture: Picture) -> Found:
    """A car that fills the picture."""
    box, score, label = np.array([[0, 0, *picture.size]]), np.ones(1, np.float32), np.array(["car"])
    car = Detections(box, score, label, size=picture.size)
    return Found(car, Detections.none(picture.size), {"toy": "toy@1"})


class Toy:
    """The engine's deployment."""

    async def detect(self, picture: Picture) -> Found:
        """Cars and parts in a picture."""
        return find(picture)

    async def info(self) -> dict[str, Any]:
        """What runs here, for GET /v1/models."""
        return {"bundle": "toy@1"}


def _handle(args: Args) -> OneDeployment:
    return OneDeployment(TOY.name, deployment(Toy, QueueArgs()).bind())


SERVED = ServedEngine(TOY, _handle)


def build(args: Args) -> Application:
    """A server with this engine alone."""
    return graph(args, [SERVED])
