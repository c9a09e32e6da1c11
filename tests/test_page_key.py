"""A server that wants an API key: the page asks for it once, and goes on."""

from playwright.sync_api import Browser, Route, expect

from tests.conftest import Serving
from tests.visitor import ANSWER_MS, Visit, blank

KEY = "a key of 2026"
PROBLEM = {
    "type": "urn:carpose:problem#unauthorized",
    "title": "Unauthorized",
    "status": 401,
    "detail": "send an API key",
}


def lock(visit: Visit, paths: str = "**/v1/*") -> list[str]:
    """From now on the server wants KEY; returns the keys that come in."""
    came: list[str] = []

    def guard(route: Route) -> None:
        key = route.request.headers.get("x-api-key", "")
        came.append(key)
        if key == KEY:
            route.continue_()
        else:
            kind = "application/problem+json"
            route.fulfill(status=401, json=PROBLEM, content_type=kind)

    visit.page.route(paths, guard)
    return came


def test_photos_wait_for_a_key_that_is_asked_for_once(visit: Visit) -> None:
    page = visit.page
    came = lock(visit, "**/v1/pose*")
    visit.pick(*(blank(f"{name}.png") for name in "abcd"))
    dialog = page.get_by_role("dialog", name="This server wants an API key")
    expect(dialog).to_be_visible()
    field = dialog.get_by_label("API key")
    expect(field).to_be_focused()
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("does not take this key")
    field.fill(KEY)
    dialog.get_by_role("button", name="Use this key").click()
    visit.all_done(4)
    expect(dialog).to_be_hidden()
    for name in "abcd":
        expect(visit.row(f"{name}.png")).to_contain_text("No car found")
    assert came.count(KEY) == 4
    assert KEY not in page.url
    stored = page.evaluate("JSON.stringify(localStorage) + document.body.innerText")
    assert KEY not in stored


def test_a_key_is_kept_over_a_reload_and_opens_what_is_read_too(visit: Visit) -> None:
    page = visit.page
    came = lock(visit)
    page.reload()
    dialog = page.get_by_role("dialog", name="This server wants an API key")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_role("button", name="Use this key").click()
    expect(page.locator("#formats")).to_contain_text("JPEG")
    expect(page.get_by_label("Rules", exact=True)).to_be_visible()
    came.clear()
    page.reload()
    expect(page.locator("#formats")).to_contain_text("JPEG")
    assert set(came) == {KEY}
    expect(dialog).to_be_hidden()


def test_who_has_no_key_is_asked_once_and_can_try_again(visit: Visit) -> None:
    page = visit.page
    lock(visit, "**/v1/pose*")
    visit.pick(blank("a.png"), blank("b.png"), blank("c.png"))
    dialog = page.get_by_role("dialog", name="This server wants an API key")
    dialog.get_by_role("button", name="Go on without").click()
    visit.all_done(3)
    expect(visit.refused()).to_contain_text("wants an API key")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Retry failed").click()
    dialog.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    visit.all_done(3)
    expect(visit.refused()).to_contain_text("No car found", timeout=ANSWER_MS)


def test_code_reads_the_key_from_where_it_runs(visit: Visit) -> None:
    visit.page.evaluate("void (sessionStorage.carposeKey = 'secret')")
    visit.page.reload()
    code = visit.page.evaluate(
        """async () => {
            const { LANGUAGES } = await import("./web/snippets.js");
            return Object.values(LANGUAGES).map((write) =>
                write(new File([], "a.jpg"), { engine: "detectron2" }));
        }"""
    )
    assert all("X-API-Key" in one for one in code)
    assert not any("secret" in one for one in code)


def test_a_real_server_with_keys_opens_to_one_of_them(
    browser: Browser, serving: Serving, key: str
) -> None:
    with Visit(browser, serving.toy) as visit:
        dialog = visit.page.get_by_role("dialog", name="This server wants an API key")
        dialog.get_by_label("API key").fill("carpose_nobody")
        visit.page.keyboard.press("Enter")
        expect(dialog).to_contain_text("does not take this key")
        dialog.get_by_label("API key").fill(key)
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#formats")).to_contain_text("JPEG")
        expect(dialog).to_be_hidden()
