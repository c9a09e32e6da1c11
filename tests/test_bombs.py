"""What is small on its way and large, or endless, where it arrives: over real HTTP, refused with
little work. The edge in this process for what needs no socket."""

import contextlib
import json
import socket
import struct
import tracemalloc
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from PIL import Image

from carpose.errors import CarposeError
from carpose.images import Limits, decode
from tests.support import encoded
from tests.test_http import TIMEOUT, code_of, jpeg, png_header, post
from tests.test_picture_files import (
    AVIF,
    JPEG,
    PNG,
    WEBP,
    box,
    chunk,
    into_jpeg,
    into_png,
    into_webp,
    riff,
    segment,
    with_scans,
)

IMAGE = {"content-type": "image/jpeg"}
ROOM_MB = 250
"""What 25 megapixels take, which one of these really has."""


def widened(content: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame claims a size."""
    at = content.index(b"\xff\xc0")
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def webp_claiming(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + riff(b"VP8X", bytes(4) + size) + WEBP[12:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def avif_claiming(width: int, height: int) -> bytes:
    at = AVIF.index(b"ispe") + 8
    return AVIF[:at] + struct.pack(">II", width, height) + AVIF[at + 8 :]


def nested_boxes(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"meta", b"\0\0\0\0" + inner)
    return AVIF[: AVIF.index(b"meta") - 4] + inner


@cache
def zeroes() -> bytes:
    """200 MB in 200 kB."""
    return zlib.compress(b"\0" * 200_000_000, 9)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png-pixels": lambda: png_header(30_000, 30_000),
    "jpeg-pixels": lambda: widened(encoded(Image.new("RGB", (64, 64))), 65_000, 65_000),
    "webp-pixels": lambda: webp_claiming(16_000, 16_000),
    "avif-pixels": lambda: avif_claiming(30_000, 30_000),
    "heic-pixels": lambda: avif_claiming(30_000, 30_000).replace(b"ftypavif", b"ftypheic"),
    "jpeg-scans": lambda: with_scans(5000),
    "jpeg-segments": lambda: into_jpeg(JPEG, segment(0xE1, b"") * 3_000_000),
    "jpeg-tables": lambda: into_jpeg(JPEG, segment(0xDB, b"") * 3_000_000),
    "png-idat": lambda: (
        png_header(5000, 5000)[:33] + chunk(b"IDAT", zeroes()) + chunk(b"IEND", b"")
    ),
    "png-profile": lambda: into_png(PNG, chunk(b"iCCP", b"x\0\0" + zeroes())),
    "png-text": lambda: into_png(PNG, chunk(b"zTXt", b"Comment\0\0" + zeroes()) * 20),
    "png-chunks": lambda: into_png(PNG, chunk(b"tEXt", b"a\0b") * 900_000),
    "png-names": lambda: into_png(
        PNG, *(chunk(b"tEXt", b"%d\0b" % number) for number in range(500_000))
    ),
    "png-pieces": lambda: into_png(PNG, chunk(b"IDAT", b"") * 1_000_000),
    "webp-chunks": lambda: into_webp(WEBP, 0, riff(b"XXXX", b"") * 1_500_000),
    "heic-boxes": lambda: nested_boxes(3000),
    "avif-boxes": lambda: AVIF[:32] + box(b"free") * 1_500_000,
}
"""Files of less than 15 MB, of which none may cost more than an honest one."""


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Bodies that are no bare file."""
    form = {"content-type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    yield "form-parts", {"content": part * 100_000 + b"--x--\r\n", "headers": form}
    yield "form-boundaries", {"content": b"--x\r\n" * 1_000_000 + b"--x--\r\n", "headers": form}
    lines = b"--x\r\n" + b"A: b\r\n" * 1_000_000 + b"\r\n\r\n--x--\r\n"
    yield "form-headers", {"content": lines, "headers": form}
    fields = "&".join(f"a{k}=b" for k in range(500_000))
    urlencoded = {"content-type": "application/x-www-form-urlencoded"}
    yield "fields", {"content": fields, "headers": urlencoded}
    as_json = {"content-type": "application/json"}
    yield "json-lists", {"content": b"[" * 5_000_000, "headers": as_json}
    yield "json-objects", {"content": b'{"a":' * 2_000_000, "headers": as_json}
    yield "json-digits", {"content": b'{"a": %s}' % (b"9" * 5_000_000), "headers": as_json}
    many = json.dumps({f"a{k}": k for k in range(300_000)})
    yield "json-names", {"content": many, "headers": as_json}
    yield "spaces", {"content": b" " * 10_000_000, "headers": {"content-type": "text/plain"}}
    deep = zlib.compress(zeroes(), 9)
    packed = {"content-encoding": "deflate, deflate"}
    yield "packed-twice", {"content": deep, "headers": packed}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_room(name: str) -> None:
    content = BOMBS[name]()
    assert len(content) < 15_000_000
    tracemalloc.start()
    try:
        decode(content, Limits())
    except CarposeError as error:
        assert error.detail
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < ROOM_MB * 1e6


def test_a_bomb_is_refused_or_what_it_really_holds_is_read(server: str) -> None:
    """None is an error of ours, and the server answers others meanwhile as before."""
    told = {}
    for name, content in BOMBS.items():
        response = post(f"{server}/v1/pose", content=content(), headers=IMAGE)
        told[name] = code_of(response)
        assert 400 <= response.status_code < 500, name
    assert {name for name, code in told.items() if code == "too-many-pixels"} >= {
        *("png-pixels", "jpeg-pixels", "webp-pixels")
    }
    for name, request in bodies():
        response = post(f"{server}/v1/pose", **request)
        assert 400 <= response.status_code < 500, name
        told[name] = code_of(response)
    assert told["form-parts"] == "bad-image"
    assert post(f"{server}/v1/pose", content=jpeg(), headers=IMAGE).status_code == 422


def raw(server: str, content: bytes) -> bytes:
    address = urllib.parse.urlsplit(server)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(content)
        return client.recv(65536)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Flood: 1\r\n" * 50_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Flood: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"\0" * 100 + b"\r\n\r\n",
    ],
    ids=["many-headers", "long-header", "long-address", "tls"],
)
def test_a_head_that_does_not_end_is_refused(server: str, head: bytes) -> None:
    assert raw(server, head).split()[1][:1] == b"4"
