"""Names on a picture."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.labels import Label, placed

SIZE = (640.0, 480.0)
LABELS = st.lists(
    st.builds(
        Label,
        st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1])),
        st.floats(10, 90),
        st.floats(10, 20),
    ),
    max_size=14,
)


@given(LABELS)
def test_no_name_covers_another_and_all_are_in_the_picture(labels: list[Label]) -> None:
    places = placed(labels, SIZE, 6)
    for (x, y), label in zip(places, labels, strict=True):
        assert -1e-9 <= x <= SIZE[0] - label.width + 1e-9
        assert -1e-9 <= y <= SIZE[1] - label.height + 1e-9
    for (a, one), (b, other) in itertools.combinations(zip(places, labels, strict=True), 2):
        across = a[0] + one.width <= b[0] + 1e-9 or b[0] + other.width <= a[0] + 1e-9
        down = a[1] + one.height <= b[1] + 1e-9 or b[1] + other.height <= a[1] + 1e-9
        assert across or down


@pytest.mark.parametrize("centre", [(320.0, 240.0), (100.0, 60.0)])
def test_a_name_that_is_alone_is_in_its_middle(centre: tuple[float, float]) -> None:
    assert placed([Label(centre, 80, 20)], SIZE, 6) == [(centre[0] - 40, centre[1] - 10)]


def test_a_name_that_makes_room_stays_near() -> None:
    labels = [Label((320, 240), 80, 20)] * 4
    for (x, y), label in zip(placed(labels, SIZE, 6), labels, strict=True):
        away = math.hypot(x + label.width / 2 - 320, y + label.height / 2 - 240)
        assert away < 60


def test_more_names_than_have_room_are_drawn_all_the_same() -> None:
    places = placed([Label((5, 5), 10, 10)] * 30, (20, 20), 1)
    assert np.shape(places) == (30, 2)
