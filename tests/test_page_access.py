"""The page by keyboard, on a phone, in both schemes, by axe-core, without JavaScript."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Serving
from tests.visitor import ANSWER_MS, Visit, blank

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


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
    visit.tab_to("list")
    keyboard.press("Enter")
    assert visit.focus() == "result"
    visit.tab_to("overlay")
    visit.tab_to("all")
    before = visit.drawing()
    keyboard.press("Space")
    assert visit.drawing() != before
    visit.tab_to("JSON answer")
    keyboard.press("Enter")
    expect(page.locator("#json")).to_be_visible()


@SCHEMES
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
        page.get_by_text("Code that asks this").tap()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(int(v) for v in re.findall(r"\d+", background)[:3])
        assert (lightness > 384) == (scheme == "light")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for one in found
        for node in one["nodes"]
    ]


@SCHEMES
def test_axe_finds_nothing(browser: Browser, server: str, photos: list[Path], scheme: str) -> None:
    size = {"width": 1440, "height": 900}
    with Visit(
        browser, server, viewport=size, color_scheme=scheme, reduced_motion="reduce"
    ) as visit:
        page = visit.page
        assert violations(page) == []
        visit.pick(*photos[:4], blank())
        visit.all_done(5)
        page.locator("#options summary").click()
        page.get_by_label("Rules", exact=True).select_option("listing-back")
        visit.expected("back").click()
        page.get_by_text("Views of this car").click()
        page.get_by_text("JSON answer").click()
        page.get_by_text("Code that asks this").click()
        expect(page.locator("#verdict")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Table").click()
        visit.row("wall.png").click()
        visit.refused()
        assert violations(page) == []
        page.route("**/v1/pose*", lambda route: route.fulfill(status=401))
        visit.pick(blank("locked.png"))
        expect(page.get_by_role("dialog", name="This server wants an API key")).to_be_visible()
        assert violations(page) == []


@SCHEMES
def test_axe_finds_nothing_on_a_phone(
    browser: Browser, server: str, photos: list[Path], scheme: str
) -> None:
    size = {"width": 390, "height": 844}
    with Visit(
        browser, server, viewport=size, color_scheme=scheme, has_touch=True, is_mobile=True
    ) as visit:
        visit.expected("back").tap()
        visit.pick(photos[0], blank())
        visit.all_done(2)
        assert violations(visit.page) == []


CONTRAST = """(selector) => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => numbers(colour).slice(0, 3)
        .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
    const ring = getComputedStyle(document.querySelector(selector)).outlineColor;
    return ["--ground", "--card"].map((name) => {
        const probe = document.createElement("i");
        probe.style.color = `var(${name})`;
        document.body.append(probe);
        const ground = getComputedStyle(probe).color;
        probe.remove();
        const [a, b] = [ring, ground].map(luminance);
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
}"""


@SCHEMES
def test_the_focus_ring_stands_out(browser: Browser, server: str, scheme: str) -> None:
    with Visit(browser, server, color_scheme=scheme) as visit:
        visit.tab_to("API docs")
        assert min(visit.page.evaluate(CONTRAST, "nav a")) >= 3


def test_forced_colours_leave_what_is_chosen_to_see(
    browser: Browser, server: str, photos: list[Path]
) -> None:
    with Visit(browser, server, forced_colors="active") as visit:
        page = visit.page
        visit.expected("front").click()
        face = "#expect .sector:nth-child({}) .face"
        fill = "e => getComputedStyle(e).fill"
        chosen = page.locator(face.format(1)).evaluate(fill)
        assert chosen != page.locator(face.format(2)).evaluate(fill)
        visit.pick(photos[0], photos[1])
        visit.all_done(2)
        selected = page.locator("#list .photo[aria-selected=true]")
        assert selected.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        on, off = (page.locator(f"#filters button[aria-pressed={on}]") for on in ("true", "false"))
        ground = "e => getComputedStyle(e).backgroundColor"
        assert on.first.evaluate(ground) != off.first.evaluate(ground)


def test_without_javascript_it_says_what_to_do(browser: Browser, server: str) -> None:
    with Visit(browser, server, java_script_enabled=False) as visit:
        expect(visit.page.get_by_text("This page needs JavaScript")).to_be_visible()
        expect(visit.page.get_by_text("curl -F image=@photo.jpg")).to_be_visible()


def test_a_second_visit_asks_only_for_the_page_itself(visit: Visit) -> None:
    client = visit.page.context.new_cdp_session(visit.page)
    client.send("Network.enable")
    asked: dict[str, str] = {}
    from_cache: set[str] = set()
    client.on(
        "Network.requestWillBeSent", lambda e: asked.update({e["requestId"]: e["request"]["url"]})
    )
    client.on("Network.requestServedFromCache", lambda e: from_cache.add(e["requestId"]))
    client.on(
        "Network.responseReceived",
        lambda e: e["response"].get("fromDiskCache") and from_cache.add(e["requestId"]),
    )
    ended: set[str] = set()
    client.on("Network.loadingFinished", lambda e: ended.add(e["requestId"]))
    client.on("Network.loadingFailed", lambda e: ended.add(e["requestId"]))
    visit.page.goto(f"{visit.server}/")
    expect(visit.page.locator("#formats")).to_contain_text("MB")
    files = {request for request, url in asked.items() if "/web/" in url}
    assert len(files) > 30
    # Chromium asks for the icon last, once the page is there, and its answer may still be on its way.
    for _ in range(100):
        if files <= ended:
            break
        visit.page.wait_for_timeout(100)
    assert {asked[request] for request in files - from_cache} == set()


def test_the_docs_have_groups_names_and_a_way_back(visit: Visit, serving: Serving) -> None:
    page = visit.page
    page.goto(f"{visit.server}/docs")
    for group in ("Photos", "This server", "AWS sample"):
        expect(page.get_by_role("heading", name=group)).to_be_visible(timeout=ANSWER_MS)
    expect(page.get_by_text("The pose of the car in a photo", exact=True)).to_be_visible()
    page.get_by_role("link", name="Back to the page").click()
    expect(page.get_by_role("heading", name="Which side of the car is this?")).to_be_visible()
    page.goto(f"{serving.strict}/docs")
    page.get_by_role("link", name="Back to the page").click()
    expect(page).to_have_url(f"{serving.strict}/")
