"""The client: what it sends, what it makes of answers, when it asks again."""

import asyncio
import io
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import carpose
from carpose import errors
from carpose.client import AsyncCarPose, CarPose, Refusal, Retries, Unreachable
from carpose.client.errors import (
    REFUSALS,
    BadImage,
    BrokenAnswer,
    EngineUnavailable,
    NoCar,
    Overloaded,
    RateLimited,
    Unauthorized,
    retry_after_s,
)
from carpose.client.photos import encoded
from carpose.client.retries import LostOnTheWay
from carpose.errors import CarposeError
from carpose.schema import Problem
from deployments.problems import FAILURES, Meaning
from tests.conftest import Serving
from tests.scripted_server import Scripted, Told, scripted
from tests.servers import ROOT
from tests.test_http import jpeg
from tests.toy_engine import TOY, find

ANSWER = carpose.Estimator(find, TOY).answer(jpeg()).response()
ANSWERED = Told.json(ANSWER.model_dump(mode="json"))
AT_ONCE = Retries(first_s=0)


@pytest.fixture
def listener() -> Iterator[Scripted]:
    with scripted() as listener:
        listener.script = [ANSWERED]
        yield listener


@pytest.fixture
def client(listener: Scripted) -> Iterator[CarPose]:
    with CarPose(listener.url, retries=AT_ONCE) as client:
        yield client


PIXELS = np.asarray(Image.linear_gradient("L").convert("RGB"))


def forms(folder: Path) -> dict[str, Any]:
    """The same photo in every form."""
    file = folder / "photo.png"
    Image.fromarray(PIXELS).save(file)
    content = file.read_bytes()
    return {
        "path": file,
        "words": str(file),
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "file": io.BytesIO(content),
        "open file": file.open("rb"),
        "image": Image.fromarray(PIXELS),
        "grey image": Image.fromarray(PIXELS).convert("L"),
        "image of its own file": Image.open(file),
        "image with alpha": Image.fromarray(PIXELS).convert("RGBA"),
        "palette": Image.fromarray(PIXELS).convert("P", palette=Image.Palette.ADAPTIVE),
        "array": PIXELS,
        "part of an array": np.dstack([PIXELS, PIXELS])[..., :3],
    }


@pytest.mark.parametrize("form", forms(Path("/tmp")))
def test_a_photo_is_sent_whatever_its_form(
    client: CarPose, listener: Scripted, tmp_path: Path, form: str
) -> None:
    assert client.look(forms(tmp_path)[form]) == ANSWER
    (asked,) = listener.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/v1/pose", {})
    with Image.open(io.BytesIO(asked.body)) as sent:
        assert np.abs(np.asarray(sent.convert("RGB"), int) - PIXELS).max() <= 2


def test_what_an_image_says_of_itself_is_sent() -> None:
    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = 6
    with Image.open(io.BytesIO(encoded(image))) as sent:
        assert sent.getexif()[0x0112] == 6


@pytest.mark.parametrize(
    ("photo", "error"),
    [("/nowhere.jpg", FileNotFoundError), (3, TypeError), (io.StringIO("a"), TypeError)],
)
def test_what_is_no_photo_is_not_sent(
    client: CarPose, listener: Scripted, photo: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.look(photo)
    assert not listener.asked


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({}, {}),
        ({"expect": "front,left"}, {"expect": "front,left"}),
        ({"expect": ["front", "left"], "whole": True}, {"expect": "front,left", "whole": "true"}),
        ({"include": (), "single": False, "rules": None}, {"single": "false"}),
        ({"min_score": 0.5, "min_width": 800}, {"min_score": "0.5", "min_width": "800"}),
        ({"cars": "all", "engine": "toy"}, {"cars": "all", "engine": "toy"}),
    ],
)
def test_what_is_asked_stands_in_the_query(
    client: CarPose, listener: Scripted, asked: dict[str, Any], query: dict[str, str]
) -> None:
    client.look(b"photo", **asked)
    assert listener.asked[0].query == query


def test_the_key_goes_along(listener: Scripted) -> None:
    with CarPose(listener.url + "/prefix", key="secret") as client:
        client.look(b"photo")
    assert listener.asked[0].headers["x-api-key"] == "secret"
    assert listener.asked[0].path == "/prefix/v1/pose"


def test_a_newer_server_may_say_more(client: CarPose, listener: Scripted) -> None:
    more = ANSWER.model_dump(mode="json") | {"colour": "red"}
    more["pose"] |= {"tilt": 1.0}
    listener.script = [Told.json(more)]
    assert client.look(b"photo") == ANSWER


@pytest.mark.parametrize("code", FAILURES)
def test_a_refusal_is_of_the_class_of_its_code(listener: Scripted, code: str) -> None:
    response = Meaning(code, "these words").response("order-66")
    listener.script = [Told(response.status_code, bytes(response.body))]
    with (
        CarPose(listener.url, retries=Retries(attempts=1)) as client,
        pytest.raises(Refusal, match="these words") as refused,
    ):
        client.look(b"photo")
    assert type(refused.value) is REFUSALS[code]
    assert (refused.value.code, refused.value.request_id) == (code, "order-66")
    of_the_library = [k for k in vars(errors).values() if getattr(k, "code", None) == code]
    assert all(isinstance(refused.value, k) for k in of_the_library if k is not errors.EngineBusy)


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        (Told(401, b"no key"), Unauthorized, "no key"),
        (Told(429), RateLimited, "429 Too Many Requests"),
        (Told(503, b"<html>busy</html>"), Overloaded, "busy"),
        (Told(418, b"{}"), Refusal, "{}"),
        (Told.json({"type": "urn:carpose:problem#new", "title": "", "status": 422, "detail": "x"}, 422), Refusal, "x"),
        (Told(200, b"<html>hello</html>"), BrokenAnswer, "no carpose server"),
        (Told(200, b"{}"), BrokenAnswer, "no carpose server"),
        (Told(302, b"", {"Location": "/login"}), Refusal, "302 Found"),
    ],
)  # fmt: skip
def test_what_others_say_is_an_error_too(
    listener: Scripted, told: Told, kind: type[CarposeError], words: str
) -> None:
    listener.script = [told]
    with (
        CarPose(listener.url, retries=Retries(attempts=1)) as client,
        pytest.raises(kind, match=words) as error,
    ):
        client.look(b"photo")
    assert type(error.value) is kind


PROBLEM = {"type": "x", "title": "x", "detail": "x"}


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ([Told(503)], 2),
        ([Told(503), Told(429), Told(503)], 4),
        ([Told(0)], 2),
        ([Told(0), Told(503, headers={"Retry-After": "0"})], 3),
        ([Told.json(PROBLEM | {"type": "#engine-unavailable", "status": 503}, 503, Retry_After="0")], 2),
    ],
)  # fmt: skip
def test_what_passes_is_asked_again(
    client: CarPose, listener: Scripted, before: list[Told], asked: int
) -> None:
    listener.script = [*before, ANSWERED]
    assert client.look(b"photo") == ANSWER
    assert [request.body for request in listener.asked] == asked * [b"photo"]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 500, 502, 504])
def test_what_does_not_pass_is_asked_once(client: CarPose, listener: Scripted, status: int) -> None:
    listener.script = [Told(status), ANSWERED]
    with pytest.raises(Refusal):
        client.look(b"photo")
    assert len(listener.asked) == 1


def refused(kind: type[Refusal], status: int, retry_after_s: float | None = None) -> Refusal:
    return kind(Problem(type="", title="", status=status, detail=""), retry_after_s)


FULL = refused(Overloaded, 503)


@pytest.mark.parametrize(
    ("attempt", "error", "chance", "pause_s"),
    [
        (1, FULL, 0.0, 0.0),
        (1, FULL, 0.5, 0.25),
        (2, FULL, 0.5, 0.5),
        (4, FULL, 0.5, 2.0),
        (5, FULL, 0.5, None),
        (1, refused(Overloaded, 503, 7), 0.0, 7.0),
        (2, refused(RateLimited, 429, 7), 0.5, 7.5),
        (1, refused(RateLimited, 429, 31), 0.5, None),
        (1, refused(EngineUnavailable, 503), 0.5, None),
        (1, refused(EngineUnavailable, 503, 2), 0.5, 2.25),
        (1, refused(NoCar, 422), 0.5, None),
        (1, refused(NoCar, 422, 1), 0.5, None),
        (1, LostOnTheWay(""), 0.5, 0.25),
        (1, Unreachable("too slow"), 0.5, None),
        (1, BrokenAnswer(""), 0.5, None),
    ],
)
def test_how_long_it_waits(
    attempt: int, error: CarposeError, chance: float, pause_s: float | None
) -> None:
    assert Retries().pause_s(attempt, error, chance) == pause_s
    assert Retries(attempts=1).pause_s(attempt, error, chance) is None


def test_no_wait_is_longer_than_the_longest() -> None:
    assert Retries(attempts=100).pause_s(90, FULL, 0.5) == 15.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 120 ", 120.0),
        ("Wed, 25 Nov 2026 12:00:09 GMT", 9.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        ("Wed, 25 Nov 2026 12:00:09", 9.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 11, 25, 12, tzinfo=UTC)) == seconds


def test_nobody_listening_is_said_with_the_address() -> None:
    with (
        CarPose("http://127.0.0.1:9", retries=Retries(attempts=2, first_s=0)) as client,
        pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9"),
    ):
        client.look(b"photo")
    with CarPose("http://127.0.0.1:9") as client:
        assert not client.ready()


def test_many_are_answered_in_order_each_with_its_own_error(
    client: CarPose, listener: Scripted
) -> None:
    read: list[int] = []

    def photos() -> Iterator[Any]:
        for k in range(20):
            read.append(k)
            yield b"%d" % k if k != 7 else "/nowhere.jpg"

    looked = client.look_many(photos(), concurrency=4)
    first = next(looked)
    assert (first.photo, first.result()) == (b"0", ANSWER)
    assert read == [0, 1, 2, 3], "no more is read ahead"
    rest = list(looked)
    assert [seen.photo for seen in rest] == [
        b"%d" % k if k != 7 else "/nowhere.jpg" for k in range(1, 20)
    ]
    assert [k for k, seen in enumerate(rest, 1) if seen.error] == [7]
    with pytest.raises(FileNotFoundError):
        rest[6].result()


def test_who_stops_early_leaves_nothing_behind(client: CarPose, listener: Scripted) -> None:
    looked = client.look_many((b"photo" for _ in range(1000)), concurrency=2)
    next(looked)
    looked.close()  # type: ignore[attr-defined]
    assert len(listener.asked) <= 3


def test_the_other_calls(client: CarPose, listener: Scripted) -> None:
    listener.script = [Told.json({"max_upload_mb": 15})]
    assert client.limits() == {"max_upload_mb": 15}
    assert client.models() == {"max_upload_mb": 15}
    assert client.ready()
    assert [a.path for a in listener.asked] == ["/v1/limits", "/v1/models", "/readyz"]
    with pytest.raises(errors.BadParameter, match="compare"):
        client.look(b"photo", engine="compare")


def test_without_waiting_it_is_the_same(listener: Scripted) -> None:
    async def ask() -> None:
        async with AsyncCarPose(listener.url, key="k", retries=AT_ONCE) as client:
            listener.script = [Told(503), Told(0), ANSWERED]
            assert await client.look(PIXELS, expect="front") == ANSWER
            assert listener.asked[-1].headers["x-api-key"] == "k"
            photos = [b"a", "/nowhere.jpg", b"c"]
            seen = [one async for one in client.look_many(photos, concurrency=2, cars="main")]
            assert [one.photo for one in seen] == photos
            assert [one.answer == ANSWER for one in seen] == [True, False, True]
            async for _ in client.look_many(photos):
                break
            assert await client.ready()
            listener.script = [Told(400)]
            with pytest.raises(Refusal):
                await client.look(b"photo")

    asyncio.run(ask())


LIGHT = (
    "import sys, carpose.client; "
    "print(*sorted({m.split('.')[0] for m in sys.modules} & set(sys.argv[1:])))"
)


def test_it_imports_neither_numpy_nor_what_answers_photos() -> None:
    heavy = ["numpy", "PIL", "onnxruntime", "ray", "pycocotools", "yaml", "supervision", "typer"]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *heavy, "httpx"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["httpx"]


def test_the_client_s_own_distribution_holds_all_that_it_imports() -> None:
    """Of its files alone, in an environment where only they and what they need can be found."""
    project = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["version"] == whole["project"]["version"]
    assert set(project["project"]["dependencies"]) <= set(whole["project"]["dependencies"])
    files = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    shipped = [(ROOT / "client" / file).resolve() for file in files]
    assert all(file.exists() for file in shipped)
    code = "import sys, carpose.client, carpose.exports.coco; print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'carpose'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    for file in map(Path, done.stdout.split()):
        assert any(file == whole or file.is_relative_to(whole) for whole in shipped), file


def test_it_asks_the_real_server(serving: Serving, photos: list[Path], tmp_path: Path) -> None:
    blank = tmp_path / "blank.jpg"
    blank.write_bytes(jpeg())
    with CarPose(serving.url) as client:
        assert client.ready()
        answer = client.look(photos[0], expect="front", include=["masks", "crop"])
        assert answer.compliance is not None
        assert answer.to_coco(photos[0].name)["annotations"][0]["segmentation"]
        with Image.open(io.BytesIO(answer.picture("crop"))) as crop, Image.open(photos[0]) as photo:
            assert crop.width <= photo.width
            pixels = client.look(photo)
        assert pixels.pose.viewpoint == answer.pose.viewpoint
        seen = list(client.look_many([*photos[:5], blank, tmp_path / "none.jpg"]))
        assert [type(one.error) for one in seen] == 5 * [type(None)] + [NoCar, FileNotFoundError]
        several = client.look_set(photos[:2], views=["front"])
        assert [one.answer is not None for one in several.photos] == [True, True]
        assert {"main_car", "car_parts"} <= set(client.models())
        for asked, kind in (
            ({"expect": "top"}, errors.BadParameter),
            ({"colour": "red"}, errors.BadParameter),
        ):
            with pytest.raises(kind):
                client.look(photos[0], **asked)  # type: ignore[arg-type]
        with pytest.raises(BadImage):
            client.look(b"no photo")
