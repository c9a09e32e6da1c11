"""The photo on the page: zoom, full screen, names of parts; what the answer means in words."""

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Route, expect

from carpose.labels import Label, placed
from tests.visitor import ANSWER_MS, Visit


def ask(visit: Visit, photo: Path) -> dict[str, Any]:
    answer = httpx.post(
        f"{visit.server}/v1/pose",
        params={"include": "masks"},
        files={"image": photo.read_bytes()},
        timeout=60,
    )
    return answer.json()  # type: ignore[no-any-return]


def answered_with(visit: Visit, photo: Path, answer: dict[str, Any]) -> None:
    visit.page.route("**/v1/pose*", lambda route: route.fulfill(json=answer))
    visit.pick(photo)
    visit.answered()


def test_the_photo_is_zoomed_by_wheel_keys_buttons_and_double_click(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    canvas = page.locator("#overlay")
    page.mouse.move(0, 0)
    whole = visit.drawing()

    def zoomed() -> bool:
        return "zoomed" in (canvas.get_attribute("class") or "")

    canvas.hover()
    page.mouse.wheel(0, -400)
    expect(canvas).to_have_class(re.compile("zoomed"))
    page.get_by_role("button", name="Whole photo").click()
    page.mouse.move(0, 0)
    assert not zoomed()
    assert visit.drawing() == whole
    page.get_by_role("button", name="Enlarge").click()
    assert zoomed()
    page.get_by_role("button", name="Reduce").click()
    assert not zoomed()
    canvas.dblclick()
    assert zoomed()
    canvas.focus()
    near = visit.drawing()
    page.keyboard.press("ArrowRight")
    assert visit.drawing() != near
    page.keyboard.press("0")
    assert not zoomed()
    page.keyboard.press("+")
    assert zoomed()


def test_the_photo_is_dragged_when_it_is_zoomed(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    page.get_by_role("button", name="Enlarge").click()
    box = page.locator("#overlay").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    before = visit.drawing()
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=4)
    page.mouse.up()
    assert visit.drawing() != before


def test_two_fingers_zoom(browser: Browser, server: str, photos: list[Path]) -> None:
    size = {"width": 390, "height": 844}
    with Visit(browser, server, viewport=size, has_touch=True, is_mobile=True) as visit:
        page = visit.page
        visit.pick(photos[0])
        visit.answered()
        page.locator("#overlay").scroll_into_view_if_needed()
        box = page.locator("#overlay").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        client = page.context.new_cdp_session(page)
        for kind, apart in (("touchStart", 20), ("touchMove", 60), ("touchMove", 110)):
            points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(page.locator("#overlay")).to_have_class(re.compile("zoomed"))


def test_the_photo_fills_the_screen(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("#stage:fullscreen")).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("#stage:fullscreen")).to_have_count(0)


def test_names_of_parts_do_not_cover_each_other(visit: Visit) -> None:
    crowd = [{"centre": [200, 150], "wide": 90, "high": 22} for _ in range(14)]
    crowd.append({"centre": [2, 2], "wide": 90, "high": 22})
    places = visit.page.evaluate(
        """async (crowd) => {
            const { placed } = await import("./web/labels.js");
            return placed(crowd, { width: 640, height: 480 }, 6);
        }""",
        crowd,
    )
    for k, (x, y) in enumerate(places):
        assert 0 <= x <= 640 - 90
        assert 0 <= y <= 480 - 22
        for other_x, other_y in places[:k]:
            assert abs(x - other_x) >= 90 or abs(y - other_y) >= 22
    assert places[0] == [155, 139]
    labels = [Label(tuple(one["centre"]), one["wide"], one["high"]) for one in crowd]
    assert places == pytest.approx(np.array(placed(labels, (640, 480), 6)))


def test_the_names_are_drawn_when_they_are_asked_for(visit: Visit, photos: list[Path]) -> None:
    visit.pick(photos[0])
    visit.answered()
    visit.page.mouse.move(0, 0)
    plain = visit.drawing()
    visit.page.get_by_label("Part names").check()
    assert visit.drawing() != plain


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (12.4, "rises to the right by 12.4°"),
        (-7.0, "falls to the right by 7.0°"),
        (0.0, "is level"),
    ],
)
def test_the_angle_is_a_sentence_and_a_drawing(
    visit: Visit, photos: list[Path], signed: float, words: str
) -> None:
    answer = ask(visit, photos[0])
    answer["pose"] |= {"angle": abs(signed), "signed_angle": signed}
    answered_with(visit, photos[0], answer)
    expect(visit.page.locator("#angle")).to_contain_text(
        f"The line through the wheels of the nearer side {words}."
    )
    assert visit.page.locator("#angle svg").bounding_box()


def test_a_view_between_two_sides_says_what_it_counts_as(visit: Visit, photos: list[Path]) -> None:
    answer = ask(visit, photos[0])
    answer["pose"] |= {"view": "front", "viewpoint": "front-left", "viewpoint_score": 0.42}
    answered_with(visit, photos[0], answer)
    expect(visit.page.locator("#viewpoint")).to_have_text(
        re.compile("front-left.*counts as a front view")
    )
    expect(visit.page.locator("#certainty")).to_contain_text("42 %")


def test_what_is_not_sure_enough_is_for_a_person(visit: Visit, photos: list[Path]) -> None:
    answer = ask(visit, photos[0])
    answer["pose"] |= {"viewpoint": "front", "view": "front", "viewpoint_score": 0.42}
    visit.expected("front").click()
    answered_with(visit, photos[0], answer)
    expect(visit.page.locator("#verdict")).to_have_text("To review")
    expect(visit.page.locator("#reasons")).to_contain_text("Not sure enough (0.42, asked for 0.60)")
    expect(visit.page.locator("#certainty")).to_contain_text("below 60 %")
    expect(visit.page.locator("#reasons")).to_contain_text("look at it yourself.")
    expect(visit.row(photos[0].name)).to_contain_text("To review")


def test_other_cars_are_told_and_boxed(visit: Visit, photos: list[Path]) -> None:
    answer = ask(visit, photos[0])
    other = {"car": {"box": [5, 5, 90, 60], "score": 0.9}, "pose": {"viewpoint": "back"}}
    answer["cars"] = [{"car": answer["car"], "pose": answer["pose"]}, other]
    answer["notices"] = [{"code": "other-cars", "detail": "one more car, a tenth as large"}]
    answered_with(visit, photos[0], answer)
    expect(visit.page.locator("#warnings")).to_contain_text("One more car, a tenth as large.")
    expect(visit.page.locator("#other-cars")).to_have_text("Other cars, with dashed boxes: back.")


def test_the_other_cars_are_asked_for_where_there_are_some(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    answer = ask(visit, photos[0])
    answer["quality"]["cars"] = 2
    other = {
        "car": {"box": [5, 5, 90, 60], "score": 0.9},
        "pose": {"viewpoint": "back"},
        "parts": [],
    }

    def fulfil(route: Route) -> None:
        every = {"cars": [{"car": answer["car"], "pose": answer["pose"], "parts": []}, other]}
        route.fulfill(json=answer | (every if "cars=all" in route.request.url else {}))

    page.route("**/v1/pose*", fulfil)
    visit.pick(photos[0])
    visit.answered()
    page.mouse.move(0, 0)
    alone = visit.drawing()
    page.get_by_role("button", name="Look at the other cars too").click()
    expect(page.locator("#other-cars")).to_have_text("Other cars, with dashed boxes: back.")
    expect(page.get_by_role("button", name="Look at the other cars too")).to_be_hidden()
    page.mouse.move(0, 0)
    assert visit.drawing() != alone


def test_the_example_is_answered_rightly(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="No photo at hand?").click()
    visit.answered()
    expect(page.locator("#viewpoint")).to_contain_text("front-left")
    expect(page.locator("#bar-name")).to_have_text("example.jpg")
    expect(page.locator("#angle")).to_contain_text("to the right by", timeout=ANSWER_MS)


def test_a_photo_that_the_server_turned_is_shown_turned(visit: Visit, photos: list[Path]) -> None:
    answer = ask(visit, photos[0])
    width, height = answer["image"]["width"], answer["image"]["height"]
    for masked in (answer["car"], *answer["parts"]):
        masked.pop("mask")
    answer["image"] = {"width": height, "height": width, "turned": 90}
    answer["warnings"] = [{"code": "turned", "detail": "the photo lay on its side"}]
    answered_with(visit, photos[0], answer)
    box = visit.page.locator("#overlay").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(height / width, rel=0.02)
    expect(visit.page.locator("#warnings")).to_contain_text("The photo lay on its side.")


def test_the_direction_is_a_number_and_a_needle(visit: Visit, photos: list[Path]) -> None:
    answer = ask(visit, photos[0])
    answer["pose"] |= {"azimuth": 38.4, "azimuth_error": 7.5}
    answered_with(visit, photos[0], answer)
    expect(visit.page.locator("#direction")).to_contain_text("38°")
    expect(visit.page.locator("#direction")).to_contain_text("within ±8°")
    needle = visit.page.locator("#compass .needle")
    expect(needle).to_have_attribute("transform", "rotate(-38.4)")
