"""Which bundle a replica loads and answers with."""

import asyncio

import pytest

from carpose.errors import BadBundle
from deployments.config import DetectorArgs
from deployments.served_model import ServedModel

GONE = "/nowhere/bundle"
PARTS, CAR = "embedded:car_parts", "embedded:main_car"


async def started(base: str, wanted: str | None) -> ServedModel:
    served = ServedModel("car_parts", DetectorArgs(bundle=base, threads=2))
    await served.want(wanted)
    return served


@pytest.mark.parametrize(
    ("base", "wanted", "answers", "complaint"),
    [
        (PARTS, None, PARTS, None),
        (GONE, PARTS, PARTS, None),
        (PARTS, GONE, PARTS, "no model.yaml"),
        (PARTS, CAR, PARTS, "main_car bundle, not car_parts"),
    ],
    ids=["base", "base-is-gone", "wanted-is-gone", "wanted-is-of-another-task"],
)
def test_a_replica_starts_with_the_bundle_it_is_to_serve(
    base: str, wanted: str | None, answers: str, complaint: str | None
) -> None:
    served = asyncio.run(started(base, wanted))
    assert served.model.uri == answers
    assert (complaint or "") in (served.error or "")
    assert (served.error is None) == (complaint is None)


@pytest.mark.parametrize(
    ("base", "complaint"), [(GONE, "no model.yaml"), (CAR, "main_car bundle, not car_parts")]
)
def test_a_replica_without_a_bundle_to_serve_does_not_start(base: str, complaint: str) -> None:
    with pytest.raises(BadBundle, match=complaint):
        asyncio.run(started(base, None))
