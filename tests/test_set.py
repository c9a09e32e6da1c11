"""POST /v1/set: several photos of one car, and which views they show."""

import base64
from pathlib import Path

import pytest

from tests.test_http import code_of, jpeg, post


@pytest.fixture(scope="module")
def three(photos: list[Path]) -> list[bytes]:
    """A car from its front left, the same once more, and a wall."""
    photo = next(path for path in photos if path.name == "te14.jpg").read_bytes()
    return [photo, photo, jpeg()]


@pytest.mark.parametrize("way", ["form", "json"])
def test_a_set_tells_what_is_there_and_what_is_missing(
    server: str, three: list[bytes], way: str
) -> None:
    views = ["back", "front-left"]
    if way == "form":
        files = [("image", (f"{k}.jpg", photo, "image/jpeg")) for k, photo in enumerate(three)]
        response = post(f"{server}/v1/set", files=files, params={"views": ",".join(views)})
    else:
        texts = [base64.b64encode(photo).decode() for photo in three]
        response = post(f"{server}/v1/set", json={"images": texts, "views": views})
    body = response.raise_for_status().json()
    seen = [photo["answer"]["pose"]["viewpoint"] for photo in body["photos"][:2]]
    assert seen == ["front-left", "front-left"]
    assert body["photos"][2]["problem"]["type"].endswith("no-car")
    assert body["set"] == {
        "complete": False,
        "missing": ["back"],
        "doubles": [{"viewpoint": "front-left", "better": 0, "others": [1]}],
        "order": [0],
    }


def test_rules_say_which_views_must_be_there_and_none_of_a_single_photo(
    server: str, three: list[bytes]
) -> None:
    files = [("image", ("a.jpg", three[0], "image/jpeg"))]
    by_rules = post(f"{server}/v1/set", files=files, params={"rules": "claim-overview"}).json()
    assert by_rules["set"]["missing"] == ["front-left", "front-right", "back-right", "back-left"]
    (refused,) = by_rules["photos"]
    assert {f["code"] for f in refused["answer"]["compliance"]["findings"]} == {"min-width"}
    said = {"rules": "listing-side", "views": "front-left"}
    answer = post(f"{server}/v1/set", files=files, params=said).json()
    assert answer["set"]["complete"], "listing-side expects a side of a photo that is alone"


def test_a_set_has_limits(server: str) -> None:
    files = [("image", ("a.jpg", b"\xff\xd8\xff" + bytes([k]), "image/jpeg")) for k in range(17)]
    response = post(f"{server}/v1/set", files=files)
    assert (response.status_code, code_of(response)) == (422, "bad-parameter")
    for name, value in (("views", "top"), ("engine", "compare"), ("expct", "left")):
        refused = post(f"{server}/v1/set", files=files[:1], params={name: value})
        assert code_of(refused) == "bad-parameter"
        assert name in refused.json()["detail"]


def test_rules_are_asked_one_by_one_or_by_the_name_of_a_set(
    server: str, three: list[bytes]
) -> None:
    url = f"{server}/v1/pose"
    plain = post(url, content=three[0]).json()
    assert "compliance" not in plain
    assert plain["quality"]["width"] == plain["image"]["width"]
    asked = {"min_width": 5000, "max_car_share": 0.01, "sharp": "true"}
    findings = post(url, content=three[0], params=asked).json()["compliance"]["findings"]
    assert {f["code"] for f in findings} == {"min-width", "max-car-share"}
    assert all(f["detail"] and f["limit"] is not None for f in findings)
    named = post(url, content=three[0], params={"rules": "listing-back"}).json()["compliance"]
    assert "viewpoint" in {f["code"] for f in named["findings"]}
    eased = {"rules": "listing-back", "expect": "front-left"}
    eased_codes = {
        f["code"]
        for f in post(url, content=three[0], params=eased).json()["compliance"]["findings"]
    }
    assert "viewpoint" not in eased_codes
    for parameters in ({"rules": "nothing"}, {"whole": "perhaps"}, {"max_angle": 91}):
        assert code_of(post(url, content=three[0], params=parameters)) == "bad-parameter"
