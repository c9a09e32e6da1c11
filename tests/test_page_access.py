"""The page by keyboard, on a phone, in light and dark."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.visitor import ANSWER_MS, Visit, blank


def test_everything_can_be_done_by_keyboard(visit: Visit, photos: list[Path]) -> None:
    page, keyboard = visit.page, visit.page.keyboard
    keyboard.press("Tab")
    assert visit.focus() == "Skip to the result"
    visit.tab_to("API docs")
    visit.tab_to("pick")
    outline = page.locator("label:has(#pick)").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    with page.expect_file_chooser() as chooser:
        keyboard.press("Enter")
    chooser.value.set_files(photos[0])
    visit.answered()
    visit.tab_to("front")
    keyboard.press("ArrowRight")
    assert visit.focus() == "front-right"
    keyboard.press("Space")
    expect(visit.expected("front-right")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#verdict")).to_have_text(re.compile("Accepted|Refused"))
    visit.tab_to("all")
    before = visit.drawing()
    keyboard.press("Space")
    assert visit.drawing() != before
    visit.tab_to("JSON answer")
    keyboard.press("Enter")
    expect(page.locator("#json")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, server: str, photos: list[Path], scheme: str) -> None:
    size = {"width": 360, "height": 740}
    with Visit(
        browser, server, viewport=size, color_scheme=scheme, has_touch=True, is_mobile=True
    ) as visit:
        page = visit.page
        expect(page.get_by_label("Use the camera")).to_have_attribute("capture", "environment")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        visit.pick(*photos[:3])
        visit.answered()
        page.get_by_text("JSON answer").tap()
        page.get_by_text("curl command").tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(int(v) for v in re.findall(r"\d+", background)[:3])
        assert (lightness > 384) == (scheme == "light")


CONTRASTS = """() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => numbers(colour).slice(0, 3)
        .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement;
        const words = texts.currentNode.data.trim();
        if (!words || e.closest("svg, script, noscript") || !e.checkVisibility()) continue;
        const [a, b] = [getComputedStyle(e).color, ground(e)].map(luminance);
        found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), words]);
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(
    browser: Browser, server: str, photos: list[Path], scheme: str
) -> None:
    with Visit(browser, server, color_scheme=scheme, reduced_motion="reduce") as visit:
        visit.pick(photos[0], blank())
        visit.answered()
        visit.page.locator("#options summary").click()
        visit.expected("back").click()
        expect(visit.page.locator("#verdict")).to_be_visible(timeout=ANSWER_MS)
        visit.answered()
        found = visit.page.evaluate(CONTRASTS)
        visit.row("wall.png").click()
        visit.refused()
        found += visit.page.evaluate(CONTRASTS)
        assert len(found) > 40
        assert [words for contrast, words in found if contrast < 4.5] == []
