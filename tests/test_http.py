"""The HTTP contract, against the real graph with the real models."""

import base64
import io
import json
import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from carpose.parts import CAR_CLASSES
from carpose.processor import multiplies_bytes
from tests.conftest import Serving

PROBLEM = "application/problem+json"
TIMEOUT = 60


def jpeg(width: int = 320, height: int = 240, colour: str = "grey") -> bytes:
    """A picture without a car."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds one row of it: a decompression bomb's beginning."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = width.to_bytes(4) + height.to_bytes(4)
    # The header's checksum must fit, or the file would be refused for that.
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    return bytes(content)


def post(url: str, **kwargs: object) -> httpx.Response:
    return httpx.post(url, timeout=TIMEOUT, **kwargs)  # type: ignore[arg-type]


def code_of(response: httpx.Response) -> str:
    assert response.headers["content-type"].startswith(PROBLEM), response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return str(body["type"].rpartition("#")[2])


BAD = [
    ("empty", {"content": b"", "headers": {"content-type": "image/jpeg"}}, 400, "bad-image"),
    ("text", {"content": b"hello", "headers": {"content-type": "image/jpeg"}}, 400, "bad-image"),
    ("truncated", {"content": jpeg()[:-60], "headers": {"content-type": "image/jpeg"}}, 400, "bad-image"),
    ("not-json", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "bad-image"),
    ("json-list", {"json": []}, 400, "bad-image"),
    ("json-without-image", {"json": {"picture": ""}}, 400, "bad-image"),
    ("json-null", {"json": {"image": None}}, 400, "bad-image"),
    ("bad-base64", {"json": {"image": "@@@"}}, 400, "bad-image"),
    ("form-without-image", {"files": {"photo": b"x"}}, 400, "bad-image"),
    ("form-with-text", {"files": {"image": b"no image"}}, 400, "bad-image"),
    ("broken-form", {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400, "bad-image"),
    ("bomb", {"content": png_header(30000, 30000), "headers": {"content-type": "image/png"}}, 413, "too-many-pixels"),
    ("pdf", {"content": b"%PDF", "headers": {"content-type": "application/pdf"}}, 415, "unsupported-type"),
    ("no-type", {"content": jpeg()}, 422, "no-car"),
    ("engine", {"files": {"image": jpeg()}, "params": {"engine": "yolo"}}, 422, "bad-parameter"),
    ("include", {"files": {"image": jpeg()}, "params": {"include": "depth"}}, 422, "bad-parameter"),
    ("expect", {"files": {"image": jpeg()}, "params": {"expect": "top"}}, 422, "bad-parameter"),
    ("cars", {"files": {"image": jpeg()}, "params": {"cars": "many"}}, 422, "bad-parameter"),
    ("no-car", {"files": {"image": jpeg()}}, 422, "no-car"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "status", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD]
)
def test_what_cannot_be_answered_is_a_problem_with_a_reason(
    server: str, request_: dict[str, object], status: int, code: str
) -> None:
    response = post(f"{server}/v1/pose", **request_)
    assert (response.status_code, code_of(response)) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/pose", 405), ("DELETE", "/detectron", 405)],
)
def test_wrong_places_are_problems_too(server: str, method: str, path: str, status: int) -> None:
    response = httpx.request(method, server + path)
    assert response.status_code == status
    code_of(response)


def test_the_same_photo_by_form_body_and_json_gives_the_same_answer(
    server: str, photos: list[Path]
) -> None:
    photo = photos[0].read_bytes()
    url = f"{server}/v1/pose"
    data_url = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    answers = [
        post(url, files={"image": photo}),
        post(url, content=photo, headers={"content-type": "image/jpeg"}),
        post(url, json={"image": data_url}),
        post(url, json={"image": base64.b64encode(photo).decode()}),
    ]
    bodies = [a.raise_for_status().json() for a in answers]
    for body in bodies:
        del body["timings_ms"]
    assert all(body == bodies[0] for body in bodies)


def test_an_answer_has_the_shape_of_the_contract(server: str, photos: list[Path]) -> None:
    response = post(
        f"{server}/v1/pose", files={"image": photos[0].read_bytes()}, params={"expect": "front"}
    )
    body = response.raise_for_status().json()
    with Image.open(photos[0]) as image:
        assert body["image"] == {"width": image.width, "height": image.height, "turned": 0}
    assert body["engine"] == "detectron2"
    assert set(body["pose"]) == {
        "view", "viewpoint", "viewpoint_score", "azimuth", "azimuth_error", "angle",
        "signed_angle", "reference_line",
    }  # fmt: skip
    assert set(body["quality"]) == {
        "whole", "cut", "framing", "car_share", "width", "sharpness", "brightness", "blown", "cars"
    }  # fmt: skip
    assert set(body["models"]) == {"car_parts", "main_car"}
    assert set(body["timings_ms"]) == {"decode", "detect", "pose"}
    assert body["compliance"]["accepted"] == (body["compliance"]["verdict"] == "accepted")
    assert all(0 <= part["score"] <= 1 and len(part["box"]) == 4 for part in body["parts"])
    assert "images" not in body
    assert "mask" not in body["car"]
    assert "NaN" not in response.text


def test_pictures_and_masks_come_when_asked_for(server: str, photos: list[Path]) -> None:
    body = post(
        f"{server}/v1/pose",
        files={"image": photos[0].read_bytes()},
        params={"include": "masks,annotated,crop,cutout"},
    ).json()
    assert body["car"]["mask"]["size"] == [body["image"]["height"], body["image"]["width"]]
    assert all(part["mask"]["counts"] for part in body["parts"])
    for name, mode in (("annotated", "RGB"), ("crop", "RGB"), ("cutout", "RGBA")):
        content = base64.b64decode(body["images"][name].partition(",")[2])
        with Image.open(io.BytesIO(content)) as image:
            assert image.mode == mode


def test_the_original_sample_s_call_still_works(server: str, photos: list[Path]) -> None:
    data_url = "data:image/jpeg;base64," + base64.b64encode(photos[0].read_bytes()).decode()
    body = post(f"{server}/detectron", json={"image": data_url}).raise_for_status().json()
    pose = post(f"{server}/v1/pose", json={"image": data_url}).json()["pose"]
    assert set(body) == {"image", "view", "angle"}
    assert ["back", "front", "side"][body["view"]] == pose["view"]
    assert body["angle"] == pose["angle"]
    assert body["image"].startswith("data:image/jpeg;base64,")


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(serving: Serving) -> None:
    address = urllib.parse.urlsplit(serving.strict)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as client:
        client.sendall(
            b"POST /strict/v1/pose HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            b"Content-Length: 900000000\r\n\r\n" + b"x" * 1000
        )
        assert b"413" in client.recv(100)


def test_an_upload_of_unsaid_length_is_refused_at_the_limit(server: str) -> None:
    # Not the twin with tight limits: its deadline passes before its limit on a busy machine.
    address = urllib.parse.urlsplit(server)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as client:
        client.sendall(
            b"POST /v1/pose HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(15):
            client.sendall(b"F4240\r\n" + b"x" * 1_000_000 + b"\r\n")
        client.sendall(b"1\r\nx\r\n")  # and no end: the answer comes all the same
        assert b"413" in client.recv(100)


def test_a_photo_past_its_deadline_is_a_timeout(serving: Serving) -> None:
    response = post(f"{serving.strict}/v1/pose", files={"image": jpeg(900, 900)})
    assert (response.status_code, code_of(response)) == (504, "timeout")


def test_photos_beyond_the_places_are_told_to_come_again(serving: Serving) -> None:
    def ask(_: int) -> httpx.Response:
        return post(f"{serving.strict}/v1/pose", files={"image": jpeg(900, 900)})

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(ask, range(48)))
    assert {r.status_code for r in responses} == {503, 504}
    refused = [r for r in responses if r.status_code == 503]
    assert all(code_of(r) == "overloaded" and int(r.headers["retry-after"]) > 0 for r in refused)


def test_only_named_origins_may_call_from_another_page(serving: Serving) -> None:
    def allowed(origin: str) -> str | None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        response = httpx.options(f"{serving.strict}/v1/pose", headers=headers)
        return response.headers.get("access-control-allow-origin")

    assert allowed("https://shop.example") == "https://shop.example"
    assert allowed("https://evil.example") is None


def test_a_request_id_goes_through(server: str) -> None:
    response = httpx.get(f"{server}/nothing", headers={"X-Request-ID": "order-66"})
    assert response.json()["request_id"] == response.headers["x-request-id"] == "order-66"


def test_health_readiness_and_models(server: str) -> None:
    assert httpx.get(f"{server}/healthz", timeout=TIMEOUT).json() == {"status": "ok"}
    assert httpx.get(f"{server}/readyz", timeout=TIMEOUT).json() == {"status": "ready"}
    models = httpx.get(f"{server}/v1/models", timeout=TIMEOUT).json()
    assert len(models["car_parts"]["classes"]) == 18
    assert models["main_car"]["classes"] == list(CAR_CLASSES)
    for detector in ("car_parts", "main_car"):
        assert models[detector]["arithmetic"] == ("int8" if multiplies_bytes() else "f32")
    (replica,) = models["car_parts"]["replicas"]
    assert replica["bundle"] == models["car_parts"]["bundle"]
    assert replica["replica"], "by the name that logs and Ray's dashboard have for it"


def test_an_engine_that_is_one_file_is_served(serving: Serving, key: str) -> None:
    url, headers = f"{serving.toy}/v1/pose", {"X-API-Key": key}
    answer = post(url, files={"image": jpeg()}, headers=headers)
    body = answer.raise_for_status().json()
    assert (body["engine"], body["car"]["box"]) == ("toy", [0, 0, 320, 240])
    models = httpx.get(f"{serving.toy}/v1/models", headers=headers, timeout=TIMEOUT)
    assert models.json() == {"toy": {"bundle": "toy@1"}}
    assert httpx.get(f"{serving.toy}/readyz", timeout=TIMEOUT).json() == {"status": "ready"}
    response = post(f"{url}?engine=detectron2", files={"image": jpeg()}, headers=headers)
    assert code_of(response) == "bad-parameter"
    assert "toy" in response.json()["detail"]


def test_without_a_key_a_photo_is_refused_unread(serving: Serving) -> None:
    address = urllib.parse.urlsplit(serving.toy)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as client:
        client.sendall(
            b"POST /toy/v1/pose HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
            b"Authorization: Bearer wrong\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000
        )
        answer = client.recv(4000).lower()
    assert answer.startswith(b"http/1.1 401")
    assert b'www-authenticate: bearer realm="carpose"' in answer


def test_the_page_is_asked_for_anew_and_answers_are_never_kept(server: str) -> None:
    for path in ("/", "/web/app.js"):
        assert httpx.get(server + path).headers["cache-control"] == "no-cache"
    assert httpx.get(f"{server}/v1/models").headers["cache-control"] == "no-store"


def test_the_documents_load_nothing_from_another_host(server: str) -> None:
    page = httpx.get(f"{server}/docs")
    assert "http://" not in page.text.replace(server, "")
    assert "https://" not in page.text
    document = httpx.get(f"{server}/openapi.json").json()
    assert set(document["paths"]["/v1/pose"]["post"]["requestBody"]["content"]) >= {
        "multipart/form-data", "application/json", "image/jpeg"
    }  # fmt: skip
    assert json.dumps(document).count("PoseResponse") > 1


def test_what_limits_once_said_they_still_say(server: str) -> None:
    limits, rules = (httpx.get(f"{server}/v1/{name}").json() for name in ("limits", "rules"))
    assert limits.keys() >= {"max_upload_mb", "max_megapixels", "formats", "min_score"}
    assert limits["min_score"] == rules["min_score"]
