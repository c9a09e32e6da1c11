"""Many photos on the page."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.visitor import ANSWER_MS, VIEWPOINT, Visit, blank

ROWS = "#list .photo:not(.head)"


def names(page: Page) -> list[str]:
    rows = page.locator(ROWS)
    tops = rows.evaluate_all("rows => rows.map((row) => Number(row.ariaRowIndex))")
    texts = rows.locator(".name").all_inner_texts()
    return [name for _, name in sorted(zip(tops, texts, strict=True))]


def test_several_photos_are_a_queue_of_two_at_a_time(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    running, most = 0, 0

    def began(_: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)

    def ended(_: Any) -> None:
        nonlocal running
        running -= 1

    page.on("request", lambda r: began(r) if r.method == "POST" else None)
    page.on("requestfinished", lambda r: ended(r) if r.method == "POST" else None)
    visit.pick(*photos[:4], blank())
    visit.all_done(5)
    for photo in photos[:4]:
        expect(visit.row(photo.name).locator(".viewpoint")).to_have_text(VIEWPOINT)
    expect(visit.row("wall.png")).to_contain_text("No car found in this picture")
    assert most == 2
    visit.row("wall.png").click()
    expect(visit.refused()).to_contain_text("No car found")
    visit.row(photos[2].name).click()
    expect(page.locator("#bar-name")).to_have_text(photos[2].name)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="Which side of the car is this?")).to_be_visible()
    assert visit.focus() == "pick"


def test_counts_are_filters_and_one_sentence_says_what_came_out(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.expected("front").click()
    visit.pick(*photos[:6], blank("a.png"), blank("b.png"))
    visit.all_done(8)
    kinds = page.locator("#filters button:visible")
    words = dict(text.split("\n") for text in kinds.all_inner_texts())
    assert words["All"] == "8"
    assert words["No car"] == "2"
    judged = [int(words.get(kind, 0)) for kind in ("Accepted", "To review", "Refused")]
    assert sum(judged) == 6
    said = page.get_by_role("status")
    expect(said).to_contain_text("All 8 photos are done")
    expect(said).to_contain_text(f"{words['Accepted']} accepted")
    expect(said).to_contain_text("2 without a car")
    expect(page).to_have_title("8 photos done · carpose")
    page.get_by_role("button", name="No car").click()
    assert names(page) == ["a.png", "b.png"]
    page.get_by_role("button", name="All").click()
    assert len(names(page)) == 8


def test_the_title_and_the_list_say_how_far_the_photos_are(visit: Visit) -> None:
    page = visit.page
    page.evaluate(
        """() => {
            window.held = [];
            const { send } = XMLHttpRequest.prototype;
            XMLHttpRequest.prototype.send = function (body) {
                if (!held) return send.call(this, body);
                document.body.dataset.held = held.push(() => send.call(this, body));
            };
        }"""
    )
    visit.pick(blank("a.png"), blank("b.png"), blank("c.png"))
    expect(page.locator("body")).to_have_attribute("data-held", "2")
    expect(page).to_have_title("0 of 3 · carpose")
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.evaluate("held[0]()")
    expect(page).to_have_title("1 of 3 · carpose", timeout=ANSWER_MS)
    expect(page.locator("#progress-words")).to_contain_text("1 of 3")
    expect(page.locator("body")).to_have_attribute("data-held", "3")
    page.evaluate("() => { held[1](); held[2](); held = null; }")
    expect(page.get_by_role("progressbar")).to_be_hidden(timeout=ANSWER_MS)
    expect(page).to_have_title("3 photos done · carpose")


def test_the_table_is_sorted_by_its_head(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    page.set_viewport_size({"width": 1440, "height": 900})
    visit.pick(*reversed(photos[:5]))
    visit.all_done(5)
    page.get_by_role("button", name="Table").click()
    for column in ("Viewpoint", "Certainty", "Angle", "Reason"):
        expect(page.get_by_role("columnheader", name=column)).to_be_visible()
    page.get_by_role("columnheader", name="Certainty").get_by_role("button").click()
    column = page.locator(f"{ROWS} .number:nth-child(5)")
    order = page.locator(ROWS).evaluate_all("rows => rows.map((row) => Number(row.ariaRowIndex))")
    scores = [text for _, text in sorted(zip(order, column.all_inner_texts(), strict=True))]
    values = [int(text.removesuffix(" %")) for text in scores]
    assert values == sorted(values)
    for name, cell in (
        ("Verdict", ".state"),
        ("Angle", ".number:nth-child(6)"),
        ("Reason", ".reason"),
    ):
        head = page.get_by_role("columnheader", name=name).bounding_box()
        below = page.locator(f"{ROWS} {cell}").first.bounding_box()
        assert head is not None
        assert below is not None
        assert (head["x"], head["width"]) == (below["x"], below["width"]), (
            "a head is above its column"
        )
    head = page.get_by_role("columnheader", name="Name")
    head.get_by_role("button").click()
    ascending = names(page)
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").click()
    assert names(page) == ascending[::-1]


def test_the_photos_are_gone_through_by_keys(visit: Visit) -> None:
    page, keyboard = visit.page, visit.page.keyboard
    visit.pick(*(blank(f"{name}.png") for name in "abc"))
    visit.all_done(3)
    current = page.locator("#bar-name")
    page.locator("#list").focus()
    for key, name in (("ArrowDown", "b"), ("j", "c"), ("k", "b"), ("Home", "a"), ("End", "c")):
        keyboard.press(key)
        expect(current).to_have_text(f"{name}.png")
    chosen = page.locator("#list").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{chosen}")).to_contain_text("c.png")
    keyboard.press("Delete")
    expect(current).to_have_text("b.png")
    assert names(page) == ["a.png", "b.png"]
    visit.row("a.png").hover()
    page.get_by_role("button", name="Remove: a.png").click()
    assert names(page) == ["b.png"]
    page.get_by_role("button", name="Remove this photo").click()
    expect(page.get_by_role("heading", name="Which side of the car is this?")).to_be_visible()


def test_the_next_photo_is_seen_from_its_beginning(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    page.set_viewport_size({"width": 1440, "height": 700})
    page.get_by_label("Rules", exact=True).select_option("claim-overview")
    visit.pick(*photos[:3])
    visit.all_done(3)
    for step in (lambda: page.keyboard.press("j"), lambda: page.locator("#next").click()):
        page.locator("#timings").scroll_into_view_if_needed()
        expect(page.locator("#reasons")).not_to_be_in_viewport()
        step()
        expect(page.locator("#reasons li").first).to_be_in_viewport(ratio=1)
        bar, first = (page.locator(at).bounding_box() for at in ("#bar", "#board"))
        assert bar is not None
        assert first is not None
        assert bar["y"] + bar["height"] <= first["y"]


def test_what_has_the_focus_is_not_under_the_bar(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    page.set_viewport_size({"width": 1440, "height": 700})
    visit.pick(photos[0])
    visit.answered()
    page.locator("#timings").scroll_into_view_if_needed()
    page.get_by_label("All parts").focus()
    for _ in range(8):
        page.keyboard.press("Shift+Tab")
        covered = page.evaluate(
            """() => {
                const [bar, one] = [document.getElementById("bar"), document.activeElement]
                    .map((element) => element.getBoundingClientRect());
                return !document.activeElement.closest("#bar") && one.left >= bar.left
                    && one.top < bar.bottom && one.bottom > bar.top;
            }"""
        )
        assert not covered, visit.focus()


def test_only_what_may_end_otherwise_is_tried_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/v1/pose*", lambda route: route.abort())
    visit.pick(blank("a.png"), blank("b.png"))
    visit.all_done(2)
    expect(visit.row("a.png")).to_contain_text("cannot be reached")
    page.unroute("**/v1/pose*")
    page.get_by_role("button", name="Retry failed").click()
    for name in "ab":
        expect(visit.row(f"{name}.png")).to_contain_text("No car found", timeout=ANSWER_MS)
    expect(page.get_by_role("button", name="Retry failed")).to_be_hidden()


def test_a_thousand_photos_are_a_few_rows(visit: Visit) -> None:
    page = visit.page
    page.route("**/v1/pose*", lambda route: None)
    page.evaluate(
        """async () => {
            const files = new DataTransfer();
            for (let k = 0; k < 1000; k++) files.items.add(new File([`${k}`], `${k}.jpg`));
            const input = document.getElementById("pick");
            input.files = files.files;
            input.dispatchEvent(new Event("change"));
        }"""
    )
    list_ = page.locator("#list")
    expect(list_).to_have_attribute("aria-rowcount", "1001")
    assert page.locator(ROWS).count() < 40
    list_.evaluate("e => e.scrollTo(0, e.scrollHeight)")
    expect(visit.row("999.jpg")).to_be_visible()
    assert page.locator(ROWS).count() < 40
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(visit.row("1.jpg")).to_be_in_viewport()


def test_on_a_phone_the_verdict_is_above_the_photo(
    browser: Browser, server: str, photos: list[Path]
) -> None:
    size = {"width": 390, "height": 844}
    with Visit(browser, server, viewport=size, has_touch=True, is_mobile=True) as visit:
        page = visit.page
        visit.expected("front").tap()
        visit.pick(*photos[:6])
        visit.all_done(6)
        visit.row(photos[1].name).tap()
        expect(page.locator("#verdict")).to_have_text(re.compile("Accepted|Refused"))
        bar, photo = page.locator("#bar").bounding_box(), page.locator("#stage").bounding_box()
        assert bar is not None
        assert photo is not None
        assert bar["y"] + bar["height"] <= photo["y"] + 1
        ground = page.locator("#bar").evaluate("e => getComputedStyle(e).backgroundColor")
        card = page.locator("#facts").evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground != card
        options = page.locator("#options").bounding_box()
        photos_ = page.locator("#list").bounding_box()
        assert options is not None
        assert photos_ is not None
        assert options["y"] < photos_["y"]
        page.locator("#timings").scroll_into_view_if_needed()
        expect(page.locator("#verdict")).to_be_in_viewport(ratio=1)
