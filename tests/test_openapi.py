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

CASES = 500


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


def test_what_the_document_allows_is_answered(
    document: dict[str, Any], server: str, script: Script
) -> None:
    """Requests drawn from the document; never an error of ours, always as documented."""
    operation = schemathesis.openapi.from_dict(document)["/v1/pose"]["POST"]
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]

    @given(operation.as_strategy())
    @settings(max_examples=CASES, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=server, checks=checks, timeout=TIMEOUT)

    ask()


def test_a_person_tries_it_out(browser: Browser, server: str, photos: list[Path]) -> None:
    page = browser.new_page()
    page.goto(f"{server}/docs")
    operation = page.locator(".opblock", has_text="/v1/pose").first
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[type=file]").set_input_files(photos[0])
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody .response-col_status").first
    expect(answer).to_have_text(re.compile("^200"), timeout=ANSWER_MS)
    page.close()
