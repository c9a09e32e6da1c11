"""The views of one car: what is there, what is missing, which shot comes next."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, expect

from tests.visitor import ARGUMENTS, CHROMIUM, Visit, jpeg

FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


def show(visit: Visit, photo: Path, *viewpoints: str) -> None:
    """Photos that the server answers with these viewpoints, one after the other."""
    files = {"image": photo.read_bytes()}
    answer: dict[str, Any] = httpx.post(f"{visit.server}/v1/pose", files=files, timeout=60).json()
    given = iter(viewpoints)

    def fulfil(route: Any) -> None:
        viewpoint = next(given)
        view = viewpoint.split("-")[0]
        answer["pose"] |= {"viewpoint": viewpoint, "viewpoint_score": 0.9}
        answer["pose"]["view"] = view if view in ("front", "back") else "side"
        route.fulfill(json=answer)

    visit.page.route("**/v1/pose*", fulfil)
    for viewpoint in viewpoints:
        visit.pick(jpeg(photo) | {"name": f"{viewpoint}.jpg"})
        visit.answered()


def test_the_views_fill_as_photos_come(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    page.get_by_text("Views of this car").click()
    expect(page.locator("#shots-count")).to_have_text("0 of 8")
    show(visit, photos[0], "front", "front-left", "front")
    expect(page.locator("#shots-count")).to_have_text("2 of 8")
    missing = "Missing: front right, left, right, back left, back right and back."
    expect(page.locator("#shots-missing")).to_have_text(missing)
    expect(page.locator("#shots-next")).to_have_text(
        "Next: the front right. Walk an eighth of a turn round the car, to its front right corner."
    )
    page.locator("#shots").get_by_role("button", name="front-left: front-left.jpg").click()
    expect(page.locator("#bar-name")).to_have_text("front-left.jpg")


def test_of_doubles_the_better_one_is_named_and_an_order_suggested(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    page.get_by_text("Views of this car").click()
    expect(page.locator("#shots-order-name")).to_be_hidden()
    show(visit, photos[0], "back", "front-left", "back")
    expect(page.locator("#shots-doubles li")).to_have_text(["Back: back.jpg is the best of 2."])
    order = page.get_by_role("list", name="As a listing would show them")
    expect(order.get_by_role("listitem")).to_have_text(["front left", "back"])
    order.get_by_role("button", name="front left").click()
    expect(page.locator("#bar-name")).to_have_text("front-left.jpg")


def test_the_rules_say_which_views_must_be_there_and_not_which_do_for_one_photo(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    small = next(path for path in photos if path.name == "te14.jpg")
    page.get_by_text("Views of this car").click()
    rules = page.get_by_label("Rules", exact=True)
    rules.select_option("listing-main")
    expect(page.locator("#shots-count")).to_have_text("0 of 8")
    rules.select_option("rental-return")
    expect(page.locator("#rules-words")).to_contain_text(
        "Of a car's photos: front, left, back and right."
    )
    show(visit, small, "left")
    expect(page.locator("#shots-count")).to_have_text("0 of 4")
    missing = "Missing: front, left (left.jpg is not good enough), back and right."
    expect(page.locator("#shots-missing")).to_have_text(missing)
    rules.select_option("")
    expect(page.locator("#shots-count")).to_have_text("1 of 8")
    # Of one photo a front is expected; the set still has its left side.
    visit.expected("front").click()
    expect(page.locator("#verdict")).to_have_text("Refused")
    expect(page.locator("#shots-count")).to_have_text("1 of 8")


def test_the_camera_opens_with_an_outline_of_the_view(browser: Browser, server: str) -> None:
    camera = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *FAKE_CAMERA])
    size = {"width": 390, "height": 844}
    try:
        with Visit(camera, server, viewport=size, has_touch=True, is_mobile=True) as visit:
            page = visit.page
            page.get_by_text("Views of this car").tap()
            page.get_by_role("button", name="left: missing", exact=True).tap()
            expect(page.get_by_role("dialog", name="Line the car up: left")).to_be_visible()
            outline = page.locator("#webcam-outline svg").bounding_box()
            video = page.locator("#webcam-video").bounding_box()
            assert outline is not None
            assert video is not None
            assert outline["width"] <= video["width"] + 1
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            page.get_by_role("button", name="Close").tap()
    finally:
        camera.close()
