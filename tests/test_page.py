"""One photo on the page, in a real browser, against the real server."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect
from pycocotools import mask as coco

from tests.visitor import VIEWPOINT, Visit

HEIC = Path(__file__).parent / "example.heic"
VIEWPOINT_WORD = re.compile("front|back|left|right")


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
    expect(page.get_by_role("status")).to_have_text(f"{photos[0].name}: Answered, {viewpoint}.")
    expect(page).to_have_title(f"Answered, {viewpoint} · carpose")
    expect(page.locator("#certainty")).to_have_text(re.compile(r"^\d+ %"))
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


def test_a_photo_is_judged_against_the_expected_views_without_sending_it_again(
    visit: Visit, photos: list[Path]
) -> None:
    page = visit.page
    visit.pick(photos[0])
    visit.answered()
    sent = len(visit.posts())
    expect(page.locator("#verdict")).to_be_hidden()
    seen = page.locator("#viewpoint").inner_text().split("\n")[0]
    other = "left" if seen != "left" else "right"
    visit.expected(other).click()
    expect(page.locator("#verdict")).to_have_text("Refused")
    expect(page.locator("#reasons")).to_contain_text(f"Viewpoint is {seen}, expected {other}.")
    expect(page.locator("#reasons")).to_contain_text(re.compile(r"Walk .* turn round the car"))
    expect(page.get_by_role("status")).to_have_text(
        re.compile(f": Refused, {seen}.*expected {other}")
    )
    visit.expected(seen).click()
    expect(page.locator("#verdict")).to_have_text("Accepted")
    expect(page.locator("#reasons")).to_be_hidden()
    page.get_by_role("button", name="Accept every view").click()
    expect(page.locator("#verdict")).to_be_hidden()
    assert len(visit.posts()) == sent == 1


def test_the_verdict_stays_in_sight(visit: Visit, photos: list[Path]) -> None:
    visit.pick(photos[0])
    visit.answered()
    visit.expected("back").click()
    visit.page.get_by_text("JSON answer").click()
    visit.page.locator("#timings").scroll_into_view_if_needed()
    expect(visit.page.locator("#verdict")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("wanted", [["front"], ["back", "left"], ["front-left", "front-right"]])
def test_the_page_judges_as_the_server_does(
    visit: Visit, server: str, photos: list[Path], wanted: list[str]
) -> None:
    for photo in photos[:12]:
        answer = httpx.post(
            f"{server}/v1/pose",
            params={"expect": ",".join(wanted)},
            files={"image": photo.read_bytes()},
            timeout=60,
        ).json()
        theirs = answer.pop("compliance")
        own = visit.page.evaluate(
            """async ([answer, expect]) => {
                const { judge } = await import("./web/verdict.js");
                const { asked, readRules } = await import("./web/rules.js");
                await readRules();
                return judge(answer, asked({ rules: "", expect }));
            }""",
            [answer, wanted],
        )
        verdict = theirs.get("verdict", "accepted" if theirs["accepted"] else "refused")
        assert own["verdict"] == verdict
        assert own["reasons"] == theirs["reasons"]


def test_a_picture_that_the_browser_cannot_decode_comes_from_the_server(
    visit: Visit, photos: list[Path]
) -> None:
    # As Chromium does with a HEIC; whatever the photo.
    visit.page.evaluate("void (createImageBitmap = () => Promise.reject(new Error('no codec')))")
    visit.pick(photos[0])
    visit.answered()
    expect(visit.page.get_by_role("img", name="parts of the car marked")).to_be_visible()
    before = visit.drawing()
    visit.page.get_by_label("All parts").uncheck()
    assert visit.drawing() != before
    expect(visit.row(photos[0].name).locator("img")).to_be_visible()
    assert visit.posts()[0].endswith("include=masks,upright")


def test_a_heic_is_shown_and_answered(visit: Visit) -> None:
    # The page's example as an iPhone would send it (written by pillow-heif); Chromium does not decode it.
    content = HEIC.read_bytes()
    visit.pick({"name": "IMG_1.HEIC", "mimeType": "image/heic", "buffer": content})
    visit.answered()
    expect(visit.row("IMG_1.HEIC").locator("img")).to_be_visible()
    expect(visit.page.locator("#viewpoint")).to_contain_text(VIEWPOINT_WORD)
    assert visit.posts()[0].endswith("include=masks,upright")
    visit.page.reload()
    visit.answered()
    expect(visit.row("IMG_1.HEIC").locator("img")).to_be_visible()
    assert len(visit.posts()) == 1


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
    assert not re.search(
        r"<script(?![^>]*src=)|\son\w+=|\sstyle=|(src|href)=.https?://", answer.text
    )
