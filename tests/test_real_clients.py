"""What real clients send, over real HTTP: each is answered as the plain photo is."""

import base64
import gzip
import io
import json
import socket
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import Serving
from tests.support import encoded, opened
from tests.test_http import TIMEOUT, code_of, jpeg, post
from tests.test_picture_files import BROKEN_METADATA, NOT_READ, cut, display_p3, with_scans

OTHER = "back-right"


@pytest.fixture(scope="module")
def photo(photos: list[Path]) -> bytes:
    """A car from its front left."""
    return next(path for path in photos if path.name == "te14.jpg").read_bytes()


@pytest.fixture(scope="module")
def url(server: str) -> str:
    return f"{server}/v1/pose"


@pytest.fixture(scope="module")
def plain(url: str, photo: bytes) -> dict[str, Any]:
    """The answer to the plain photo."""
    return told(post(url, content=photo, headers={"content-type": "image/jpeg"}))


def told(response: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.raise_for_status().json()
    del body["timings_ms"]
    return body


def offer(path: str, host: str, body: bytes, chunked: bool) -> tuple[bytes, bytes]:
    """Head and body of a request that offers h2c, as Java's client sends it."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = (
        f"POST {path} HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n{length}\r\n"
        f"Host: {host}\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        "Upgrade: h2c\r\nUser-Agent: Java-http-client/21\r\nContent-Type: image/jpeg\r\n\r\n"
    ).encode()
    if chunked:
        pieces = [body[k : k + 16384] for k in range(0, len(body), 16384)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    return head, body


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("split", ["one-packet", "head-apart", "small-packets"])
def test_an_offer_of_http_2_is_ignored(
    url: str, photo: bytes, plain: dict[str, Any], chunked: bool, split: str
) -> None:
    address = urllib.parse.urlsplit(url)
    head, body = offer(address.path, address.netloc, photo, chunked)
    packets = {
        "one-packet": [head + body],
        "head-apart": [head, body],
        "small-packets": [(head + body)[k : k + 997] for k in range(0, len(head + body), 997)],
    }[split]
    assert answered(url, *packets)["pose"] == plain["pose"]


def test_an_address_may_be_named_whole(url: str, photo: bytes, plain: dict[str, Any]) -> None:
    head = f"POST {url}?expect=front HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo)}\r\n\r\n"
    answer = answered(url, head.encode(), photo)
    assert answer["pose"] == plain["pose"]
    assert answer["compliance"]


def answered(url: str, *packets: bytes) -> dict[str, Any]:
    """The answer to a request of these packets."""
    address = urllib.parse.urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            client.sendall(packet)
        answer = b""
        while not complete(answer):
            answer += client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    got: dict[str, Any] = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
    return got


def complete(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return bool(blank) and answer.endswith(b"0\r\n\r\n")


def multipart(*parts: tuple[str, bytes]) -> dict[str, Any]:
    body = b"".join(
        f"--xyz\r\nContent-Disposition: form-data; {about}\r\n\r\n".encode() + content + b"\r\n"
        for about, content in parts
    )
    return {
        "content": body + b"--xyz--\r\n",
        "headers": {"content-type": "multipart/form-data; boundary=xyz"},
    }


def of_image(photo: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    text, url_text = (f(photo).decode() for f in (base64.b64encode, base64.urlsafe_b64encode))
    kind = "content-type"
    form = "application/x-www-form-urlencoded"
    yield "without-a-file-name", multipart(('name="image"', photo))
    yield "as-text", multipart(('name="image"', text.encode()))
    yield "as-data-url", multipart(('name="image"', f"data:image/jpeg;base64,{text}".encode()))
    yield "as-a-file-of-text", multipart(('name="image"; filename="a.b64"', url_text.encode()))
    yield (
        "no-boundary",
        multipart(('name="image"', photo)) | {"headers": {kind: "multipart/form-data"}},
    )
    yield "no-type", {"content": photo}
    yield "octet-stream", {"content": photo, "headers": {kind: "application/octet-stream"}}
    yield "another-type", {"content": photo, "headers": {kind: "image/png"}}
    yield "curl-data-binary", {"content": photo, "headers": {kind: form}}
    yield "urlencoded", {"data": {"image": text}}
    yield "base64url", {"json": {"image": url_text.rstrip("=")}}
    yield "json-as-text", {"content": json.dumps({"image": text}), "headers": {kind: "text/plain"}}
    yield (
        "bare-text",
        {"content": f"data:image/jpeg;base64,{text}", "headers": {kind: "text/plain"}},
    )
    yield "gzip", {"content": gzip.compress(photo), "headers": {"content-encoding": "gzip"}}
    yield "deflate", {"content": zlib.compress(photo), "headers": {"content-encoding": "deflate"}}
    yield (
        "raw-deflate",
        {"content": zlib.compress(photo)[2:-4], "headers": {"content-encoding": "deflate"}},
    )
    packed = gzip.compress(json.dumps({"image": text}).encode())
    yield (
        "gzip-json",
        {"content": packed, "headers": {kind: "application/json", "content-encoding": "gzip"}},
    )


WAYS = [name for name, _ in of_image(b"x")]


@pytest.mark.parametrize("way", WAYS)
def test_the_photo_may_come_in_any_way(
    url: str, photo: bytes, plain: dict[str, Any], way: str
) -> None:
    assert told(post(url, **dict(of_image(photo))[way])) == plain


FILE = 'name="image"; filename="a.jpg"'


def expecting(photo: bytes) -> dict[str, dict[str, Any]]:
    """Both of two viewpoints said, in every spelling."""
    raw = {"content": photo}
    text = base64.b64encode(photo).decode()
    names = ["front-left", OTHER]
    return {
        "query-commas": raw | {"params": {"expect": ",".join(names)}},
        "query-twice": raw | {"params": {"expect": names}},
        "query-turned-round": raw | {"params": {"expect": names[::-1]}},
        "query-brackets": raw | {"params": {"expect[]": names[::-1]}},
        "query-numbered": raw | {"params": [("expect[0]", names[1]), ("expect[1]", names[0])]},
        "form-before": multipart(*[('name="expect"', n.encode()) for n in names], (FILE, photo)),
        "form-behind": multipart((FILE, photo), *[('name="expect[]"', n.encode()) for n in names[::-1]]),
        "json-list": {"json": {"expect": names[::-1], "image": text}},
        "json-commas": {"json": {"image": text, "expect": ",".join(names)}},
        "json-twice": {"content": f'{{"expect": "{OTHER}", "image": "{text}", "expect": "front-left"}}'},
        "query-and-form": multipart((FILE, photo), ('name="expect"', ",".join(names[::-1]).encode()))
        | {"params": {"expect": names}},
    }  # fmt: skip


@pytest.mark.parametrize("spelling", expecting(b"x"))
def test_all_that_is_said_counts_in_any_spelling(url: str, photo: bytes, spelling: str) -> None:
    verdict = post(url, **expecting(photo)[spelling]).raise_for_status().json()["compliance"]
    assert verdict["findings"] == [] or {f["code"] for f in verdict["findings"]} == {"min-score"}


def test_a_parameter_counts_the_same_in_query_form_and_json(url: str, photo: bytes) -> None:
    said = {"expect": OTHER, "include": "masks", "cars": "all", "min_score": "0.25"}
    text = base64.b64encode(photo).decode()
    ways = [
        post(url, content=photo, params=said),
        post(url, files={"image": photo}, data=said),
        post(url, json={"image": text} | said | {"min_score": 0.25}),
    ]
    answers = [told(way) for way in ways]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["compliance"]["verdict"] == "refused"
    assert answers[0]["car"]["mask"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"params": {"expct": "left"}}, ["expct", "expect", "include", "engine"]),
        ({"params": {"image": "https://x.example/a.jpg"}}, ["image", "expect"]),
        ({"params": [("engine", "detectron2"), ("engine", "compare")]}, ["engine", "twice"]),
        ({"params": {"expect": "left"}, "data": {"expect": "right"}}, ["expect", "query", "form"]),
        ({"data": {"expct": "left"}}, ["expct", "expect"]),
        ({"data": {"cars": ["main", "all"]}}, ["cars", "twice"]),
        ({"params": {"expect": ["left", "top"]}}, ["top", "front-left"]),
        ({"data": {"min_score": "high"}}, ["min_score", "high"]),
        ({"params": {"include": "masks" * 100}}, ["include", "long"]),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    url: str, request_: dict[str, Any], words: list[str]
) -> None:
    response = post(url, files={"image": jpeg()}, **request_)
    assert (response.status_code, code_of(response)) == (422, "bad-parameter")
    assert [word for word in words if word not in response.json()["detail"]] == []


def test_two_photos_are_not_one(url: str, photo: bytes) -> None:
    both = multipart((FILE, photo), (FILE, jpeg()))
    assert code_of(post(url, **both)) == "bad-parameter"
    assert post(url, **multipart((FILE, photo), (FILE, photo))).status_code == 200


def test_where_no_photo_came_the_answer_says_what_did(url: str) -> None:
    detail = post(url, files={"photo": jpeg()}, data={"expect": "left"}).json()["detail"]
    assert "photo" in detail
    assert "expect" in detail
    detail = post(url, data={"image": "https://x.example/a.jpg"}).json()["detail"]
    assert "https://x.example/a.jpg" in detail


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/v1/models", "/docs", "/openapi.json"]
)
def test_where_there_is_a_get_there_is_a_head(server: str, path: str) -> None:
    head, get = (
        httpx.head(server + path, timeout=TIMEOUT),
        httpx.get(server + path, timeout=TIMEOUT),
    )
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_a_cut_jpeg_is_refused_and_a_coarse_one_is_not(
    url: str, photo: bytes, plain: dict[str, Any]
) -> None:
    for end in (b"", b"\xff\xd9"):
        response = post(url, content=cut(photo, 0.5) + end)
        assert code_of(response) == "bad-image"
        assert "% of its height" in response.json()["detail"]
    with Image.open(io.BytesIO(photo)) as image:
        progressive = encoded(image, "JPEG", progressive=True, quality=90)
    coarse = told(post(url, content=cut(progressive, 0.6) + b"\xff\xd9"))
    assert coarse["pose"]["viewpoint"] == plain["pose"]["viewpoint"]


@pytest.mark.parametrize("name", BROKEN_METADATA)
def test_broken_metadata_is_no_reason_to_refuse(url: str, name: str) -> None:
    assert code_of(post(url, content=BROKEN_METADATA[name][1])) == "no-car"


def test_pictures_go_out_in_srgb(url: str, photo: bytes) -> None:
    asked = {"include": "annotated,crop,cutout"}
    with Image.open(io.BytesIO(photo)) as image:
        red = Image.blend(image.convert("RGB"), Image.new("RGB", image.size, (200, 40, 30)), 0.5)
    srgb, p3 = (
        post(url, content=encoded(red, "PNG", icc_profile=profile), params=asked).json()["images"]
        for profile in (None, display_p3())
    )
    for name in asked["include"].split(","):
        a, b = (np.asarray(opened(of[name]).convert("RGB")).astype(int) for of in (srgb, p3))
        assert 5 < (b - a)[..., 0].mean() < 40, "P3's red is more than sRGB's"
        assert opened(p3[name]).info.get("icc_profile") is None


def test_avif_and_fifty_megapixels_are_read(url: str, photo: bytes, plain: dict[str, Any]) -> None:
    with Image.open(io.BytesIO(photo)) as image:
        avif = encoded(image, "AVIF", quality=90)
    for way in ({"content": avif}, {"files": {"image": avif}}):
        assert told(post(url, **way))["pose"]["viewpoint"] == plain["pose"]["viewpoint"]
    large = encoded(Image.new("L", (8192, 6144), 100), "JPEG", quality=20)
    assert code_of(post(url, content=large)) == "no-car"


def test_a_jpeg_of_many_scans_is_refused(url: str) -> None:
    response = post(url, content=with_scans(300))
    assert (response.status_code, code_of(response)) == (400, "bad-image")
    assert "300 scans" in response.json()["detail"]


INNER_WORDS = (
    "pillow",
    "pil",
    "libheif",
    "image file",
    "codec",
    "buffer",
    "bytes",
    "python",
    "char",
)


@pytest.mark.parametrize("media_type", ["image/jpeg", "application/octet-stream"])
def test_a_format_that_is_not_read_is_named(url: str, media_type: str) -> None:
    for name, content in NOT_READ:
        for way in (
            {"content": content, "headers": {"content-type": media_type}},
            {"files": {"image": ("photo.jpg", content, media_type)}},
        ):
            response = post(url, **way)
            assert (response.status_code, code_of(response)) == (415, "unsupported-type"), name
            assert name in response.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 50,
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50,
        b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\0" * 50,
        b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x10\3\1\x11\0\2\x11\0\3\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0\xff\xd9",
        b"\x80 no picture at all",
        b'{"image": ',
    ],
    ids=["png", "webp", "heic", "avif", "jpeg", "nothing", "json"],
)
def test_a_refusal_speaks_our_own_words(url: str, content: bytes) -> None:
    response = post(url, content=content)
    assert (response.status_code, code_of(response)) == (400, "bad-image")
    words = response.json()["detail"].lower().split()
    assert [word for word in INNER_WORDS if word in words] == []


@pytest.mark.parametrize(
    ("headers", "content", "status", "words"),
    [
        ({"content-encoding": "br"}, jpeg(), 415, "br"),
        ({"content-encoding": "gzip, zstd"}, jpeg(), 415, "zstd"),
        ({"content-encoding": "gzip"}, jpeg(), 400, "gzip"),
        ({"content-encoding": "gzip"}, gzip.compress(jpeg())[:-20], 400, "early"),
        (
            {"content-encoding": "gzip"},
            gzip.compress(b"\xff\xd8\xff" + b"\0" * 40_000_000),
            413,
            "MB",
        ),
    ],
    ids=["brotli", "zstd", "no-gzip", "cut", "bomb"],
)
def test_a_packed_body_is_unpacked_within_the_limits(
    url: str, headers: dict[str, str], content: bytes, status: int, words: str
) -> None:
    response = post(url, content=content, headers=headers)
    assert response.status_code == status
    assert code_of(response)
    assert words in response.json()["detail"]


def test_a_slow_upload_has_its_own_time_and_its_own_answer(serving: Serving) -> None:
    """The strict application answers within 20 ms or not at all, and takes uploads for 2 s."""
    address = urllib.parse.urlsplit(serving.strict)
    head = (
        f"POST /strict/v1/pose HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        "Content-Type: image/jpeg\r\nContent-Length: 10\r\n\r\n"
    ).encode()

    def answer(body: bytes) -> bytes:
        with socket.create_connection((address.hostname, address.port), timeout=0.5) as client:
            client.sendall(head)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.sendall(body)
            client.settimeout(TIMEOUT)
            return b"".join(iter(lambda: client.recv(65536), b""))

    # The upload took longer than the deadline; that the rest takes less, a busy machine may miss.
    answers = (answer(b"0123456789") for _ in range(10))
    assert any(b" 400 " in each.splitlines()[0] for each in answers)
    cut = answer(b"0")
    assert b" 408 " in cut.splitlines()[0]
    assert b"upload-timeout" in cut


def test_a_page_on_another_host_may_read_answers_and_errors(serving: Serving) -> None:
    origin = {"Origin": "https://shop.example"}
    asked = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    preflight = httpx.options(f"{serving.strict}/v1/pose", headers=asked, timeout=TIMEOUT)
    assert preflight.status_code == 200
    for response in (
        post(f"{serving.strict}/v1/pose", content=b"hello", headers=origin),
        httpx.get(f"{serving.strict}/nothing", headers=origin, timeout=TIMEOUT),
        post(f"{serving.strict}/healthz", headers=origin),
    ):
        assert response.status_code >= 400
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
        exposed = response.headers["access-control-expose-headers"].lower()
        assert "retry-after" in exposed
        assert "x-request-id" in exposed
