"""Both engines side by side on the page, against the real server and an emulated Rekognition."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Serving
from tests.rekognition_emulator import Script, error
from tests.test_rekognition_http import fresh
from tests.visitor import ANSWER_MS, Visit, blank


def choose(visit: Visit, engine: str) -> None:
    radio = visit.page.get_by_role("radio", name=engine, exact=True)
    expect(radio).to_be_enabled()
    radio.check(force=True)


def test_rekognition_answers_with_a_car_and_its_wheels(
    visit: Visit, script: Script, photos: list[Path]
) -> None:
    choose(visit, "Amazon Rekognition")
    visit.pick(photos[2])
    visit.answered()
    expect(visit.page.locator("#part-list li")).to_have_count(2)
    expect(visit.page.locator("#warnings")).to_contain_text("Wheels alone do not tell")
    expect(visit.page.locator("#comparison")).to_be_hidden()
    expect(visit.page.locator("#other")).to_be_hidden()


def test_both_engines_stand_side_by_side(visit: Visit, script: Script, photos: list[Path]) -> None:
    page = visit.page
    choose(visit, "Both")
    visit.pick(photos[3])
    visit.answered()
    own, other = page.locator("#overlay"), page.locator("#other-overlay")
    expect(other).to_be_visible()
    left, right = own.bounding_box(), other.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"] + 1
    assert abs(left["y"] - right["y"]) < 2
    assert own.evaluate("c => c.toDataURL()") != other.evaluate("c => c.toDataURL()")
    expect(page.locator("figcaption")).to_have_text(["Own models", "Amazon Rekognition"])
    expect(page.get_by_role("row", name="Wheels").get_by_role("cell").nth(1)).to_have_text("2")
    expect(page.get_by_role("row", name="Price")).to_contain_text("$0.001")
    expect(page.get_by_role("row", name="Agreement")).to_contain_text("wheels the same")
    page.get_by_text("JSON answer").click()
    expect(page.locator("#json")).to_contain_text('"agreement"')
    choose(visit, "Own models")
    expect(page.locator("#comparison")).to_be_hidden(timeout=ANSWER_MS)


def test_an_engine_that_fails_says_why_beside_the_other(
    visit: Visit, script: Script, photos: list[Path]
) -> None:
    script.default = lambda *_: error("InternalServerError", status=500)
    choose(visit, "Both")
    photo = fresh(photos[4])
    visit.pick({"name": "fresh.png", "mimeType": "image/png", "buffer": photo})
    visit.answered()
    expect(visit.page.locator("#other-engine")).to_contain_text("broken answer")
    expect(visit.page.get_by_role("row", name="Agreement")).to_have_count(0)
    expect(visit.page.locator("#part-list li").first).to_be_visible()


def test_a_part_lights_up_on_both_pictures(
    visit: Visit, script: Script, photos: list[Path]
) -> None:
    page = visit.page
    body = httpx.post(
        f"{visit.server}/v1/pose",
        params={"engine": "compare", "include": "masks"},
        files={"image": photos[0].read_bytes()},
        timeout=60,
    ).json()
    wheel = next(p for p in body["detectron2"]["answer"]["parts"] if p["label"] == "wheel")
    body["rekognition"]["answer"]["parts"][0]["box"] = wheel["box"]
    page.route("**/v1/pose*", lambda route: route.fulfill(json=body))
    choose(visit, "Both")
    visit.pick(photos[0])
    visit.answered()
    page.mouse.move(0, 0)
    drawings = "['overlay', 'other-overlay'].map((id) => document.getElementById(id).toDataURL())"
    plain = page.evaluate(drawings)
    page.locator("#part-list li", has_text="wheel").first.hover()
    lit = page.evaluate(drawings)
    assert lit[0] != plain[0]
    assert lit[1] != plain[1]
    page.mouse.move(0, 0)
    assert page.evaluate(drawings) == plain


def test_what_both_engines_answered_is_not_sent_again_for_one(
    visit: Visit, script: Script, photos: list[Path]
) -> None:
    choose(visit, "Both")
    visit.pick(photos[2])
    visit.answered()
    sent = len(visit.posts())
    choose(visit, "Own models")
    expect(visit.page.locator("#comparison")).to_be_hidden()
    choose(visit, "Both")
    expect(visit.page.locator("#comparison")).to_be_visible()
    assert len(visit.posts()) == sent == 1


def test_the_price_is_told_and_many_photos_are_sent_only_after_a_yes(
    visit: Visit, script: Script
) -> None:
    page = visit.page
    expect(page.locator("#paid-words")).to_have_text(
        "Amazon Rekognition costs about $0.001 a photo."
    )
    choose(visit, "Amazon Rekognition")
    visit.pick(*(blank(f"{k}.png", (320 + k, 240)) for k in range(20)))
    dialog = page.get_by_role("dialog", name="Send them to Amazon Rekognition?")
    expect(dialog).to_contain_text("20 photos, about $0.02")
    assert visit.posts() == []
    dialog.get_by_role("button", name="Use own models").click()
    visit.all_done(20)
    assert all("engine=detectron2" in url for url in visit.posts())
    page.locator("#options summary").click()
    choose(visit, "Amazon Rekognition")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Send them").click()
    visit.all_done(20)
    assert sum("engine=rekognition" in url for url in visit.posts()) >= 20


@pytest.mark.parametrize("width", [1440, 390])
def test_the_comparison_can_be_read(
    browser: Browser, server: str, script: Script, photos: list[Path], width: int
) -> None:
    with Visit(browser, server, viewport={"width": width, "height": 900}) as visit:
        page = visit.page
        choose(visit, "Both")
        visit.pick(photos[3])
        visit.answered()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for picture in ("#overlay", "#other-overlay"):
            box = page.locator(picture).bounding_box()
            assert box is not None
            assert box["width"] >= min(380, width - 10)
        table = page.locator("#comparison")
        assert table.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth")


def test_an_engine_that_is_off_says_why_and_cannot_be_chosen(
    browser: Browser, serving: Serving
) -> None:
    with Visit(browser, serving.strict) as visit:
        page = visit.page
        expect(page.locator("#paid-words")).to_contain_text("Amazon Rekognition is off")
        expect(page.locator("#paid-words")).to_contain_text("serve_config.yaml")
        for engine in ("Amazon Rekognition", "Both"):
            expect(page.get_by_role("radio", name=engine, exact=True)).to_be_disabled()
        page.goto(f"{serving.strict}/?engine=compare")
        expect(page.get_by_role("radio", name="Own models")).to_be_checked()
