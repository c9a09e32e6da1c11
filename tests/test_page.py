"""The page in a real browser, against the real server."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANSWER_MS = 30_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Visit:
    """A page that remembers what it asked for and what went wrong on it."""

    def __init__(self, browser: Browser, server: str, **context: object) -> None:
        self.page: Page = browser.new_context(**context).new_page()  # type: ignore[arg-type]
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(server)

    def pick(self, *files: Path | dict[str, object]) -> None:
        self.page.locator("#pick").set_input_files(list(files))  # type: ignore[arg-type]

    def answered(self) -> None:
        expect(self.page.locator("#answer")).to_be_visible(timeout=ANSWER_MS)

    def canvas(self) -> str:
        return str(self.page.evaluate("document.getElementById('overlay').toDataURL()"))


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    visit = Visit(browser, server)
    yield visit
    visit.page.context.close()
    assert visit.errors == []
    elsewhere = [u for u in visit.requests if not u.startswith((server, "blob:", "data:"))]
    assert elsewhere == []


def test_a_photo_gets_viewpoint_angle_parts_and_picture(visit: Visit, photos: list[Path]) -> None:
    visit.pick(photos[0])
    visit.answered()
    page = visit.page
    expect(page.locator("#viewpoint")).to_have_text(re.compile(r"^(front|back|left|right)"))
    expect(page.locator("#angle")).to_have_text(re.compile(r"°$|not measurable"))
    expect(page.locator("#compass svg")).to_have_attribute("aria-label", re.compile("seen from"))
    assert page.locator("#part-list li").count() > 3
    with_parts = visit.canvas()
    page.get_by_label("all", exact=True).uncheck()
    page.get_by_label("car outline").uncheck()
    assert visit.canvas() != with_parts
    page.locator("#part-list input").first.check()
    assert visit.canvas() != with_parts


def test_several_photos_are_a_queue(visit: Visit, photos: list[Path]) -> None:
    visit.pick(*photos[:3])
    visit.answered()
    states = visit.page.locator("#queue .state")
    expect(states).to_have_count(3)
    for k in range(3):
        expect(states.nth(k)).to_have_text(re.compile("front|back|left|right"), timeout=ANSWER_MS)


def test_a_photo_is_accepted_or_refused_against_the_expected_view(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    seen = page.locator("#viewpoint").inner_text().split(" ")[0]
    other = "left" if seen != "left" else "right"
    page.get_by_role("button", name=other, exact=True).click()
    expect(page.locator("#verdict")).to_have_text(
        f"Refused: viewpoint is {seen}, expected {other}", timeout=ANSWER_MS
    )
    page.get_by_role("button", name=seen, exact=True).click()
    expect(page.locator("#verdict")).to_have_text("Accepted", timeout=ANSWER_MS)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.jpg", b"just text", "not a picture that can be read"),
        ("empty.png", b"", "not a picture that can be read"),
        ("old.gif", b"GIF89a" + b"\0" * 40, "kind of file is not read"),
    ],
    ids=["text", "empty", "gif"],
)
def test_a_file_that_is_no_photo_is_explained(
    visit: Visit, name: str, content: bytes, words: str
) -> None:
    visit.pick({"name": name, "mimeType": "image/jpeg", "buffer": content})
    expect(visit.page.locator("#status")).to_contain_text(words, timeout=ANSWER_MS)


def test_an_engine_that_is_not_configured_says_how(visit: Visit) -> None:
    visit.page.get_by_label("Amazon Rekognition").check()
    visit.pick({"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    expect(visit.page.locator("#status")).to_contain_text("serve_config.yaml", timeout=ANSWER_MS)


def test_a_server_that_is_gone_is_explained(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.pick({"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    expect(visit.page.locator("#status")).to_contain_text("cannot be reached")


def test_everything_is_reached_by_keyboard(visit: Visit) -> None:
    reached = set()
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        reached.add(
            visit.page.evaluate(
                "(e => e.id || e.value || e.getAttribute('aria-label') || e.textContent.trim())"
                "(document.activeElement)"
            )
        )
    assert {"pick", "camera", "detectron2", "front", "back-left", "API docs"} <= reached
    visit.page.get_by_role("button", name="front", exact=True).focus()
    visit.page.keyboard.press("Space")
    expect(visit.page.get_by_role("button", name="front", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(
    browser: Browser, server: str, photos: list[Path], scheme: str
) -> None:
    visit = Visit(
        browser, server, viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True
    )
    visit.pick(photos[0])
    visit.answered()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(int(v) for v in re.findall(r"\d+", background)[:3])
    assert (lightness > 384) == (scheme == "light")
    visit.page.context.close()


def test_a_null_angle_is_put_into_words(visit: Visit, server: str, photos: list[Path]) -> None:
    def angle(photo: Path) -> float | None:
        answer = httpx.post(f"{server}/v1/pose", files={"image": photo.read_bytes()}, timeout=60)
        return answer.json()["pose"]["angle"]  # type: ignore[no-any-return]

    visit.pick(next(photo for photo in photos if angle(photo) is None))
    visit.answered()
    expect(visit.page.locator("#angle")).to_have_text("not measurable")
    expect(visit.page.locator("#warnings")).to_contain_text("an angle needs")
