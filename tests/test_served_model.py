"""Which bundle a replica loads and answers with."""

import asyncio
import shutil
from pathlib import Path

import pytest

from carpose.bundles import open_bundle
from carpose.errors import BadBundle
from deployments.config import DetectorArgs
from deployments.served_model import ServedModel

GONE = "/nowhere/bundle"
PARTS, CAR = "embedded:car_parts", "embedded:main_car"


async def started(base: str, wanted: str | None, fallback: str | None = None) -> ServedModel:
    args = DetectorArgs(bundle=base, fallback=fallback, threads=2)
    served = ServedModel("car_parts", args)
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


@pytest.mark.parametrize(
    ("base", "wanted", "stands_in"),
    [(PARTS, None, False), (GONE, None, True), (GONE, CAR, True), (GONE, PARTS, False)],
    ids=["not-needed", "base-is-gone", "all-are-gone", "wanted-is-the-fallback"],
)
def test_a_fallback_answers_where_nothing_else_does_and_is_said_to(
    base: str, wanted: str | None, stands_in: bool
) -> None:
    served = asyncio.run(started(base, wanted, fallback=PARTS))
    assert served.model.uri == PARTS
    assert served.stands_in == stands_in
    assert (served.error or "").startswith(str(wanted or base) if stands_in else "")


def test_a_fallback_gives_way_once_the_bundle_is_there(tmp_path: Path) -> None:
    late = tmp_path / "late"

    async def replica() -> ServedModel:
        served = await started(str(late), None, fallback=PARTS)
        assert served.stands_in
        shutil.copytree(open_bundle(PARTS).folder, late)
        await served.want(None)
        while served.stands_in:
            await asyncio.sleep(0.05)
        return served

    served = asyncio.run(replica())
    assert served.model.uri == str(late)
    assert served.error is None


def test_a_fallback_that_is_gone_too_does_not_start() -> None:
    with pytest.raises(BadBundle, match=r"no model\.yaml"):
        asyncio.run(started(GONE, None, fallback="/nowhere/either"))
