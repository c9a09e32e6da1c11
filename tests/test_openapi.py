"""The documented contract: /openapi.json as served, and /docs as a person uses it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Browser, expect
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.rekognition_emulator import Script
from tests.test_http import TIMEOUT
from tests.visitor import ANSWER_MS

CASES = {
    "POST /v1/pose": 500,
    "POST /v1/set": 200,
    "POST /detectron": 50,
    "POST /rekognition": 50,
    **dict.fromkeys([f"GET /v1/{what}" for what in ("models", "limits", "rules")], 3),
    **dict.fromkeys(["GET /healthz", "GET /readyz"], 3),
}


@pytest.fixture(scope="module")
def document(server: str) -> dict[str, Any]:
    served: dict[str, Any] = httpx.get(f"{server}/openapi.json", timeout=TIMEOUT).json()
    return served


def examples(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("example", "examples") if key in node)
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from examples(inner)


def test_no_example_is_empty(document: dict[str, Any]) -> None:
    assert [one for one in examples(document) if one in ({}, [], "", None)] == []


def test_every_parameter_is_documented_with_its_values(document: dict[str, Any]) -> None:
    parameters = {
        p["name"]: p["schema"] for p in document["paths"]["/v1/pose"]["post"]["parameters"]
    }
    assert {"engine", "expect", "include", "cars", "min_score"} <= parameters.keys()
    assert parameters["engine"]["enum"][0] == "detectron2"
    assert "front-left" in parameters["expect"]["items"]["enum"]


def test_every_operation_is_tried(document: dict[str, Any]) -> None:
    operations = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    assert operations == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_what_the_document_allows_is_answered(
    document: dict[str, Any], server: str, script: Script, name: str
) -> None:
    """Requests drawn from the document; never an error of ours, always as documented."""
    method, path = name.split()
    operation = schemathesis.openapi.from_dict(document)[path][method]
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]

    @given(operation.as_strategy())
    @settings(max_examples=CASES[name], derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=server, checks=checks, timeout=TIMEOUT)

    ask()


@pytest.mark.parametrize(("prefix", "status"), [("", "^200"), ("/strict", "^(200|504)")])
def test_a_person_tries_it_out(
    browser: Browser, server: str, photos: list[Path], prefix: str, status: str
) -> None:
    page = browser.new_page()
    page.goto(f"{server}{prefix}/docs")
    operation = page.locator(".opblock", has_text="/v1/pose").first
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[type=file]").set_input_files(photos[0])
    operation.get_by_role("button", name="Execute").click()
    # The twin with tight limits may answer that it took too long.
    answer = operation.locator(".live-responses-table tbody .response-col_status").first
    expect(answer).to_have_text(re.compile(status), timeout=ANSWER_MS)
    page.close()


def test_the_documents_and_the_page_work_behind_a_proxy_that_takes_a_prefix_away(
    browser: Browser, server: str
) -> None:
    proxy = "http://proxy.example/cars"
    page = browser.new_page()
    page.route(
        f"{proxy}/**",
        lambda route: route.fulfill(
            response=route.fetch(url=route.request.url.replace(proxy, server, 1))
        ),
    )
    page.goto(f"{proxy}/docs")
    operation = page.locator(".opblock", has_text="/v1/limits").first
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody .response-col_status").first
    expect(answer).to_have_text(re.compile("^200"), timeout=ANSWER_MS)
    page.get_by_role("link", name="Back to the page").click()
    expect(page.locator("#formats")).to_contain_text("JPEG", timeout=ANSWER_MS)
    page.close()
