"""What is asked of photos, and the calls that ask it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypedDict, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from carpose.client.errors import BrokenAnswer, refusal_of
from carpose.client.photos import Photo, encoded, name_of
from carpose.errors import BadParameter
from carpose.parts import Viewpoint
from carpose.schema import Comparison, Framing, PoseResponse, SetResponse

Answer = TypeVar("Answer")

Viewpoints = str | Iterable[Viewpoint]
Include = Literal["masks", "upright", "annotated", "crop", "cutout"]


class Asked(TypedDict, total=False):
    """The parameters of the service; what is not said is not sent (README.md)."""

    engine: str
    expect: Viewpoints
    include: str | Iterable[Include]
    cars: Literal["main", "single", "all"]
    min_score: float
    rules: str
    whole: bool
    framing: str | Iterable[Framing]
    min_car_share: float
    max_car_share: float
    max_angle: float
    min_width: int
    sharp: bool
    exposure: bool
    single: bool


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request: all that is sent, and what the answer to it is made into."""

    method: str
    path: str
    answer: TypeAdapter[Answer]
    params: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    files: Sequence[tuple[str, tuple[str, bytes]]] | None = None

    def sent(self) -> dict[str, Any]:
        """The arguments of httpx's `request`."""
        headers = {"Content-Type": "application/octet-stream"} if self.content is not None else {}
        return {
            "method": self.method,
            "url": self.path,
            "params": self.params,
            "content": self.content,
            "files": self.files,
            "headers": headers,
        }

    def read(self, response: httpx.Response) -> Answer:
        """The answer that a response holds. Raises: Refusal; BrokenAnswer."""
        if not response.is_success:
            raise refusal_of(response)
        try:
            # A newer server says more, never less.
            return self.answer.validate_json(response.content, extra="ignore")
        except ValidationError as error:
            url = str(response.url.copy_with(query=None))
            raise BrokenAnswer(f"{url} is no carpose server's, or too old a one's") from error


_POSE = TypeAdapter(PoseResponse)
_COMPARISON = TypeAdapter(Comparison)
_SET = TypeAdapter(SetResponse)
_OBJECT = TypeAdapter(dict[str, Any])


def pose(photo: Photo, asked: Asked) -> Call[PoseResponse]:
    """The call for a photo's answer."""
    if asked.get("engine") == "compare":
        raise BadParameter("engine: both engines' answers are `compare`'s")
    return Call("POST", "/v1/pose", _POSE, parameters(asked), encoded(photo))


def compare(photo: Photo, asked: Asked) -> Call[Comparison]:
    """The call for both engines' answers."""
    both: Asked = {**asked, "engine": "compare"}
    return Call("POST", "/v1/pose", _COMPARISON, parameters(both), encoded(photo))


def pose_set(photos: Iterable[Photo], views: Viewpoints, asked: Asked) -> Call[SetResponse]:
    """The call for several photos of one car."""
    files = [("image", (name_of(p, k), encoded(p))) for k, p in enumerate(photos)]
    params = parameters(asked) | parameters({"views": views})
    return Call("POST", "/v1/set", _SET, params, files=files)


def get(path: str) -> Call[dict[str, Any]]:
    """The call for what the server says of itself."""
    return Call("GET", path, _OBJECT)


def parameters(asked: Any) -> dict[str, str]:
    """As the query has them: lists by commas, yes and no as `true` and `false`."""
    return {
        name: words
        for name, value in asked.items()
        if value is not None and (words := _words(value))
    }


def _words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)
