"""The page in a real browser, against the real server."""

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Route, expect
from pycocotools import mask as coco

from tests.conftest import Serving
from tests.visitor import ANSWER_MS, File, Visit, blank

VIEWPOINT = re.compile(r"^(front|back)(-left|-right)?$|^left$|^right$")


def test_a_photo_gets_its_viewpoint_angle_parts_and_picture(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    viewpoint = page.locator("#viewpoint").inner_text().split("\n")[0]
    assert VIEWPOINT.match(viewpoint)
    expect(page.locator("#angle")).to_have_text(re.compile(r"^\d+\.\d°|^not measurable"))
    compass = page.get_by_role("img", name="A car from above. Seen from")
    expect(compass.locator(".on")).to_have_text(viewpoint.replace("-", ""))
    expect(page.get_by_role("status")).to_have_text(f"{photos[0].name}: {viewpoint}")
    expect(page.get_by_role("img", name="parts of the car marked")).to_be_visible()
    expect(page.locator("#timings")).to_contain_text(re.compile(r"detect \d+ ms"))
    assert page.locator("#part-list li").count() > 3


def test_switches_change_the_picture(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    drawings = [visit.drawing()]
    for label in ("All parts", "Car outline", "Reference line"):
        page.get_by_label(label).uncheck()
        drawings.append(visit.drawing())
    bare = drawings[-1]
    page.locator("#part-list input").first.check()
    drawings.append(visit.drawing())
    assert len(set(drawings)) == len(drawings)
    assert page.get_by_label("All parts").evaluate("box => box.indeterminate")
    page.locator("#part-list input").first.uncheck()
    page.mouse.move(0, 0)
    assert visit.drawing() == bare


def test_a_part_lights_up_under_the_pointer_and_the_focus(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    page.mouse.move(0, 0)
    plain = visit.drawing()
    page.locator("#part-list li").nth(1).hover()
    hovered = visit.drawing()
    page.mouse.move(0, 0)
    assert visit.drawing() == plain != hovered
    page.locator("#part-list input").nth(1).focus()
    assert visit.drawing() == hovered
    page.locator("#part-list input").nth(1).blur()
    box = page.evaluate("JSON.parse(document.getElementById('json').textContent).parts[0].box")
    width = page.evaluate("JSON.parse(document.getElementById('json').textContent).image.width")
    canvas = page.locator("#overlay")
    shown = canvas.bounding_box()
    assert shown
    scale = shown["width"] / width
    middle = {"x": (box[0] + box[2]) / 2 * scale, "y": (box[1] + box[3]) / 2 * scale}
    canvas.hover(position=middle)  # type: ignore[arg-type]
    expect(page.locator("#part-list li.lit")).to_have_count(1)


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
    visit.answered()
    states = page.locator("#queue .state")
    expect(states).to_have_count(5)
    for k in range(4):
        expect(states.nth(k)).to_have_text(VIEWPOINT)
    expect(states.nth(4)).to_have_text("No car found in this picture")
    assert most == 2
    page.get_by_role("button", name="wall.png").click()
    expect(visit.refused()).to_contain_text("No car found")
    page.get_by_role("button", name=photos[2].name).click()
    expect(page.get_by_role("status")).to_contain_text(photos[2].name)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="Which side of the car is this?")).to_be_visible()
    assert visit.focus() == "pick"


def test_a_photo_is_accepted_or_refused_against_the_expected_views(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    expect(page.locator("#verdict")).to_be_hidden()
    seen = page.locator("#viewpoint").inner_text().split("\n")[0]
    other = "left" if seen != "left" else "right"
    visit.expected(other).click()
    expect(page.locator("#verdict")).to_have_text("Refused", timeout=ANSWER_MS)
    expect(page.locator("#reasons")).to_have_text(f"Viewpoint is {seen}, expected {other}.")
    expect(page.locator("#queue .state")).to_have_text(f"Refused: {seen}")
    visit.expected(seen).click()
    expect(page.locator("#verdict")).to_have_text("Accepted", timeout=ANSWER_MS)
    expect(page.locator("#reasons")).to_be_hidden()
    assert re.search(rf"expect=[a-z,-]*{seen}", visit.requests[-1])
    page.get_by_role("button", name="Accept every view").click()
    expect(page.locator("#verdict")).to_be_hidden(timeout=ANSWER_MS)


def test_the_answer_can_be_had_as_json_and_by_curl(
    browser: Browser, server: str, photos: list[Path]
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with Visit(browser, server, permissions=permissions) as visit:
        page = visit.page
        visit.pick(photos[0])
        visit.answered()
        page.get_by_text("JSON answer").click()
        page.get_by_role("button", name="Copy JSON").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        answer = page.evaluate("async () => JSON.parse(await navigator.clipboard.readText())")
        assert answer["parts"][0]["mask"]["counts"]
        page.get_by_text("curl command").click()
        command = page.locator("#curl").inner_text()
        assert f"curl -F 'image=@\"{photos[0].name}\"'" in command
        assert f"'{server}/v1/pose?engine=detectron2&include=masks'" in command


def test_a_photo_can_be_dropped_and_pasted(visit: Visit) -> None:
    page = visit.page
    for event, carrier in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """async ([event, carrier]) => {
                const canvas = Object.assign(document.createElement("canvas"), { width: 99 });
                const blob = await new Promise((done) => canvas.toBlob(done));
                const files = new DataTransfer();
                files.items.add(new File([blob], `${event}.png`));
                const made = new Event(event, { bubbles: true });
                Object.defineProperty(made, carrier, { value: files });
                document.body.dispatchEvent(made);
            }""",
            [event, carrier],
        )
        expect(page.get_by_role("status")).to_have_text(
            f"{event}.png: No car found in this picture", timeout=ANSWER_MS
        )
    expect(page.locator("#queue li")).to_have_count(2)


def test_a_picture_that_the_browser_cannot_show_is_drawn_by_the_server(
    visit: Visit, photos: list[Path]
) -> None:
    # As Chromium does with a HEIC, which nothing here can write.
    visit.page.evaluate("void (createImageBitmap = () => Promise.reject(new Error('no codec')))")
    visit.pick(photos[0])
    visit.answered()
    expect(visit.page.locator("#overlay")).to_be_hidden()
    drawn = visit.page.get_by_role("img", name="parts of the car marked")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(visit.page.locator("#part-list input").first).to_be_disabled()
    expect(visit.page.get_by_text("This browser cannot display the photo")).to_be_visible()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"just text"}, "cannot be read as a picture"),
        ({"name": "empty.png", "mimeType": "image/png", "buffer": b""}, "cannot be read as a picture"),
        ({"name": "old.gif", "mimeType": "image/gif", "buffer": b"GIF89a" + bytes(40)}, "file is not supported"),
        ({"name": "huge.jpg", "mimeType": "image/jpeg", "buffer": bytes(20_000_000)}, "file is too large"),
        (blank("bomb.png", (9000, 9000)), "too many pixels"),
        (blank(), "No car found"),
    ],
    ids=["text", "empty", "gif", "bytes", "pixels", "wall"],
)  # fmt: skip
def test_what_is_no_photo_of_a_car_is_explained(visit: Visit, file: File, words: str) -> None:
    visit.pick(file)
    expect(visit.refused()).to_contain_text(words)
    expect(visit.page.get_by_role("status")).to_contain_text(words)
    expect(visit.page.locator("#facts")).to_be_hidden()


def test_an_engine_that_is_not_configured_says_how(browser: Browser, serving: Serving) -> None:
    with Visit(browser, serving.strict) as visit:
        visit.page.get_by_role("radio", name="Amazon Rekognition").check(force=True)
        expect(visit.page.locator("#privacy")).to_contain_text("passes them to Amazon")
        visit.pick(blank())
        problem = visit.refused()
        expect(problem).to_contain_text("engine is not available on this server")
        expect(problem).to_contain_text("serve_config.yaml")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (422, "bad-parameter", "does not know this option"),
        (422, "multiple-cars", "More than one car"),
        (502, "upstream-error", "service behind this engine"),
        (504, "timeout", "took too long"),
        (500, "internal", "Request id: 7d1c"),
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
    expect(visit.page.get_by_role("status")).to_contain_text("Server busy, trying again in 1 s")
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
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.refused()).to_contain_text("No car found", timeout=ANSWER_MS)


def test_a_null_angle_is_put_into_words(visit: Visit, server: str, photos: list[Path]) -> None:
    def angle(photo: Path) -> float | None:
        answer = httpx.post(f"{server}/v1/pose", files={"image": photo.read_bytes()}, timeout=60)
        return answer.json()["pose"]["angle"]  # type: ignore[no-any-return]

    visit.pick(next(photo for photo in photos if angle(photo) is None))
    visit.answered()
    expect(visit.page.locator("#angle")).to_contain_text("not measurable")
    expect(visit.page.locator("#angle")).to_contain_text(re.compile("angle needs|no line"))
    expect(visit.page.get_by_label("Reference line")).to_be_disabled()


def test_a_pose_without_any_value_is_put_into_words(
    visit: Visit, server: str, photos: list[Path]
) -> None:
    files = {"image": photos[0].read_bytes()}
    answer = httpx.post(f"{server}/v1/pose", files=files, timeout=60).json()
    answer["pose"] = dict.fromkeys(answer["pose"])
    answer["parts"] = []
    answer["warnings"] = [
        {"code": "no-parts", "detail": "no parts of the car were found"},
        {"code": "no-wheels", "detail": "no wheel was found; an angle needs two"},
    ]
    visit.page.route("**/v1/pose*", lambda route: route.fulfill(json=answer))
    visit.pick(photos[0])
    visit.answered()
    expect(visit.page.get_by_role("heading", name="Viewpoint unknown")).to_be_visible()
    expect(visit.page.locator("#angle")).to_have_text(re.compile("not measurable.*No wheel"))
    expect(visit.page.locator("#warnings")).to_have_text("No parts of the car were found.")
    expect(visit.page.locator("#part-count")).to_have_text("none found")


def test_everything_can_be_done_by_keyboard(visit: Visit, photos: list[Path]) -> None:
    page, keyboard = visit.page, visit.page.keyboard
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
    expect(page.locator("#verdict")).to_have_text(re.compile("Accepted|Refused"), timeout=ANSWER_MS)
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
        visit.expected("back").click()
        expect(visit.page.locator("#verdict")).to_be_visible(timeout=ANSWER_MS)
        visit.answered()
        found = visit.page.evaluate(CONTRASTS)
        visit.page.get_by_role("button", name="wall.png").click()
        visit.refused()
        found += visit.page.evaluate(CONTRASTS)
        assert len(found) > 40
        assert [words for contrast, words in found if contrast < 4.5] == []


def test_masks_are_decoded_as_pycocotools_does(visit: Visit) -> None:
    random = np.random.default_rng(0)
    masks = [random.random((37, 53)) < share for share in (0.0, 0.02, 0.5, 0.98, 1.0)]
    disc = np.hypot(*np.mgrid[-300:300, -400:400]) < 250
    for mask in [*masks, disc]:
        encoded = coco.encode(np.asfortranarray(mask, np.uint8))
        decoded = visit.page.evaluate(
            """async ({ size, counts }) => {
                const { spans } = await import("/web/rle.js");
                const ends = [];
                spans({ size, counts }, (x, top, bottom) => ends.push([x, top, bottom]));
                return ends;
            }""",
            {"size": encoded["size"], "counts": encoded["counts"].decode()},
        )
        drawn = np.zeros_like(mask)
        for x, top, bottom in decoded:
            drawn[top:bottom, x] = True
        assert (drawn == mask).all()


def test_the_page_is_sent_with_a_strict_policy(server: str) -> None:
    answer = httpx.get(f"{server}/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|https?://", answer.text)
