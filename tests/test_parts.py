"""The vocabulary."""

import pytest

from carpose.parts import PARTS, VIEWPOINTS, mirrored, view_of


@pytest.mark.parametrize("name", [*PARTS, *VIEWPOINTS])
def test_mirroring_twice_is_the_same_name(name: str) -> None:
    assert mirrored(mirrored(name)) == name
    assert (mirrored(name) == name) == ("left" not in name and "right" not in name)
    assert mirrored(name) in (*PARTS, *VIEWPOINTS)


def test_views_of_viewpoints() -> None:
    assert [view_of(v) for v in VIEWPOINTS] == [
        "front", "front", "side", "back", "back", "back", "side", "front"
    ]  # fmt: skip
