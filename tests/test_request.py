"""A user's words become a request, or a refusal that names what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.errors import BadParameter
from carpose.request import PoseRequest, number


@pytest.mark.parametrize("text", ["top", "front,top", "Front", "front left"])
def test_an_unknown_viewpoint_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(BadParameter, match="front-left"):
        PoseRequest.of(expect=text)


@given(st.text(max_size=20))
def test_any_text_is_a_parameter_or_a_refusal(text: str) -> None:
    for asked in ({"expect": text}, {"include": text}, {"cars": text}):
        try:
            PoseRequest.of(**asked)  # type: ignore[arg-type]
        except BadParameter as error:
            assert error.detail


def test_lists_are_read_with_spaces_and_doubles() -> None:
    asked = PoseRequest.of(expect=" front, back ,front,", include="masks")
    assert (asked.expect, asked.include) == (("front", "back"), {"masks"})
    assert PoseRequest.of(expect=["front", "back"]).expect == asked.expect


def test_a_picture_asks_for_the_pixels_that_it_needs() -> None:
    assert PoseRequest.of(include="masks").longest_px == 0
    assert 1024 < PoseRequest.of(include="annotated").longest_px < 4000
    assert PoseRequest.of(include="annotated,crop").longest_px >= 50_000


@pytest.mark.parametrize(
    ("given", "read"),
    [("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("+1e0", 1.0), ("1E1", 10.0), (7, 7)],
)
def test_a_number_is_what_all_languages_write(given: str | float, read: float) -> None:
    assert number("of", given, 0, 10) == read


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "1_0",
        "inf",
        "nan",
        "1e",
        "0x1",
        "11",
        "-1",
        "1" * 200_000 + "x",
        "1." + "1" * 200_000 + "e",
    ],
    ids=lambda given: given[:9],
)
def test_what_is_no_number_within_reach_is_refused_at_once(given: str) -> None:
    with pytest.raises(BadParameter, match="of: "):
        number("of", given, 0, 10)
