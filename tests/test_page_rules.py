"""Rules on the page: told from the answers that are held, as the server tells them."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from playwright.sync_api import expect

from carpose.answer import to_answer
from carpose.compliance import MIN_SCORE, check
from carpose.engines import DETECTRON2, found_by_own_models
from carpose.parts import VIEWPOINTS
from carpose.photo_set import of_each, summary
from carpose.pose import Pose
from carpose.request import PoseRequest
from carpose.rules import RULE_SETS, Rules, RuleSet
from carpose.schema import Compliance, Framing, PoseResponse, Quality
from tests.test_answer import CAR, WHEELS, picture
from tests.test_rules import POSE
from tests.visitor import ANSWER_MS, Visit

CASES = 400
EDGES = ["left", "right", "top", "bottom"]
# Halves are where two languages round apart.
SHARES = [0.0, 0.005, 0.1, 0.125, 0.145, 0.2, 0.25, 0.285, 0.375, 0.5, 0.9, 1.0]
SCORES = [0.3, 0.59996, 0.6, 0.625, 0.6949, 0.7, 0.875, 0.97]


def some(random_: random.Random, values: list[Any]) -> list[Any]:
    return random_.sample(values, random_.randint(0, min(3, len(values))))


def a_quality(random_: random.Random) -> Quality:
    cut = some(random_, EDGES)
    return Quality(
        whole=not cut,
        cut=cut,
        framing=random_.choice(get_args(Framing)),
        car_share=random_.choice(SHARES),
        width=random_.choice([320, 800, 1024, 1280]),
        sharpness=random_.choice(SHARES),
        brightness=random_.choice(SHARES),
        blown=random_.choice(SHARES),
        cars=random_.choice([1, 1, 3]),
    )


def a_pose(random_: random.Random) -> Pose:
    viewpoint = random_.choice([*VIEWPOINTS, None])
    score = random_.choice(SCORES) if viewpoint else None
    angle = random_.choice([None, 0.0, 12.5, 20.004, 29.996, 30.0, 44.5])
    return replace(POSE, viewpoint=viewpoint, viewpoint_score=score, angle=angle)


def some_rules(random_: random.Random) -> RuleSet | None:
    if random_.random() < 0.4:
        return random_.choice([None, *RULE_SETS.values()])
    flags = ["whole", "sharp", "exposure", "single"]
    numbers = {
        "min_car_share": SHARES,
        "max_car_share": SHARES,
        "max_angle": [0, 12.5, 20, 30],
        "min_width": [1, 800, 1280],
        "min_score": [0.2, 0.625, 0.7],
    }
    return RuleSet(
        **dict.fromkeys(some(random_, flags), True),
        **{name: random_.choice(numbers[name]) for name in some(random_, list(numbers))},
        framing=tuple(some(random_, list(get_args(Framing)))),
        expect=tuple(some(random_, list(VIEWPOINTS))),
        views=tuple(some(random_, list(VIEWPOINTS))),
    )


def verdict(
    pose: Pose, quality: Quality, rules: RuleSet | None, in_a_set: bool = False
) -> Compliance | None:
    """What the server says, asked by this set of rules."""
    asked = PoseRequest.of(rules=rules or Rules())
    if in_a_set:
        asked = of_each(asked)
    if not asked.expect and asked.rules.empty and asked.min_score is None:
        return None
    return check(pose, asked.expect, asked.min_score, quality, asked.rules)


def of_page(rules: RuleSet | None) -> dict[str, Any]:
    """The same, as `asked` of rules.js puts it; the checks are added in the page."""
    if rules is None:
        return {"expect": [], "views": [], "minScore": MIN_SCORE, "set": None}
    least = MIN_SCORE if rules.min_score is None else rules.min_score
    return {
        "expect": list(rules.expect),
        "views": list(rules.views),
        "minScore": least,
        "set": rules.model_dump(mode="json"),
    }


def test_the_page_tells_every_verdict_as_the_server_does(visit: Visit) -> None:
    random_ = random.Random(13)
    cases = [(a_pose(random_), a_quality(random_), some_rules(random_)) for _ in range(CASES)]
    told = visit.page.evaluate(
        """async (cases) => {
            const { judge } = await import("./web/verdict.js");
            const { book, readRules } = await import("./web/rules.js");
            await readRules();
            return cases.map(([answer, asked]) => judge(answer, { ...asked, checks: book.checks }));
        }""",
        [
            (
                {
                    "pose": {
                        "viewpoint": pose.viewpoint,
                        "viewpoint_score": pose.viewpoint_score and round(pose.viewpoint_score, 4),
                        "angle": None if pose.angle is None else round(pose.angle, 2),
                    },
                    "quality": quality.model_dump(),
                },
                of_page(rules),
            )
            for pose, quality, rules in cases
        ],
    )
    seen = set()
    for case, own in zip(cases, told, strict=True):
        theirs = verdict(*case)
        if theirs is None:
            assert own is None, case
            continue
        assert own["verdict"] == theirs.verdict, case
        assert own["reasons"] == theirs.reasons, case
        for finding in own["findings"]:
            finding.pop("reason", None)
        assert own["findings"] == theirs.model_dump(mode="json")["findings"], case
        seen |= {finding.code for finding in theirs.findings}
    assert len(seen) == 12, "every kind of finding was among them"


def test_the_page_sums_a_set_up_as_the_server_does(visit: Visit) -> None:
    plain = to_answer(picture(), found_by_own_models(CAR, WHEELS), DETECTRON2, PoseRequest())
    random_ = random.Random(13)
    cases = []
    for _ in range(60):
        rules = some_rules(random_)
        answers: list[PoseResponse] = []
        for _ in range(random_.randint(0, 9)):
            pose, quality = a_pose(random_), a_quality(random_)
            judged = verdict(pose, quality, rules, in_a_set=True)
            answer = replace(plain, pose=pose, quality=quality, compliance=judged)
            answers.append(answer.response())
        cases.append((answers, rules))
    told = visit.page.evaluate(
        """async (cases) => {
            const { setOf } = await import("./web/carset.js");
            const { book, readRules } = await import("./web/rules.js");
            await readRules();
            return cases.map(([answers, asked]) => {
                const photos = answers.map((answer, place) => ({ answer, place }));
                const all = { ...asked, checks: book.checks };
                const { missing, doubles, order } = setOf(photos, all, book.listing_order);
                const place = (photo) => photo.place;
                return {
                    complete: !missing.length,
                    missing,
                    doubles: doubles.map(({ viewpoint, better, others }) =>
                        ({ viewpoint, better: place(better), others: others.map(place) })),
                    order: order.map(place),
                };
            });
        }""",
        [
            ([answer.model_dump(mode="json") for answer in answers], of_page(rules))
            for answers, rules in cases
        ],
    )
    for (answers, rules), own in zip(cases, told, strict=True):
        views, least = (rules.views, rules.min_score) if rules else ((), None)
        theirs = summary(dict(enumerate(answers)), views, least).model_dump(mode="json")
        for one in (own, theirs):
            one["doubles"].sort(key=lambda double: double["viewpoint"])
        assert own == theirs


@pytest.fixture(scope="module")
def small(photos: list[Path]) -> Path:
    """A whole car from its front left, on fewer pixels than a claim wants."""
    return next(path for path in photos if path.name == "te14.jpg")


def test_a_set_of_rules_is_chosen_without_sending_anything_again(
    visit: Visit, server: str, small: Path
) -> None:
    page = visit.page
    visit.pick(small)
    visit.answered()
    select = page.get_by_label("Rules", exact=True)
    for name in ("listing-back", "claim-overview", "rental-return"):
        select.select_option(name)
        theirs = httpx.post(
            f"{server}/v1/pose",
            params={"rules": name},
            files={"image": small.read_bytes()},
            timeout=60,
        ).json()["compliance"]
        words = {"accepted": "Accepted", "review": "To review", "refused": "Refused"}
        expect(page.locator("#verdict")).to_have_text(words[theirs["verdict"]])
        expect(page.locator("#reasons li")).to_have_count(len(theirs["findings"]))
        for finding, line in zip(
            theirs["findings"], page.locator("#reasons li").all_inner_texts(), strict=True
        ):
            assert finding["detail"][1:] in line
    select.select_option("claim-overview")
    expect(page.locator("#rules-words")).to_contain_text("1280 pixels across or more")
    expect(page.locator("#quality [data-tone=bad]")).to_have_text(["1000 pixels"])
    expect(visit.expected("back-left")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith("?rules=claim-overview")
    assert len(visit.posts()) == 1
    page.get_by_text("Code that asks this").click()
    expect(page.locator("#code")).to_contain_text("rules=claim-overview")
    page.reload()
    visit.answered()
    expect(select).to_have_value("claim-overview")
    expect(page.locator("#verdict")).to_have_text("Refused")
    assert len(visit.posts()) == 1
    select.select_option("")
    expect(page.locator("#verdict")).to_be_hidden()


def test_views_beside_a_set_of_rules_count_more(visit: Visit, small: Path) -> None:
    page = visit.page
    page.get_by_label("Rules", exact=True).select_option("listing-side")
    visit.pick(small)
    visit.answered()
    expect(page.locator("#reasons")).to_contain_text("expected left or right")
    visit.expected("front-left").click()
    expect(page.locator("#reasons")).to_be_hidden()
    assert "rules=listing-side" in page.url
    assert "expect=" in page.url
    page.get_by_role("button", name="The views of the rules").click()
    expect(page.locator("#reasons")).to_contain_text("expected left or right")
    assert "expect=" not in page.url


def test_a_set_of_rules_that_is_not_there_is_not_asked(visit: Visit) -> None:
    visit.page.goto(f"{visit.server}/?rules=long-gone")
    expect(visit.page).to_have_url(f"{visit.server}/", timeout=ANSWER_MS)
    expect(visit.page.get_by_label("Rules", exact=True)).to_have_value("")


def test_what_is_measured_of_a_photo_is_shown(visit: Visit, server: str, small: Path) -> None:
    page = visit.page
    files = {"image": small.read_bytes()}
    answer = httpx.post(f"{server}/v1/pose", files=files, timeout=60).json()
    blurred = {"sharpness": 0.11, "cut": ["left", "top"], "whole": False, "cars": 2}
    answer["quality"] |= blurred | {"car_share": 0.333, "framing": "whole"}
    page.route("**/v1/pose*", lambda route: route.fulfill(json=answer))
    visit.pick(small)
    visit.answered()
    rows = page.locator("#quality-rows")
    for words in ("no, cut at the left and top", "0.11, blurred", "33 % of the picture"):
        expect(rows).to_contain_text(words)
    expect(rows.locator("[data-tone=warn]")).to_have_count(3)
    page.get_by_label("Rules", exact=True).select_option("listing-main")
    expect(rows.locator("[data-tone=bad]")).to_have_count(3)
    expect(page.locator("#reasons")).to_contain_text("Hold still and focus on the car")
