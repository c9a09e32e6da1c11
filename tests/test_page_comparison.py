"""Both engines side by side on the page, against the real server and an emulated Rekognition."""

from pathlib import Path

from playwright.sync_api import expect

from tests.rekognition_emulator import Script, error
from tests.test_rekognition_http import fresh
from tests.visitor import ANSWER_MS, Visit


def choose(visit: Visit, engine: str) -> None:
    visit.page.get_by_role("radio", name=engine, exact=True).check(force=True)


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
