"""The ways in for photos, and what is refused before it is sent."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Serving
from tests.visitor import ANSWER_MS, ARGUMENTS, CHROMIUM, File, Visit, blank

FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


def dispatch(visit: Visit, event: str, carrier: str, name: str) -> None:
    visit.page.evaluate(
        """async ([event, carrier, name]) => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 99 });
            const blob = await new Promise((done) => canvas.toBlob(done));
            const files = new DataTransfer();
            files.items.add(new File([blob], name));
            const made = new Event(event, { bubbles: true });
            Object.defineProperty(made, carrier, { value: files });
            document.body.dispatchEvent(made);
        }""",
        [event, carrier, name],
    )


def test_a_photo_can_be_dropped_and_pasted(visit: Visit) -> None:
    for event, carrier in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        dispatch(visit, event, carrier, f"{event}.png")
        expect(visit.row(f"{event}.png")).to_contain_text("No car found", timeout=ANSWER_MS)
    visit.all_done(2)


def test_a_dropped_folder_gives_the_pictures_in_it(visit: Visit) -> None:
    visit.page.evaluate(
        """() => {
            const file = (name) => ({
                isFile: true, name, file: (done) => done(new File(["x"], name)),
            });
            const folder = (name, entries) => ({
                isDirectory: true, name, createReader: () => ({
                    readEntries: (done) => done(entries.splice(0, 2)),
                }),
            });
            const inner = folder("inner", [file("c.jpg"), file("notes.txt")]);
            const outer = folder("outer", [file("a.jpg"), file("b.png"), inner]);
            const made = new Event("drop", { bubbles: true });
            const items = [{ webkitGetAsEntry: () => outer }];
            const transfer = { items, files: [new File([], "outer")], getData: () => "" };
            Object.defineProperty(made, "dataTransfer", { value: transfer });
            document.body.dispatchEvent(made);
        }"""
    )
    visit.all_done(3)
    for name in ("a.jpg", "b.png", "c.jpg"):
        expect(visit.row(name)).to_be_visible()


def test_a_folder_can_be_chosen(visit: Visit, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(blank()["buffer"])
    visit.page.locator("#pick-folder").set_input_files(tmp_path)
    visit.all_done(2)
    expect(visit.row("two.png")).to_contain_text("No car found")


def paste_words(visit: Visit, words: str) -> None:
    visit.page.evaluate(
        """(words) => {
            const transfer = new DataTransfer();
            transfer.setData("text/plain", words);
            const made = new Event("paste", { bubbles: true });
            Object.defineProperty(made, "clipboardData", { value: transfer });
            document.body.dispatchEvent(made);
        }""",
        words,
    )


def test_a_pasted_address_is_fetched_by_the_browser(visit: Visit, photos: list[Path]) -> None:
    address = "https://photos.example/cars/one.jpg"
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "image/jpeg"}
    visit.page.route(address, lambda r: r.fulfill(body=photos[0].read_bytes(), headers=headers))
    visit.allowed.append(address)
    paste_words(visit, address)
    visit.answered()
    assert [url for url in visit.requests if "photos.example" in url] == [address]
    assert "photos.example" not in visit.posts()[0]
    visit.page.reload()
    visit.answered()
    assert len(visit.posts()) == 1


def test_an_address_that_gives_no_picture_is_explained(visit: Visit) -> None:
    address = "https://photos.example/closed.jpg"
    visit.page.route(address, lambda r: r.abort())
    visit.allowed.append(address)
    paste_words(visit, address)
    expect(visit.refused()).to_contain_text("This address gives the page no picture")
    expect(visit.refused()).to_contain_text("Save the picture and drop the file here")
    assert visit.posts() == []


def signature(name: str, head: bytes, size: int = 64) -> File:
    return {"name": name, "mimeType": "image/jpeg", "buffer": head + bytes(size - len(head))}


@pytest.mark.parametrize(
    ("file", "title", "detail"),
    [
        (signature("notes.jpg", b"just text"), "cannot be read as a picture", "this server reads JPEG"),
        (signature("empty.png", b"", 0), "cannot be read as a picture", "The file is empty"),
        (signature("old.jpg", b"GIF89a"), "not supported", "It is GIF; this server reads JPEG"),
        (signature("scan.jpg", b"II*\0"), "not supported", "It is TIFF"),
        (signature("page.jpg", b"%PDF-1.4"), "not supported", "It is PDF"),
        (signature("huge.jpg", b"\xff\xd8\xff", 20_000_000), "too large", "It has 20.0 MB, and this server takes 15 MB"),
        (blank("bomb.png", (9000, 9000)), "too many pixels", "It has 9000 × 9000 pixels"),
    ],
    ids=["text", "empty", "gif", "tiff", "pdf", "bytes", "pixels"],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_it_is_sent(
    visit: Visit, file: File, title: str, detail: str
) -> None:
    visit.pick(file)
    expect(visit.refused()).to_contain_text(title)
    expect(visit.refused()).to_contain_text(detail)
    assert visit.posts() == []
    expect(visit.page.get_by_role("button", name="Try again", exact=True)).to_have_count(0)
    with visit.page.expect_file_chooser():
        visit.page.get_by_role("button", name="Choose another photo").click()


def test_the_limits_are_the_server_s(browser: Browser, serving: Serving) -> None:
    served = httpx.get(f"{serving.strict}/v1/limits").json()
    assert served["max_upload_mb"] == 0.2
    with Visit(browser, serving.strict) as visit:
        expect(visit.page.locator("#formats")).to_contain_text("at most 0.2 MB")
        visit.pick(signature("large.jpg", b"\xff\xd8\xff", 300_000))
        expect(visit.refused()).to_contain_text("this server takes 0.2 MB")


def test_the_page_knows_every_format_that_is_read(visit: Visit, server: str) -> None:
    formats = httpx.get(f"{server}/v1/limits").json()["formats"]
    names = visit.page.evaluate(
        """async (formats) => {
            const { namesOfFormats } = await import("./web/formats.js");
            return formats.map((format) => namesOfFormats([format]));
        }""",
        formats,
    )
    assert {"JPEG", "PNG", "WebP", "HEIC"} <= set(names)
    assert set(names) <= {"JPEG", "PNG", "WebP", "HEIC", "AVIF"}


def test_the_list_says_how_much_of_a_large_file_is_sent(visit: Visit) -> None:
    # As XMLHttpRequest tells it; a file over loopback is sent before anybody could look.
    visit.page.route("**/v1/pose*", lambda route: None)
    visit.page.evaluate(
        """void (XMLHttpRequest.prototype.send = function () {
            this.upload.onprogress({ loaded: 3, total: 4 });
        })"""
    )
    noise = bytes(range(256)) * 4000
    visit.pick({"name": "a.heic", "mimeType": "", "buffer": b"\0\0\0\x18ftypheic" + noise})
    expect(visit.page.locator("#verdict")).to_have_text("Sending, 75 %")


def test_a_photo_is_taken_with_the_camera(server: str, browser: Browser) -> None:
    camera = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *FAKE_CAMERA])
    try:
        with Visit(camera, server) as visit:
            visit.page.get_by_role("button", name="Use the camera").click()
            shoot = visit.page.get_by_role("button", name="Take the photo")
            expect(shoot).to_be_enabled(timeout=ANSWER_MS)
            shoot.click()
            visit.page.get_by_role("button", name="Close").click()
            visit.all_done(1)
            expect(visit.page.locator("#bar-name")).to_have_text(re.compile(r"camera-\d{6}\.jpg"))
            expect(visit.refused()).to_contain_text("No car found")
    finally:
        camera.close()
