"""A real boto3 client over real HTTP against an emulator that speaks Rekognition's protocol."""

import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carpose.errors import BadImage, EngineBusy, EngineUnavailable, UpstreamError
from carpose.images import Picture
from carpose.rekognition.__main__ import main
from carpose.rekognition.photo import CUSTOM_LABELS_BYTES, within_limits
from carpose.rekognition.service import NotReady, Rekognition
from carpose.rekognition.settings import Settings
from tests.rekognition_emulator import ARN, Reply, Script, answer, error

SETTINGS = Settings(region="eu-west-1", attempts=2, read_timeout_s=0.4, deadline_s=5)


def changed(**wanted: object) -> Settings:
    return SETTINGS.model_copy(update=wanted)


def noise(width: int, height: int, seed: int = 0) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Picture(pixels, width, height)


PHOTO = noise(200, 100)


def test_cars_and_wheels_come_back_in_pixels_of_the_original(aws: Script) -> None:
    found = Rekognition(SETTINGS).detect(replace(PHOTO, width=2000, height=1000))
    assert [list(d.labels) for d in (found.cars, found.parts)] == [["car"], ["wheel"] * 2]
    assert found.cars.boxes[0] == pytest.approx([204, 248, 1772, 749])


def test_only_cars_and_wheels_are_asked_for(aws: Script) -> None:
    Rekognition(SETTINGS).detect(PHOTO)
    operation, arguments = aws.asked[0]
    assert operation == "DetectLabels"
    assert arguments["Settings"]["GeneralLabels"]["LabelInclusionFilters"] == ["Car", "Wheel"]
    assert arguments["Features"] == ["GENERAL_LABELS"], "image properties cost extra"
    with Image.open(io.BytesIO(base64.b64decode(arguments["Image"]["Bytes"]))) as image:
        assert (image.format, image.size) == ("JPEG", (200, 100))


HTML = Reply(200, b"<html>maintenance</html>", "text/html")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reply", "refusal", "words"),
    [
        (error("AccessDeniedException", "User AKIATESTTESTTEST is not authorized"), EngineUnavailable, "AccessDenied"),
        (error("UnrecognizedClientException", "bad token"), EngineUnavailable, "AWS_ACCESS_KEY_ID"),
        (error("ExpiredTokenException"), EngineUnavailable, "ExpiredToken"),
        (error("InvalidSignatureException", "secret"), EngineUnavailable, "InvalidSignature"),
        (error("ThrottlingException"), EngineBusy, "throttling"),
        (error("ProvisionedThroughputExceededException"), EngineBusy, "throttling"),
        (error("LimitExceededException"), EngineBusy, "throttling"),
        (error("InternalServerError", status=500), UpstreamError, "InternalServerError"),
        (error("ImageTooLargeException"), UpstreamError, "ImageTooLarge"),
        (error("InvalidImageFormatException"), UpstreamError, "InvalidImageFormat"),
        (error("InvalidParameterException"), UpstreamError, "InvalidParameter"),
        (error("InvalidS3ObjectException"), UpstreamError, "InvalidS3Object"),
        (error("SomethingNewException"), UpstreamError, "SomethingNew"),
        (Reply(503, b"<html>Service Unavailable</html>", "text/html"), UpstreamError, "503"),
        (Reply(200, b""), UpstreamError, "Labels"),
        (HTML, UpstreamError, "Labels"),
        (Reply(200, b"[1, 2]"), UpstreamError, "shape"),
        (Reply(200, b'"Car"'), UpstreamError, "shape"),
        (Reply(200, b"{not json"), UpstreamError, "Labels"),
        (answer({}), UpstreamError, "Labels"),
        (answer({"Labels": None}), UpstreamError, "Labels"),
        (answer({"Labels": [{"Name": "Car", "Instances": [{}]}]}), UpstreamError, "boxes of another shape"),
        (Reply(200, b'{"Labels": [' + b" " * 100, cut=True), UpstreamError, "Labels"),
        (answer({"Labels": []}, after_s=1), TimeoutError, "in time"),
    ],
    ids=lambda value: None if isinstance(value, type | str) else f"{value.status}-{value.body[:40]!r}-{value.cut}",
)  # fmt: skip
def test_what_goes_wrong_there_has_a_meaning_here(
    aws: Script, reply: Reply, refusal: type[Exception], words: str
) -> None:
    aws.next.extend([reply] * SETTINGS.attempts)
    with pytest.raises(refusal) as refused:
        Rekognition(SETTINGS).detect(PHOTO)
    assert type(refused.value) is refusal or refusal is TimeoutError
    assert words in str(refused.value)
    for secret in ("AKIATESTTESTTEST", "secret"):
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "reply",
    [
        error("ThrottlingException"),
        error("InternalServerError", status=500),
        Reply(503, b"busy", "text/plain"),
        answer({"Labels": []}, after_s=1),
    ],
    ids=["throttled", "internal", "unavailable", "slow"],
)
def test_what_passes_is_asked_again(aws: Script, reply: Reply) -> None:
    aws.next.append(reply)
    assert len(Rekognition(SETTINGS).detect(PHOTO).parts) == 2
    assert len(aws.asked) == 2


def test_nobody_listens(aws: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", "http://127.0.0.1:9")
    with pytest.raises(UpstreamError, match="cannot be reached"):
        Rekognition(SETTINGS).detect(PHOTO)


def test_attempts_end_with_the_deadline(aws: Script) -> None:
    aws.next.extend([answer({"Labels": []}, after_s=1)] * 20)
    with pytest.raises(TimeoutError):
        Rekognition(changed(attempts=20, deadline_s=0.5)).detect(PHOTO)
    assert len(aws.asked) <= 3


def test_without_credentials_or_region_it_says_what_to_set(
    aws: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineUnavailable, match="AWS_REGION"):
        Rekognition(Settings())
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    Rekognition(Settings())
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EngineUnavailable, match=r"NoCredentialsError.*AWS_PROFILE"):
        Rekognition(SETTINGS).detect(PHOTO)
    assert aws.asked == []


@pytest.mark.slow
def test_a_burst_of_150_photos_is_answered_by_a_service_that_takes_ten_a_second(
    aws: Script,
) -> None:
    aws.per_second = 10
    service = Rekognition(changed(attempts=8, read_timeout_s=5, deadline_s=60))
    with ThreadPoolExecutor(16) as clients:
        found = list(clients.map(service.detect, (noise(160, 90, seed) for seed in range(150))))
    assert [len(f.parts) for f in found] == [2] * 150
    assert aws.throttled > 0, "the limit was felt"


def test_a_custom_labels_model_answers_or_says_that_it_is_stopped(aws: Script) -> None:
    service = Rekognition(changed(project_version_arn=ARN))
    found = service.detect_custom(PHOTO)
    assert [len(d) for d in (found.cars, found.parts)] == [1, 2]
    assert found.models == {"rekognition": "rekognition-custom-labels@cars.2026-11-01"}
    assert aws.asked[0][1]["ProjectVersionArn"] == ARN
    aws.states.appendleft("STOPPED")
    with pytest.raises(NotReady, match=r"carpose\.rekognition start"):
        service.detect_custom(PHOTO)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 2500), st.integers(1, 2500), st.booleans())
def test_a_photo_fits_the_limits_or_is_too_narrow(width: int, height: int, noisy: bool) -> None:
    pixels = np.full((height, width, 3), 127, np.uint8)
    if noisy:
        pixels = noise(width, height).pixels
    try:
        content = within_limits(Picture(pixels, width, height), 200_000)
    except BadImage:
        assert max(width, height) > 100 * min(width, height)
        return
    assert len(content) <= 200_000
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        assert min(image.size) >= 80
        assert max(image.size) <= 10_000
        aspect = max(image.size) / min(image.size)
        assert aspect == pytest.approx(max(width, height) / min(width, height), rel=0.05)


def test_a_photo_of_noise_stays_below_four_megabytes() -> None:
    assert len(within_limits(noise(2000, 1500), CUSTOM_LABELS_BYTES)) <= CUSTOM_LABELS_BYTES


@pytest.mark.parametrize(
    ("arguments", "states", "code", "printed", "called"),
    [
        (["start", ARN], ["STOPPED", "STOPPED", "STARTING", "RUNNING"], 0, "STARTING, 0:0", "StartProjectVersion"),
        (["start", ARN], ["RUNNING"], 0, "stop " + ARN, None),
        (["start", ARN], ["STOPPED", "STARTING", "FAILED"], 2, "the model is FAILED, not RUNNING", "StartProjectVersion"),
        (["start", ARN, "--most", "0"], ["STOPPED", "STARTING"], 2, "still STARTING", "StartProjectVersion"),
        (["stop", ARN], ["RUNNING", "STOPPING", "STOPPED"], 0, "STOPPED, 0:0", "StopProjectVersion"),
        (["stop", ARN], ["TRAINING_COMPLETED"], 0, "TRAINING_COMPLETED, 0:0", None),
        (["start", ARN], ["TRAINING_COMPLETED", "TRAINING_COMPLETED", "STARTING", "RUNNING"], 0, "RUNNING, 0:0", "StartProjectVersion"),
        (["stop", ARN, "--no-wait"], ["RUNNING"], 0, "", "StopProjectVersion"),
        (["status", ARN], ["TRAINING_IN_PROGRESS"], 0, "TRAINING_IN_PROGRESS", None),
        (["status", ARN.replace("cars.2026", "vans.2026")], ["RUNNING"], 2, "no model", None),
        (["status", "arn:aws:s3:::bucket"], [], 2, "no project version ARN", None),
    ],
    ids=["start", "start-running", "start-failed", "start-too-slow", "stop", "stop-never-started", "start-first-time", "stop-no-wait", "status", "unknown", "no-arn"],
)  # fmt: skip
def test_a_custom_labels_model_is_started_and_stopped(
    aws: Script,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    states: list[str],
    code: int,
    printed: str,
    called: str | None,
) -> None:
    aws.states.clear()
    aws.states.extend(states)
    assert main([*arguments, "--poll", "0.01"]) == code
    out = capsys.readouterr()
    assert printed in out.out + out.err
    changes = {o for o, _ in aws.asked if not o.startswith("Describe")}
    assert changes == ({called} if called else set())


@pytest.mark.skipif(
    os.environ.get("CARPOSE_TEST_AWS") != "1" or boto3.session.Session().get_credentials() is None,
    reason="no AWS credentials, or CARPOSE_TEST_AWS is not 1: this call costs $0.001",
)
def test_the_real_service_finds_a_car(photos: list) -> None:
    picture = Image.open(photos[0]).convert("RGB")
    service = Rekognition(changed(region=None, read_timeout_s=10))
    found = service.detect(Picture(np.asarray(picture), *picture.size))
    assert len(found.cars)
