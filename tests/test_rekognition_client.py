"""The deployment that asks Rekognition: what it pays for, and a Custom Labels model that sleeps."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carpose.errors import EngineBusy
from carpose.images import Limits, Look, Picture, decode
from carpose.rekognition.service import NotReady
from deployments.config import RekognitionArgs
from deployments.rekognition_client import RekognitionClient
from tests.rekognition_emulator import ARN, Script, answer, error
from tests.support import encoded


def client(**args: Any) -> RekognitionClient:
    """A replica, without a cluster around it."""
    return RekognitionClient(RekognitionArgs(region="eu-west-1", attempts=1, **args))


def photo(shade: int) -> Picture:
    return Picture(np.full((100, 120, 3), shade, np.uint8), 120, 100, digest=f"upload {shade}")


def operations(aws: Script) -> list[str]:
    return [operation for operation, _ in aws.asked]


def test_sixteen_equal_photos_at_once_are_one_call(aws: Script) -> None:
    aws.next.append(answer({"Labels": []}, after_s=0.2))

    async def story() -> None:
        asked = client()
        found = await asyncio.gather(*(asked.detect(photo(1)) for _ in range(16)))
        assert [len(f.cars) for f in found] == [0] * 16
        await asked.detect(photo(2))

    asyncio.run(story())
    assert operations(aws) == ["DetectLabels"] * 2


def test_an_upload_is_paid_once_whatever_was_decoded_of_it(aws: Script) -> None:
    # include=crop decodes all pixels of a photo, a plain question only as many as are needed.
    noise = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), dtype=np.uint8)
    upload = encoded(Image.fromarray(noise))

    async def story() -> None:
        asked = client()
        small, full = (decode(upload, Limits(), Look(px)) for px in (1600, None))
        assert small.pixels.shape != full.pixels.shape
        assert [len((await asked.detect(p)).cars) for p in (small, full)] == [1, 1]

    asyncio.run(story())
    assert len(aws.asked) == 1


def test_pixels_that_were_never_uploaded_are_not_taken_for_each_other(aws: Script) -> None:
    async def story() -> None:
        asked = client()
        for shade in (1, 2):
            await asked.detect(replace(photo(shade), digest=None))

    asyncio.run(story())
    assert len(aws.asked) == 2


def test_an_error_is_asked_again(aws: Script) -> None:
    aws.next.append(error("ThrottlingException"))

    async def story() -> None:
        asked = client()
        with pytest.raises(EngineBusy):
            await asked.detect(photo(1))
        assert len((await asked.detect(photo(1))).parts) == 2

    asyncio.run(story())


def test_a_spent_budget_refuses_new_photos_and_answers_known_ones(aws: Script) -> None:
    async def story() -> None:
        asked = client(max_calls_per_minute=1)
        await asked.detect(photo(1))
        with pytest.raises(EngineBusy, match="budget"):
            await asked.detect(photo(2))
        assert len((await asked.detect(photo(1))).parts) == 2

    asyncio.run(story())
    assert len(aws.asked) == 1


def test_a_photo_ends_with_its_deadline(aws: Script) -> None:
    aws.next.append(answer({"Labels": []}, after_s=1))

    async def story() -> None:
        with pytest.raises(TimeoutError):
            await client(deadline_s=0.1).detect(photo(1))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fall_back", "asked"),
    [
        (True, ["DetectCustomLabels", "DetectLabels"]),
        (False, ["DetectCustomLabels"]),
    ],
    ids=["general-labels-answer", "it-says-so"],
)
def test_a_stopped_custom_labels_model(aws: Script, fall_back: bool, asked: list[str]) -> None:
    aws.states[0] = "STOPPED"

    async def story() -> str:
        own = client(project_version_arn=ARN, general_labels_when_stopped=fall_back)
        return (await own.detect(photo(1))).models["rekognition"]

    if fall_back:
        assert asyncio.run(story()) == "rekognition@3.0"
    else:
        with pytest.raises(NotReady):
            asyncio.run(story())
    # What a call before gave up on may still arrive.
    assert operations(aws)[-len(asked) :] == asked


def test_a_running_custom_labels_model_answers(aws: Script) -> None:
    async def story() -> str:
        return (await client(project_version_arn=ARN).detect(photo(1))).models["rekognition"]

    assert asyncio.run(story()) == "rekognition-custom-labels@cars.2026-11-01"


def test_what_is_asked_is_described_without_asking(aws: Script) -> None:
    described = asyncio.run(client(project_version_arn=ARN).info())
    assert described["operation"] == "DetectCustomLabels"
    assert aws.asked == []
