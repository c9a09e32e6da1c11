"""engine=rekognition and engine=compare over HTTP: the real graph, a real boto3 client, an emulator."""

import base64
import io
import itertools
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.conftest import Serving
from tests.rekognition_emulator import Reply, Script, answer, box, error, label
from tests.test_http import code_of, jpeg, post

COUNTER = itertools.count()


def fresh(photo: Path | None = None) -> bytes:
    """A photo, or a grey picture, that nobody sent before: equal ones are answered from the cache."""
    image = Image.open(photo).convert("RGB") if photo else Image.new("RGB", (400, 300), "grey")
    for k, digit in enumerate(f"{next(COUNTER):08b}"):
        image.paste("white" if digit == "1" else "black", (k * 10, 0, k * 10 + 10, 10))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def ask(server: str, engine: str, photo: bytes | None = None, **parameters: str) -> httpx.Response:
    files = {"image": photo or fresh()}
    return post(f"{server}/v1/pose", files=files, params={"engine": engine, **parameters})


def test_rekognition_s_car_and_wheels_make_an_answer(server: str, script: Script) -> None:
    body = ask(server, "rekognition", include="masks,annotated", expect="left").json()
    assert body["engine"] == "rekognition"
    assert body["models"] == {"rekognition": "rekognition@3.0"}
    assert body["car"]["box"] == pytest.approx([40.8, 74.4, 354.4, 224.7])
    assert [part["label"] for part in body["parts"]] == ["wheel", "wheel"]
    pose = body["pose"]
    assert (pose["viewpoint"], pose["viewpoint_score"]) == (None, None)
    # Wheel centres at (0.4049, 0.6227) and (0.8139, 0.5671) of 400 x 300: atan(16.68 / 163.6).
    assert pose["signed_angle"] == pytest.approx(5.82, abs=0.01)
    assert [w["code"] for w in body["warnings"]] == ["wheels-only"]
    assert body["compliance"]["accepted"] is False
    assert set(body["timings_ms"]) == {"decode", "detect", "pose"}


CAR, WHEEL = (box(0, 0, 1, 1), 99.0), (box(0.1, 0.6, 0.1, 0.2), 90.0)
FAR_CAR, FAR_WHEEL = (box(0.7, 0, 0.3, 0.3), 98.0), (box(0.8, 0.2, 0.05, 0.1), 90.0)
HALF = (box(0, 0, 0.5, 1), 99.0)


@pytest.mark.parametrize(
    ("cars", "instances", "status", "wheels"),
    [
        ("", [label("Car", HALF, FAR_CAR), label("Wheel", WHEEL)], 422, "multiple-cars"),
        ("main", [label("Car", HALF, FAR_CAR), label("Wheel", WHEEL, FAR_WHEEL)], 200, 1),
        ("single", [label("Car", CAR), label("Wheel", WHEEL, FAR_WHEEL)], 200, 2),
        ("", [label("Wheel", WHEEL)], 422, "no-car"),
        ("", [label("Car", CAR), label("Wheel")], 200, 0),
    ],
    ids=["exactly-one", "the-largest-has-its-own-wheels", "single", "no-car", "no-wheels"],
)
def test_which_car_is_meant(
    server: str, script: Script, cars: str, instances: list, status: int, wheels: int | str
) -> None:
    script.next.append(answer({"Labels": instances}))
    response = ask(server, "rekognition", **({"cars": cars} if cars else {}))
    assert response.status_code == status
    if status == 200:
        assert len(response.json()["parts"]) == wheels
    else:
        assert code_of(response) == wheels


@pytest.mark.parametrize(
    ("reply", "status", "code", "retry"),
    [
        (error("AccessDeniedException", "AKIATESTTESTTEST may not"), 503, "engine-unavailable", False),
        (error("ThrottlingException"), 503, "engine-unavailable", True),
        (error("InternalServerError", status=500), 502, "upstream-error", False),
        (Reply(200, b"<html>", "text/html"), 502, "upstream-error", False),
        (answer({"Labels": None}), 502, "upstream-error", False),
    ],
    ids=["refused", "throttled", "broken", "html", "null"],
)  # fmt: skip
def test_what_goes_wrong_at_amazon_is_a_problem_with_a_reason(
    server: str, script: Script, reply: Reply, status: int, code: str, retry: bool
) -> None:
    script.default = lambda *_: reply
    response = ask(server, "rekognition")
    assert (response.status_code, code_of(response)) == (status, code)
    assert ("retry-after" in response.headers) == retry
    assert "AKIATESTTESTTEST" not in response.text


def test_an_outage_of_amazon_does_not_touch_the_own_models(
    server: str, script: Script, photos: list[Path]
) -> None:
    script.default = lambda *_: error("InternalServerError", status=500)
    body = ask(server, "compare", fresh(photos[0])).raise_for_status().json()
    assert body["detectron2"]["answer"]["pose"]["viewpoint"]
    assert body["rekognition"]["problem"]["type"].endswith("#upstream-error")
    assert body["agreement"] is None
    assert httpx.get(f"{server}/readyz").status_code == 200


def test_a_photo_sent_again_is_not_paid_again(server: str, script: Script) -> None:
    photo = fresh()
    first, second = (ask(server, "rekognition", photo).json() for _ in range(2))
    assert len(script.asked) == 1
    assert first["car"] == second["car"]


def test_both_engines_are_compared(server: str, script: Script, photos: list[Path]) -> None:
    photo = photos[1].read_bytes()
    body = ask(server, "compare", photo, include="masks").raise_for_status().json()
    assert set(body) == {"engine", "detectron2", "rekognition", "agreement", "price_usd"}
    own, amazon = body["detectron2"]["answer"], body["rekognition"]["answer"]
    alone = ask(server, "detectron2", photo, include="masks").json()
    assert own["pose"]["viewpoint"] == alone["pose"]["viewpoint"]
    assert (own["engine"], amazon["engine"]) == ("detectron2", "rekognition")
    agreement = body["agreement"]
    assert 0 <= agreement["car_iou"] <= 1
    assert agreement["wheels"]["rekognition"] == len(amazon["parts"])
    assert agreement["wheels"]["same"] <= min(
        len(amazon["parts"]), agreement["wheels"]["detectron2"]
    )
    assert body["price_usd"] == 0.001


def test_when_neither_engine_answers_the_own_reason_is_given(server: str, script: Script) -> None:
    script.next.append(answer({"Labels": []}))
    assert code_of(ask(server, "compare")) == "no-car"


def test_the_original_sample_s_rekognition_call_works(server: str, script: Script) -> None:
    image = "data:image/png;base64," + base64.b64encode(fresh()).decode()
    body = post(f"{server}/rekognition", json={"image": image}).raise_for_status().json()
    assert set(body) == {"image", "view", "angle"}
    assert body["view"] in (2, None)
    assert body["angle"] > 0


def test_the_models_in_use_name_the_service(server: str) -> None:
    described = httpx.get(f"{server}/v1/models").json()["rekognition"]
    assert described["operation"] == "DetectLabels"
    assert "problem" not in described


@pytest.mark.parametrize("engine", ["rekognition", "compare"])
def test_where_it_is_not_configured_it_says_what_to_configure(
    serving: Serving, engine: str
) -> None:
    response = ask(serving.strict, engine, jpeg())
    assert code_of(response) == "engine-unavailable"
    assert "serve_config.yaml" in response.json()["detail"]


def test_a_car_without_a_place_is_told_in_words_of_its_own(server: str, script: Script) -> None:
    script.next.append(answer({"Labels": [label("Car"), label("Wheel", WHEEL)]}))
    response = ask(server, "rekognition")
    assert (response.status_code, code_of(response)) == (422, "no-car")
    assert "sees a car but gives no place for it" in response.json()["detail"]
