"""Whether a photo shows what is asked for."""

import pytest

from carpose.compliance import check


@pytest.mark.parametrize(
    ("viewpoint", "expected", "answer"),
    [
        ("front", ("front", "back"), (True, [])),
        ("front-left", ("front",), (False, ["viewpoint is front-left, expected front"])),
        ("left", ("front", "back"), (False, ["viewpoint is left, expected front or back"])),
        (None, ("front",), (False, ["the viewpoint could not be told, expected front"])),
    ],
)
def test_compliance_says_what_is_wrong(viewpoint: object, expected: object, answer: object) -> None:
    verdict = check(viewpoint, expected)  # type: ignore[arg-type]
    assert (verdict.accepted, verdict.reasons) == answer
