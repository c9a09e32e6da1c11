"""What a person takes along from the page, and what a reload leaves."""

import base64
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.visitor import VIEWPOINT, Visit, blank


def saved(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_a_photo_s_pictures_and_json_can_be_saved(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    sent = len(visit.posts())
    stem = photos[0].stem
    with page.expect_download() as download:
        page.locator("#save-json").click()
    assert download.value.suggested_filename == f"{stem}.json"
    answer = json.loads(Path(download.value.path()).read_text())
    assert answer["parts"][0]["mask"]["counts"]
    photo = Image.open(photos[0]).convert("RGB")
    name, content = saved(page, "Annotated")
    assert name == f"{stem}-annotated.jpg"
    assert Image.open(io.BytesIO(content)).size == photo.size
    name, content = saved(page, "Crop")
    assert name == f"{stem}-crop.jpg"
    crop = Image.open(io.BytesIO(content))
    x0, _, x1, _ = answer["car"]["box"]
    assert crop.width == pytest.approx((x1 - x0) * 1.08, abs=3) or crop.width == photo.width
    name, content = saved(page, "Cut-out")
    assert name == f"{stem}-cutout.png"
    cutout = np.asarray(Image.open(io.BytesIO(content)))
    assert cutout.shape == (crop.height, crop.width, 4)
    opaque = (cutout[..., 3] > 127).mean()
    assert 0.3 < opaque < 0.95
    assert len(visit.posts()) == sent


def test_all_photos_become_a_csv_and_a_json(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.expected("front").click()
    formula = blank("=1+1.png")
    visit.pick(*photos[:3], formula)
    visit.all_done(4)
    name, content = saved(page, "CSV")
    assert name == "carpose.csv"
    assert content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == [*(p.name for p in photos[:3]), "'=1+1.png"]
    for row in rows[:3]:
        assert row["verdict"] in {"accepted", "refused", "review"}
        assert VIEWPOINT.match(row["viewpoint"])
        assert 0 <= float(row["viewpoint_score"]) <= 1
    assert rows[3]["error"] == "no-car"
    with page.expect_download() as download:
        page.locator("#all-json").click()
    everything = json.loads(Path(download.value.path()).read_text())
    assert [entry["name"] for entry in everything][:3] == [p.name for p in photos[:3]]
    assert everything[0]["answer"]["pose"]["viewpoint"] == rows[0]["viewpoint"]


def test_the_code_asks_what_the_page_asks(
    browser: Browser, server: str, photos: list[Path], tmp_path: Path
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    photo = tmp_path / 'a "good" one.jpg'
    photo.write_bytes(photos[0].read_bytes())
    with Visit(browser, server, permissions=permissions) as visit:
        page = visit.page
        visit.expected("front").click()
        visit.pick(photo)
        visit.answered()
        page.get_by_text("JSON answer").click()
        page.get_by_role("button", name="Copy JSON").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        answer = page.evaluate("async () => JSON.parse(await navigator.clipboard.readText())")
        assert answer["parts"][0]["mask"]["counts"]
        page.get_by_text("Code that asks this").click()
        code = {}
        for language in ("curl", "Python", "JavaScript"):
            page.get_by_role("radio", name=language, exact=True).check(force=True)
            code[language] = page.locator("#code").inner_text()
        out = subprocess.run(
            ["sh", "-c", code["curl"]], cwd=tmp_path, capture_output=True, check=True
        ).stdout
        by_curl = json.loads(out)
        assert by_curl["pose"] == answer["pose"]
        assert by_curl["compliance"]["accepted"] == (answer["pose"]["viewpoint"] == "front")
        out = subprocess.run(
            [sys.executable, "-c", code["Python"]], cwd=tmp_path, capture_output=True, check=True
        ).stdout
        assert repr(answer["pose"]["viewpoint"]) in out.decode()
        said = page.evaluate(
            f"""async (bytes) => {{
                const file = new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]);
                const said = [];
                const console = {{ log: (words) => said.push(words) }};
                {code["JavaScript"]}
                return said[0];
            }}""",
            base64.b64encode(photo.read_bytes()).decode(),
        )
        assert said == answer["pose"]
        assert f"{server}/v1/pose?engine=detectron2&expect=front" in code["JavaScript"]


def test_what_the_browser_cannot_read_is_made_by_the_server(
    visit: Visit, photos: list[Path]
) -> None:
    visit.page.evaluate("void (createImageBitmap = () => Promise.reject(new Error('no codec')))")
    visit.pick(photos[0])
    visit.answered()
    _, content = saved(visit.page, "Cut-out")
    assert Image.open(io.BytesIO(content)).mode == "RGBA"
    assert visit.posts()[-1].endswith("include=cutout")


def test_the_settings_are_in_the_address_and_remembered(visit: Visit) -> None:
    page = visit.page
    visit.expected("front-left").click()
    visit.expected("back").click()
    assert page.url.endswith("/?expect=back,front-left")
    page.goto(f"{visit.server}/")
    expect(visit.expected("back")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{visit.server}/?expect=left")
    expect(visit.expected("left")).to_have_attribute("aria-pressed", "true")
    expect(visit.expected("back")).to_have_attribute("aria-pressed", "false")


def test_a_reload_loses_nothing_and_sends_nothing_again(visit: Visit, photos: list[Path]) -> None:
    page = visit.page
    visit.pick(*photos[:2], blank())
    visit.all_done(3)
    viewpoint = page.locator("#viewpoint").inner_text()
    sent = len(visit.posts())
    page.reload()
    visit.all_done(3)
    visit.answered()
    assert page.locator("#viewpoint").inner_text() == viewpoint
    expect(visit.row("wall.png")).to_contain_text("No car found")
    expect(visit.row(photos[1].name).locator("img")).to_be_visible()
    assert len(visit.posts()) == sent
    page.locator("#sort").select_option("name")
    page.get_by_role("button", name="Reversed").click()
    page.get_by_role("button", name="Table").click()
    visit.row(photos[1].name).click()
    page.reload()
    visit.all_done(3)
    expect(page.locator("#bar-name")).to_have_text(photos[1].name)
    expect(page.locator("#place")).to_have_text(" · 2 of 3")
    expect(page.get_by_role("button", name="Table")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("columnheader", name="Reason")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.get_by_role("heading", name=re.compile("Which side"))).to_be_visible()


def test_another_tab_starts_empty(visit: Visit) -> None:
    visit.pick(blank())
    visit.all_done(1)
    other = visit.page.context.new_page()
    other.goto(f"{visit.server}/")
    expect(other.get_by_role("heading", name=re.compile("Which side"))).to_be_visible()
    expect(other.locator("#photos")).to_be_hidden()
