"""What goes wrong with a photo, in the page's words."""

import pytest
from playwright.sync_api import Route, expect

from tests.visitor import ANSWER_MS, Visit, blank


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (422, "bad-parameter", "does not know this option"),
        (422, "multiple-cars", "More than one car"),
        (502, "upstream-error", "service behind this engine"),
        (504, "timeout", "took too long"),
        (500, "internal", "Request id: 7d1c"),
        (503, "engine-unavailable", "engine is not available"),
        (418, "teapot", "unexpected answer"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_every_error_of_the_contract_has_words(
    visit: Visit, status: int, code: str, words: str
) -> None:
    problem = {
        "type": f"urn:carpose:problem#{code}",
        "title": "A title",
        "status": status,
        "detail": "what the server says",
        "request_id": "7d1c",
    }
    kind = "application/problem+json"
    visit.page.route(
        "**/v1/pose*", lambda route: route.fulfill(status=status, json=problem, content_type=kind)
    )
    visit.pick(blank())
    expect(visit.refused()).to_contain_text(words)
    expect(visit.refused()).to_contain_text("What the server says.")


def test_a_busy_server_is_asked_again_after_the_time_it_names(visit: Visit) -> None:
    refusals = 2

    def busy(route: Route) -> None:
        nonlocal refusals
        if refusals == 0:
            return route.continue_()
        refusals -= 1
        headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
        body = '{"type": "urn:carpose:problem#overloaded", "status": 503, "detail": "full"}'
        return route.fulfill(status=503, headers=headers, body=body)

    visit.page.route("**/v1/pose*", busy)
    visit.pick(blank())
    expect(visit.page.locator("#verdict")).to_contain_text("Server busy, trying again in 1 s")
    expect(visit.refused()).to_contain_text("No car found")
    assert refusals == 0


def test_a_photo_waits_for_the_connection(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.pick(blank())
    expect(visit.refused()).to_contain_text("You are offline")
    visit.page.context.set_offline(False)
    expect(visit.page.get_by_role("status")).to_contain_text("No car found", timeout=ANSWER_MS)


def test_a_server_that_is_gone_is_explained_and_can_be_tried_again(visit: Visit) -> None:
    visit.page.route("**/v1/pose*", lambda route: route.abort())
    visit.pick(blank())
    expect(visit.refused()).to_contain_text("server cannot be reached")
    visit.page.unroute("**/v1/pose*")
    visit.page.get_by_role("button", name="Try again", exact=True).click()
    expect(visit.refused()).to_contain_text("No car found", timeout=ANSWER_MS)
