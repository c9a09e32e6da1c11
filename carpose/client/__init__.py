"""Asks a carpose server; needs httpx and pydantic alone (`pip install ./client`).

>>> with CarPose("https://pose.example", key="...") as client:
...     client.look("photo.jpg", expect="front-left").compliance.accepted
...     for seen in client.look_many(Path("photos").glob("*.jpg"), concurrency=8):
...         print(seen.photo, seen.answer.pose.viewpoint if seen.answer else seen.error)

Answers are the service's own types (`carpose.schema`), errors those of `carpose.client.errors`, of
which `NoCar`, `BadImage` and the like are also the library's.
"""

from carpose.client.asked import Asked
from carpose.client.asynchronous import AsyncCarPose
from carpose.client.blocking import CarPose
from carpose.client.errors import Refusal, Unreachable
from carpose.client.looked import Looked
from carpose.client.photos import Photo
from carpose.client.retries import Retries

__all__ = [
    "Asked",
    "AsyncCarPose",
    "CarPose",
    "Looked",
    "Photo",
    "Refusal",
    "Retries",
    "Unreachable",
]
