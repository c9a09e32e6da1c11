"""A window of a picture stands for the mask of the whole picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.masks import MaskWindow
from tests.support import decoded

WIDTH, HEIGHT = 12, 9


@st.composite
def windows(draw: st.DrawFn) -> MaskWindow:
    x0, x1 = sorted(draw(st.tuples(st.integers(0, WIDTH), st.integers(0, WIDTH))))
    y0, y1 = sorted(draw(st.tuples(st.integers(0, HEIGHT), st.integers(0, HEIGHT))))
    seed = draw(st.integers(0, 2**32 - 1))
    inside = np.random.default_rng(seed).random((y1 - y0, x1 - x0)) < 0.6
    return MaskWindow(slice(y0, y1), slice(x0, x1), inside, (WIDTH, HEIGHT))


@given(windows())
def test_a_window_is_the_whole_mask_and_its_rle(window: MaskWindow) -> None:
    full = np.zeros((HEIGHT, WIDTH), np.bool_)
    full[window.rows, window.columns] = window.inside
    assert (window.to_numpy() == full).all()
    assert (decoded(window.size, window.rle()) == full).all()
    assert window.area == full.sum()


@given(windows(), windows(), windows())
def test_windows_are_joined_and_compared_as_whole_masks_are(
    a: MaskWindow, b: MaskWindow, c: MaskWindow
) -> None:
    whole = [window.to_numpy() for window in (a, b, c)]
    assert (MaskWindow.union([a, b, c]).to_numpy() == np.logical_or.reduce(whole)).all()
    assert a.area_within(b) == np.count_nonzero(whole[0] & whole[1])
    assert (a.inside_at(b.rows, b.columns) == whole[0][b.rows, b.columns]).all()


def test_a_mask_of_another_shape_than_its_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        MaskWindow(slice(0, 2), slice(0, 2), np.ones((2, 3), np.bool_), (WIDTH, HEIGHT))
