"""Where names stand on a picture, none upon another; the page's labels.js follows the same rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

RINGS = 24
"""Rings of places that are tried round a middle."""


@dataclass(frozen=True)
class Label:
    """A name to place: the middle that it belongs to, and its size, in pixels."""

    centre: tuple[float, float]
    width: float
    height: float


def placed(
    labels: Sequence[Label], size: tuple[float, float], step: float
) -> list[tuple[float, float]]:
    """Upper left corners, in order: each label at the free place that is nearest to its middle,
    within a picture of `size` (width, height); `step` pixels lie between the rings of places."""
    taken: list[tuple[float, float, Label]] = []
    for label in labels:
        inside = (_inside(place, label, size) for place in _places(label.centre, step))
        free = (place for place in inside if not _covers(place, label, taken))
        taken.append((*next(free, _inside(label.centre, label, size)), label))
    return [(x, y) for x, y, _ in taken]


def _places(centre: tuple[float, float], step: float) -> Iterator[tuple[float, float]]:
    """Places round a middle, nearest first."""
    yield centre
    for ring in range(1, RINGS + 1):
        for k in range(8 * ring):
            turn = 2 * pi * k / (8 * ring)
            yield centre[0] + ring * step * cos(turn), centre[1] + ring * step * sin(turn)


def _inside(
    place: tuple[float, float], label: Label, size: tuple[float, float]
) -> tuple[float, float]:
    """The corner of a label whose middle is at `place`, moved into the picture."""
    x = min(max(place[0] - label.width / 2, 0), max(0, size[0] - label.width))
    y = min(max(place[1] - label.height / 2, 0), max(0, size[1] - label.height))
    return x, y


def _covers(
    place: tuple[float, float], label: Label, taken: Sequence[tuple[float, float, Label]]
) -> bool:
    x, y = place
    return any(
        x < other_x + other.width
        and other_x < x + label.width
        and y < other_y + other.height
        and other_y < y + label.height
        for other_x, other_y, other in taken
    )
