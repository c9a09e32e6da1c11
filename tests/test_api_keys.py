"""Who may ask: keys, their file, and what is told to those who have none."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from deployments import new_key
from deployments.api_keys import ApiKey, KeyRing, KeysUnreadable, read_keys
from deployments.problems import Overloaded
from tests.edge import answered, edge

FILES = {f"/{page}/{name}" for page in ("web", "docs") for name in ("{name}", "{version}/{name}")}
OPEN = {"/", "/docs", "/healthz", "/readyz", *FILES}
"""Routes that everybody may ask for."""


def written(path: Path, *names: str) -> list[str]:
    """A file of new keys of these names."""
    made = [ApiKey.made(name) for name in names]
    path.write_text("".join(line.line() for _, line in made))
    return [key for key, _ in made]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def test_a_key_that_was_made_is_known_by_its_name(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_key.main(["shop", "--requests-per-minute", "600"])
    new_key.main(["lab.2"])
    out, told = capsys.readouterr()
    file.write_text(out)
    keys = [line.split()[-1] for line in told.splitlines()]
    assert not any(key in out for key in keys), "the file must not hold what opens the door"

    async def names() -> list[str]:
        ring = KeyRing(file)
        found = [await ring.key_of(key) for key in (*keys, *keys)]
        return [key.name for key in found if key]

    assert asyncio.run(names()) == ["shop", "lab.2"] * 2
    assert {k.requests_per_minute for k in read_keys(file).values()} == {600, None}


def test_what_is_no_key_opens_nothing(file: Path) -> None:
    (key,) = written(file, "shop")
    other = ApiKey.made("shop")[0]
    (line,) = read_keys(file).values()
    wrong = [
        *("", "carpose", other, key[:-1], key + "A", key.upper(), f" {key}", "é" * 64),
        *(f"carpose_{line.id}_{'A' * 43}", line.hash, f"carpose_{'0' * 12}_{key[-43:]}"),
    ]

    async def found() -> list[ApiKey | None]:
        ring = KeyRing(file)
        return [await ring.key_of(one) for one in wrong]

    assert asyncio.run(found()) == [None] * len(wrong)


def test_keys_change_without_a_restart_and_a_broken_file_changes_nothing(file: Path) -> None:
    async def story() -> None:
        now = 0.0

        async def known(*keys: str) -> list[bool]:
            nonlocal now
            now += 2
            return [await ring.key_of(key) is not None for key in keys]

        (old,) = written(file, "shop")
        ring = KeyRing(file, lambda: now)
        assert await known(old) == [True]
        before = file.read_text()
        (new,) = written(file, "shop")
        file.write_text(before + file.read_text())
        assert await known(old, new) == [True, True]
        file.write_text("- {name: shop")
        assert await known(old, new) == [True, True]
        (new,) = written(file, "shop")
        assert await known(old, new) == [False, True]
        file.unlink()
        assert await known(new) == [True]
        # As Kubernetes swaps a mounted secret.
        (newest,) = written(file.with_name("next"), "shop")
        os.symlink("next", file)
        assert await known(new, newest) == [False, True]

    asyncio.run(story())


def test_guessing_is_bounded(file: Path) -> None:
    async def story() -> None:
        (key,) = written(file, "shop")
        ring = KeyRing(file)
        guesses = [key[:-2] + f"{k:02d}" for k in range(12)]
        found = await asyncio.gather(*map(ring.key_of, guesses), return_exceptions=True)
        assert {type(one) for one in found} == {type(None), Overloaded}
        assert await ring.key_of(key)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff", "codec"),
        (b"- [", "no YAML"),
        (b"name: shop", "list"),
        (b"- {name: shop, id: '0123456789ab', hash: secret}", "0.hash"),
        (b"- {name: a/b, id: '0123456789ab', hash: x}", "0.name"),
    ],
)  # fmt: skip
def test_a_server_that_should_ask_for_keys_does_not_start_without(
    file: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KeysUnreadable, match=words) as refusal:
        edge(keys_file=str(file))
    assert "secret" not in str(refusal.value)


def test_every_route_but_those_for_everybody_wants_a_key(file: Path) -> None:
    written(file, "shop")
    app = edge(keys_file=str(file))
    closed = [
        (method, route.path, {})
        for route in app.routes
        if isinstance(route, APIRoute) and route.path not in OPEN
        for method in route.methods
    ]
    assert {path for _, path, _ in closed} == {
        *("/v1/pose", "/v1/set", "/v1/models", "/v1/limits", "/v1/rules"),
        *("/detectron", "/rekognition"),
    }
    for response in answered(app, *closed):
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        if response.request.method != "HEAD":
            assert response.json()["type"].endswith("#unauthorized")
    free = [("GET", path, {}) for path in ("/", "/docs", "/openapi.json", "/healthz")]
    assert {r.status_code for r in answered(app, *free)} == {200}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer {}"}, 200),
        ({"Authorization": "bearer  {}"}, 200),
        ({"X-API-Key": "{}"}, 200),
        ({"X-API-Key": "{}", "Authorization": "Basic eDp5"}, 200),
        ({"Authorization": "Basic {}"}, 401),
        ({"Authorization": "{}"}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": ""}, 401),
        ({}, 401),
    ],
)  # fmt: skip
def test_a_key_comes_in_either_header(file: Path, headers: dict[str, str], status: int) -> None:
    (key,) = written(file, "shop")
    app = edge(keys_file=str(file))
    more = {"headers": {name: value.format(key) for name, value in headers.items()}}
    (response,) = answered(app, ("GET", "/v1/limits", more))
    assert response.status_code == status


def test_who_has_no_key_is_refused_before_the_photo_is_read(file: Path) -> None:
    written(file, "shop")

    async def photo() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    (response,) = answered(edge(keys_file=str(file)), ("POST", "/v1/pose", {"content": photo()}))
    assert response.status_code == 401


def test_a_key_may_have_a_rate(file: Path) -> None:
    key, line = ApiKey.made("shop", {"requests_per_minute": 3})
    other, its_line = ApiKey.made("lab")
    file.write_text(line.line() + its_line.line())
    calls = [("GET", "/v1/limits", {"headers": {"X-API-Key": one}}) for one in [key] * 5 + [other]]
    responses = answered(edge(keys_file=str(file)), *calls)
    assert [r.status_code for r in responses] == [200] * 3 + [429] * 2 + [200]
    assert responses[3].json()["type"].endswith("#rate-limited")
    assert 1 <= int(responses[3].headers["retry-after"]) <= 61


def test_a_key_is_named_in_the_log_and_never_shown(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (key,) = written(file, "shop")
    calls: list[Any] = [
        ("POST", "/v1/pose", {"content": b"x", "headers": {"X-API-Key": one}})
        for one in (key, "carpose_wrong")
    ]
    with caplog.at_level("INFO", "ray.serve"):
        answered(edge(keys_file=str(file)), *calls)
    assert "outcome=bad-image key=shop" in caplog.text
    assert "outcome=unauthorized key=-" in caplog.text
    assert key not in caplog.text
    assert "carpose_wrong" not in caplog.text


def test_the_document_says_how_a_key_is_sent_where_one_is_needed(file: Path) -> None:
    written(file, "shop")
    with_keys, without = edge(keys_file=str(file)).openapi(), edge().openapi()
    schemes = with_keys["components"]["securitySchemes"]
    assert {(s["type"], s.get("scheme") or s["name"]) for s in schemes.values()} == {
        ("http", "bearer"),
        ("apiKey", "X-API-Key"),
    }
    secured = {
        path: operation["security"]
        for path, item in with_keys["paths"].items()
        for operation in item.values()
        if "security" in operation
    }
    assert secured.keys() == with_keys["paths"].keys() - {"/healthz", "/readyz"}
    assert all(len(either) == len(schemes) for either in secured.values())
    assert "security" not in str(without)


def test_another_s_page_may_ask_whether_it_may_without_a_key(file: Path) -> None:
    written(file, "shop")
    app = edge(keys_file=str(file), allow_origins=["https://shop.example"])
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight, refused = answered(
        app,
        ("OPTIONS", "/v1/pose", {"headers": headers}),
        ("POST", "/v1/pose", {"headers": headers}),
    )
    assert (preflight.status_code, refused.status_code) == (200, 401)
    assert httpx.Headers(refused.headers)["access-control-allow-origin"] == "https://shop.example"
